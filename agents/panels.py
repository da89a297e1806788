"""What stands above the lists in the admin: who is logged on, and how the loads of users went."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from agents.matching import MatchKind
from agents.models import Agent, AgentState, RefreshState, UserRefresh
from agents.seated import Seated, seated_agents, verdict_of
from qms.models import RecordingService

#: As many rows as a page shows; the troubled come first.
SHOWN_AT_MOST = 200
RANKS = (("cannot be flagged", "danger"), ("check", "warning"), ("matched", "success"))
RESULTS = {
    RefreshState.RUNNING: ("running", "info"),
    RefreshState.DONE: ("done", "success"),
    RefreshState.FAILED: ("failed", "danger"),
    RefreshState.SUSPICIOUS: ("suspicious", "warning"),
}


class Table(msgspec.Struct):
    """A table as the admin's component takes it."""

    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]


class SeatedPanel(msgspec.Struct):
    """Who is logged on; ``sentence`` sums it up."""

    sentence: str
    table: Table


class RefreshPanel(msgspec.Struct):
    """How the loads of each Recording Service went. ``is_running``: the panel asks for itself again."""

    sentence: str
    table: Table
    services: list[RecordingService]
    is_running: bool
    may_refresh: bool


def seated() -> SeatedPanel:
    """Return who is logged on, those whose calls cannot be flagged first."""
    agents = seated_agents()
    rows = [_seated_row(one) for one in agents[:SHOWN_AT_MOST]]
    headers = ("Calls", "Extension", "Agent", "State", "Source", "Why, and what to do")
    return SeatedPanel(sentence=_seated_sentence(agents), table=Table(headers, rows))


def mapped(agent: Agent) -> str:
    """Say what the matching makes of an agent whose mapping was just changed."""
    verdict = verdict_of(agent)
    return verdict.reason if verdict.is_by_hand else "The mapping ended: the agent's extension counts again."


def refreshes(request: HttpRequest) -> RefreshPanel:
    """Return the last load of every enabled Recording Service."""
    services = list(RecordingService.objects.filter(enabled=True))
    latest = [_latest(service) for service in services]
    headers = ("Recording Service", "Last load", "Result", "Loaded", "Added", "Changed", "Gone", "Unchanged", "Remark")
    rows = [_refresh_row(service, one) for service, one in zip(services, latest, strict=True)]
    return RefreshPanel(
        sentence=_refresh_sentence(services),
        table=Table(headers, rows),
        services=services if len(services) > 1 else [],
        is_running=any(one and one.state == RefreshState.RUNNING for one in latest),
        may_refresh=request.user.has_perm("agents.add_userrefresh"),
    )


def _seated_sentence(agents: Sequence[Seated]) -> str:
    if not agents:
        return "Nobody is logged on. Agents appear here when a CTI source reports that they log on."
    troubled = sum(one.verdict.kind is not MatchKind.MATCHED for one in agents)
    more = f" The first {SHOWN_AT_MOST} are shown." if len(agents) > SHOWN_AT_MOST else ""
    if troubled:
        return f"{len(agents)} agents are logged on; the calls of {troubled} cannot be flagged.{more}"
    return f"{len(agents)} agents are logged on, and each is matched with a QMS user.{more}"


def _seated_row(one: Seated) -> Sequence[Any]:
    seat = one.seat
    agent = f"{seat.agent_name} ({seat.agent_id})" if seat.agent_name else seat.agent_id
    state = AgentState(seat.state).label + (f": {seat.reason}" if seat.reason else "")
    return (_label(*RANKS[one.rank]), seat.device_id, agent, state, one.source, one.verdict.reason)


def _latest(service: RecordingService) -> UserRefresh | None:
    return service.refreshes.order_by("-id").first()


def _refresh_sentence(services: Sequence[RecordingService]) -> str:
    if not services:
        return "There is no Recording Service yet: add one, then its users can be loaded."
    times = ", ".join(sorted({f"{one.refresh_at:%H:%M}" for one in services}))
    return (
        f"Users are loaded when the gateway starts, each day at {times}, and when you press the button. "
        "You may leave this page while they are loaded."
    )


def _refresh_row(service: RecordingService, refresh: UserRefresh | None) -> Sequence[Any]:
    if refresh is None:
        return (service.slug, "never", "", "", "", "", "", "", "Users were never loaded: press the button.")
    link = format_html('<a class="underline" href="{}">{}</a>', _address(refresh), _ago(refresh.started_at))
    counts = (refresh.loaded, refresh.added, refresh.changed, refresh.gone, refresh.unchanged)
    return (service.slug, link, _label(*RESULTS[RefreshState(refresh.state)]), *counts, refresh.error)


def _ago(moment: datetime) -> str:
    now = timezone.now()
    return "just now" if now - moment < timedelta(minutes=1) else f"{timesince(moment, now)} ago"


def _label(text: str, kind: str) -> SafeString:
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": kind})


def _address(refresh: UserRefresh) -> str:
    return reverse("admin:agents_userrefresh_change", args=[refresh.pk])
