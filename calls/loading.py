"""Load what a batch concerns: its calls and those that they became, and the unsettled legs of calls and extensions."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from django.db.models import Q

from agents.api import load_seats
from agents.presence import Seat
from calls.lifecycle.answers import Answer, TimePassed
from calls.lifecycle.draft import State
from calls.lifecycle.values import Call, Leg, Phase, SourceState
from calls.models import Call as CallRow
from calls.models import Leg as LegRow
from calls.rows import by_number, leg_key, read_call, read_leg
from cti.events import AgentEvent, AnyEvent, CallEvent, SnapshotBegan, SnapshotEnded

#: So many due calls and legs are taken at once.
DUE_AT_ONCE = 500


class Concern(msgspec.Struct, frozen=True):
    """What a batch speaks of."""

    calls: frozenset[str]
    devices: frozenset[str]
    legs: frozenset[int]
    everything: bool


def concern(events: Iterable[AnyEvent], answers: Iterable[Answer]) -> Concern:
    """Say what events and answers speak of."""
    calls: set[str] = set()
    devices: set[str] = set()
    everything = False
    for event in events:
        if isinstance(event, CallEvent):
            _add(event, calls, devices)
        elif isinstance(event, AgentEvent):
            devices.add(event.data.device_id or "")
        everything = everything or isinstance(event, SnapshotBegan | SnapshotEnded)
    legs = frozenset(answer.leg for answer in answers if not isinstance(answer, TimePassed))
    return Concern(frozenset(calls), frozenset(devices - {""}), legs, everything)


def _add(event: CallEvent, calls: set[str], devices: set[str]) -> None:
    data = event.data
    named = (data.call_id, data.primary_old_call_id, data.secondary_old_call_id, data.resulting_call_id)
    calls.update(name for name in named if name)
    seated = (data.device_id, data.transferring_device_id, data.conferencing_device_id, data.transferred_to_device_id)
    devices.update(name for name in seated if name)
    for item in data.connections:
        for connection in (item.new, item.old):
            if connection is not None:
                calls.add(connection.call_id)
                devices.add(connection.device_id)


def load_state(
    source_id: int, own: SourceState, events: Sequence[AnyEvent], answers: Sequence[Answer], now: datetime,
    seats: dict[str, Seat] | None = None,
) -> State:  # fmt: skip
    """Load the part of a source's state that a batch concerns, and what is due."""
    subject = concern(events, answers)
    calls = _load_calls(source_id, subject, now)
    legs = _load_legs(source_id, subject, calls, now)
    missing = {leg.call_id for leg in legs.values()} - set(calls)
    calls |= _calls_named(source_id, missing)
    return State(source=own, calls=calls, legs=legs, seats=load_seats(source_id) if seats is None else seats)


def _load_calls(source_id: int, subject: Concern, now: datetime) -> dict[str, Call]:
    if subject.everything:
        return _read(CallRow.objects.filter(source_id=source_id))
    calls = _calls_named(source_id, subject.calls)
    due = CallRow.objects.filter(source_id=source_id, due_at__lte=now).order_by("due_at")[:DUE_AT_ONCE]
    calls = _read(due) | calls
    for _ in range(8):  # A call becomes another at a transfer; it seldom does so twice.
        onward = {call.moved_to for call in calls.values() if call.moved_to} - set(calls)
        found = _calls_named(source_id, {name for name in onward if name})
        if not found:
            break
        calls |= found
    return calls


def _calls_named(source_id: int, names: Iterable[str]) -> dict[str, Call]:
    wanted = list(names)
    return _read(CallRow.objects.filter(source_id=source_id, call_id__in=wanted)) if wanted else {}


def _read(rows: Iterable[CallRow]) -> dict[str, Call]:
    return {call.call_id: call for call in map(read_call, rows)}


def _load_legs(source_id: int, subject: Concern, calls: dict[str, Call], now: datetime) -> dict[int, Leg]:
    live = LegRow.objects.filter(source_id=source_id).exclude(phase=Phase.SETTLED.value).order_by()
    if subject.everything:
        return by_number(map(read_leg, live))
    legs: dict[int, Leg] = {}
    names = list({*subject.calls, *calls})
    if names or subject.devices:
        near = live.filter(Q(call_id__in=names) | Q(device_id__in=list(subject.devices)))
        legs |= by_number(map(read_leg, near))
    keys = [leg_key(source_id, number) for number in subject.legs if number not in legs]
    if keys:
        legs |= by_number(map(read_leg, LegRow.objects.filter(id__in=keys).order_by()))
    due = LegRow.objects.filter(source_id=source_id, due_at__lte=now).order_by("due_at")[:DUE_AT_ONCE]
    return by_number(map(read_leg, due)) | legs
