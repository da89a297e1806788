"""Recordings flagged under a name that an agent or a queue no longer has: QMS finds them under that name alone."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import TypeVar
from urllib.parse import urlencode

import msgspec
from django.db.models import Q, QuerySet
from django.urls import reverse

from agents.models import Agent, AgentName
from calls.leg_search import is_filled
from calls.lifecycle.outcomes import Outcome
from calls.models import Leg, QueueName, is_final

#: Counted no further: a person needs to know whether there are any, and whether they are many.
COUNTED = 1000
#: The latest names; so many agents or queues of one name are told of.
NAMES, NAMESAKES = 10, 5
_Name = TypeVar("_Name", AgentName, QueueName)
FLAGGED = (Outcome.FLAGGED.value, Outcome.PARTLY_FLAGGED.value)


class EarlierName(msgspec.Struct, frozen=True):
    """A name of before, until when it was the agent's or queue's (``key``), and how many recordings carry it.

    ``address``: the list of their legs.
    """

    name: str
    now: str
    key: str
    until: datetime
    recordings: int
    address: str

    @property
    def count(self) -> str:
        """Return the number of recordings, as far as it was counted."""
        return f"more than {COUNTED:,}" if self.recordings > COUNTED else f"{self.recordings:,}"


def earlier_names(term: str) -> list[EarlierName]:
    """Return the earlier names of the agents and queues that a search finds by id or name, if recordings carry them.

    A few queries that read no more than ``COUNTED`` legs for each name.
    """
    return [one for one in (*_of_agents(term), *_of_queues(term)) if one.recordings] if term else []


def _of_agents(term: str) -> Iterator[EarlierName]:
    found = Agent.objects.filter(Q(agent_id=term) | Q(name__iexact=term) | Q(names__name__iexact=term))
    for agent in found.order_by("id").distinct()[:NAMESAKES]:
        legs = Leg.objects.filter(source_id=agent.source_id, agent_id=agent.agent_id)
        for one, until in _earlier(AgentName.objects.filter(agent=agent)):
            # The search by id is what has the index.
            address = _list(q=agent.agent_id, agent_name__exact=one.name)
            count = _flagged(legs.filter(agent_name=one.name), one.since, until)
            yield EarlierName(one.name, agent.name, agent.agent_id, until, count, address)


def _of_queues(term: str) -> Iterator[EarlierName]:
    found = QueueName.objects.filter(Q(device_id=term) | Q(name__iexact=term))
    for source_id, device_id in found.order_by().values_list("source_id", "device_id").distinct()[:NAMESAKES]:
        names = QueueName.objects.filter(source_id=source_id, device_id=device_id)
        now = names.first()
        legs = Leg.objects.filter(is_filled("queue_name"), is_final(), source_id=source_id)
        for one, until in _earlier(names):
            count = _flagged(legs.filter(queue_name=one.name), one.since, until)
            yield EarlierName(one.name, now.name if now else "", device_id, until, count, _list(q=one.name))


def _earlier(names: "QuerySet[_Name]") -> Iterator[tuple[_Name, datetime]]:
    """Yield the names but for the present one, each with the time until which it stood."""
    had = list(reversed(names.order_by("-since", "-id")[:NAMES]))
    for one, following in pairwise(had):
        if one.name != had[-1].name:
            yield one, following.since


def _flagged(legs: QuerySet[Leg], since: datetime, until: datetime) -> int:
    spoken = legs.filter(outcome__in=FLAGGED, connected_at__gte=since, connected_at__lt=until)
    return spoken.order_by()[: COUNTED + 1].count()


def _list(**asked: str) -> str:
    return f"{reverse('admin:calls_leg_changelist')}?{urlencode(asked)}"
