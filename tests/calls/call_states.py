"""Calls and their parties as they stand at some moment, and one event more.

The call is C1, which began at 0. 2001 to 2005 are extensions, 2009 is not. Seconds after noon.
"""

from typing import Any

from msgspec.structs import replace

from calls.core.source_state import SourceState
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


def event(kind: str, at: float, device: str | None = None, heard: float | None = None, **data: Any) -> CallEvent:
    said = any_event(kind, at, callId="C1", **({"deviceId": device} if device else {}), **data)
    assert isinstance(said, CallEvent)
    return said if heard is None else replace(said, gatewaytime=moment(heard))


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


TALKS = call(party(had_leg=True), number="+49301", interaction="I1", entered_at=0)
OVER = call(left(), number="+49301", interaction="I1", entered_at=0)
WAITS = call(number="+49301", waits_since=0, waits_at="5000", entered_at=0)
