"""The figures of a report: sums over the counts by day or hour, and the links from each number to its legs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from agents.api import Teams, load_teams
from agents.models import Agent
from calls.core.outcomes import Outcome
from calls.core.result_events import BRIEFLY
from calls.models import NO_VALUE, HourlyCount, HourlyDimensionCount
from calls.report.links import legs_address
from calls.report.query import DAY, Breakdown, Days, ReportQuery
from calls.stats.daily_counts import counts_between, counts_condition, daily_counts
from calls.stats.queue_names import queue_of
from cti.models import CtiSource
from qms.models import RecordingService

#: Days that the trend shows at least.
TREND_DAYS = 14
#: The columns that a breakdown groups by.
_COLUMNS: Mapping[Breakdown, tuple[str, ...]] = {
    Breakdown.DAY: ("day",),
    Breakdown.HOUR: ("hour",),
    Breakdown.QUEUE: ("queue_name",),
    Breakdown.TEAM: ("source_id", "agent_id", "device_id"),
    Breakdown.AGENT: ("source_id", "agent_id"),
    Breakdown.EXTENSION: ("device_id",),
    Breakdown.SOURCE: ("source_id",),
    Breakdown.SERVICE: ("service_key",),
    Breakdown.CAUSE: ("outcome", "reason_code"),
}
_TIMES = (Breakdown.DAY, Breakdown.HOUR)
_Key = tuple[Any, ...]


class Tally(msgspec.Struct, frozen=True):
    """Decided legs, and how many of them are flagged."""

    legs: int = 0
    flagged: int = 0

    @property
    def unflagged(self) -> int:
        """Return how many are not flagged."""
        return self.legs - self.flagged

    @property
    def percent(self) -> float | None:
        """Return the share that is flagged in tenths of a per cent, rounded down: 99.97 is not 100."""
        return share(self.flagged, self.legs)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.legs + other.legs, self.flagged + other.flagged)


class ReportLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a report. ``percent``: of its legs flagged; of a cause, its share of all legs."""

    name: str
    tally: Tally
    percent: float | None
    percent_before: float | None
    query: ReportQuery
    key: tuple[Any, ...] = ()

    @property
    def all_address(self) -> str:
        """Return the address of its legs."""
        return self._legs("decided")

    @property
    def unflagged_address(self) -> str:
        """Return the address of its legs that are not flagged."""
        return self._legs("no")

    @property
    def narrower(self) -> str:
        """Return the parameters of the report on why its legs were not flagged; "" where it has none of its own."""
        if not self.key or self.query.by in (*_TIMES, Breakdown.CAUSE):
            return ""
        return self.query.address(**_filters_of(self.query.by, self.key), by="cause")

    def _legs(self, flagged: str) -> str:
        chosen = dict(self.query.filters) | _filters_of(self.query.by, self.key)
        begin, end = _span(self.query, self.key)
        return legs_address(chosen, begin, end, flagged=flagged)

    @property
    def change(self) -> float | None:
        """Return the change against the period before, in percentage points."""
        if self.percent is None or self.percent_before is None:
            return None
        return round(self.percent - self.percent_before, 1)


class TrendDay(msgspec.Struct, frozen=True):
    """A day of the trend."""

    day: date
    tally: Tally


class ReportFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A report with its totals; ``before``: the totals of the period before."""

    query: ReportQuery
    total: ReportLine
    before: Tally
    lines: Sequence[ReportLine]
    trend: Sequence[TrendDay]
    teams: Sequence[str]


def share(part: int, whole: int) -> float | None:
    """Return a share in tenths of a per cent, rounded down; None of nothing."""
    return part * 1000 // whole / 10 if whole else None


def report(query: ReportQuery) -> ReportFigures:
    """Gather a report in a few sums over counts, whatever the number of legs."""
    teams = load_teams()
    chosen = counts_condition(query.filters, teams)
    now, then = _sums(query, query.days, chosen), _sums(query, query.before, chosen)
    lines = _lines(query, _named(query.by, now, teams), _named(query.by, then, teams))
    total, before = _total(now), _total(then)
    return ReportFigures(
        query=query,
        total=_report_line(query, "All", (), total, total.percent, before.percent),
        before=before,
        lines=lines,
        trend=_trend(query, chosen),
        teams=teams.names,
    )


def _total(sums: Mapping[_Key, Tally]) -> Tally:
    return sum(sums.values(), Tally())


def _sums(query: ReportQuery, days: Days, chosen: Q) -> dict[_Key, Tally]:
    """Sum the counts of a period by the columns of the breakdown."""
    columns = _COLUMNS[query.by]
    if query.by is Breakdown.HOUR:
        parts = [_hours(query.filters, midnight(days.first), midnight(days.last + DAY))]
    else:
        parts = counts_between(columns, query.filters, days.first, days.last)
    rows = (row for part in parts for row in _summed(part.filter(chosen), *columns, "outcome"))
    return _tallies((_key(query.by, row[: len(columns)]), row[-2], row[-1]) for row in rows)


def _key(by: Breakdown, values: Sequence[Any]) -> _Key:
    """Return what names a line: a queue whatever the spelling, all else as it is."""
    return (queue_of(values[0]),) if by is Breakdown.QUEUE else tuple(values)


def _summed(counts: QuerySet[Any], *columns: str) -> Iterable[tuple[Any, ...]]:
    counted = counts.exclude(outcome=Outcome.SHADOW.value)  # Another gateway answers for those.
    rows: QuerySet[Any, tuple[Any, ...]] = counted.order_by().values_list(*columns).annotate(legs=Sum("legs"))
    return rows


def _hours(filters: Mapping[str, str], begin: datetime, end: datetime) -> QuerySet[Any]:
    """Return the counts by hour; those of the dashboard are far fewer, where they have the filters' columns."""
    if filters.keys() <= {"source", "cause"}:
        return HourlyCount.objects.filter(hour__gte=begin, hour__lt=end).exclude(outcome=Outcome.WAITING.value)
    return HourlyDimensionCount.objects.filter(hour__gte=begin, hour__lt=end)


