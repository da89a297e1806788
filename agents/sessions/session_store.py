"""Seats in the database: a presence for each stay, and the agents with the names that they had."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from agents.core.presence import AgentSession, SessionChange
from agents.models import Presence
from agents.sessions.agent_names import KnownAgents, save_agents
from agents.sessions.agent_sessions import save_stays

_SEAT = (
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


def load_seats(source_id: int) -> dict[str, AgentSession]:
    """Return who sits where at a source now, by extension."""
    rows = Presence.objects.filter(source_id=source_id, until=None).values_list(*_SEAT)
    return {seat.device_id: seat for seat in _seats(rows)}


def who_sat_at(source_id: int, device_id: str, moment: datetime) -> AgentSession | None:
    """Return who sat at an extension at a moment, or None; the state is the last of that stay."""
    rows = Presence.objects.filter(source_id=source_id, device_id=device_id, since__lte=moment)
    rows = rows.exclude(until__lte=moment).order_by("-since", "-id")
    return next(iter(_seats(rows.values_list(*_SEAT)[:1])), None)


def save_seats(
    source_id: int, changes: Sequence[SessionChange], now: datetime, known: KnownAgents | None = None
) -> None:
    """Save what a batch of events changed, in a few queries whatever its size; agents that are known are not read.

    To be called in the transaction of the batch, by one process a source at a time.
    """
    if changes:
        save_stays(source_id, changes)
        seats = [change.seat for change in changes if change.seat]
        save_agents(source_id, seats, now, known if known is not None else KnownAgents())


def _seats(rows: Iterable[Sequence[object]]) -> list[AgentSession]:
    return [msgspec.convert(dict(zip(_SEAT, row, strict=True)), AgentSession) for row in rows]
