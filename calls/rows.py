"""Between the core's values and the database's rows. The blob is the value; the columns are for people and queries."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from calls.lifecycle.values import Call, Leg, SourceState, TraceStep
from calls.models import Call as CallRow
from calls.models import Leg as LegRow

#: A leg's primary key is made of its source's and its running number, so that a replay gives the same.
SHIFT = 40

_pack = msgspec.msgpack.Encoder().encode
_leg = msgspec.msgpack.Decoder(Leg)
_call = msgspec.msgpack.Decoder(Call)
_source = msgspec.msgpack.Decoder(SourceState)
_trace = msgspec.json.Decoder(tuple[TraceStep, ...])
_trace_text = msgspec.json.Encoder().encode


def leg_key(source_id: int, number: int) -> int:
    """Return the primary key of a source's leg."""
    return (source_id << SHIFT) + number


def leg_number(key: int) -> int:
    """Return the running number of a leg in its source."""
    return key & ((1 << SHIFT) - 1)


def leg_row(source_id: int, leg: Leg, now: datetime) -> LegRow:
    """Write a leg as a row."""
    facts = leg.facts
    return LegRow(
        id=leg_key(source_id, leg.number), source_id=source_id, call_id=leg.call_id, device_id=leg.device_id,
        ordinal=leg.ordinal, phase=leg.phase.value, interaction_id=facts.interaction_id, agent_id=leg.agent_id,
        agent_name=leg.agent_name, queue_name=facts.queue_name, caller_name=facts.caller_name,
        caller_name_source=facts.caller_name_source, calling_number=facts.calling_number,
        called_number=facts.called_number, direction=facts.direction, connected_at=leg.connected_at,
        disconnected_at=leg.disconnected_at, end_unknown=leg.is_end_unknown, recording_guid=leg.guid or None,
        service_id=leg.service, outcome=leg.outcome.value, reason=leg.reason[:500],
        facts=_pack(replace(leg, trace=())), trace=_trace_text(leg.trace).decode(), due_at=leg.due, folded_at=now,
    )  # fmt: skip


def read_leg(row: LegRow) -> Leg:
    """Read a leg from its row."""
    return replace(_leg.decode(row.facts), trace=read_trace(row))


def read_trace(row: LegRow) -> tuple[TraceStep, ...]:
    """Read a leg's decision trace."""
    return _trace.decode(row.trace)


def call_row(source_id: int, call: Call) -> CallRow:
    """Write a call as a row."""
    return CallRow(
        source_id=source_id, call_id=call.call_id, facts=_pack(call), touched_at=call.touched_by_us, due_at=_due(call)
    )


def _due(call: Call) -> datetime | None:
    return call.due


def read_call(row: CallRow) -> Call:
    """Read a call from its row."""
    return _call.decode(row.facts)


def pack_source(state: SourceState) -> bytes:
    """Write a source's own state."""
    return _pack(state)


def read_source(blob: bytes, slug: str, next_leg: int) -> SourceState:
    """Read a source's own state; new when there is none."""
    state = _source.decode(blob) if blob else SourceState(slug=slug)
    return replace(state, next_leg=next_leg)


def by_number(legs: Iterable[Leg]) -> dict[int, Leg]:
    """Index legs by their number."""
    return {leg.number: leg for leg in legs}
