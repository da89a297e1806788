"""The panels above the lists of the admin: who is logged on, the pre-shift check, the user syncs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

import clock
from agents import pre_shift_check
from agents.core.matching import MatchKind
from agents.models import Agent, AgentState, RefreshState, ShiftCheck, ShiftTrouble, UserRefresh
from agents.sessions.logged_on import LoggedOnAgent, logged_on_agents, verdict_of
from clock.text import ago, shown
from qms.models import RecordingService

#: Maximum number of rows on a page; those with problems come first.
MAXIMUM_SHOWN = 200
#: A check is daily: an older one means that beat or the workers stood still.
CHECK_OLD_AFTER = timedelta(hours=26)
RANKS = (("cannot be flagged", "danger"), ("check", "warning"), ("matched", "success"))
RESULTS = {
    RefreshState.RUNNING: ("running", "info"),
    RefreshState.DONE: ("done", "success"),
    RefreshState.FAILED: ("failed", "danger"),
    RefreshState.SUSPICIOUS: ("suspicious", "warning"),
}


class AgentsTable(msgspec.Struct):
    """A table as the admin's component takes it."""

    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]


class LoggedOnPanel(msgspec.Struct):
    """Who is logged on; ``sentence`` sums it up. ``table``: those to look at; ``matched``: all is well with them."""

    sentence: str
    table: AgentsTable
    matched: AgentsTable


class ShiftPanel(msgspec.Struct):
    """What the last check before a shift found; ``is_old``: it should have run again since."""

    sentence: str
    table: AgentsTable
    is_old: bool
    may_check: bool


class RefreshPanel(msgspec.Struct):
    """The last user sync of each Recording Service. ``is_running``: the panel polls."""

    sentence: str
    table: AgentsTable
    services: list[RecordingService]
    is_running: bool
    may_refresh: bool
    may_take_file: bool
    file_address: str


def logged_on_panel(request: HttpRequest) -> LoggedOnPanel:
    """Return who is logged on, those whose calls cannot be flagged first."""
    agents = logged_on_agents()
    may_map = request.user.has_perm("agents.add_mappingact")
    shown_agents = agents[:MAXIMUM_SHOWN]
    headers = ("Calls", "Extension", "Agent", "State", "Source", "At risk today", "Why, and what to do")
    troubled, matched = (
        AgentsTable(headers, [_logged_on_row(one, may_map=may_map) for one in shown_agents if is_well(one) is wanted])
        for wanted in (False, True)
    )
    return LoggedOnPanel(sentence=_logged_on_sentence(agents), table=troubled, matched=matched)


def is_well(one: LoggedOnAgent) -> bool:
    """Say whether the calls of an agent can be flagged without a doubt."""
    return RANKS[one.rank][1] == "success"


def shift(request: HttpRequest) -> ShiftPanel:
    """Return what the last pre-shift check found, the troubled first."""
    run = pre_shift_check.latest()
    headers = ("Calls", "Extension", "Agent", "Source", "Why, and what to do")
    rows = [_shift_row(one) for one in run.troubles.all()[:MAXIMUM_SHOWN]] if run else []
    return ShiftPanel(
        sentence=_shift_sentence(run),
        table=AgentsTable(headers, rows),
        is_old=run is not None and clock.now() - run.at > CHECK_OLD_AFTER,
        may_check=request.user.has_perm("agents.add_shiftcheck"),
    )


def mapped(agent: Agent) -> str:
    """Say what the matching makes of an agent whose mapping was just changed."""
    verdict = verdict_of(agent)
    return verdict.reason if verdict.is_by_hand else "The mapping ended: the agent's extension counts again."


def refreshes(request: HttpRequest) -> RefreshPanel:
    """Return the last sync of every enabled Recording Service."""
    services = list(RecordingService.objects.filter(enabled=True))
    latest = [_latest(service) for service in services]
    headers = ("Recording Service", "Last sync", "Result", "Loaded", "Added", "Changed", "Gone", "Unchanged", "Remark")
    rows = [_refresh_row(service, one) for service, one in zip(services, latest, strict=True)]
    return RefreshPanel(
        sentence=_refresh_sentence(services),
        table=AgentsTable(headers, rows),
        services=services if len(services) > 1 else [],
        is_running=any(one and one.state == RefreshState.RUNNING for one in latest),
        may_refresh=request.user.has_perm("agents.add_userrefresh"),
        may_take_file=request.user.has_perms(("agents.add_userrefresh", "agents.change_userrefresh")),
        file_address=reverse("admin:agents_user_file"),
    )


