"""Everybody who is logged on now, with what QMS makes of it: those in trouble first."""

from collections.abc import Mapping

import msgspec
from django.utils import timezone

from agents.core.matching import MatchKind, MatchVerdict
from agents.core.presence import AgentSession
from agents.models import Agent
from agents.sessions.session_store import load_sessions
from agents.unmatched_calls import calls_at_risk
from agents.users.directories import load_directory
from cti.models import CtiSource


class LoggedOnAgent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent at an extension of a source, and whose recordings are made there."""

    source: str
    session: AgentSession
    verdict: MatchVerdict
    calls_at_risk: int = 0
    agent_pk: int | None = None

    @property
    def rank(self) -> int:
        """Return 0 where the calls cannot be flagged, 1 where the match is doubtful, 2 where all is well."""
        if self.verdict.kind is not MatchKind.MATCHED:
            return 0
        return 1 if self.verdict.is_doubtful else 2


def logged_on_agents() -> list[LoggedOnAgent]:
    """Return who is logged on at the enabled sources: those in trouble first, of them those whose trouble costs most.

    A few queries for each source.
    """
    at_risk = calls_at_risk(timezone.localdate())
    found = [one for source in CtiSource.objects.filter(enabled=True) for one in _logged_on_at(source, at_risk)]
    return sorted(found, key=lambda one: (one.rank, -one.calls_at_risk, one.source, one.session.device_id))


def verdict_of(agent: Agent) -> MatchVerdict:
    """Return whose recordings are made where an agent is logged on now; logged off: what the mapping says."""
    sessions = load_sessions(agent.source_id).values()
    device = next((session.device_id for session in sessions if session.agent_id == agent.agent_id), "")
    return load_directory(agent.source_id).verdict(device, agent.agent_id, agent.name)


def _logged_on_at(source: CtiSource, at_risk: Mapping[tuple[int, str], int]) -> list[LoggedOnAgent]:
    directory = load_directory(source.pk)
    agents = dict(Agent.objects.filter(source=source).values_list("agent_id", "id"))
    return [
        LoggedOnAgent(
            source=source.slug,
            session=session,
            calls_at_risk=at_risk.get((source.pk, session.device_id), 0),
            agent_pk=agents.get(session.agent_id),
            verdict=directory.verdict(session.device_id, session.agent_id, session.agent_name),
        )
        for session in load_sessions(source.pk).values()
    ]
