"""On Lord Howe Island the clocks change by half an hour: each leg counts in the hour and month of the site's clock.

Before: the hours of winter began at half past, and the first half hour of a month was the month before's.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from calls.models import HourlyCount, HourlyLatency
from calls.objectives.months import month_report
from calls.stats.hourly import hour_of, hour_span, hours_between
from calls.stats.rebuild import recount
from cti.models import CtiSource
from gateway_site.dashboard.today import chart
from tests.calls.test_leg_list import leg

MINUTE = timedelta(minutes=1)
#: 5 April 2026: at 02:00 it is 01:30 again; 4 October: after 01:59:59 comes 02:30.
AUTUMN, SPRING = datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)
#: Midnight of 1 June there, in winter, and of 1 December, in summer.
JUNE, DECEMBER = datetime(2026, 5, 31, 13, 30, tzinfo=UTC), datetime(2026, 11, 30, 13, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _island() -> Iterator[None]:
    with override_settings(TIME_ZONE="Australia/Lord_Howe"):
        yield


@pytest.mark.parametrize("change", [AUTUMN, SPRING])
def test_each_moment_of_a_change_is_in_the_span_of_one_hour(change: datetime) -> None:
    moments = [change + number * MINUTE for number in range(-180, 180)]
    hours = hours_between(moments[0], moments[-1])

    for moment in moments:
        (found,) = [one for one in hours if hour_span(one).begin <= moment < hour_span(one).end]
        assert found == hour_of(moment)


@pytest.mark.parametrize("midnight", [JUNE, DECEMBER])
def test_a_month_begins_with_an_hour(midnight: datetime) -> None:
    assert timezone.localtime(midnight).day == 1
    assert [hour_of(midnight - MINUTE), hour_of(midnight), hour_of(midnight + 59 * MINUTE)] == [
        midnight - 60 * MINUTE,
        midnight,
        midnight,
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(("month", "midnight"), [(date(2026, 6, 1), JUNE), (date(2026, 12, 1), DECEMBER)])
def test_the_first_half_hour_of_a_month_counts_in_it(month: date, midnight: datetime) -> None:
    source = CtiSource.objects.create(slug="pbx", kind="http")
    for number, moment in enumerate((midnight - MINUTE, midnight + 10 * MINUTE, midnight + 40 * MINUTE)):
        leg(source, number, connected_at=moment, guid_ms=100, flags_ms=100)
    recount()

    report = month_report(month, midnight + timedelta(days=2))

    assert [one.count.whole for one in report.standings[1:]] == [2, 2]


@pytest.mark.django_db
@pytest.mark.parametrize("change", [AUTUMN, SPRING])
def test_a_recount_counts_each_leg_of_a_change_once(change: datetime) -> None:
    source = CtiSource.objects.create(slug="pbx", kind="http")
    moments = [change + number * 10 * MINUTE for number in range(-12, 12)]
    for number, moment in enumerate(moments):
        leg(source, number, connected_at=moment, guid_ms=100)
    HourlyCount.objects.create(
        source=source, hour=hour_of(change) + 20 * MINUTE, outcome="flagged", reason_code="", legs=7
    )

    assert recount() == len(moments)

    counted = {hour: sum(hour_of(one) == hour for one in moments) for hour in map(hour_of, moments)}
    assert dict(HourlyCount.objects.values_list("hour", "legs")) == counted
    assert dict(HourlyLatency.objects.values_list("hour", "legs")) == counted
    shown = chart(change + timedelta(hours=5))
    assert (len(shown.hours), shown.flagged) == (24, len(moments))
