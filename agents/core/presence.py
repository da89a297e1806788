"""Who sits where: agent events folded into seats by hot-desk rules. Pure.

An agent has one seat and a seat has one agent. Logging on elsewhere ends the stay before it; so does another agent
logging on at the same extension. What is repeated changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from cti.events import AgentEvent, LoggedOff, LoggedOn

#: Events of different monitors may overtake each other this much. What looks older still is a clock that was set back.
DISORDER = timedelta(seconds=5)


# gc=False: there are many, and never in a cycle.
class AgentSession(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An agent at an extension. ``state`` is a value of ``agents.models.AgentState``; times are the source's."""

    agent_id: str
    agent_name: str = ""
    device_id: str
    state: str
    since: datetime
    state_since: datetime
    reason: str = ""


class SessionChange(msgspec.Struct, frozen=True, kw_only=True):
    """What an event changed at one extension: who sits there now (None: nobody), and whose stay ended."""

    device_id: str
    seat: AgentSession | None
    ended: AgentSession | None
    at: datetime


class SessionTable(Mapping[str, AgentSession]):
    """Who sits where, by extension; those of one agent are found without looking at the others."""

    def __init__(self, seats: Iterable[AgentSession] = ()) -> None:
        self._at: dict[str, AgentSession] = {}
        self._of: dict[str, dict[str, AgentSession]] = {}
        for seat in seats:
            self._put(seat)

    def __getitem__(self, device_id: str) -> AgentSession:
        return self._at[device_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)

    def of(self, agent_id: str) -> list[AgentSession]:
        """Return an agent's seats."""
        return list(self._of.get(agent_id, {}).values())

    def apply(self, change: SessionChange) -> None:
        """Let a change take place."""
        if (before := self._at.pop(change.device_id, None)) is not None:
            self._drop(before)
        if change.seat is not None:
            self._put(change.seat)

    def _put(self, seat: AgentSession) -> None:
        self._at[seat.device_id] = seat
        self._of.setdefault(seat.agent_id, {})[seat.device_id] = seat

    def _drop(self, seat: AgentSession) -> None:
        mine = self._of[seat.agent_id]
        del mine[seat.device_id]
        if not mine:
            del self._of[seat.agent_id]


def sit(seats: SessionTable, event: AgentEvent, *, free_seating: bool = False) -> list[SessionChange]:
    """Say what an agent event changes in the seats; stays end before others begin.

    A state event counts as logging on where its agent was not known to sit. One without an extension concerns the
    agent's seat; one without an agent id, whoever sits there. ``free_seating`` lets an agent sit at several extensions.
    """
    device = event.data.device_id or ""
    sitter = seats.get(device)
    agent_id = event.data.agent_id or (sitter.agent_id if sitter else "")
    if not agent_id:
        return []
    if isinstance(event, LoggedOff):
        return [_leave(seat, event) for seat in _stays(seats, agent_id, device) if not _is_late(event, seat.since)]
    if device and (sitter is None or sitter.agent_id != agent_id):
        return _take(seats, event, agent_id, free_seating=free_seating)
    return [change for seat in _stays(seats, agent_id, device) for change in _stay(seat, event)]


def _stays(seats: SessionTable, agent_id: str, device: str) -> list[AgentSession]:
    """Return the agent's seats, or the one at the device if it is the agent's."""
    if device:
        sitter = seats.get(device)
        return [sitter] if sitter and sitter.agent_id == agent_id else []
    return seats.of(agent_id)


def _take(seats: SessionTable, event: AgentEvent, agent_id: str, *, free_seating: bool) -> list[SessionChange]:
    """Seat the agent at the event's device, ending the stays that this contradicts, unless they are newer."""
    device = event.data.device_id or ""
    others = [] if free_seating else _stays(seats, agent_id, "")
    sitter = seats.get(device)
    if any(_is_late(event, seat.since) for seat in (*others, *([sitter] if sitter else []))):
        return []
    name = event.data.agent_name or next((seat.agent_name for seat in _stays(seats, agent_id, "")), "")
    seat = AgentSession(
        agent_id=agent_id,
        agent_name=name,
        device_id=device,
        state=_state(event),
        since=event.time,
        state_since=event.time,
        reason=event.data.reason or "",
    )
    taken = SessionChange(device_id=device, seat=seat, ended=sitter, at=event.time)
    return [*(_leave(other, event) for other in others), taken]


def _leave(seat: AgentSession, event: AgentEvent) -> SessionChange:
    return SessionChange(device_id=seat.device_id, seat=None, ended=seat, at=max(event.time, seat.since))


def _stay(seat: AgentSession, event: AgentEvent) -> list[SessionChange]:
    """Change state and name of an agent who stays; a repeated log-on says nothing about the state."""
    if _is_late(event, seat.state_since):
        return []
    after = msgspec.structs.replace(seat, agent_name=event.data.agent_name or seat.agent_name)
    reason = event.data.reason or ""
    if not isinstance(event, LoggedOn) and (_state(event), reason) != (seat.state, seat.reason):
        after = msgspec.structs.replace(after, state=_state(event), state_since=event.time, reason=reason)
    return [] if after == seat else [SessionChange(device_id=seat.device_id, seat=after, ended=None, at=event.time)]


def _is_late(event: AgentEvent, known: datetime) -> bool:
    """Say whether the event was overtaken by the one that is known."""
    return timedelta(0) < known - event.time <= DISORDER


def _state(event: AgentEvent) -> str:
    return type(event).__name__