def _logged_on_sentence(agents: Sequence[LoggedOnAgent]) -> str:
    if not agents:
        return "Nobody is logged on. Agents appear here when a CTI source reports that they log on."
    troubled = sum(one.verdict.kind is not MatchKind.MATCHED for one in agents)
    are = "1 agent is logged on" if len(agents) == 1 else f"{len(agents):,} agents are logged on"
    more = f" The first {MAXIMUM_SHOWN} are shown." if len(agents) > MAXIMUM_SHOWN else ""
    if troubled:
        cost = f" Calls at risk there today: {at_risk}." if (at_risk := _at_risk(agents)) else ""
        return f"{are}; the calls of {troubled} cannot be flagged.{cost}{more}"
    return f"{are}, {'' if len(agents) == 1 else 'each '}matched with a QMS user.{more}"


def _at_risk(agents: Sequence[LoggedOnAgent]) -> int:
    return sum({(one.source, one.session.device_id): one.calls_at_risk for one in agents}.values())


def _logged_on_row(one: LoggedOnAgent, *, may_map: bool) -> Sequence[Any]:
    session = one.session
    agent = f"{session.agent_name} ({session.agent_id})" if session.agent_name else session.agent_id
    state = AgentState(session.state).label + (f": {session.reason}" if session.reason else "")
    cost = str(one.calls_at_risk) if one.calls_at_risk or one.rank == 0 else ""
    why = _mendable(one) if may_map else one.verdict.reason
    return (_label(*RANKS[one.rank]), session.device_id, agent, state, one.source, cost, why)


def _mendable(one: LoggedOnAgent) -> str:
    """Return the reason, and for the troubled the link to a manual mapping."""
    if one.agent_pk is None or (one.rank == 2 and not one.verdict.is_by_hand):
        return one.verdict.reason
    address = f"{reverse('admin:agents_mappingact_add')}?agent={one.agent_pk}"
    word = "change the mapping" if one.verdict.is_by_hand else "map manually"
    return format_html(
        '<span>{} <a class="underline whitespace-nowrap" href="{}">{}</a></span>', one.verdict.reason, address, word
    )


def _shift_sentence(run: ShiftCheck | None) -> str:
    when = f"It runs each day at {at:%H:%M}." if (at := settings.PRE_SHIFT_AT) is not None else "It runs only by hand."
    if run is None:
        return f"There was no check yet. {when}"
    by = f"by {run.asked_by}" if run.asked_by else "as each day"
    counts = f"{run.ready} ready, {run.doubtful} to check, {run.troubled} in trouble"
    more = f" The first {MAXIMUM_SHOWN} are shown." if run.troubled + run.doubtful > MAXIMUM_SHOWN else ""
    return f"Checked {_ago(run.at)} ({shown(run.at)}, {by}): {counts}.{more} {when}"


def _shift_row(one: ShiftTrouble) -> Sequence[Any]:
    rank = RANKS[1] if one.kind == MatchKind.MATCHED else RANKS[0]
    label = ("check all", "danger") if one.kind == pre_shift_check.USERS_OLD else rank
    return (_label(*label), one.device_id, one.agent, one.source, one.reason)


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
        return (service.slug, "never", "", "", "", "", "", "", "Its users were never loaded: press the button.")
    link = format_html('<a class="underline" href="{}">{}</a>', _address(refresh), ago(refresh.started_at, clock.now()))
    counts = (refresh.loaded, refresh.added, refresh.changed, refresh.gone, refresh.unchanged)
    return (service.slug, link, _label(*RESULTS[RefreshState(refresh.state)]), *counts, refresh.error)


def _ago(moment: datetime) -> str:
    now = clock.now()
    return "just now" if now - moment < timedelta(minutes=1) else f"{timesince(moment, now)} ago"


def _label(text: str, kind: str) -> SafeString:
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": kind})


def _address(refresh: UserRefresh) -> str:
    return reverse("admin:agents_userrefresh_change", args=[refresh.pk])
