"""Promises, and how a month stands to them: share, error budget, burn rate; pure.

Example: 99 % are promised, and of 10,000 legs 60 are bad. The budget is 100 legs, 60 % of it are spent, the promise is
kept. If 3 % of the last day's legs are bad, the budget burns three times as fast as it may: the burn rate is 3.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum

import msgspec

from calls.core.outcomes import Outcome
from calls.objectives.comparison import UnlabelledRecordings

#: Outcomes for which the gateway or QMS answers; all others but ``flagged`` count for neither side.
BAD_OUTCOMES = (
    Outcome.PARTLY_FLAGGED,
    Outcome.WINDOW_MISSED,
    Outcome.REFUSED,
    Outcome.WRITE_UNKNOWN,
    Outcome.GIVEN_UP,
)


class Promise(StrEnum):
    """What is promised."""

    FLAGGED = "flagged"
    GUID = "guid"
    FLAGS = "flags"


class Objective(msgspec.Struct, frozen=True):
    """A promise with its target in percent; ``within_ms`` of those about time."""

    promise: Promise
    target_percent: float
    within_ms: int = 0


class PromiseCount(msgspec.Struct, frozen=True):
    """How many legs a promise was about, and of how many it was not kept."""

    whole: int = 0
    bad: int = 0

    def __add__(self, other: "PromiseCount") -> "PromiseCount":
        return PromiseCount(self.whole + other.whole, self.bad + other.bad)

    @property
    def percent(self) -> float | None:
        """Return the share that was kept in hundredths of a per cent, rounded down; None of nothing."""
        return (self.whole - self.bad) * 10_000 // self.whole / 100 if self.whole else None


class Standing(msgspec.Struct, frozen=True):
    """How a count stands to its target."""

    objective: Objective
    count: PromiseCount
    last_day: PromiseCount = PromiseCount()

    @property
    def is_kept(self) -> bool | None:
        """Say whether the promise is kept; None where there was nothing to keep it for."""
        return None if not self.count.whole else self.count.bad <= self.budget

    @property
    def budget(self) -> float:
        """Return how many legs may be bad."""
        # Rounded, so that no leg is lost to the binary form of a decimal target.
        return round(self.count.whole * (100 - self.objective.target_percent) / 100, 6)

    @property
    def spent_percent(self) -> float | None:
        """Return how much of the error budget is spent; None where there is none to spend."""
        return 100 * self.count.bad / self.budget if self.budget else None

    @property
    def burn_rate(self) -> float | None:
        """Return how many times as fast as allowed the last day spent the budget; None of nothing."""
        allowed = self.last_day.whole * (100 - self.objective.target_percent) / 100
        return self.last_day.bad / allowed if allowed else None


class PromisePart(msgspec.Struct, frozen=True):
    """A source, service, queue or team by name."""

    name: str
    standing: Standing


class Loss(msgspec.Struct, frozen=True):
    """What a part of the budget was spent on. ``done``: what somebody decided about it."""

    name: str
    legs: int
    percent: float
    outcome: str
    reason_code: str
    advice: str
    done: str


class LateHour(msgspec.Struct, frozen=True):
    """An hour with some of those that were later than promised."""

    begin: datetime
    legs: int


class PastMonth(msgspec.Struct, frozen=True):
    """A month of the trend; one of which legs were deleted already has nothing to judge."""

    month: date
    standings: Sequence[Standing]


class MonthReport(msgspec.Struct, frozen=True, kw_only=True):
    """A month: its promises, their parts, the losses and the months before.

    ``kept_from``: the first day of which legs are kept, where that is later than its first; None for a whole one.
    ``late_hours``: the hours in which most were later than promised, the worst first.
    ``comparison``: what the comparison with QMS found; None where no leg of the month is kept.
    """

    month: date
    made_at: datetime
    is_over: bool
    kept_from: date | None = None
    standings: Sequence[Standing]
    parts: Sequence[tuple[str, Sequence[PromisePart]]]
    losses: Sequence[Loss]
    uncounted: int
    uncounted_reasons: Sequence[tuple[str, int]]
    late_hours: Mapping[Promise, Sequence[LateHour]] = {}
    comparison: UnlabelledRecordings | None = None
    trend: Sequence[PastMonth]

    @property
    def is_gone(self) -> bool:
        """Say whether no leg of the month is kept any more."""
        return self.kept_from is not None and self.kept_from.replace(day=1) > self.month
