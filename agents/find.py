"""Find agents and QMS users by id, extension or a part of their name."""

from collections.abc import Iterator

import msgspec
from django.db.models import Q
from django.urls import reverse

from agents.models import Agent, QmsUser

#: Maximum of hits of one kind.
HITS = 5
#: Maximum of suggestions while one types.
SUGGESTED = 20
#: A shorter part of a name would find nearly everybody.
MINIMUM_PART = 2


class FoundPerson(msgspec.Struct, frozen=True):
    """An agent or QMS user that was found, and where."""

    kind: str
    name: str
    detail: str
    address: str


def find_agents(term: str) -> Iterator[FoundPerson]:
    """Yield agents by id, or by a part of a name that they have or had."""
    named = Q(name__icontains=term) | Q(names__name__icontains=term) if len(term) >= MINIMUM_PART else Q()
    for agent in Agent.objects.filter(Q(agent_id=term) | named).select_related("source").distinct()[:HITS]:
        address = reverse("admin:agents_agent_change", args=[agent.pk])
        yield FoundPerson("Agent", str(agent), f"at {agent.source}", address)


def find_users(term: str) -> Iterator[FoundPerson]:
    """Yield QMS users by extension, or by a part of their name."""
    parts = Q(first_name__icontains=term) | Q(last_name__icontains=term) | Q(user_name__icontains=term)
    named = parts if len(term) >= MINIMUM_PART else Q()
    users = QmsUser.objects.filter(Q(extension=term) | named).select_related("service")
    for user in users.order_by("gone_at", "extension")[:HITS]:
        address = reverse("admin:agents_qmsuser_change", args=[user.pk])
        yield FoundPerson("QMS user", str(user), f"on {user.service}", address)


def suggest_agents(term: str) -> list[tuple[str, str]]:
    """Return ids and names of agents whose id begins with a term or whose name holds it."""
    found = Agent.objects.filter(Q(agent_id__startswith=term) | Q(name__icontains=term)).order_by("name", "agent_id")
    return list(dict.fromkeys(found.values_list("agent_id", "name")[:SUGGESTED]))


def suggest_extensions(term: str) -> list[tuple[str, str]]:
    """Return extensions of QMS users, and their names, that begin with a term or whose user's name holds it."""
    named = Q(first_name__icontains=term) | Q(last_name__icontains=term)
    users = QmsUser.objects.filter(Q(extension__startswith=term) | named, gone_at=None).exclude(extension="")
    rows = users.order_by("extension").values_list("extension", "first_name", "last_name")[:SUGGESTED]
    return list(dict.fromkeys((extension, f"{first} {last}".strip()) for extension, first, last in rows))
