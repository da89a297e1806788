"""Calls and their parties as they stand at some moment, and one event more.

The call is C1, which began at 0. 2001 to 2005 are extensions, 2009 is not. Seconds after noon.
"""

from typing import Any

from msgspec.structs import replace

from calls.core.source_state import PartialGap, Snapshot, SourceState
from calls.core.state import CallState, LegState, Party, PartyState, Reconnection, TimedValue
from calls.core.unit_of_work import LiveState, UnitOfWork
from cti.events import CallEvent
from tests.calls.switchboard import event as any_event
from tests.calls.switchboard import moment, with_site

EXTENSIONS = frozenset({"2001", "2002", "2003", "2004", "2005"})

#: Callers and interactions that events state, and a site whose source says no times.
A: dict[str, Any] = {"callingNumber": "+49301"}
B: dict[str, Any] = {"callingNumber": "+49302"}
I1: dict[str, Any] = {"interactionId": "I1"}
I2: dict[str, Any] = {"interactionId": "I2"}
NO_TIMES: dict[str, Any] = {"has_source_times": False}

#: A source that says whole seconds, and the smallest step of time.
WHOLE: dict[str, Any] = {"has_fractions": False}
TICK = 0.000001

#: What a device does that does not talk.
RINGS, DIALS, ORIGINATES = PartyState.ALERTING, PartyState.INITIATED, PartyState.ORIGINATED


def _timed(values: dict[str, Any]) -> dict[str, Any]:
    ends = ("_at", "since", "_since")
    return {
        name: moment(value) if name.endswith(ends) and isinstance(value, int | float) else value
        for name, value in values.items()
    }


def party(device: str = "2001", state: PartyState = PartyState.CONNECTED, **more: Any) -> Party:
    return replace(Party(device_id=device, state=state), **_timed(more))


def left(device: str = "2001", at: float = 10, **more: Any) -> Party:
    return party(device, PartyState.NULL, **{"since": 0, "cleared_at": at, "had_leg": True, **more})


def call(*parties: Party, number: str = "", interaction: str = "", **more: Any) -> CallState:
    known = {"calling_number": number, "interaction_id": interaction}
    plain = CallState(
        incarnation=1,
        call_id="C1",
        born_at=moment(0),
        touched_gateway_at=moment(0),
        facts={name: (TimedValue(moment(0), value),) for name, value in known.items() if value},
        parties={one.device_id: one for one in parties},
    )
    return replace(plain, **_timed(more))


def second(*parties: Party, born: float = 20, **more: Any) -> CallState:
    """Return the second call under the id C1, incarnation 2."""
    return call(*parties, **{"incarnation": 2, "born_at": born, "touched_gateway_at": born, **more})


def other(*parties: Party, call_id: str = "C2", born: float = 10, **more: Any) -> CallState:
    """Return a call under another id, incarnation 2."""
    return replace(second(*parties, born=born, **more), call_id=call_id)


def history(*values: tuple[float, str]) -> tuple[TimedValue, ...]:
    """Return the values that a call learnt of one fact, each at its second and without an origin."""
    return tuple(TimedValue(moment(at), value) for at, value in values)


def event(kind: str, at: float, device: str | None = None, heard: float | None = None, **data: Any) -> CallEvent:
    said = any_event(kind, at, callId="C1", **({"deviceId": device} if device else {}), **data)
    assert isinstance(said, CallEvent)
    return said if heard is None else replace(said, gatewaytime=moment(heard))


def handed(at: float = 20, device: str | None = "2001", **data: Any) -> CallEvent:
    """Return the event by which a device hands the call C1 on, if no other primary call is stated."""
    return event("Transferred", at, device, **{"primaryOldCallId": "C1", **data})


def snapshot(began: float = 3, *devices: str, seen: tuple[int, ...] = (), late: tuple[str, ...] = ()) -> Snapshot:
    """Return a snapshot of these devices, of all where none is named; ``seen``: the legs that it named so far."""
    return Snapshot(
        began_at=moment(began), began_gateway_at=moment(began), devices=devices or None, seen=seen, found_late=late
    )


def gap(*devices: str, began: float = 3) -> PartialGap:
    """Return a gap in which events of these devices alone are missed."""
    return PartialGap(began_at=moment(began), devices=frozenset(devices))


def work(*, source: dict[str, Any] | None = None, legs: tuple[LegState, ...] = (), **site: Any) -> UnitOfWork:
    state = replace(SourceState(slug="pbx", has_fractions=True), **_timed(source or {}))
    live = LiveState(source=state, legs={one.number: one for one in legs})
    return UnitOfWork(live, with_site(**{"devices": EXTENSIONS, **site}))


def made(at: float, heard: float | None = None, ended: float | None = None, **more: Any) -> Reconnection:
    """Return a report of a connection, and of its end where that is known."""
    ended_at = None if ended is None else moment(ended)
    return Reconnection(at=moment(at), gateway_at=moment(at if heard is None else heard), ended_at=ended_at, **more)


def holding(
    *calls: CallState, legs: tuple[LegState, ...] = (), source: dict[str, Any] | None = None, **site: Any
) -> UnitOfWork:
    """Return the core's work with these calls and legs; the next ones have the next numbers."""
    numbers = {"next_leg": 1 + max((two.number for two in legs), default=0)}
    numbers["next_incarnation"] = 1 + max((two.incarnation for two in calls), default=0)
    one = work(source={**numbers, **(source or {})}, **site)
    known = {two.incarnation: two for two in calls}
    live = LiveState(source=one.source, calls=known, legs={two.number: two for two in legs})
    return UnitOfWork(live, one.context)


#: A source that misses the events of 2001.
MISSED: dict[str, Any] = {"partial": (gap("2001"),)}

TALKS = call(party(had_leg=True), number="+49301", interaction="I1", entered_at=0)
OVER = call(left(), number="+49301", interaction="I1", entered_at=0)
WAITS = call(number="+49301", waits_since=0, waits_at="5000", entered_at=0)
