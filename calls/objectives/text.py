"""The sentences of a month's promises."""

import math
from collections.abc import Sequence
from datetime import date

import msgspec
from django.utils import timezone

from calls.objectives.comparison_text import unlabelled_text
from calls.objectives.promises import Loss, MonthReport, Objective, Promise, Standing
from clock.text import site_time

#: What a reader of the report alone has to know.
WORDS = (
    "A leg is one extension's part in a call; it has one recording, which QMS names by a GUID. The error budget is how"
    " many legs may fail before a promise is broken."
)
#: What stands below the months of the trend.
YARDSTICK = (
    "A month that is over is judged by the targets with which it ended; where these were others, they are named."
)
#: The budget in percent of itself.
_WHOLE = 100
#: What a person can see of those that were late.
_NOT_COUNTED = {
    Promise.GUID: "Why is not counted: see Recording searches of that time, and whether the source had a gap then.",
    Promise.FLAGS: "Why is not counted: see Flag writes of that time, and whether QMS or its worker was away.",
}
#: Maximum number of sources that are named in a sentence.
_NAMED = 3


class PromiseLine(msgspec.Struct, frozen=True):
    """A promise in a line of the report's first table; ``is_broken``: None where there is nothing to judge."""

    name: str
    promised: str
    held: str
    before: str
    lost: str
    spent: str
    verdict: str
    is_broken: bool | None

    @property
    def cells(self) -> tuple[str, ...]:
        """Return the columns of ``PROMISE_HEADS``."""
        return (self.name, self.promised, self.held, self.before, self.lost, self.spent, self.verdict)


PROMISE_HEADS = ("Promise", "Promised", "Held", "Month before", "Lost", "Error budget spent", "Verdict")


def promise_lines(report: MonthReport) -> Sequence[PromiseLine]:
    """Return the promises of a month, each in a line."""
    before = report.trend[-2].standings if len(report.trend) > 1 else [None] * len(report.standings)
    return [_line(one, last) for one, last in zip(report.standings, before, strict=True)]


def _line(one: Standing, before: Standing | None) -> PromiseLine:
    is_broken = None if one.is_kept is None else not one.is_kept
    return PromiseLine(
        name=promise_heading(one.objective),
        promised=promise_text(one.objective).removesuffix("."),
        held=f"{_share(one)} of {one.count.whole:,}" if one.count.whole else "–",  # noqa: RUF001  (a dash)
        before=_share(before),
        lost=f"{one.count.bad:,}",
        spent=_spent(one),
        verdict="–" if is_broken is None else "Broken" if is_broken else "Kept",  # noqa: RUF001
        is_broken=is_broken,
    )


def _share(one: Standing | None) -> str:
    return "–" if one is None or one.count.percent is None else f"{one.count.percent:.2f} %"  # noqa: RUF001


def _spent(one: Standing) -> str:
    if one.spent_percent is None:
        return "none to spend"
    return f"{spent_text(one)} of {budget_legs(one)}"


def budget_legs(one: Standing) -> str:
    """Write how many legs may fail, with one decimal where it is no whole number; rounded down, as the promise is."""
    tenths = math.floor(round(one.budget * 10, 5))
    return f"{tenths / 10:,.{1 if tenths % 10 else 0}f} {'leg' if tenths == 10 else 'legs'}"


def spent_text(one: Standing) -> str:
    """Write how much of the budget is spent: 100 % only where it is exactly that, for more breaks the promise."""
    spent = one.spent_percent
    if spent is None:
        return "–"  # noqa: RUF001  (a dash)
    return f"{math.ceil(spent) if spent > _WHOLE else math.floor(spent):,} %"


def late_texts(report: MonthReport) -> Sequence[str]:
    """Say of each broken promise about time where and when most of what was late is: its cause is not counted."""
    texts = []
    for standing in report.standings[1:]:
        heading = promise_heading(standing.objective)
        parts = dict(report.parts).get(f"{heading}, by source", ())
        worst = sorted((one for one in parts if one.standing.count.bad), key=lambda one: -one.standing.count.bad)
        if standing.is_kept is False and worst:
            named = ", ".join(f"{one.name} {one.standing.count.bad:,}" for one in worst[:_NAMED])
            bad = standing.count.bad
            said = f"{heading}: {bad:,} {'was' if bad == 1 else 'were'} late, by CTI source: {named}."
            texts.append(f"{said}{_when_late(report, standing.objective.promise)}")
    return texts


def _when_late(report: MonthReport, promise: Promise) -> str:
    hours = report.late_hours.get(promise, ())
    if not hours:
        return ""
    named = ", ".join(f"{site_time(one.begin):%Y-%m-%d %H:%M} ({one.legs:,})" for one in hours)
    return f" Most in the hour{'s' if len(hours) > 1 else ''} from {named}. {_NOT_COUNTED[promise]}"


def action_text(one: Loss) -> str:
    """Say what is being done about a loss, or that nobody has decided it."""
    return one.done or f"Nobody has decided yet. Advised: {one.advice}"


