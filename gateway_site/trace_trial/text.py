"""Write the report of a trial as plain text. Pure."""

from collections.abc import Mapping

from calls.core.outcomes import Outcome
from gateway_site.trace_trial.trial import TrialLeg, TrialRefusal, TrialReport

_FLAGGED = frozenset({Outcome.FLAGGED.value, Outcome.PARTLY_FLAGGED.value})


def report_lines(report: TrialReport, *, has_log: bool = False) -> list[str]:
    """Return the lines of a report; ``has_log``: with each leg's decision log."""
    return [
        *report.remarks,
        *([f"Second 0 is {report.began}."] if report.began else []),
        "",
        summary(report),
        *_section("Legs", [line for leg in report.legs for line in _leg(leg, has_log=has_log)]),
        *_section("Devices", [f"{one.name}: {one.counts_as}; {one.reason}" for one in report.devices]),
        *_section("Quarantined", [_refusal(one) for one in report.refusals], "Every message could be read."),
        *_section("Events", _counted(report.events), "No event came of the trace."),
        *_section("Ignored, as they mean nothing to a recording", _counted(report.ignored)),
    ]


def summary(report: TrialReport) -> str:
    """Say in a sentence what came of the trace."""
    flagged = sum(leg.outcome in _FLAGGED for leg in report.legs)
    if not report.legs:
        return "No extension was connected: no leg."
    return f"{_count(len(report.legs), 'leg')}, {flagged} flagged."


def _leg(leg: TrialLeg, *, has_log: bool) -> list[str]:
    ended = "still connected at the end" if leg.ended is None else f"to {leg.ended:.1f} s"
    agent = f", agent {leg.agent}" if leg.agent else ""
    reason = f": {leg.reason}" if leg.reason else ""
    return [
        f"{leg.extension} in call {leg.call}, from {leg.began:.1f} s {ended}{agent}: {leg.outcome}{reason}",
        *(f"    {name} = {value}" for name, value in leg.flags.items()),
        *(f"    {at:8.1f}  {text}" for at, text in leg.log if has_log),
    ]


def _refusal(one: TrialRefusal) -> str:
    place = f", first at {one.first_place}" if one.first_place else ""
    effect = "not followed" if one.is_lost else "followed all the same"
    return f"{_count(one.count, 'message')}, {effect} ({one.kind}{place}): {one.error}"


def _counted(counts: Mapping[str, int]) -> list[str]:
    return [f"{name}: {count:,}" for name, count in counts.items()]


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _section(title: str, lines: list[str], if_none: str = "") -> list[str]:
    if lines:
        return ["", title, *(f"  {line}" for line in lines)]
    return ["", f"{title}: {if_none}"] if if_none else []
