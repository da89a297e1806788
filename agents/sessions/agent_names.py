"""Agents in the database: the names that they had, and when each was last seen."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection

from agents.core.presence import AgentSession
from agents.models import Agent, AgentName

#: Minimum interval between two writes of when an agent was last seen.
SEEN_EVERY = timedelta(minutes=1)
#: Maximum number of agents kept in memory.
KEPT = 200_000

_TABLE = Agent._meta.db_table  # noqa: SLF001  (documented by Django)
_ON_POSTGRESQL = (
    f"UPDATE {_TABLE} SET last_seen_at = %s WHERE source_id = %s AND agent_id = ANY(%s) RETURNING agent_id, name"  # noqa: S608  (names)
)
_ON_SQLITE = f"UPDATE {_TABLE} SET last_seen_at = %s WHERE source_id = %s AND agent_id = %s AND name = %s"  # noqa: S608


class KnownAgents:
    """What is known of a source's agents as they were last read or written, so that they are not read again.

    It is valid while no other process saves the sessions of that source: the owner clears it when another did, and when
    the transaction was rolled back. No entry is used longer than ``SEEN_EVERY`` without being read again.
    """

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._agents: dict[str, tuple[str, datetime]] = {}

    def forget(self) -> None:
        """Drop every agent."""
        self._agents.clear()

    def keep(self, agents: Iterable[Agent]) -> None:
        """Store agents as they are in the database now; drop all when there are too many."""
        self._agents.update((agent.agent_id, (agent.name, agent.last_seen_at)) for agent in agents)
        if len(self._agents) > self._most:
            self.forget()

    def see(self, names: Mapping[str, str], now: datetime) -> None:
        """Store that agents, by id, were seen now."""
        self._agents.update((agent_id, (name, now)) for agent_id, name in names.items())

    def compare(
        self, sessions: Mapping[str, AgentSession], now: datetime
    ) -> tuple[dict[str, AgentSession], dict[str, str]]:
        """Return the sessions whose agents are to be read, and the names of those who were only seen again; by id."""
        news: dict[str, AgentSession] = {}
        seen: dict[str, str] = {}
        for agent_id, session in sessions.items():
            name, seen_at = self._agents.get(agent_id, ("", None))
            if seen_at is None or now < seen_at or _is_renamed(name, session):
                news[agent_id] = session
            elif now - seen_at >= SEEN_EVERY:
                seen[agent_id] = name
        return news, seen


def save_agents(source_id: int, sessions: Sequence[AgentSession], now: datetime, known: KnownAgents) -> None:
    """Add agents, their names as they change, and when they were last seen."""
    latest = {session.agent_id: session for session in sessions}
    news, seen = known.compare(latest, now)
    if _see(source_id, seen, now):
        known.see(seen, now)
    else:  # The update does not say which of them is missing or renamed.
        news |= {agent_id: latest[agent_id] for agent_id in seen}
    if news:
        known.keep(_save_news(source_id, news, now))


def _see(source_id: int, names: Mapping[str, str], now: datetime) -> bool:
    """Note that agents were seen; returns whether all are there, with the names known."""
    if not names:
        return True
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_ON_POSTGRESQL, [now, source_id, list(names)])
            return dict(cursor.fetchall()) == names
        moment = connection.ops.adapt_datetimefield_value(now)
        cursor.executemany(_ON_SQLITE, [(moment, source_id, *one) for one in names.items()])
        return int(cursor.rowcount) == len(names)


def _save_news(source_id: int, latest: dict[str, AgentSession], now: datetime) -> list[Agent]:
    """Compare sessions with the agents in the database and save what is new; returns the agents as they are then."""
    known = {one.agent_id: one for one in Agent.objects.filter(source_id=source_id, agent_id__in=latest)}
    fresh = [_agent(source_id, session, now) for session in latest.values() if session.agent_id not in known]
    renamed = [one for one in known.values() if _is_renamed(one.name, latest[one.agent_id])]
    seen = [agent for agent in known.values() if now - agent.last_seen_at >= SEEN_EVERY]
    for agent in {*renamed, *seen}:
        agent.name, agent.last_seen_at = latest[agent.agent_id].agent_name or agent.name, now
    Agent.objects.bulk_create(
        {*renamed, *seen},
        batch_size=500,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["name", "last_seen_at"],
    )
    named = [*Agent.objects.bulk_create(fresh, batch_size=500), *renamed]
    AgentName.objects.bulk_create(
        AgentName(agent=agent, name=agent.name, since=latest[agent.agent_id].state_since)
        for agent in named
        if agent.name
    )
    return [*fresh, *known.values()]


def _agent(source_id: int, session: AgentSession, now: datetime) -> Agent:
    return Agent(
        source_id=source_id, agent_id=session.agent_id, name=session.agent_name, first_seen_at=now, last_seen_at=now
    )


def _is_renamed(name: str, session: AgentSession) -> bool:
    return bool(session.agent_name) and session.agent_name != name
