"""Count what a committed fold did: events, time, and the legs that got their outcome, their GUID or their flags.

Where traces are wanted, a leg that got its outcome becomes one.
"""

from collections.abc import Iterator

from calls.core.outcomes import Outcome
from calls.core.state import LegState
from calls.core.unit_of_work import UnitOfWork
from calls.storage.codec import flags_ms, guid_ms
from telemetry import tracing
from telemetry.counters import FLAGGED_SECONDS, FOLD_EVENTS, FOLD_SECONDS, GUID_SECONDS, LEGS_ENDED


def note_fold(slug: str, events: int, seconds: float, work: UnitOfWork) -> None:
    """Count one fold; called once for each, after its transaction."""
    FOLD_EVENTS.labels(slug).inc(events)
    FOLD_SECONDS.labels(slug).observe(seconds)
    for number in work.touched_legs:
        if not work.legs[number].is_canary:
            _note_leg(slug, work.before[number], work.legs[number])


def _note_leg(slug: str, before: LegState | None, after: LegState) -> None:
    """Count what became known of a leg in this fold, each thing once in its life."""
    if after.outcome is not Outcome.WAITING and (before is None or before.outcome is Outcome.WAITING):
        LEGS_ENDED.labels(slug, after.outcome.value).inc()
        if tracing.is_on():
            tracing.record("leg", list(_steps(after)), {"source": slug, "outcome": after.outcome.value})
    for measure, histogram in ((guid_ms, GUID_SECONDS), (flags_ms, FLAGGED_SECONDS)):
        known = None if before is None else measure(before)
        if known is None and (ms := measure(after)) is not None:
            histogram.labels(slug).observe(ms / 1000)


def _steps(leg: LegState) -> Iterator[tracing.TracedStep]:
    """Yield what happened to a leg, each part that has a beginning and an end."""
    parts = (
        ("event: from the PBX to the gateway", leg.connected_source_at, leg.connected_gateway_at),
        ("recording search", leg.connected_gateway_at, leg.found_gateway_at),
        ("call", leg.connected_gateway_at, leg.disconnected_gateway_at),
        ("flags: from disconnect to written", leg.disconnected_gateway_at, leg.flagged_gateway_at),
    )
    for name, began, ended in parts:
        if began is not None and ended is not None and began <= ended:
            yield tracing.TracedStep(name, began, ended)
