"""On the two days when the clocks change, what is due comes once, and hours and days are counted as they are."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings
from django.utils import timezone

from agents.users.schedule import last_time_of_day
from calls.stats.hourly import hour_of

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
