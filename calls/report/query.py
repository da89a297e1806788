"""What a report is asked for: period, breakdown and filters, read from an address and written to one. Pure."""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Self, TypeVar
from urllib.parse import urlencode

import msgspec

#: Maximum number of days of one report.
MAXIMUM_DAYS = 366
#: Maximum number of days of a report by the hour: counts by hour are kept no longer.
MAXIMUM_HOURLY_DAYS = 8
#: Maximum length of a filter's value.
MAXIMUM_LENGTH = 100
DAY = timedelta(days=1)
_Kind = TypeVar("_Kind", bound=StrEnum)


class BadReport(ValueError):
    """The address asks for something that no report has; the text says what is accepted. Never worth a retry."""

    retryable = False


class Breakdown(StrEnum):
    """By what a report is broken down."""

    DAY = "day"
    HOUR = "hour"
    QUEUE = "queue"
    TEAM = "team"
    AGENT = "agent"
    EXTENSION = "extension"
    SOURCE = "source"
    SERVICE = "service"
    CAUSE = "cause"


class Period(StrEnum):
    """Named periods; ``OWN`` has its days in the address."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    THIS_WEEK = "week"
    LAST_WEEK = "last_week"
    LAST_MONTH = "last_month"
    OWN = "own"


PERIOD_NAMES = {
    Period.TODAY: "Today",
    Period.YESTERDAY: "Yesterday",
    Period.THIS_WEEK: "This week",
    Period.LAST_WEEK: "Last week",
    Period.LAST_MONTH: "Last month",
    Period.OWN: "Own dates",
}
#: What can be filtered by: every breakdown but those by time.
FILTERS = ("queue", "team", "agent", "extension", "source", "service", "cause")


class Days(msgspec.Struct, frozen=True):
    """A stretch of days, both included."""

    first: date
    last: date

    @property
    def count(self) -> int:
        """Return the number of days."""
        return (self.last - self.first).days + 1

    def __str__(self) -> str:
        return f"{self.first}" if self.count == 1 else f"{self.first} to {self.last}"


class ReportQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A report: the days it covers, the period before to compare with, its breakdown and filters."""

    period: Period
    days: Days
    before: Days
    by: Breakdown
    filters: Mapping[str, str] = {}

    @classmethod
    def read(cls, asked: Mapping[str, str], today: date) -> Self:
        """Read the parameters of an address. Raises ``BadReport``."""
        period = _member(Period, asked.get("period") or Period.YESTERDAY)
        by = _member(Breakdown, asked.get("by") or Breakdown.CAUSE)
        days, before = _spans(period, asked, today)
        if by is Breakdown.HOUR and (days.count > MAXIMUM_HOURLY_DAYS or days.first <= today - 9 * DAY):
            raise BadReport(f"A report by hour covers at most the last {MAXIMUM_HOURLY_DAYS} days.")
        filters = {name: _text(asked.get(name, "")) for name in FILTERS}
        return cls(period=period, days=days, before=before, by=by, filters={n: v for n, v in filters.items() if v})

    def address(self, **changes: str) -> str:
        """Return the parameters of this report with changes; an empty value removes a parameter."""
        asked: dict[str, str] = {"period": self.period.value, "by": self.by.value, **self.filters}
        if self.period is Period.OWN:
            asked |= {"from": f"{self.days.first}", "to": f"{self.days.last}"}
        asked |= changes
        return urlencode({name: value for name, value in asked.items() if value})


def _member(kind: type[_Kind], text: str) -> _Kind:
    try:
        return kind(text)
    except ValueError:
        raise BadReport(f"There is no {kind.__name__.lower()} {text!r}; choose of {', '.join(kind)}.") from None


def _text(value: str) -> str:
    return value.replace("\0", "").strip()[:MAXIMUM_LENGTH]


def _spans(period: Period, asked: Mapping[str, str], today: date) -> tuple[Days, Days]:
    """Return the days of a period, and those it is compared with."""
    monday = today - today.weekday() * DAY
    if period is Period.LAST_MONTH:
        last = today.replace(day=1) - DAY
        return _month(last), _month(last.replace(day=1) - DAY)
    spans = {
        Period.TODAY: Days(today, today),
        Period.YESTERDAY: Days(today - DAY, today - DAY),
        Period.THIS_WEEK: Days(monday, today),
        Period.LAST_WEEK: Days(monday - 7 * DAY, monday - DAY),
    }
    days = spans.get(period) or _own(asked)
    shift = timedelta(days=7) if period is Period.THIS_WEEK else timedelta(days=days.count)
    return days, Days(days.first - shift, days.last - shift)


def _month(last: date) -> Days:
    return Days(last.replace(day=1), last)


def _own(asked: Mapping[str, str]) -> Days:
    try:
        days = Days(date.fromisoformat(asked.get("from", "")), date.fromisoformat(asked.get("to", "")))
    except ValueError:
        raise BadReport("Own dates need a first and a last day, for example 2026-03-02.") from None
    if not 1 <= days.count <= MAXIMUM_DAYS or not 2000 <= days.first.year <= 2200:
        raise BadReport(f"The last day must not be before the first, and at most {MAXIMUM_DAYS} days are covered.")
    return days