def _tallies(rows: Iterable[tuple[_Key, str, int]]) -> dict[_Key, Tally]:
    sums: defaultdict[_Key, Tally] = defaultdict(Tally)
    for key, outcome, legs in rows:
        sums[key] += Tally(legs, legs if outcome == Outcome.FLAGGED else 0)
    return {key: tally for key, tally in sums.items() if tally.legs > 0}


def midnight(day: date) -> datetime:
    """Return when a day begins by the site's clock."""
    return datetime.combine(day, time.min, timezone.get_default_timezone())


def _named(by: Breakdown, sums: Mapping[_Key, Tally], teams: Teams) -> dict[_Key, Tally]:
    """Sum extensions and agents to their teams; other sums stay as they are."""
    if by is not Breakdown.TEAM:
        return dict(sums)
    named: defaultdict[_Key, Tally] = defaultdict(Tally)
    for key, tally in sums.items():
        named[(teams.of(*key),)] += tally
    return named


def _lines(query: ReportQuery, now: Mapping[_Key, Tally], then: Mapping[_Key, Tally]) -> list[ReportLine]:
    names = _names(query.by, now)
    if query.by is Breakdown.CAUSE:
        whole, whole_then = _total(now).legs, _total(then).legs
        lines = [
            _report_line(
                query, names[key], key, one, share(one.legs, whole), share(then.get(key, Tally()).legs, whole_then)
            )
            for key, one in now.items()
        ]
        return sorted(lines, key=lambda line: (line.tally.flagged > 0, -line.tally.legs, line.name))
    if query.by in _TIMES:
        return [_report_line(query, names[key], key, now[key], now[key].percent, None) for key in sorted(now)]
    past = {key: tally.percent for key, tally in then.items()}
    lines = [_report_line(query, names[key], key, one, one.percent, past.get(key)) for key, one in now.items()]
    return sorted(lines, key=lambda line: (-line.tally.unflagged, -line.tally.legs, line.name))


def _report_line(
    query: ReportQuery, name: str, key: _Key, tally: Tally, percent: float | None, before: float | None
) -> ReportLine:
    return ReportLine(name=name, tally=tally, percent=percent, percent_before=before, query=query, key=key)


def _span(query: ReportQuery, key: _Key) -> tuple[datetime, datetime]:
    """Return the moments that a line covers, the second one excluded."""
    if query.by is Breakdown.DAY and key:
        return midnight(key[0]), midnight(key[0] + DAY)
    if query.by is Breakdown.HOUR and key:
        return key[0], key[0] + timedelta(hours=1)
    return midnight(query.days.first), midnight(query.days.last + DAY)


def _filters_of(by: Breakdown, key: _Key) -> dict[str, str]:
    """Return the filters that lead to one line."""
    if not key or by in _TIMES:
        return {}
    if by is Breakdown.CAUSE:
        return {"cause": f"{key[0]}:{key[1]}" if key[1] else str(key[0])}
    if by is Breakdown.AGENT:
        return {"source": str(key[0]), "agent": key[1] or NO_VALUE}
    return {by.value: str(key[0]) or NO_VALUE}


def _names(by: Breakdown, keys: Iterable[_Key]) -> dict[_Key, str]:
    """Name the lines as people know them."""
    keys = list(keys)
    if by is Breakdown.CAUSE:
        return {key: cause_name(*key) for key in keys}
    if by is Breakdown.HOUR:
        return {key: f"{timezone.localtime(key[0]):%Y-%m-%d %H:%M}" for key in keys}
    if by is Breakdown.AGENT:
        rows = Agent.objects.exclude(name="").order_by().values_list("source_id", "agent_id", "name")
        names = {(source, agent): f"{name} ({agent})" for source, agent, name in rows} if keys else {}
        return {key: names.get(key, key[1]) or "nobody logged on" for key in keys}
    known = _slugs(by)
    return {key: known.get(key[0], str(key[0] or "none")) for key in keys}


def _slugs(by: Breakdown) -> dict[Any, str]:
    if by is Breakdown.SOURCE:
        return dict(CtiSource.objects.values_list("pk", "slug"))
    return dict(RecordingService.objects.values_list("pk", "slug")) if by is Breakdown.SERVICE else {}


def cause_name(outcome: str, reason: str = "") -> str:
    """Name a cause: the outcome, and the reason where the outcome alone does not say it."""
    name = outcome.replace("_", " ")
    return f"{name}: {BRIEFLY.get(reason, reason)}" if reason else name


def _trend(query: ReportQuery, chosen: Q) -> list[TrendDay]:
    """Return each day of the period; of a shorter one also the days before it."""
    first = min(query.days.first, query.days.last - (TREND_DAYS - 1) * DAY)
    found = daily_counts(("day",), query.filters).filter(chosen, day__gte=first, day__lte=query.days.last)
    sums = _tallies(((day,), outcome, legs) for day, outcome, legs in _summed(found, "day", "outcome"))
    days = ((first + number * DAY) for number in range((query.days.last - first).days + 1))
    return [TrendDay(day, sums.get((day,), Tally())) for day in days]
