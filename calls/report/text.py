"""The sentences of a report."""

from collections.abc import Mapping

from calls.report.figures import ReportFigures, cause_name
from calls.report.query import PERIOD_NAMES, Breakdown, Period, ReportQuery
from cti.models import CtiSource
from qms.models import RecordingService

#: A change below this many percentage points is none.
STEADY_POINTS = 0.5


def percent_text(percent: float | None) -> str:
    """Write a percentage, or a dash where there is nothing to measure."""
    return "–" if percent is None else f"{percent:.1f} %"  # noqa: RUF001  (a dash)


def change_text(change: float | None) -> str:
    """Write a change in percentage points."""
    return "–" if change is None else "0.0" if not change else f"{change:+.1f}"  # noqa: RUF001  (a dash)


def title(query: ReportQuery) -> str:
    """Name a report: what it shows, of which legs, of which days."""
    what = "Why legs were not flagged" if query.by is Breakdown.CAUSE else f"Flagged legs by {query.by}"
    period = str(query.days) if query.period is Period.OWN else f"{PERIOD_NAMES[query.period]} ({query.days})"
    return ", ".join((f"{what}: {period}", *(f"{name} {value}" for name, value in filter_texts(query.filters).items())))


def filter_texts(filters: Mapping[str, str]) -> dict[str, str]:
    """Write the filters as people know them."""
    shown = dict(filters)
    if "source" in shown:
        shown["source"] = _slug(CtiSource, shown["source"])
    if "service" in shown:
        shown["service"] = _slug(RecordingService, shown["service"])
    if "cause" in shown:
        outcome, _, reason = shown["cause"].partition(":")
        shown["cause"] = cause_name(outcome, reason)
    return shown


def _slug(model: type[CtiSource | RecordingService], key: str) -> str:
    row = model._default_manager.filter(pk=key).first() if key.isdecimal() and len(key) < 18 else None  # noqa: SLF001
    return str(row) if row else "none"


def sentence(report: ReportFigures) -> str:
    """Sum up a report: how many legs are not flagged, how many per cent are, and whether that is better than before."""
    tally, change = report.total.tally, report.total.change
    if not tally.legs:
        return "No leg was decided in this period."
    legs = "1 leg was" if tally.legs == 1 else f"{tally.legs:,} legs were"
    said = f"{percent_text(report.total.percent)} of {legs.removesuffix(' was').removesuffix(' were')} are flagged"
    said = f"{said}; {tally.unflagged:,} {'is' if tally.unflagged == 1 else 'are'} not."
    return f"{said} {_compared(report, change)}"


def _compared(report: ReportFigures, change: float | None) -> str:
    before = report.query.before
    if change is None:
        return f"There is nothing to compare with: no leg was decided on {before}."
    then = f"{percent_text(report.before.percent)} on {before}"
    if abs(change) < STEADY_POINTS:
        return f"About as before: {then}."
    return f"{'Better' if change > 0 else 'Worse'} by {abs(change):.1f} points than before: {then}."
