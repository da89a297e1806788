"""Count decided legs more coarsely than a day by every dimension: a day by queue or by person, and by month.

A month of a large site has hundreds of thousands of ``DailyDimensionCount``; most reports need no more than these sums
of them. They are written with the same changes, in the same transaction.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import QuerySet, Sum

from bulk.tables import Upsert, UpsertTable
from calls.models import (
    DIMENSION_KEY,
    DailyDimensionCount,
    DailyPersonCount,
    DailyQueueCount,
    MonthlyDimensionCount,
    MonthlyPersonCount,
)
from cti.models import CtiSource

DailyTable = type[DailyQueueCount] | type[DailyPersonCount] | type[DailyDimensionCount]
MonthlyTable = type[MonthlyPersonCount] | type[MonthlyDimensionCount]
#: A row of ``DailyDimensionCount``: the day, the values of ``DIMENSION_KEY``, the legs.
DailyRow = tuple[Any, ...]
_KEY = ("day", *DIMENSION_KEY)
_COARSE: Mapping[type[DailyQueueCount] | type[DailyPersonCount], tuple[str, ...]] = {
    DailyQueueCount: ("day", "source", "service_key", "queue_name", "outcome", "reason_code"),
    DailyPersonCount: ("day", "source", "agent_id", "device_id", "outcome", "reason_code"),
}
_TABLES = {key: UpsertTable(model, (*key, "legs"), key, ["legs"]) for model, key in _COARSE.items()}
_PERSON = ("source", "service_key", "agent_id", "device_id", "outcome", "reason_code")
_MONTHLY: Mapping[MonthlyTable, tuple[str, ...]] = {
    MonthlyPersonCount: _PERSON,
    MonthlyDimensionCount: ("queue_name", *_PERSON),
}
_MONTHS = {
    model: UpsertTable(model, ("month", *key, "legs"), ("month", *key), ["legs"]) for model, key in _MONTHLY.items()
}


def coarsest(columns: Iterable[str]) -> DailyTable:
    """Return the smallest table of counts by day that has all these columns."""
    needed = _fields(columns)
    return next((model for model, key in _COARSE.items() if needed <= set(key)), DailyDimensionCount)


def coarsest_month(columns: Iterable[str]) -> MonthlyTable:
    """Return the smallest table of counts by month that has all these columns, a day not among them."""
    return MonthlyPersonCount if _fields(columns) <= set(_PERSON) else MonthlyDimensionCount


def coarse_counts(changes: Sequence[DailyRow]) -> Iterator[Upsert]:
    """Yield what adds changes of ``DailyDimensionCount`` to the coarser tables."""
    for key, table in _TABLES.items():
        yield table.of(_summed(key, changes))
    for model, columns in _MONTHLY.items():
        yield _MONTHS[model].of(_by_month(_summed(("day", *columns), changes)))


def recount_coarsely(source: CtiSource, day: date) -> None:
    """Sum up ``DailyDimensionCount`` of a day again, in the caller's transaction; not those of its month."""
    fine = DailyDimensionCount.objects.filter(source=source, day=day)
    for model, key in _COARSE.items():
        model.objects.filter(source=source, day=day).delete()
        _TABLES[key].insert(_sums(fine, key))


def recount_month(source: CtiSource, month: date) -> None:
    """Sum up ``DailyDimensionCount`` of a month again, in the caller's transaction."""
    fine = DailyDimensionCount.objects.filter(source=source, day__gte=month, day__lt=next_month(month))
    for model, key in _MONTHLY.items():
        model.objects.filter(source=source, month=month).delete()
        _MONTHS[model].insert([(month, *row) for row in _sums(fine, key)])


def forget_coarsely(first_kept: date) -> None:
    """Delete the coarser counts of the days before one, and of the months before its month."""
    for model in _COARSE:
        model.objects.filter(day__lt=first_kept).delete()
    for monthly in _MONTHLY:
        monthly.objects.filter(month__lt=month_of(first_kept)).delete()


def take_off_month(source: CtiSource, month: date, first_kept: date) -> None:
    """Take the counts of a month's days before one off the month, in the transaction that deletes these days."""
    gone = DailyDimensionCount.objects.filter(source=source, day__gte=month, day__lt=first_kept)
    for model, key in _MONTHLY.items():
        _MONTHS[model].upsert([(month, *row[:-1], -row[-1]) for row in _sums(gone, key)])


def month_of(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month after one."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _fields(columns: Iterable[str]) -> set[str]:
    return {name.removesuffix("_id") if name == "source_id" else name for name in columns}


def _sums(counts: QuerySet[DailyDimensionCount], key: tuple[str, ...]) -> list[DailyRow]:
    """Sum counts by a key, in its order."""
    rows = counts.order_by(*key).values_list(*key).annotate(legs=Sum("legs"))
    return [row for row in rows if row[-1]]


def _summed(key: tuple[str, ...], changes: Sequence[DailyRow]) -> list[DailyRow]:
    """Sum changes by a coarser key, in its order: two transactions never wait for each other in a ring."""
    places = [_KEY.index(name) for name in key]
    sums: Counter[DailyRow] = Counter()
    for row in changes:
        sums[tuple([row[place] for place in places])] += row[-1]
    return [(*one, sums[one]) for one in sorted(sums) if sums[one]]


def _by_month(changes: Sequence[DailyRow]) -> list[DailyRow]:
    """Sum changes of days to those of their months."""
    sums: Counter[DailyRow] = Counter()
    for day, *key, legs in changes:
        sums[(month_of(day), *key)] += legs
    return [(*one, sums[one]) for one in sorted(sums) if sums[one]]
