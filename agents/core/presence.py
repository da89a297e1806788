"""Which agent is logged on at which extension: agent events folded into sessions by hot-desk rules. Pure.

An agent has one session and an extension has one. Logging on elsewhere ends the session before it. Another agent who
logs on at an extension where somebody is logged on already contradicts that: until one of them logs off, or logs on
elsewhere, nobody knows who is there (``AgentSession.overlaps``). What is repeated changes nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from cti.events import AgentEvent, LoggedOff, LoggedOn

#: Events of different monitors may overtake each other this much. What looks older still is a clock that was set back.
DISORDER = timedelta(seconds=5)
#: Maximum number of log-offs that are kept, for what they overtook.
MAXIMUM_LOG_OFFS = 50
#: Most agents who are kept as logged on at an extension beside the last one.
MAXIMUM_OVERLAPS = 8


class KnownBy(StrEnum):
    """How it is known that an agent is logged on at an extension."""

    LOG_ON = "log-on"
    SNAPSHOT = "snapshot"
    STATE = "state"
    #: A queue offered the extension's calls to the agent, or its configuration names the agent: not who answers.
    OFFERED = "offered"
    CONFIGURED = "configured"


#: What names an agent: the source states that the agent is at that extension.
_CERTAIN = (KnownBy.LOG_ON, KnownBy.SNAPSHOT, KnownBy.STATE)


# gc=False: there are many, and never in a cycle.
class OverlappingSession(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An agent who logged on before the present one and did not log off."""

    agent_id: str
    agent_name: str = ""
    since: datetime
    known_by: KnownBy = KnownBy.LOG_ON
    origin: str = ""


