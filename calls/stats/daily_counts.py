"""The counts by day that answer a question: which of the tables, and which of its rows."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from agents.api import Teams
from calls.models import NO_VALUE, DailyDimensionCount, DailyQueueCount, MonthlyDimensionCount
from calls.stats.coarse_counts import coarsest, coarsest_month, month_of, next_month
from calls.stats.queue_names import of_queue
from calls.stats.team_legs import team_condition

#: The columns that a filter looks at.
FILTER_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "queue": ("queue_name",),
    "team": ("source_id", "agent_id", "device_id"),
    "agent": ("agent_id",),
    "extension": ("device_id",),
    "source": ("source_id",),
    "service": ("service_key",),
    "cause": ("outcome", "reason_code"),
}
#: Filters for which ``DailyDimensionCount`` has an index: few of its rows are read.
_INDEXED_FILTERS = frozenset(("agent", "extension"))


def daily_counts(columns: Iterable[str], filters: Mapping[str, str]) -> QuerySet[Any]:
    """Return the smallest table of counts by day that has these columns and those of the filters."""
    if filters.keys() & _INDEXED_FILTERS:
        return DailyDimensionCount.objects.all()
    return coarsest(_needed(columns, filters)).objects.all()


def counts_between(columns: Iterable[str], filters: Mapping[str, str], first: date, last: date) -> list[QuerySet[Any]]:
    """Return the counts of a stretch of days, both included, in one to three parts that have these columns.

    Where counts by month are fewer, they answer for the whole months; the days before and after are summed by day.
    """
    days = daily_counts(columns, filters)
    begin, end = _whole_months(first, last)
    months = coarsest_month(_needed(columns, filters))
    has_few_days = months is MonthlyDimensionCount and filters.keys() & _INDEXED_FILTERS
    if "day" in columns or days.model is DailyQueueCount or has_few_days or begin >= end:
        return [days.filter(day__gte=first, day__lte=last)]
    # Month by month, not from one to another: so an index that has the queue second is read for that queue alone.
    parts: list[QuerySet[Any]] = [months.objects.filter(month__in=_months(begin, end))]
    parts += [days.filter(day__gte=first, day__lt=begin)] if first < begin else []
    return [*parts, days.filter(day__gte=end, day__lte=last)] if last >= end else parts


def _whole_months(first: date, last: date) -> tuple[date, date]:
    """Return the first days of the first whole month, and of the month after the last one.

    The last month is whole too where nothing is counted after ``last``: the present one, until today.
    """
    begin, end = _month_from(first), month_of(last + timedelta(days=1))
    later = DailyQueueCount.objects.filter(day__gt=last, day__lt=next_month(end))
    return begin, end if begin > end or end > last or later.exists() else next_month(end)


def _months(begin: date, end: date) -> list[date]:
    """Return the first days of the months from one to another, which is excluded."""
    months = [begin]
    while (following := next_month(months[-1])) < end:
        months.append(following)
    return months


def _month_from(day: date) -> date:
    """Return the first day of the first month that begins on a day or later."""
    return day if day.day == 1 else next_month(month_of(day))


def _needed(columns: Iterable[str], filters: Mapping[str, str]) -> set[str]:
    return {*columns, *(name for one in filters for name in FILTER_COLUMNS[one])}


def counts_condition(filters: Mapping[str, str], teams: Teams) -> Q:
    """Return the condition of a report's filters on the counts."""
    outcome, _, reason = filters.get("cause", "").partition(":")
    columns = {
        "agent_id": _value(filters.get("agent")),
        "device_id": filters.get("extension"),
        "source_id": _number(filters.get("source")),
        "service_key": _number(filters.get("service")),
        "outcome": outcome or None,
        "reason_code": reason or None,
    }
    found = Q(**{column: value for column, value in columns.items() if value is not None})
    found = found & of_queue(filters["queue"]) if "queue" in filters else found
    return found & team_condition(teams, filters["team"]) if "team" in filters else found


def _value(text: str | None) -> str | None:
    return "" if text == NO_VALUE else text


def _number(text: str | None) -> int | None:
    """Return a key; one that is none matches nothing."""
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else -1
