"""Convert the core's values to database rows and back. The blob is the value; the columns are for people and queries.

A blob is one version byte and a msgpack map; ``calls.storage.versions`` migrates what an earlier release stored.
"""

from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from calls.core.source_state import SourceState
from calls.core.state import CallState, LegPhase, LegState, TraceStep, WriteStatus
from calls.models import Leg
from calls.storage.compact import compacted, is_compact
from calls.storage.recurring import recurring_values
from calls.storage.versions import pack, unpack

#: A leg's primary key is made of its source's and its running number, so that a replay gives the same.
SHIFT = 40
#: What the columns of milliseconds hold at most: 24 days.
MAXIMUM_MS = 2**31 - 1
#: The column ``trace`` of a leg that is stored compactly.
NO_TRACE = "[]"

#: How the base flags of a leg end without being written: only a person sends them again.
_FAILED = frozenset(
    one.value for one in (WriteStatus.REFUSED, WriteStatus.GONE, WriteStatus.CONFLICT, WriteStatus.GIVEN_UP)
)
_trace = msgspec.json.Decoder(tuple[TraceStep, ...])
_trace_text = msgspec.json.Encoder().encode


def leg_key(source_id: int, number: int) -> int:
    """Return the primary key of a source's leg."""
    return (source_id << SHIFT) + number


def leg_number(key: int) -> int:
    """Return the running number of a leg in its source."""
    return key & ((1 << SHIFT) - 1)


#: A leg's columns, in the order of ``leg_row``.
LEG_FIELDS = (
    "id",
    "source",
    "call_id",
    "device_id",
    "ordinal",
    "phase",
    "interaction_id",
    "agent_id",
    "agent_name",
    "queue_name",
    "caller_name",
    "caller_name_source",
    "calling_number",
    "called_number",
    "direction",
    "connected_at",
    "disconnected_at",
    "end_unknown",
    "recording_guid",
    "service",
    "outcome",
    "reason",
    "reason_code",
    "guid_ms",
    "flags_ms",
    "facts",
    "trace",
    "due_at",
    "folded_at",
    "is_canary",
)
CALL_FIELDS = ("source", "incarnation", "call_id", "facts", "touched_at", "due_at")


def guid_ms(leg: LegState) -> int | None:
    """Return how long after Connected QMS had named the leg's recording, in milliseconds."""
    return _ms(leg.connected_gateway_at, leg.found_gateway_at) if leg.guid else None


def flags_ms(leg: LegState) -> int | None:
    """Return how long after the disconnect QMS had taken the base flags, in milliseconds.

    None where a person had them written, by giving the leg its recording or by sending flags again that had failed:
    when that is done says nothing of how fast gateway and QMS are.
    """
    if leg.flagged_gateway_at is None or any(map(_is_of_person, leg.trace)):
        return None
    return _ms(leg.disconnected_gateway_at, leg.flagged_gateway_at)


def _is_of_person(step: TraceStep) -> bool:
    """Say whether a step shows that flags which were written after it were written because a person wanted it."""
    return step.what == "assigned" or (step.what in _FAILED and step.text.startswith("The flags:"))


def _ms(begin: datetime | None, end: datetime | None) -> int | None:
    if begin is None or end is None:
        return None
    return min(max(round((end - begin).total_seconds() * 1000), 0), MAXIMUM_MS)


def blob_and_trace(leg: LegState, *, compact: bool) -> tuple[bytes, str]:
    """Write a leg as its columns ``facts`` and ``trace``; stored compactly, all of it is in the first.

    One that is settled stays as it is, so that it is worth some more time to have it smaller.
    """
    if compact:
        return compacted(pack(leg), recurring_values(leg) if leg.phase is LegPhase.SETTLED else ()), NO_TRACE
    return pack(replace(leg, trace=())), _trace_text(leg.trace).decode()


def leg_row(source_id: int, leg: LegState, now: datetime, *, compact: bool = False) -> tuple[Any, ...]:
    """Write a leg as a row of ``LEG_FIELDS``.

    ``compact``: releases up to 0.2.0 cannot read it (``calls.models.LegStorage``).
    """
    facts = leg.facts
    return (
        leg_key(source_id, leg.number),
        source_id,
        leg.call_id,
        leg.device_id,
        leg.ordinal,
        leg.phase.value,
        facts.interaction_id,
        leg.agent_id,
        leg.agent_name,
        facts.queue_name,
        facts.caller_name,
        facts.caller_name_source,
        facts.calling_number,
        facts.called_number,
        facts.direction,
        leg.connected_source_at,
        leg.disconnected_source_at,
        leg.is_end_unknown,
        leg.guid or None,
        leg.service,
        leg.outcome.value,
        leg.reason[:500],
        leg.reason_code[:40],
        guid_ms(leg),
        flags_ms(leg),
        *blob_and_trace(leg, compact=compact),
        leg.due,
        now,
        leg.is_canary,
    )


def read_leg(facts: bytes | memoryview, trace: str) -> LegState:
    """Read a leg from its columns ``facts`` and ``trace``."""
    leg = unpack(facts, LegState)
    return leg if is_compact(facts) else replace(leg, trace=_trace.decode(trace))


def read_trace(row: Leg) -> tuple[TraceStep, ...]:
    """Read a leg's decision trace."""
    return unpack(row.facts, LegState).trace if is_compact(row.facts) else _trace.decode(row.trace)


def call_row(source_id: int, call: CallState) -> tuple[Any, ...]:
    """Write a call as a row of ``CALL_FIELDS``."""
    return source_id, call.incarnation, call.call_id, pack(call), call.touched_gateway_at, call.due


def read_call(facts: bytes | memoryview) -> CallState:
    """Read a call from its column ``facts``."""
    return unpack(facts, CallState)


def pack_source(state: SourceState) -> bytes:
    """Write a source's own state."""
    return pack(state)


def read_source(blob: bytes, slug: str, next_leg: int) -> SourceState:
    """Read a source's own state; new when there is none."""
    state = unpack(blob, SourceState) if blob else SourceState(slug=slug)
    return replace(state, next_leg=next_leg)
