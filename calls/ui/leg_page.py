"""The contents of a leg's page: a timeline, what was written, why, and what to do."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from django.db.models import Q, QuerySet
from django.utils import timezone

from calls.core.flag_origins import flag_origins
from calls.core.outcomes import Outcome
from calls.core.state import TraceStep
from calls.explain.texts.causes import GIVEN_UP, MISSED, REFUSED, Cause, named_sources
from calls.models import Leg, RecordingSearch
from calls.storage.codec import read_leg, read_trace
from flags.api import ShownValue, shown_values
from flags.models import FlagWrite

#: What an operator should do about each outcome; empty where nothing is to be done.
ADVICE = {
    Outcome.FLAGGED: "",
    Outcome.PARTLY_FLAGGED: "The wrap-up is missing; see why QMS refused it, and retry the write.",
    Outcome.WAITING: "Nothing yet: the gateway continues by itself.",
    Outcome.JOINED_LATE: "Nothing can be done for this call. See the gaps of its source for why it was seen late.",
    Outcome.AGENT_UNKNOWN: "Nothing, if only agents' calls are wanted; else let the agent log on, or switch the "
    "setting AGENTS_CALLS_ONLY off.",
    Outcome.USER_UNMATCHED: "Create the user in QMS with exactly this extension, then press Refresh QMS users.",
    Outcome.EXTENSION_CONFLICT: "Give each QMS user an extension of its own, then press Refresh QMS users.",
    Outcome.USER_INACTIVE: "Activate the user in QMS, then press Refresh QMS users.",
    Outcome.USER_UNLICENSED: "Give the user a recording licence in QMS, then press Refresh QMS users.",
    Outcome.NOT_RECORDED: "Look at the recording rules, schedule and percentages of the user's profile in QMS; busy, "
    "internal and on-demand calls are often not recorded.",
    Outcome.WINDOW_MISSED: "Look at the health of the Recording Service and of the workers at that time.",
    Outcome.RECORDING_GONE: "QMS has deleted the recording, often because it was shorter than the kept length.",
    Outcome.REFUSED: "Correct what QMS reported (a flag that does not exist, a value too long), then retry the write.",
    Outcome.WRITE_UNKNOWN: "Look the recording up in QMS and compare its flags; then retry the write.",
    Outcome.GIVEN_UP: "See why the deliveries failed, then retry the write.",
    Outcome.SHADOW: "Nothing for this call: another gateway writes. See the page Shadow comparison.",
}


_BY_REASON: Mapping[Outcome, Mapping[str, Cause]] = {
    Outcome.NOT_RECORDED: MISSED,
    Outcome.WINDOW_MISSED: MISSED,
    Outcome.REFUSED: REFUSED,
    Outcome.GIVEN_UP: GIVEN_UP,
}


def advice_of(outcome: Outcome, reason_code: str, sources: Mapping[str, int] | None = None) -> str:
    """Say what to do about legs with an outcome: by its reason where that makes a difference.

    ``sources``: how many of the legs each CTI source has, for the advice that names it.
    """
    text = _BY_REASON.get(outcome, {}).get(reason_code)
    return text.on("the Recording Service", source=named_sources(sources or {})).todo if text else ADVICE[outcome]


class Bar(msgspec.Struct, frozen=True):
    """A stretch of the leg's time, in per cent of the whole picture."""

    name: str
    kind: str
    left: float
    width: float
    text: str


class TraceLine(msgspec.Struct, frozen=True):
    """A sentence of the decision trace with its time."""

    clock: str
    text: str


class OriginLine(msgspec.Struct, frozen=True):
    """Where one of a leg's values is from."""

    label: str
    text: str


class ShownWrite(msgspec.Struct, frozen=True):
    """A part of the flags, with the values that this person may see."""

    write: FlagWrite
    values: list[ShownValue]


class LegPage(msgspec.Struct, frozen=True):
    """All that a leg's page shows beside its columns. ``trace_began_at``: of the gateway's clock, as is the trace."""

    bars: list[Bar]
    trace: list[TraceLine]
    trace_began_at: datetime
    origins: list[OriginLine]
    writes: list[ShownWrite]
    searches: list[RecordingSearch]
    related: list[Leg]
    advice: str
    earlier: Leg | None
    later: Leg | None


