"""Each recording that QMS listed is counted once, by the comparison that read its minute last."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway_site.reconciliation.counted import counted, note_counted, note_read
from gateway_site.reconciliation.models import ComparedHour
from qms.models import DataServer, RecordingService

pytestmark = pytest.mark.django_db
TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
def service() -> int:
    server = DataServer.objects.create(slug="ds")
    return RecordingService.objects.create(slug="rs1", data_server=server, url="http://127.0.0.1:9/").pk


def _compare(service: int, begin: datetime, end: datetime, now: datetime, began_at: list[datetime]) -> None:
    note_read(service, begin, end, now)
    note_counted(service, begin, end, now, began_at)


@pytest.mark.parametrize("is_first_the_later", [True, False])
def test_the_comparison_that_began_later_counts_whichever_ends_first(service: int, *, is_first_the_later: bool) -> None:
    """Before: one that had read hours ago, when QMS had less, wrote its number over the later one's."""
    later, older = (TEN + 3 * HOUR, [TEN, TEN + SECOND, TEN + MINUTE]), (TEN + 2 * HOUR, [TEN])
    for now, began_at in (later, older) if is_first_the_later else (older, later):
        _compare(service, TEN, TEN + HOUR, now, began_at)

    assert counted(service, TEN, TEN + HOUR) == (3, HOUR)


def test_of_minutes_that_no_later_one_read_the_older_one_counts(service: int) -> None:
    _compare(service, TEN, TEN + 30 * MINUTE, TEN + 3 * HOUR, [TEN])
    _compare(service, TEN, TEN + HOUR, TEN + 2 * HOUR, [TEN, TEN + SECOND, TEN + 40 * MINUTE])

    assert counted(service, TEN, TEN + HOUR) == (2, HOUR)


def test_a_minute_that_is_read_in_part_stays_as_it_was_counted(service: int) -> None:
    """Before: what began in its second half was added to what had been counted of it."""
    _compare(service, TEN, TEN + HOUR, TEN + 2 * HOUR, [TEN + 45 * SECOND])
    _compare(service, TEN + 30 * SECOND, TEN + HOUR, TEN + 3 * HOUR, [TEN + 45 * SECOND])

    assert counted(service, TEN, TEN + HOUR) == (1, HOUR)


def test_a_later_comparison_that_did_not_count_yet_keeps_the_older_one_from_counting(service: int) -> None:
    note_read(service, TEN, TEN + HOUR, TEN + 3 * HOUR)
    note_counted(service, TEN, TEN + HOUR, TEN + 2 * HOUR, [TEN])

    assert counted(service, TEN, TEN + HOUR)[1] == timedelta(0)


def test_an_hour_that_an_earlier_release_counted_is_counted_anew(service: int) -> None:
    ComparedHour.objects.create(service_id=service, hour=TEN, minutes=[5] * 60)

    _compare(service, TEN, TEN + HOUR, TEN + 2 * HOUR, [TEN])

    assert counted(service, TEN, TEN + HOUR) == (1, HOUR)
