"""Count decided legs by every dimension of a report, by day and by hour, as the consumer saves them.

Only decided legs count: a leg that still waits has no outcome to report. A batch adds what its legs count for now and
takes off what they counted for when it began, in the transaction that saves them, so the counts equal the table's.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import msgspec
from django.utils import timezone

from bulk.tables import Upsert, UpsertTable
from calls.core.outcomes import Outcome
from calls.core.state import LegState
from calls.core.unit_of_work import UnitOfWork
from calls.models import DIMENSION_KEY, DIMENSION_LENGTH, DailyDimensionCount, HourlyDimensionCount
from calls.stats.coarse_counts import coarse_counts
from calls.stats.hourly import hour_of

#: How long the counts by hour are kept.
HOURS_KEPT = timedelta(days=9)
_DAYS = UpsertTable(DailyDimensionCount, ("day", *DIMENSION_KEY, "legs"), ("day", *DIMENSION_KEY), ["legs"])
_HOURS = UpsertTable(HourlyDimensionCount, ("hour", *DIMENSION_KEY, "legs"), ("hour", *DIMENSION_KEY), ["legs"])


class DecidedLeg(msgspec.Struct, frozen=True, gc=False):
    """A leg as it is counted: when it was connected, and its dimensions in the order of ``DIMENSION_KEY``."""

    connected_at: datetime
    service_key: int
    queue_name: str
    agent_id: str
    device_id: str
    outcome: str
    reason_code: str


def local_day(moment: datetime) -> date:
    """Return the day of a moment by the site's clock."""
    return moment.astimezone(timezone.get_default_timezone()).date()


def count_dimensions(source_id: int, work: UnitOfWork) -> list[Upsert]:
    """Return what brings the counts from what the batch's legs were before the batch to what they are now."""
    changes: Counter[DecidedLeg] = Counter()
    for number in work.touched_legs:
        before, after = _decided(work.before[number]), _decided(work.legs[number])
        if before == after:
            continue
        changes.update([after] if after else [])
        changes.subtract([before] if before else [])
    # In one order everywhere, and a source's rows are its own: two transactions never wait for each other in a ring.
    days = _rows(source_id, ((local_day(one.connected_at), one, legs) for one, legs in changes.items()))
    hours = _rows(source_id, ((hour_of(one.connected_at), one, legs) for one, legs in changes.items()))
    return [_DAYS.of(days), *coarse_counts(days), _HOURS.of(hours)]


def _decided(leg: LegState | None) -> DecidedLeg | None:
    if leg is None or leg.is_canary or leg.outcome is Outcome.WAITING:
        return None
    return DecidedLeg(
        connected_at=leg.connected_source_at,
        service_key=leg.service or 0,
        queue_name=(leg.facts.queue_name or "")[:DIMENSION_LENGTH],
        agent_id=leg.agent_id[:DIMENSION_LENGTH],
        device_id=leg.device_id[:DIMENSION_LENGTH],
        outcome=leg.outcome.value,
        reason_code=leg.reason_code[:40],
    )


def _rows(source_id: int, changes: Iterable[tuple[date, DecidedLeg, int]]) -> list[tuple[object, ...]]:
    """Sum changes by their key, and return them as rows in the order of the key."""
    sums: Counter[tuple[date, int, int, str, str, str, str, str]] = Counter()
    for at, one, legs in changes:
        text = (one.queue_name, one.agent_id, one.device_id, one.outcome, one.reason_code)
        sums[(at, source_id, one.service_key, *text)] += legs
    return [(*key, sums[key]) for key in sorted(sums) if sums[key]]