def uncounted_text(report: MonthReport) -> str:
    """Say which legs count for neither side; nothing where there are none."""
    if not report.uncounted:
        return ""
    legs, verb = ("leg", "counts") if report.uncounted == 1 else ("legs", "count")
    reasons = [f"{name} {count:,}" for name, count in report.uncounted_reasons]
    rest = report.uncounted - sum(count for _, count in report.uncounted_reasons)
    reasons += [f"others {rest:,}"] if rest else []
    return f"{report.uncounted:,} more {legs} without flags {verb} for neither side, by reason: {', '.join(reasons)}."


def nothing_lost_text(report: MonthReport) -> str:
    """Say that nothing was lost; of a month without legs that this may have another reason."""
    if report.is_gone:
        return "What was lost is no longer known."
    if any(one.is_kept is not None for one in report.standings):
        return "Nothing was lost."
    return "No leg was decided in this month: there were no calls to flag, or the gateway did not run."


def made_text(report: MonthReport) -> str:
    """Say when a report was made: what came later is not in it."""
    return f"Made at {site_time(report.made_at):%Y-%m-%d %H:%M %Z} ({timezone.get_default_timezone_name()})"


def month_name(month: date) -> str:
    """Write a month as people do."""
    return f"{month:%B %Y}"


def first_line(report: MonthReport) -> str:
    """Say whether the promises were kept, and of more recordings without flags than are promised."""
    return f"{_judgement(report)}{unlabelled_text(report.comparison, report.standings[0].objective.target_percent)}"


def _judgement(report: MonthReport) -> str:
    judged = [one for one in report.standings if one.is_kept is not None]
    name = month_name(report.month)
    if report.is_gone:
        return f"{name}: its legs are no longer kept, so there is nothing to judge."
    if not judged:
        return f"{name}: no leg was decided, so there is nothing to judge."
    broken = [promise_name(one.objective) for one in judged if not one.is_kept]
    when = name if report.is_over else f"{name} so far"
    when += f" (only legs from {report.kept_from} on are kept)" if report.kept_from else ""
    if len(judged) == 1:
        return f"{when}: the promise of the {promise_name(judged[0].objective)} is {'broken' if broken else 'kept'}."
    if not broken:
        return f"{when}: all {len(judged)} promises are kept."
    kept = len(judged) - len(broken)
    said = f"{kept or 'none'} of {len(judged)} promises {'are' if kept > 1 else 'is'} kept"
    return f"{when}: {said}. Broken: {', '.join(broken)}."


def promise_name(one: Objective) -> str:
    """Name a promise."""
    return {Promise.FLAGGED: "flagged share", Promise.GUID: "time to GUID", Promise.FLAGS: "time to flags"}[one.promise]


def promise_heading(one: Objective) -> str:
    """Name a promise at the beginning of a line."""
    name = promise_name(one)
    return f"{name[0].upper()}{name[1:]}"


def promise_text(one: Objective) -> str:
    """Say what is promised."""
    what = {
        Promise.FLAGGED: "of the legs that QMS could have named are flagged",
        Promise.GUID: f"of the GUIDs are known within {_length(one.within_ms)} of Connected",
        Promise.FLAGS: f"of the flags are written within {_length(one.within_ms)} of the disconnect",
    }[one.promise]
    return f"{one.target_percent:g} % {what}."


def standing_text(one: Standing) -> str:
    """Say how a promise stands."""
    if one.is_kept is None:
        return "Nothing to judge yet."
    percent, count = one.count.percent, one.count
    legs = "1 leg" if count.whole == 1 else f"{count.whole:,} legs"
    verdict, were = ("Kept" if one.is_kept else "Broken"), ("was" if count.bad == 1 else "were")
    return f"{verdict}: {percent:.2f} % of {legs}; {count.bad:,} {were} not. {budget_text(one)}"


def past_text(one: Standing, promised: Objective) -> str:
    """Write how a promise stood in a month of the trend, with its target where that is another than ``promised``."""
    if one.count.percent is None:
        return "–"  # noqa: RUF001  (a dash)
    said = f"{one.count.percent:.2f} %"
    return said if one.objective == promised else f"{said} ({_target(one.objective)})"


def _target(one: Objective) -> str:
    within = f" within {_length(one.within_ms)}" if one.within_ms else ""
    return f"target {one.target_percent:g} %{within}"


def budget_text(one: Standing) -> str:
    """Say what is left of the error budget, and how fast it goes."""
    if one.spent_percent is None:
        return "There is no error budget: the target is 100 %."
    said = f"{spent_text(one)} of the error budget of {budget_legs(one)} is spent."
    if one.burn_rate is None:
        return said
    return f"{said} Burn rate of the last 24 hours: {one.burn_rate:.1f} (1 spends exactly the budget)."


def _length(ms: int) -> str:
    return f"{ms} ms" if ms < 1000 else f"{ms / 1000:g} s"
