"""A Flag that is never written need not exist at QMS: nothing creates it, waits for it or asks for it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from flags.models import FlagOnServer, FlagSetting
from flags.provisioning.create import create_flags
from flags.provisioning.verify_jobs import unverified_flags
from gateway_site.installation.steps import StepState, fetched_steps
from qms.models import DataServer, RecordingService
from simulators.qms.in_process import InProcessRecordingService
from simulators.qms.records import SimulatedService
from simulators.qms.site import SimulatedQms

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
#: What keeps a Flag from being written; it is not hashed where the site has no key.
NEVER = pytest.mark.parametrize(
    "change", [{"enabled": False}, {"privacy": "drop"}, {"privacy": "hash"}], ids=["off", "drop", "hash"]
)
WRITTEN = pytest.mark.parametrize("change", [{}, {"privacy": "mask"}, {"max_length": 8}])


@pytest.fixture
def service(settings: Settings) -> RecordingService:
    """Give a service on whose Data Server every Flag exists but the agent's name, which was created and is new."""
    settings.HASH_KEY = ""
    server = DataServer.objects.create(slug="ds")
    for name in FlagSetting.objects.filter(enabled=True).values_list("name", flat=True):
        FlagOnServer.objects.create(data_server=server, name=name, state="exists", at=NOON)
    return RecordingService.objects.create(slug="rs1", data_server=server, url="http://127.0.0.1:9/")


def _set(change: dict[str, Any], **on_server: object) -> None:
    if change:
        FlagSetting.objects.filter(name="AgentName").update(**change)
    FlagOnServer.objects.filter(name="AgentName").update(**on_server)


@NEVER
def test_the_installation_test_does_not_ask_for_it(service: RecordingService, change: dict[str, Any]) -> None:
    _set(change, state="missing")

    assert list(fetched_steps(service))[-1].state is StepState.PASS


@WRITTEN
def test_the_installation_test_asks_for_what_is_written(service: RecordingService, change: dict[str, Any]) -> None:
    _set(change, state="missing")

    assert list(fetched_steps(service))[-1].state is StepState.NOT_YET


@NEVER
def test_it_does_not_wait_for_a_call_that_writes_it(service: RecordingService, change: dict[str, Any]) -> None:
    _set(change, state="created", new_since=NOON)

    assert unverified_flags(service.data_server) == []


@WRITTEN
def test_what_is_written_waits_for_a_call(service: RecordingService, change: dict[str, Any]) -> None:
    _set(change, state="created", new_since=NOON)

    assert [one.name for one in unverified_flags(service.data_server)] == ["AgentName"]


@NEVER
def test_it_is_not_created_and_not_listed(
    service: RecordingService, change: dict[str, Any], admin_client: Client
) -> None:
    FlagOnServer.objects.all().delete()
    _set(change)
    qms = SimulatedQms([SimulatedService(slug="rs1", data_server="ds")])

    creation = create_flags(service.data_server, lambda one: InProcessRecordingService(qms, one.slug, lambda: NOON))

    assert creation.is_good
    names = {one.name for one in qms.flag_definitions("rs1")}
    assert "AgentName" not in names
    assert "AgentId" in names
    table = admin_client.get("/admin/flags/flagsetting/").context["creation"].table
    assert {row[1] for row in table.rows} == names