def clock(moment: datetime) -> str:
    """Return a time of day to the millisecond."""
    return timezone.localtime(moment).strftime("%H:%M:%S.%f")[:-3]


def leg_page(leg: Leg, *, may_see_callers: bool) -> LegPage:
    """Gather what a leg's page shows."""
    searches = list(RecordingSearch.objects.filter(leg_id=leg.pk).select_related("service").order_by("ordinal"))
    writes = list(FlagWrite.objects.filter(leg_id=leg.pk).prefetch_related("values").order_by("part"))
    related = Leg.objects.filter(interaction_id=leg.interaction_id).exclude(Q(pk=leg.pk) | Q(interaction_id=""))
    trace = read_trace(leg)
    return LegPage(
        bars=_bars(leg, searches, writes),
        searches=searches,
        writes=[ShownWrite(one, shown_values(one, may_see_callers=may_see_callers)) for one in writes],
        origins=_origins(leg),
        trace=[TraceLine(clock(step.at), step.text) for step in trace],
        trace_began_at=trace[0].at if trace else leg.connected_at,
        related=list(related[:20]),
        advice=advice_of(Outcome(leg.outcome), leg.reason_code, {leg.source.slug: 1}),
        earlier=_beside(leg).filter(_before(leg)).order_by("-connected_at", "-id").first(),
        later=_beside(leg).exclude(_before(leg)).order_by("connected_at", "id").first(),
    )


def _origins(leg: Leg) -> list[OriginLine]:
    """Say of each value which event it is from; nothing of a leg that was not saved by the consumer."""
    found = flag_origins(read_leg(leg.facts, leg.trace)) if leg.facts else []
    return [OriginLine(one.label, one.sentence(clock(one.origin.at) if one.origin else "")) for one in found]


def _beside(leg: Leg) -> QuerySet[Leg]:
    """Return the other legs of the extension."""
    return (
        Leg.objects.filter(device_id=leg.device_id, source_id=leg.source_id).exclude(pk=leg.pk).defer("facts", "trace")
    )


def _before(leg: Leg) -> Q:
    return Q(connected_at__lte=leg.connected_at) & (Q(connected_at__lt=leg.connected_at) | Q(pk__lt=leg.pk))


def _bars(leg: Leg, searches: list[RecordingSearch], writes: list[FlagWrite]) -> list[Bar]:
    """Draw talk, holds, searches and writes on one axis."""
    spans = [("Connected", "talk", leg.connected_at, leg.disconnected_at)]
    spans += [("On hold", "hold", *span) for span in _holds(read_trace(leg))]
    spans += [("Recording search", "search", one.connected_at, one.answered_at) for one in searches]
    spans += [
        ("Wrap-up" if one.part == "wrapup" else "Flags", "write", one.created_at, one.settled_at) for one in writes
    ]
    begin = min(start for _, _, start, _ in spans)
    latest = max(end or start for _, _, start, end in spans)
    whole = max((latest - begin).total_seconds(), 0.001)
    return [_bar(name, kind, start, end or latest, begin, whole) for name, kind, start, end in spans]


def _bar(name: str, kind: str, start: datetime, end: datetime, begin: datetime, whole: float) -> Bar:
    left = (start - begin).total_seconds() / whole * 100
    seconds = max((end - start).total_seconds(), 0)
    width = max(seconds / whole * 100, 0.5)
    width = min(width, 100 - min(left, 99.5))
    return Bar(name, kind, round(min(left, 99.5), 2), round(width, 2), length_text(seconds))


def length_text(seconds: float) -> str:
    """Write a length of time; below a second its milliseconds, which decide there."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _holds(trace: tuple[TraceStep, ...]) -> list[tuple[datetime, datetime | None]]:
    spans: list[tuple[datetime, datetime | None]] = []
    for step in trace:
        if step.what == "held":
            spans.append((step.at, None))
        elif step.what in ("retrieved", "disconnected") and spans and spans[-1][1] is None:
            spans[-1] = (spans[-1][0], step.at)
    return spans
