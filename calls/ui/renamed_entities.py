"""Recordings flagged under a name that an agent or a queue no longer has: QMS finds them under that name alone."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import TypeVar
from urllib.parse import urlencode

import msgspec
from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from agents.models import Agent, AgentName
from calls.core.outcomes import Outcome
from calls.models import Leg, QueueName, is_final
from calls.stats.queue_names import queue_of
from calls.ui.leg_search import is_filled

#: Maximum count: a person needs to know whether there are any, and whether there are many.
COUNTED = 1000
#: Maximum of legs read of the time in which a name was used, newest first.
READ = 10_000
#: Maximum of earlier names shown, and of agents or queues that share a name.
NAMES, NAMESAKES = 10, 5
_Name = TypeVar("_Name", AgentName, QueueName)
FLAGGED = (Outcome.FLAGGED.value, Outcome.PARTLY_FLAGGED.value)


class RenamedEntity(msgspec.Struct, frozen=True):
    """A former name of an agent or queue (``key``), until when it was used, and how many recordings carry it.

    ``address``: the list of their legs.
    """

    name: str
    now: str
    key: str
    until: datetime
    recordings: int
    is_whole: bool
    address: str

    @property
    def count(self) -> str:
        """Return the number of recordings, as far as it was counted."""
        if self.recordings > COUNTED:
            return f"more than {COUNTED:,}"
        if self.is_whole:
            return f"{self.recordings:,}"
        return f"at least {self.recordings:,}" if self.recordings else "an unknown number of"


def earlier_names(term: str) -> list[RenamedEntity]:
    """Return the earlier names of the agents and queues that a search finds by id or name, if recordings carry them.

    A few queries that read no more than ``READ`` legs for each name.
    """
    found = (*_of_agents(term), *_of_queues(term)) if term else ()
    return [one for one in found if one.recordings or not one.is_whole]


def _of_agents(term: str) -> Iterator[RenamedEntity]:
    found = Agent.objects.filter(Q(agent_id=term) | Q(name__iexact=term) | Q(names__name__iexact=term))
    for agent in found.order_by("id").distinct()[:NAMESAKES]:
        legs = Leg.objects.filter(agent_id=agent.agent_id)
        for one, until in _earlier(AgentName.objects.filter(agent=agent)):
            # The search by id is what has the index.
            address = _list(q=agent.agent_id, agent_name__exact=one.name)
            own = Q(source_id=agent.source_id, agent_name=one.name)
            yield RenamedEntity(
                one.name, agent.name, agent.agent_id, until, *_flagged(legs, own, one.since, until), address
            )


def _of_queues(term: str) -> Iterator[RenamedEntity]:
    found = QueueName.objects.filter(Q(device_id=term) | Q(name__iexact=term))
    for source_id, device_id in found.order_by().values_list("source_id", "device_id").distinct()[:NAMESAKES]:
        names = QueueName.objects.filter(source_id=source_id, device_id=device_id)
        now = names.first()
        legs = Leg.objects.filter(is_filled("queue_name"), is_final())
        for one, until in _earlier(names):
            if now and queue_of(one.name) == queue_of(now.name):
                continue  # Another spelling of the present name is on the same recordings.
            counts = _flagged(legs.filter(queue_name=one.name), Q(source_id=source_id), one.since, until)
            yield RenamedEntity(one.name, now.name if now else "", device_id, until, *counts, _list(q=one.name))


def _earlier(names: "QuerySet[_Name]") -> Iterator[tuple[_Name, datetime]]:
    """Yield the names but for the present one, each with the time until which it stood."""
    had = list(reversed(names.order_by("-since", "-id")[:NAMES]))
    for one, following in pairwise(had):
        if one.name != had[-1].name:
            yield one, following.since


def _flagged(legs: QuerySet[Leg], own: Q, since: datetime, until: datetime) -> tuple[int, bool]:
    """Return how many of the legs carry flags and are ``own``, and whether all of that time were read.

    Only what an index holds bounds the reading: else a name that few recordings carry is sought in the whole table.
    """
    read = legs.filter(connected_at__gte=since, connected_at__lt=until).order_by("-connected_at")[:READ]
    counts = read.aggregate(all=Count("pk"), flagged=Count("pk", filter=own & Q(outcome__in=FLAGGED)))
    return counts["flagged"], counts["all"] < READ


def _list(**asked: str) -> str:
    return f"{reverse('admin:calls_leg_changelist')}?{urlencode(asked)}"
