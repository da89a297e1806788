"""The shares of flags that agree count what this gateway would write."""

from datetime import UTC, datetime

import pytest

from flags.models import ShadowCount
from flags.shadow.summary import summary_of
from qms.models import DataServer, RecordingService

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_a_flag_of_another_system_has_no_share_that_agrees() -> None:
    """Before: 0.0 %, as of a defect."""
    server = DataServer.objects.create(slug="ds")
    service = RecordingService.objects.create(slug="rs1", data_server=server, url="http://127.0.0.1:9/")
    for name, verdict in (("AgentId", "same"), ("AgentId", "other_value"), ("Score", "not_ours")):
        ShadowCount.objects.create(service=service, day=NOON.date(), name=name, verdict=verdict, recordings=4)

    flags = summary_of(service, NOON).flags

    assert [(one.name, one.compared, one.percent) for one in flags] == [("AgentId", 8, "50.0 %"), ("Score", 0, "none")]
