"""Load what a batch concerns: its calls and those that they became, and the live legs of calls and extensions."""

from collections.abc import Collection, Iterable, Sequence, Set
from datetime import datetime

import msgspec
from django.db.models import Q, QuerySet

from bulk.statements import fetched, one_of
from calls.core.result_events import ANOTHERS, RecordingFound, ResultEvent, TimePassed
from calls.core.state import CallState, LegState
from calls.models import Call, Leg, is_live
from calls.storage.codec import leg_key, read_call, read_leg
from cti.events import (
    AgentEvent,
    AnyEvent,
    CallEvent,
    Conferenced,
    LinkRestored,
    SnapshotBegan,
    SnapshotEnded,
    Transferred,
)

#: Maximum number of due calls and legs taken at once.
DUE_AT_ONCE = 500


class Concern(msgspec.Struct, frozen=True):
    """The calls, devices and legs that a batch names. ``hosts``: the devices that join calls, or hand one on."""

    calls: frozenset[str]
    devices: frozenset[str]
    hosts: frozenset[str]
    everything: bool


def concern(events: Iterable[AnyEvent]) -> Concern:
    """Return the calls, devices and legs that events name."""
    calls: set[str] = set()
    devices: set[str] = set()
    hosts: set[str] = set()
    everything = False
    for event in events:
        if isinstance(event, CallEvent):
            _add(event, calls, devices)
            if isinstance(event, Transferred | Conferenced):
                hosts |= {event.data.transferring_device_id or "", event.data.conferencing_device_id or ""}
        elif isinstance(event, AgentEvent):
            devices.add(event.data.device_id or "")
        elif isinstance(event, LinkRestored):
            devices.update(event.data.devices or ())
        everything = everything or isinstance(event, SnapshotBegan | SnapshotEnded)
    return Concern(frozenset(calls), frozenset(devices - {""}), frozenset(hosts - {""}), everything)


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


def load_named_legs(source_id: int, answers: Sequence[ResultEvent], known: Set[int]) -> dict[int, LegState]:
    """Load the legs that answers are of, settled ones too, and those that have the recordings, but for those known."""
    named = {answer.leg for answer in answers if not isinstance(answer, TimePassed)} - known
    named |= {one.holder for one in answers if isinstance(one, RecordingFound) and one.holder} - known - {ANOTHERS}
    if not named:
        return {}
    is_named, keys = one_of([leg_key(source_id, number) for number in named])
    legs = (read_leg(*row) for row in fetched(f"SELECT facts, trace FROM calls_leg WHERE id {is_named}", [keys]))  # noqa: S608
    return {leg.number: leg for leg in legs}


def load_legs_of(source_id: int, calls: Collection[str], devices: Collection[str]) -> dict[int, LegState]:
    """Load the live legs of calls, and those of devices."""
    if not calls and not devices:
        return {}
    return _read_legs(_live(source_id).filter(Q(call_id__in=list(calls)) | Q(device_id__in=list(devices))))


def load_due(source_id: int, until: datetime) -> tuple[Loaded, datetime]:
    """Load the calls and legs that are due until a moment, the soonest first, ``DUE_AT_ONCE`` of each at most.

    Returns with them the moment before which nothing else is due.
    """
    calls = Call.objects.filter(source_id=source_id, due_at__lte=until).order_by("due_at")[:DUE_AT_ONCE]
    legs = Leg.objects.filter(source_id=source_id, due_at__lte=until).order_by("due_at")[:DUE_AT_ONCE]
    loaded = Loaded(_read(calls), _read_legs(legs))
    values: list[list[CallState] | list[LegState]] = [list(loaded.calls.values()), list(loaded.legs.values())]
    cut = [found[-1].due for found in values if len(found) == DUE_AT_ONCE]
    return loaded, min([until, *(moment for moment in cut if moment is not None)])


def _live(source_id: int) -> QuerySet[Leg]:
    return Leg.objects.filter(is_live(), source_id=source_id).order_by()


def load_everything(source_id: int) -> Loaded:
    """Load all live calls and live legs of a source, however many: a snapshot concerns all of them."""
    return Loaded(_read(Call.objects.filter(source_id=source_id).order_by()), _read_legs(_live(source_id)))


def load_calls_named(source_id: int, names: Iterable[str]) -> dict[int, CallState]:
    """Load the calls that have or had these ids."""
    wanted = list(names)
    return _read(Call.objects.filter(source_id=source_id, call_id__in=wanted)) if wanted else {}


def load_calls_numbered(source_id: int, incarnations: Iterable[int]) -> dict[int, CallState]:
    """Load calls by their identity."""
    wanted = list(incarnations)
    return _read(Call.objects.filter(source_id=source_id, incarnation__in=wanted)) if wanted else {}


def _read(rows: QuerySet[Call]) -> dict[int, CallState]:
    return {call.incarnation: call for call in map(read_call, rows.values_list("facts", flat=True))}


def _read_legs(rows: QuerySet[Leg]) -> dict[int, LegState]:
    return {leg.number: leg for leg in (read_leg(*row) for row in rows.values_list("facts", "trace"))}
