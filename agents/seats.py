"""Seats in the database: a presence for each stay, and the agents with the names that they had."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from agents.models import Agent, AgentName, Presence
from agents.presence import Seat, SeatChange
from agents.stays import save_stays

#: An agent's last sign of life is written no more often.
SEEN_EVERY = timedelta(minutes=1)
_SEAT = ("agent_id", "agent_name", "device_id", "state", "since", "state_since", "reason")
#: Update rows that exist: each conflicts, which is ten times as fast as ``bulk_update``.
_EXISTING: dict[str, Any] = {"batch_size": 500, "update_conflicts": True, "unique_fields": ["id"]}


def load_seats(source_id: int) -> dict[str, Seat]:
    """Return who sits where at a source now, by extension."""
    rows = Presence.objects.filter(source_id=source_id, until=None).values_list(*_SEAT)
    return {seat.device_id: seat for seat in _seats(rows)}


def who_sat_at(source_id: int, device_id: str, moment: datetime) -> Seat | None:
    """Return who sat at an extension at a moment, or None; the state is the last of that stay."""
    rows = Presence.objects.filter(source_id=source_id, device_id=device_id, since__lte=moment)
    rows = rows.exclude(until__lte=moment).order_by("-since", "-id")
    return next(iter(_seats(rows.values_list(*_SEAT)[:1])), None)


def save_seats(source_id: int, changes: Sequence[SeatChange], now: datetime) -> None:
    """Save what a batch of events changed, in a few queries whatever its size.

    To be called in the transaction of the batch, by one process a source at a time.
    """
    if changes:
        save_stays(source_id, changes)
        _save_agents(source_id, [change.seat for change in changes if change.seat], now)


def _seats(rows: Iterable[Sequence[object]]) -> list[Seat]:
    return [msgspec.convert(dict(zip(_SEAT, row, strict=True)), Seat) for row in rows]


def _save_agents(source_id: int, seats: Sequence[Seat], now: datetime) -> None:
    """Add agents, their names as they change, and when they were last seen."""
    latest = {seat.agent_id: seat for seat in seats}
    known = {one.agent_id: one for one in Agent.objects.filter(source_id=source_id, agent_id__in=latest)}
    fresh = [_agent(source_id, seat, now) for seat in latest.values() if seat.agent_id not in known]
    renamed = [known[seat.agent_id] for seat in latest.values() if _is_renamed(known.get(seat.agent_id), seat)]
    seen = [agent for agent in known.values() if now - agent.last_seen_at >= SEEN_EVERY]
    for agent in {*renamed, *seen}:
        agent.name, agent.last_seen_at = latest[agent.agent_id].agent_name or agent.name, now
    Agent.objects.bulk_create({*renamed, *seen}, **_EXISTING, update_fields=["name", "last_seen_at"])
    named = [*Agent.objects.bulk_create(fresh, batch_size=500), *renamed]
    AgentName.objects.bulk_create(
        AgentName(agent=agent, name=agent.name, since=latest[agent.agent_id].state_since)
        for agent in named if agent.name
    )  # fmt: skip


def _agent(source_id: int, seat: Seat, now: datetime) -> Agent:
    return Agent(
        source_id=source_id, agent_id=seat.agent_id, name=seat.agent_name, first_seen_at=now, last_seen_at=now
    )  # fmt: skip


def _is_renamed(agent: Agent | None, seat: Seat) -> bool:
    return agent is not None and bool(seat.agent_name) and agent.name != seat.agent_name
