"""What the site promises, month by month: a month that is over keeps the targets with which it ended."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from django.conf import settings

from calls.models import MonthTarget
from calls.objectives.promises import Objective, Promise
from clock.text import site_time

#: Months of the trend, the present one included.
TREND_MONTHS = 13


def objectives() -> list[Objective]:
    """Return what this site promises now."""
    return _promised(_present(date.min))


def objectives_of(months: Iterable[date], now: datetime) -> Mapping[date, Sequence[Objective]]:
    """Return the promises of each month: the present targets of the running one, and of one whose are not known."""
    present = present_month(now)
    wanted = list(months)
    kept = {row.month: _promised(row) for row in MonthTarget.objects.filter(month__in=wanted, month__lt=present)}
    return {month: kept.get(month) or objectives() for month in wanted}


def note_targets(now: datetime) -> None:
    """Keep the targets of the running month as they are set now. Harmless when run twice, or late.

    Months of the trend that have none, as after an upgrade, get these too: so far they were judged by them.
    """
    *before, present = months_before(present_month(now), TREND_MONTHS)
    MonthTarget.objects.bulk_create([_present(month) for month in before], ignore_conflicts=True)
    row = _present(present)
    names = ("flagged_percent", "times_percent", "guid_ms", "flags_ms")
    MonthTarget.objects.update_or_create(month=present, defaults={name: getattr(row, name) for name in names})


def months_before(month: date, count: int) -> list[date]:
    """Return this many months up to one, oldest first."""
    found = [month]
    while len(found) < count:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return found[::-1]


def present_month(now: datetime) -> date:
    """Return the first day of the running month by the site's clock."""
    return site_time(now).date().replace(day=1)


def _present(month: date) -> MonthTarget:
    return MonthTarget(
        month=month,
        flagged_percent=settings.FLAGGED_TARGET_PERCENT,
        times_percent=settings.TIMES_TARGET_PERCENT,
        guid_ms=settings.GUID_TARGET_MS,
        flags_ms=settings.FLAGS_TARGET_MS,
    )


def _promised(row: MonthTarget) -> list[Objective]:
    return [
        Objective(Promise.FLAGGED, row.flagged_percent),
        Objective(Promise.GUID, row.times_percent, row.guid_ms),
        Objective(Promise.FLAGS, row.times_percent, row.flags_ms),
    ]
