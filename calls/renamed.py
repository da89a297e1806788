"""Recordings flagged under a name that an agent no longer has: QMS finds them under that name alone."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from urllib.parse import urlencode

import msgspec
from django.db.models import Q
from django.urls import reverse

from agents.models import Agent, AgentName
from calls.lifecycle.outcomes import Outcome
from calls.models import Leg

#: Counted no further: a person needs to know whether there are any, and whether they are many.
COUNTED = 1000
#: An agent's latest names; so many agents of one name are told of.
NAMES, NAMESAKES = 10, 5
FLAGGED = (Outcome.FLAGGED.value, Outcome.PARTLY_FLAGGED.value)


class EarlierName(msgspec.Struct, frozen=True):
    """A name of before, until when it was the agent's, and how many recordings carry it. ``address``: the list."""

    name: str
    now: str
    agent_id: str
    until: datetime
    recordings: int
    address: str

    @property
    def count(self) -> str:
        """Return the number of recordings, as far as it was counted."""
        return f"more than {COUNTED:,}" if self.recordings > COUNTED else f"{self.recordings:,}"


def earlier_names(term: str) -> list[EarlierName]:
    """Return the earlier names of the agents that a search finds by id or name, of which recordings are flagged.

    A few queries that read no more than ``COUNTED`` legs for each name.
    """
    found = Agent.objects.filter(Q(agent_id=term) | Q(name__iexact=term) | Q(names__name__iexact=term))
    agents = list(found.order_by("id").distinct()[:NAMESAKES]) if term else []
    return [one for agent in agents for one in _of(agent) if one.recordings]


def _of(agent: Agent) -> Iterator[EarlierName]:
    had = list(reversed(AgentName.objects.filter(agent=agent).order_by("-since", "-id")[:NAMES]))
    for one, following in pairwise(had):
        if one.name != agent.name:
            yield EarlierName(
                name=one.name, now=agent.name, agent_id=agent.agent_id, until=following.since,
                recordings=_flagged(agent, one.name, one.since, following.since), address=_list(agent, one.name),
            )  # fmt: skip


def _flagged(agent: Agent, name: str, since: datetime, until: datetime) -> int:
    legs = Leg.objects.filter(source_id=agent.source_id, agent_id=agent.agent_id, agent_name=name, outcome__in=FLAGGED)
    return legs.filter(connected_at__gte=since, connected_at__lt=until).order_by()[: COUNTED + 1].count()


def _list(agent: Agent, name: str) -> str:
    """Return the address of the agent's legs under a name; the search by id is what has the index."""
    return f"{reverse('admin:calls_leg_changelist')}?{urlencode({'q': agent.agent_id, 'agent_name__exact': name})}"
