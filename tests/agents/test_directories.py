"""The directory of a source follows its allocations and the loads of users."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.api import load_directory
from agents.core.matching import MatchKind
from agents.models import Allocation, QmsUser, UserRefresh
from cti.models import CtiSource, Seating
from qms.models import DataServer, RecordingService
from tests.agents.conftest import make_service

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 3, 3, 9, tzinfo=UTC)


def list_user(service: RecordingService, extension: str = "2001", **more: Any) -> QmsUser:
    fields = {
        "user_id": extension,
        "first_name": "Alice",
        "last_name": "Archer",
        "licence": "Unlimited",
        "recording_service": "Any",
        "loaded_at": NOW,
    }
    return QmsUser.objects.create(service=service, extension=extension, **(fields | more))


def test_users_are_matched_by_what_their_service_listed(source: CtiSource, north: RecordingService) -> None:
    list_user(north)

    verdict = load_directory(source.pk).verdict("2001")

    assert (verdict.kind, verdict.services) == (MatchKind.MATCHED, (north.pk,))
    assert "Alice Archer" in verdict.reason


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"gone_at": NOW}, MatchKind.UNMATCHED),
        ({"licence": "None"}, MatchKind.UNLICENSED),
        ({"licence": "OnDemand"}, MatchKind.MATCHED),
        ({"active": False}, MatchKind.INACTIVE),
    ],
)
def test_gone_unlicensed_and_inactive_users_are_not_matched(
    source: CtiSource, north: RecordingService, changes: dict[str, Any], kind: MatchKind
) -> None:
    list_user(north, **changes)

    assert load_directory(source.pk).verdict("2001").kind is kind


def test_services_are_asked_in_the_order_of_their_allocation(source: CtiSource, north: RecordingService) -> None:
    south = make_service("south", source)
    list_user(north)
    Allocation.objects.filter(service=north).update(position=9)

    assert load_directory(source.pk).verdict("2001").services == (south.pk, north.pk)


def test_a_service_that_is_switched_off_or_not_allocated_is_not_asked(
    source: CtiSource, north: RecordingService
) -> None:
    make_service("elsewhere")
    off = make_service("off", source, enabled=False)
    list_user(off)

    verdict = load_directory(source.pk).verdict("2001")

    assert verdict.kind is MatchKind.UNMATCHED
    assert "not allocated" in verdict.reason


def test_a_finished_load_makes_the_directory_again_and_nothing_else_does(
    source: CtiSource, north: RecordingService
) -> None:
    user = list_user(north)
    first = load_directory(source.pk)
    with CaptureQueriesContext(connection) as queries:
        assert load_directory(source.pk) is first
    assert len(queries) == 3

    QmsUser.objects.filter(pk=user.pk).update(extension="2002")
    UserRefresh.objects.create(service=north, trigger="start", state="done", started_at=NOW, changed=1)

    assert load_directory(source.pk).verdict("2002").kind is MatchKind.MATCHED


def test_a_load_that_ends_after_one_begun_later_makes_the_directory_again(
    source: CtiSource, north: RecordingService
) -> None:
    user = list_user(north)
    earlier = UserRefresh.objects.create(service=north, trigger="daily", state="running", started_at=NOW)
    south = make_service("south", source)
    UserRefresh.objects.create(service=south, trigger="daily", state="done", started_at=NOW, changed=1)
    assert load_directory(source.pk).verdict("2001").kind is MatchKind.MATCHED

    QmsUser.objects.filter(pk=user.pk).update(extension="2002")
    UserRefresh.objects.filter(pk=earlier.pk).update(state="done", changed=1)

    assert load_directory(source.pk).verdict("2001").kind is MatchKind.UNMATCHED


def test_fixed_sessions_are_a_setting_of_the_source_and_count_at_once(
    source: CtiSource, north: RecordingService
) -> None:
    list_user(north, agent_id="9101")
    assert load_directory(source.pk).verdict("2001", "9999").kind is MatchKind.MATCHED

    CtiSource.objects.update(seating=Seating.FIXED)

    assert load_directory(source.pk).verdict("2001", "9999").kind is MatchKind.UNMATCHED
    assert load_directory(source.pk).verdict("2001", "9101").kind is MatchKind.MATCHED


def test_a_service_moved_to_another_data_server_makes_the_directory_again(
    source: CtiSource, north: RecordingService
) -> None:
    first = load_directory(source.pk)

    RecordingService.objects.filter(pk=north.pk).update(data_server=DataServer.objects.create(slug="another"))

    assert load_directory(source.pk) is not first


def test_a_changed_allocation_makes_the_directory_again(source: CtiSource, north: RecordingService) -> None:
    list_user(north, recording_service="10.0.0.2")
    assert load_directory(source.pk).verdict("2001").services == (north.pk,)

    south = make_service("south", source, identifiers=["10.0.0.2"])

    assert load_directory(source.pk).verdict("2001").services == (south.pk,)
