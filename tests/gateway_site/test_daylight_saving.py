"""On the two days when the clocks change, what is due comes once, and hours and days are counted as they are."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.test import override_settings
from django.utils import timezone

from agents.users.schedule import last_time_of_day
from calls.stats.hourly import hour_of
from gateway_site.config.moment_field import SiteMomentField
from gateway_site.config.moments import moment
from gateway_site.reconciliation.runs import settled_until

BERLIN = ZoneInfo("Europe/Berlin")
#: 29 March 2026: after 01:59:59 comes 03:00; 25 October: 02:00 to 02:59:59 come twice.
SPRING, AUTUMN = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)


def minutes_from(begin: datetime, days: int) -> list[datetime]:
    return [begin + timedelta(minutes=number) for number in range(days * 24 * 60)]


@override_settings(TIME_ZONE="Europe/Berlin")
@pytest.mark.parametrize("begin", [SPRING, AUTUMN], ids=["spring", "autumn"])
@pytest.mark.parametrize("wanted", [time(1, 30), time(2, 30), time(3, 30)], ids=str)
def test_what_is_due_at_a_time_of_day_is_due_once_a_day(begin: datetime, wanted: time) -> None:
    found = sorted({last_time_of_day(wanted, now) for now in minutes_from(begin, 2)})

    assert len(found) == 3  # The one before, and one each day.
    gaps = [after - before for before, after in pairwise(found)]
    assert all(timedelta(hours=23) <= gap <= timedelta(hours=25) for gap in gaps)
    assert all(last_time_of_day(wanted, now) <= now for now in minutes_from(begin, 2))


@override_settings(TIME_ZONE="Europe/Berlin")
@pytest.mark.parametrize(("begin", "hours"), [(SPRING, 23), (AUTUMN, 25)], ids=["spring", "autumn"])
def test_the_day_of_a_change_has_as_many_hours_as_it_has(begin: datetime, hours: int) -> None:
    day = (begin + timedelta(days=1)).astimezone(BERLIN).date()
    on_the_day = [one for one in minutes_from(begin, 3) if timezone.localtime(one, BERLIN).date() == day]

    assert len({hour_of(one) for one in on_the_day}) == hours


@pytest.mark.parametrize(
    "zone",
    [
        "Asia/Kathmandu",
        "Australia/Eucla",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "America/St_Johns",
        "America/Los_Angeles",
        "UTC",
    ],
)
def test_an_hour_begins_at_a_full_hour_of_the_sites_clock(zone: str) -> None:
    """Before: where the zone is a quarter of an hour off, at half past, and legs counted for the day before."""
    with override_settings(TIME_ZONE=zone):
        hours = {one: hour_of(one) for one in minutes_from(datetime(2026, 1, 31, 9, tzinfo=UTC), 2)}
        settled = settled_until(datetime(2026, 1, 31, 9, 40, tzinfo=UTC))

    begun = {
        one: (timezone.localtime(one, ZoneInfo(zone)), hour.astimezone(ZoneInfo(zone))) for one, hour in hours.items()
    }
    assert settled.astimezone(ZoneInfo(zone)).minute == 0
    assert {hour.minute for _, hour in begun.values()} == {0}
    assert all((local.date(), local.hour) == (hour.date(), hour.hour) for local, hour in begun.values())


@override_settings(TIME_ZONE="Europe/Zurich")
def test_of_an_hour_shown_twice_commands_and_forms_take_the_first_unless_the_offset_is_given() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    assert moment("2026-10-25T02:30") == SiteMomentField().clean(["2026-10-25", "02:30"]) == first
    assert moment("2026-10-25T02:30+01:00") == first + timedelta(hours=1)
    assert moment("2026-10-25") == datetime(2026, 10, 24, 22, tzinfo=UTC)


@override_settings(TIME_ZONE="Europe/Zurich")
def test_commands_and_forms_refuse_a_time_that_the_clock_leaves_out() -> None:
    with pytest.raises(ArgumentTypeError, match="2026-03-29 02:30 does not exist in Europe/Zurich"):
        moment("2026-03-29T02:30")
    with pytest.raises(ValidationError, match="does not exist in Europe/Zurich"):
        SiteMomentField().clean(["2026-03-29", "02:30"])
    assert moment("2026-03-29T03:00") == datetime(2026, 3, 29, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["0001-01-01", "0001-01-01T00:00+14:00", "9999-12-31", "1969-12-31T23:59"])
def test_a_year_in_which_no_zone_can_be_reckoned_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="year"):
        moment(text)


def test_a_form_says_which_part_of_a_moment_is_missing() -> None:
    with pytest.raises(ValidationError, match="valid time"):
        SiteMomentField(required=False).clean(["2026-03-29", ""])
