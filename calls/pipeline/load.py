"""Load what a batch concerns: its calls and those that they became, and the live legs of calls and extensions."""

from collections.abc import Iterable, Sequence, Set
from datetime import datetime

import msgspec
from django.db.models import Q, QuerySet
from msgspec.structs import replace

from calls.core.result_events import ResultEvent, TimePassed
from calls.core.state import CallState, LegState
from calls.models import Call, Leg, is_live
from calls.storage.codec import leg_key, read_call, read_leg
from cti.events import AgentEvent, AnyEvent, CallEvent, SnapshotBegan, SnapshotEnded

#: Maximum number of due calls and legs taken at once.
DUE_AT_ONCE = 500


class Concern(msgspec.Struct, frozen=True):
    """The calls, devices and legs that a batch names."""

    calls: frozenset[str]
    devices: frozenset[str]
    everything: bool


def concern(events: Iterable[AnyEvent]) -> Concern:
    """Return the calls, devices and legs that events name."""
    calls: set[str] = set()
    devices: set[str] = set()
    everything = False
    for event in events:
        if isinstance(event, CallEvent):
            _add(event, calls, devices)
        elif isinstance(event, AgentEvent):
            devices.add(event.data.device_id or "")
        everything = everything or isinstance(event, SnapshotBegan | SnapshotEnded)
    return Concern(frozenset(calls), frozenset(devices - {""}), everything)


def _add(event: CallEvent, calls: set[str], devices: set[str]) -> None:
    data = event.data
    named = (data.call_id, data.primary_old_call_id, data.secondary_old_call_id, data.resulting_call_id)
    calls.update(name for name in named if name)
    named_devices = (
        data.device_id,
        data.transferring_device_id,
        data.conferencing_device_id,
        data.transferred_to_device_id,
    )
    devices.update(name for name in named_devices if name)
    for item in data.connections:
        for connection in (item.new, item.old):
            if connection is not None:
                calls.add(connection.call_id)
                devices.add(connection.device_id)


class Loaded(msgspec.Struct, frozen=True):
    """Calls and legs as the database has them."""

    calls: dict[int, CallState]
    legs: dict[int, LegState]


def load_all(source_id: int, maximum: int) -> Loaded | None:
    """Load all live calls and live legs of a source; None if there are more than ``maximum`` of either."""
    calls = Call.objects.filter(source_id=source_id).order_by()
    legs = _live(source_id)
    if any(rows[: maximum + 1].count() > maximum for rows in (calls, legs)):
        return None
    return Loaded(_read(calls), _read_legs(legs))


def load_part(source_id: int, events: Sequence[AnyEvent], answers: Sequence[ResultEvent], now: datetime) -> Loaded:
    """Load the part of a source's state that a batch concerns, and what is due."""
    named = load_named_legs(source_id, answers, set())
    subject = concern(events)
    # An answer may decide about the other legs of its extension.
    subject = replace(subject, devices=subject.devices | {leg.device_id for leg in named.values()})
    calls = _load_calls(source_id, subject, now)
    legs = named | _load_legs(source_id, subject, calls, now)
    missing = {leg.incarnation for leg in legs.values()} - set(calls)
    return Loaded(calls | _calls_numbered(source_id, missing), legs)


def load_named_legs(source_id: int, answers: Sequence[ResultEvent], known: Set[int]) -> dict[int, LegState]:
    """Load the legs that answers are of, settled ones too, but for those known."""
    named = {answer.leg for answer in answers if not isinstance(answer, TimePassed)} - known
    keys = [leg_key(source_id, number) for number in named]
    return _read_legs(Leg.objects.filter(id__in=keys).order_by()) if keys else {}


def _live(source_id: int) -> QuerySet[Leg]:
    return Leg.objects.filter(is_live(), source_id=source_id).order_by()


def _load_calls(source_id: int, subject: Concern, now: datetime) -> dict[int, CallState]:
    if subject.everything:
        return _read(Call.objects.filter(source_id=source_id))
    calls = _calls_named(source_id, subject.calls)
    due = Call.objects.filter(source_id=source_id, due_at__lte=now).order_by("due_at")[:DUE_AT_ONCE]
    calls = _read(due) | calls
    for _ in range(8):  # A call becomes another at a transfer; rarely twice.
        onward = {call.moved_to for call in calls.values() if call.moved_to is not None} - set(calls)
        found = _calls_numbered(source_id, onward)
        if not found:
            break
        calls |= found
    return calls


def _calls_named(source_id: int, names: Iterable[str]) -> dict[int, CallState]:
    wanted = list(names)
    return _read(Call.objects.filter(source_id=source_id, call_id__in=wanted)) if wanted else {}


def _calls_numbered(source_id: int, incarnations: Iterable[int]) -> dict[int, CallState]:
    wanted = list(incarnations)
    return _read(Call.objects.filter(source_id=source_id, incarnation__in=wanted)) if wanted else {}


def _read(rows: QuerySet[Call]) -> dict[int, CallState]:
    return {call.incarnation: call for call in map(read_call, rows.values_list("facts", flat=True))}


def _read_legs(rows: QuerySet[Leg]) -> dict[int, LegState]:
    return {leg.number: leg for leg in (read_leg(*row) for row in rows.values_list("facts", "trace"))}


def _load_legs(source_id: int, subject: Concern, calls: dict[int, CallState], now: datetime) -> dict[int, LegState]:
    if subject.everything:
        return _read_legs(_live(source_id))
    legs: dict[int, LegState] = {}
    names = list({*subject.calls, *(call.call_id for call in calls.values())})
    if names or subject.devices:
        legs |= _read_legs(_live(source_id).filter(Q(call_id__in=names) | Q(device_id__in=list(subject.devices))))
    due = Leg.objects.filter(source_id=source_id, due_at__lte=now).order_by("due_at")[:DUE_AT_ONCE]
    return _read_legs(due) | legs
