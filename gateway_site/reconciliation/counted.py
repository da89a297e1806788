"""Keep of each minute which comparison read it last, and how many recordings it listed: each is counted once.

Example: a comparison read 10:00 to 11:00 at 13:01, another at 13:02. Whichever of the two ends first, what the one of
13:02 read counts, and the one of 13:01 saves nothing of these minutes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db import transaction

from gateway_site.reconciliation.models import ComparedHour

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MINUTES = HOUR // MINUTE


def minute_of(moment: datetime) -> datetime:
    """Return the begin of a moment's minute."""
    return moment.replace(second=0, microsecond=0)


@transaction.atomic
def note_read(service_id: int, begin: datetime, end: datetime, now: datetime) -> frozenset[datetime]:
    """Note of each minute that lies in [begin, end) that it is read; return those that a later comparison has read.

    ``now``: when the comparison began to read. Until the caller's transaction ends, no other one notes these hours.
    """
    later: set[datetime] = set()
    for row in _hours(service_id, begin, end):
        for number in _numbers(row, begin, end):
            if _was_read_after(row, number, now):
                later.add(row.hour + number * MINUTE)
            else:
                row.read_at[number] = now.timestamp()
        row.save(update_fields=["read_at"])
    return frozenset(later)


@transaction.atomic
def note_counted(service_id: int, begin: datetime, end: datetime, now: datetime, began_at: Iterable[datetime]) -> None:
    """Keep how many recordings began in each minute that lies in [begin, end), in the place of what was kept.

    ``now``: when the comparison began to read. What a later one counted stays.
    """
    counts = Counter(minute_of(moment) for moment in began_at)
    for row in _hours(service_id, begin, end):
        for number in _numbers(row, begin, end):
            if not _was_read_after(row, number, now):
                row.minutes[number] = counts[row.hour + number * MINUTE]
        row.save(update_fields=["minutes"])


def counted(service_id: int, begin: datetime, end: datetime) -> tuple[int, timedelta]:
    """Return how many recordings began in [begin, end), and of how much of that time they were counted."""
    rows = ComparedHour.objects.filter(service_id=service_id, hour__gt=begin - HOUR, hour__lt=end)
    known = [
        count
        for hour, minutes in rows.values_list("hour", "minutes")
        for number, count in enumerate(minutes)
        if count is not None and begin <= hour + number * MINUTE < end
    ]
    return sum(known), len(known) * MINUTE


def _hours(service_id: int, begin: datetime, end: datetime) -> Iterator[ComparedHour]:
    """Yield the rows of a span, locked, in their order; a row of an earlier release does not say when it was read."""
    hour = begin.replace(minute=0, second=0, microsecond=0)
    while hour < end:
        row, _ = ComparedHour.objects.select_for_update().get_or_create(
            service_id=service_id, hour=hour, defaults={"minutes": [None] * MINUTES}
        )
        row.read_at = row.read_at or [None] * MINUTES
        yield row
        hour += HOUR


def _numbers(row: ComparedHour, begin: datetime, end: datetime) -> list[int]:
    """Return which minutes of an hour lie in a span as a whole."""
    return [
        number
        for number in range(MINUTES)
        if begin <= row.hour + number * MINUTE and row.hour + (number + 1) * MINUTE <= end
    ]


def _was_read_after(row: ComparedHour, number: int, now: datetime) -> bool:
    return row.read_at[number] is not None and row.read_at[number] > now.timestamp()
