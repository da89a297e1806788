"""Count decided legs of a day more coarsely: by queue whoever took them, and by person whatever the queue.

A month of a large site has hundreds of thousands of ``DailyDimensionCount``; most reports need no more than these sums
of them. They are written with the same changes, in the same transaction.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import Sum

from bulk.tables import UpsertTable
from calls.models import DIMENSION_KEY, DailyDimensionCount, DailyPersonCount, DailyQueueCount
from cti.models import CtiSource

DailyTable = type[DailyQueueCount] | type[DailyPersonCount] | type[DailyDimensionCount]
#: A row of ``DailyDimensionCount``: the day, the values of ``DIMENSION_KEY``, the legs.
DailyRow = tuple[Any, ...]
_KEY = ("day", *DIMENSION_KEY)
_COARSE: Mapping[type[DailyQueueCount] | type[DailyPersonCount], tuple[str, ...]] = {
    DailyQueueCount: ("day", "source", "service_key", "queue_name", "outcome", "reason_code"),
    DailyPersonCount: ("day", "source", "agent_id", "device_id", "outcome", "reason_code"),
}
_TABLES = {key: UpsertTable(model, (*key, "legs"), key, ["legs"]) for model, key in _COARSE.items()}


def coarsest(columns: Iterable[str]) -> DailyTable:
    """Return the smallest table of counts by day that has all these columns."""
    needed = {name.removesuffix("_id") if name == "source_id" else name for name in columns}
    return next((model for model, key in _COARSE.items() if needed <= set(key)), DailyDimensionCount)


def add_coarsely(changes: Sequence[DailyRow]) -> None:
    """Add changes of ``DailyDimensionCount`` to the coarser tables, in the caller's transaction."""
    for key, table in _TABLES.items():
        table.upsert(_summed(key, changes))


def recount_coarsely(source: CtiSource, day: date) -> None:
    """Sum up ``DailyDimensionCount`` of a day again, in the caller's transaction."""
    fine = DailyDimensionCount.objects.filter(source=source, day=day).order_by()
    for model, key in _COARSE.items():
        model.objects.filter(source=source, day=day).delete()
        rows = fine.values_list(*key).annotate(Sum("legs"))
        _TABLES[key].insert([row for row in rows if row[-1]])


def forget_coarsely(first_kept: date) -> None:
    """Delete the coarser counts of the days before one."""
    for model in _COARSE:
        model.objects.filter(day__lt=first_kept).delete()


def _summed(key: tuple[str, ...], changes: Sequence[DailyRow]) -> list[DailyRow]:
    """Sum changes by a coarser key, in its order: two transactions never wait for each other in a ring."""
    places = [_KEY.index(name) for name in key]
    sums: Counter[DailyRow] = Counter()
    for row in changes:
        sums[tuple([row[place] for place in places])] += row[-1]
    return [(*one, sums[one]) for one in sorted(sums) if sums[one]]
