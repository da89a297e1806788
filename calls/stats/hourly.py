"""Count legs by the hour as the consumer saves them: what a page shows of a day is a sum of a few rows.

What a leg counts for follows from the leg alone. A batch adds what its legs count for now and takes off what they
counted for when it began, in the transaction that saves them; so the counts are those of the table, whatever dies.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import ceil

import msgspec
from django.utils import timezone

from bulk.tables import Upsert, UpsertTable
from calls.core.state import LegState
from calls.core.unit_of_work import UnitOfWork
from calls.models import HourlyCount, HourlyLatency, Measure
from calls.storage.codec import MAXIMUM_MS, flags_ms, guid_ms

#: The resolution of a latency: the upper ends of the buckets, in milliseconds.
BUCKETS_MS = (
    10,
    25,
    50,
    75,
    100,
    150,
    200,
    250,
    300,
    400,
    500,
    750,
    1000,
    1250,
    1500,
    2000,
    2500,
    3000,
    4000,
    5000,
    7500,
    10_000,
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    900_000,
    3_600_000,
    MAXIMUM_MS,
)
#: No time zone is off UTC by less; the clocks change at such moments.
HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
_COUNT_KEY = ("hour", "source", "outcome", "reason_code")
_LATENCY_KEY = ("hour", "source", "measure", "bucket_ms")
_COUNTS = UpsertTable(HourlyCount, (*_COUNT_KEY, "legs"), _COUNT_KEY, ["legs"])
_LATENCIES = UpsertTable(HourlyLatency, (*_LATENCY_KEY, "legs"), _LATENCY_KEY, ["legs"])


class HourSpan(msgspec.Struct, frozen=True):
    """The moments from ``begin`` to ``end``, which is excluded; none where they are the same."""

    begin: datetime
    end: datetime


class EndedLeg(msgspec.Struct, frozen=True):
    """A leg of an hour with this outcome; a key of ``HourlyCount``."""

    hour: datetime
    outcome: str
    reason_code: str


class LegDuration(msgspec.Struct, frozen=True):
    """A leg of an hour with its duration; a key of ``HourlyLatency``."""

    hour: datetime
    measure: str
    bucket_ms: int


def hour_of(moment: datetime) -> datetime:
    """Return when the hour of a moment began, by the site's clock as it is at that moment.

    Example: in Kathmandu (UTC+5:45) midnight is 18:15 UTC, and each hour begins at a quarter past one of UTC's. On Lord
    Howe Island the clocks change by half an hour: hours begin at full hours of UTC in summer, at half past in winter.
    """
    offset = moment.astimezone(timezone.get_default_timezone()).utcoffset() or timedelta()
    shift = -offset % HOUR
    local = moment.astimezone(UTC) - shift
    return local.replace(minute=0, second=0, microsecond=0) + shift


def hour_span(hour: datetime) -> HourSpan:
    """Return the moments that are counted in an hour: all of it, but where the clocks change by a part of one.

    Nothing is counted in an hour of a time zone of before.
    """
    quarters = [hour + number * QUARTER for number in range(4)]
    counted = [one for one in quarters if hour_of(one) == hour]
    return HourSpan(counted[0], counted[-1] + QUARTER) if counted else HourSpan(hour, hour)


def hours_between(begin: datetime, end: datetime) -> list[datetime]:
    """Return the hours of the moments from one to another, which is excluded; both are full quarters of an hour."""
    quarters = ceil((end - begin) / QUARTER)
    return sorted({hour_of(begin + number * QUARTER) for number in range(quarters)})


def bucket_of(ms: int) -> int:
    """Return the upper end of the bucket that a latency falls into."""
    return BUCKETS_MS[bisect_left(BUCKETS_MS, ms)]


def count_changes(source_id: int, work: UnitOfWork) -> list[Upsert]:
    """Return what brings the counts from what the batch's legs were before the batch to what they are now."""
    changes = _changes(work)
    ended = [(one, legs) for one, legs in changes.items() if isinstance(one, EndedLeg) and legs]
    took = [(one, legs) for one, legs in changes.items() if isinstance(one, LegDuration) and legs]
    # In one order everywhere, and a source's rows are its own: two transactions never wait for each other in a ring.
    return [
        _COUNTS.of(sorted((one.hour, source_id, one.outcome, one.reason_code, legs) for one, legs in ended)),
        _LATENCIES.of(sorted((one.hour, source_id, one.measure, one.bucket_ms, legs) for one, legs in took)),
    ]


def _changes(work: UnitOfWork) -> Counter[EndedLeg | LegDuration]:
    changes: Counter[EndedLeg | LegDuration] = Counter()
    for number in work.touched_legs:
        before, after = work.before[number], work.legs[number]
        if before is not None and _counts_for(before) == _counts_for(after):
            continue
        changes.update(_keys(after))
        if before is not None:
            changes.subtract(_keys(before))
    return changes


def _counts_for(leg: LegState) -> tuple[object, ...]:
    """Return all that a leg's counting follows from, cheaply: most legs of a batch have not changed in it."""
    return (
        leg.outcome,
        leg.reason_code,
        leg.connected_source_at,
        leg.connected_gateway_at,
        leg.found_gateway_at,
        leg.disconnected_gateway_at,
        leg.flagged_gateway_at,
    )


def _keys(leg: LegState) -> Iterator[EndedLeg | LegDuration]:
    if leg.is_canary:
        return
    hour = hour_of(leg.connected_source_at)
    yield EndedLeg(hour, leg.outcome.value, leg.reason_code[:40])
    for measure, ms in ((Measure.GUID, guid_ms(leg)), (Measure.FLAGS, flags_ms(leg))):
        if ms is not None:
            yield LegDuration(hour, measure.value, bucket_of(ms))
