"""Agent sessions in the database, and the agents with the names that they had."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from agents.core.presence import AgentSession, SessionChange
from agents.models import AgentSessionRecord
from agents.sessions.agent_names import KnownAgents, save_agents
from agents.sessions.agent_sessions import save_agent_sessions

_COLUMNS = (
    "agent_id",
    "agent_name",
    "device_id",
    "state",
    "since",
    "state_since",
    "reason",
    "known_by",
    "origin",
    "overlaps",
)


def load_sessions(source_id: int) -> dict[str, AgentSession]:
    """Return who is logged on at a source now, by extension."""
    rows = AgentSessionRecord.objects.filter(source_id=source_id, until=None).values_list(*_COLUMNS)
    return {session.device_id: session for session in _sessions(rows)}


def sessions_at(source_id: int, moment: datetime) -> list[AgentSession]:
    """Return who was logged on at a source at a time; each state is the last of that session."""
    rows = AgentSessionRecord.objects.filter(source_id=source_id, since__lte=moment).exclude(until__lte=moment)
    return _sessions(rows.order_by("since", "id").values_list(*_COLUMNS))


def logged_on_at(source_id: int, device_id: str, moment: datetime) -> AgentSession | None:
    """Return who was logged on at an extension at a time, or None; the state is the last of that session."""
    rows = AgentSessionRecord.objects.filter(source_id=source_id, device_id=device_id, since__lte=moment)
    rows = rows.exclude(until__lte=moment).order_by("-since", "-id")
    return next(iter(_sessions(rows.values_list(*_COLUMNS)[:1])), None)


def save_sessions(
    source_id: int, changes: Sequence[SessionChange], now: datetime, known: KnownAgents | None = None
) -> None:
    """Save what a batch of events changed, in a few queries whatever its size; agents that are known are not read.

    To be called in the transaction of the batch, by one process a source at a time.
    """
    if changes:
        save_agent_sessions(source_id, changes)
        sessions = [change.session for change in changes if change.session]
        save_agents(source_id, sessions, now, known if known is not None else KnownAgents())


def _sessions(rows: Iterable[Sequence[object]]) -> list[AgentSession]:
    return [msgspec.convert(dict(zip(_COLUMNS, row, strict=True)), AgentSession) for row in rows]