class AgentSession(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An agent at an extension. ``state`` is a value of ``agents.models.AgentState``; times are the source's.

    ``origin`` is the event that began it: its type and id.
    """

    agent_id: str
    agent_name: str = ""
    device_id: str
    state: str
    since: datetime
    state_since: datetime
    reason: str = ""
    known_by: KnownBy = KnownBy.LOG_ON
    origin: str = ""
    overlaps: tuple[OverlappingSession, ...] = ()

    @property
    def is_certain(self) -> bool:
        """Say whether the source stated that the agent is at the extension, not only that calls are offered so."""
        return self.known_by in _CERTAIN


class LogOff(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An agent logged off at an extension, or (empty) wherever the agent was. What is older says nothing of them."""

    agent_id: str
    device_id: str
    at: datetime


class SessionChange(msgspec.Struct, frozen=True, kw_only=True):
    """What an event changed at one extension: who is logged on there now (None: nobody), and whose session ended."""

    device_id: str
    session: AgentSession | None
    ended: AgentSession | None
    at: datetime


class SessionTable(Mapping[str, AgentSession]):
    """Agent sessions by extension; those of one agent are found without looking at the others."""

    def __init__(self, sessions: Iterable[AgentSession] = ()) -> None:
        self._at: dict[str, AgentSession] = {}
        self._of: dict[str, dict[str, AgentSession]] = {}
        self._overlapping: dict[str, set[str]] = defaultdict(set)
        for session in sessions:
            self._put(session)

    def __getitem__(self, device_id: str) -> AgentSession:
        return self._at[device_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)

    def of(self, agent_id: str) -> list[AgentSession]:
        """Return an agent's sessions."""
        return list(self._of.get(agent_id, {}).values())

    def overlapped_by(self, agent_id: str) -> list[AgentSession]:
        """Return the sessions of others that an agent's overlap, who logged on there before and did not log off."""
        return [self._at[device] for device in sorted(self._overlapping.get(agent_id, ()))]

    def apply(self, change: SessionChange) -> None:
        """Let a change take place."""
        if (before := self._at.pop(change.device_id, None)) is not None:
            self._drop(before)
        if change.session is not None:
            self._put(change.session)

    def _put(self, session: AgentSession) -> None:
        self._at[session.device_id] = session
        self._of.setdefault(session.agent_id, {})[session.device_id] = session
        for other in session.overlaps:
            self._overlapping[other.agent_id].add(session.device_id)

    def _drop(self, session: AgentSession) -> None:
        for other in session.overlaps:
            self._overlapping[other.agent_id].discard(session.device_id)
            if not self._overlapping[other.agent_id]:
                del self._overlapping[other.agent_id]
        mine = self._of[session.agent_id]
        del mine[session.device_id]
        if not mine:
            del self._of[session.agent_id]


def with_log_off(recent: tuple[LogOff, ...], event: AgentEvent) -> tuple[LogOff, ...]:
    """Add a log-off to the recent ones, as far as events may overtake each other."""
    if not isinstance(event, LoggedOff) or not event.data.agent_id:
        return recent
    kept = (one for one in recent if event.time - one.at <= DISORDER)
    return (*kept, LogOff(event.data.agent_id, event.data.device_id or "", event.time))[-MAXIMUM_LOG_OFFS:]


def was_overtaken(recent: tuple[LogOff, ...], event: AgentEvent) -> bool:
    """Say whether an event that places an agent at an extension is older than a log-off that was received first."""
    data = event.data
    if isinstance(event, LoggedOff):
        return False
    return any(
        one.agent_id == data.agent_id and one.device_id in ("", data.device_id) and _is_late(event, one.at)
        for one in recent
    )


def apply_agent_event(
    sessions: SessionTable,
    event: AgentEvent,
    *,
    free_seating: bool = False,
    in_snapshot: bool = False,
    stated: Collection[str] = (),
) -> list[SessionChange]:
    """Say what an agent event changes in the sessions; sessions end before others begin.

    A state event counts as logging on where its agent was not known to be. One without an extension concerns the
    agent's session; one without an agent id, whoever is there. ``free_seating`` lets an agent be at several extensions.
    ``stated``: the agents that the snapshot in progress has stated at the event's extension already.
    """
    device = event.data.device_id or ""
    present = sessions.get(device)
    agent_id = event.data.agent_id or (present.agent_id if present else "")
    if not agent_id:
        return []
    if isinstance(event, LoggedOff):
        return _log_off(sessions, event, agent_id, device)
    if device and (present is None or present.agent_id != agent_id):
        known_by = _known_by(event, in_snapshot)
        return _take(sessions, event, agent_id, known_by, free_seating=free_seating, stated=stated)
    return [change for session in _sessions_of(sessions, agent_id, device) for change in _continued(session, event)]


def _log_off(sessions: SessionTable, event: AgentEvent, agent_id: str, device: str) -> list[SessionChange]:
    """End an agent's sessions, or all at an extension where the event names no agent; who remains there is certain."""
    own = [session for session in _sessions_of(sessions, agent_id, device) if not _is_late(event, session.since)]
    if not event.data.agent_id:
        return [_ended(session, event) for session in own]
    others = [session for session in sessions.overlapped_by(agent_id) if device in ("", session.device_id)]
    return [*(_hand_over(session, event) for session in own), *_without(others, event, agent_id)]


def _hand_over(session: AgentSession, event: AgentEvent) -> SessionChange:
    """End a session; the last of those that it overlapped remains."""
    left = _ended(session, event)
    if not session.overlaps:
        return left
    *overlaps, last = session.overlaps
    remaining = AgentSession(
        agent_id=last.agent_id,
        agent_name=last.agent_name,
        device_id=session.device_id,
        state=LoggedOn.__name__,
        since=left.at,
        state_since=left.at,
        known_by=last.known_by,
        origin=last.origin,
        overlaps=tuple(overlaps),
    )
    return msgspec.structs.replace(left, session=remaining)


def _without(sessions: Iterable[AgentSession], event: AgentEvent, agent_id: str) -> list[SessionChange]:
    """Take an agent out of those that other sessions overlap, unless the event was overtaken by the log-on."""
    changes = []
    for session in sessions:
        kept = tuple(one for one in session.overlaps if one.agent_id != agent_id or _is_late(event, one.since))
        if kept != session.overlaps:
            after = msgspec.structs.replace(session, overlaps=kept)
            changes.append(SessionChange(device_id=session.device_id, session=after, ended=None, at=event.time))
    return changes


def _sessions_of(sessions: SessionTable, agent_id: str, device: str) -> list[AgentSession]:
    """Return the agent's sessions, or the one at the device if it is the agent's."""
    if device:
        present = sessions.get(device)
        return [present] if present and present.agent_id == agent_id else []
    return sessions.of(agent_id)


def _take(
    sessions: SessionTable,
    event: AgentEvent,
    agent_id: str,
    known_by: KnownBy,
    *,
    free_seating: bool,
    stated: Collection[str],
) -> list[SessionChange]:
    """Log the agent on at the event's device, ending the sessions that this contradicts, unless they are newer."""
    device = event.data.device_id or ""
    others = [] if free_seating else _sessions_of(sessions, agent_id, "")
    present = sessions.get(device)
    if any(_is_late(event, session.since) for session in (*others, *([present] if present else []))):
        return []
    if present is not None and _stands(present, agent_id, known_by):
        return []
    name = event.data.agent_name or next((session.agent_name for session in _sessions_of(sessions, agent_id, "")), "")
    session = AgentSession(
        agent_id=agent_id,
        agent_name=name,
        device_id=device,
        state=_state(event),
        since=event.time,
        state_since=event.time,
        reason=event.data.reason or "",
        known_by=known_by,
        origin=origin_of(event),
        overlaps=_overlapping(present, agent_id, known_by, stated),
    )
    taken = SessionChange(device_id=device, session=session, ended=present, at=event.time)
    elsewhere = [] if free_seating else [one for one in sessions.overlapped_by(agent_id) if one.device_id != device]
    return [*(_hand_over(other, event) for other in others), *_without(elsewhere, event, agent_id), taken]


def _stands(present: AgentSession, agent_id: str, known_by: KnownBy) -> bool:
    """Say whether a session stays as it is: the agent is one that it overlaps, or is less certain to be there."""
    is_known = any(one.agent_id == agent_id for one in present.overlaps)
    return is_known or (present.known_by in _CERTAIN and known_by not in _CERTAIN)


def _overlapping(
    present: AgentSession | None, agent_id: str, known_by: KnownBy, stated: Collection[str]
) -> tuple[OverlappingSession, ...]:
    """Return the agents that a new session contradicts; one of a snapshot contradicts only those that it states too."""
    if present is None or present.known_by not in _CERTAIN:
        return ()
    last = OverlappingSession(
        agent_id=present.agent_id,
        agent_name=present.agent_name,
        since=present.since,
        known_by=present.known_by,
        origin=present.origin,
    )
    others = [one for one in (*present.overlaps, last) if one.agent_id != agent_id]
    is_of_snapshot = known_by is KnownBy.SNAPSHOT
    return tuple(one for one in others if not is_of_snapshot or one.agent_id in stated)[-MAXIMUM_OVERLAPS:]


def _known_by(event: AgentEvent, in_snapshot: bool) -> KnownBy:
    if event.data.known_by:
        return KnownBy.OFFERED if event.data.known_by == KnownBy.OFFERED else KnownBy.CONFIGURED
    if in_snapshot:
        return KnownBy.SNAPSHOT
    return KnownBy.LOG_ON if isinstance(event, LoggedOn) else KnownBy.STATE


def origin_of(event: AgentEvent) -> str:
    """Return the type and id of an event, for the decision log."""
    return f"{_state(event)} {event.id}"


def _ended(session: AgentSession, event: AgentEvent) -> SessionChange:
    return SessionChange(device_id=session.device_id, session=None, ended=session, at=max(event.time, session.since))


def _continued(session: AgentSession, event: AgentEvent) -> list[SessionChange]:
    """Change state and name of an agent who remains logged on; a repeated log-on says nothing about the state."""
    if _is_late(event, session.state_since):
        return []
    after = msgspec.structs.replace(session, agent_name=event.data.agent_name or session.agent_name)
    reason = event.data.reason or ""
    if not isinstance(event, LoggedOn) and (_state(event), reason) != (session.state, session.reason):
        after = msgspec.structs.replace(after, state=_state(event), state_since=event.time, reason=reason)
    return (
        []
        if after == session
        else [SessionChange(device_id=session.device_id, session=after, ended=None, at=event.time)]
    )


def _is_late(event: AgentEvent, known: datetime) -> bool:
    """Say whether the event was overtaken by the one that is known."""
    return timedelta(0) < known - event.time <= DISORDER


def _state(event: AgentEvent) -> str:
    return type(event).__name__
