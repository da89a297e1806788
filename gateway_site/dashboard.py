"""The dashboard: is it working now? True figures of today, what was not flagged and why, each part's health."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from agents.models import Allocation, QmsUser
from calls.lifecycle.outcomes import Outcome
from calls.lifecycle.values import Phase
from calls.models import Leg, RecordingSearch, SearchState
from calls.pages import ADVICE
from cti.models import CtiSource, LinkState
from flags.models import FlagOnServer, FlagWrite, WriteState
from gateway_site import probes, pulse
from qms.api import BreakerState, breaker_state
from qms.models import DataServer, RecordingService

#: Times are of the newest so many searches and writes.
NEWEST = 500
#: A listener that has not reported for so long is not running.
SILENT = timedelta(seconds=15)


class Share(msgspec.Struct, frozen=True):
    """How many of today's legs ended so; ``percent`` is of the widest bar."""

    outcome: str
    count: int
    percent: float
    link: str
    advice: str


class Times(msgspec.Struct, frozen=True):
    """How long something took, in seconds; None without anything to measure."""

    p50: float | None
    p95: float | None
    p99: float | None


class Part(msgspec.Struct, frozen=True):
    """One part of the installation: is it well, and what is to be said of it."""

    name: str
    ok: bool
    text: str
    link: str = ""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All that the dashboard shows."""

    sentence: str
    is_well: bool
    in_progress: int
    today: int
    flagged_percent: float | None
    waiting: int
    misses: list[Share]
    to_guid: Times
    to_flags: Times
    searches_open: int
    writes_open: int
    parts: list[Part]
    first_steps: list[Part]
    newest_misses: list[Leg]


def callback(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Give the admin's index its figures (unfold's DASHBOARD_CALLBACK), to those who may see calls."""
    may_see = request.user.has_perm("calls.view_leg")
    return {**context, "title": "Dashboard", "figures": figures(timezone.now()) if may_see else None}


def figures(now: datetime) -> Figures:
    """Count what the dashboard shows, by indexed queries."""
    counts = _today(now)
    parts = [*_vital(), *_queues(now), *_sources(now), *_services(now)]
    settled = sum(counts.values()) - counts[Outcome.WAITING]
    share = counts[Outcome.FLAGGED] / settled * 100 if settled else None
    in_progress = Leg.objects.filter(phase=Phase.OPEN.value).count()
    return Figures(
        sentence=_sentence(parts, in_progress, share), is_well=all(part.ok for part in parts), in_progress=in_progress,
        today=sum(counts.values()), flagged_percent=share, waiting=counts[Outcome.WAITING], misses=_misses(counts),
        to_guid=_times(_search_seconds()), to_flags=_times(_write_seconds()),
        searches_open=RecordingSearch.objects.filter(state=SearchState.OPEN).count(),
        writes_open=FlagWrite.objects.filter(state__in=("queued", "sending", "unclear")).count(), parts=parts,
        first_steps=_first_steps(), newest_misses=_newest_misses(now),
    )  # fmt: skip


def _midnight(now: datetime) -> datetime:
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)


def _today(now: datetime) -> Counter[str]:
    rows = Leg.objects.filter(connected_at__gte=_midnight(now)).order_by().values("outcome").annotate(n=Count("id"))
    return Counter({row["outcome"]: row["n"] for row in rows})


def _misses(counts: Counter[str]) -> list[Share]:
    missed = [(outcome, n) for outcome, n in counts.most_common() if outcome not in (Outcome.FLAGGED, Outcome.WAITING)]
    widest = max((n for _, n in missed), default=1)
    legs = reverse("admin:calls_leg_changelist")
    return [
        Share(outcome.replace("_", " "), n, n / widest * 100, f"{legs}?outcome__exact={outcome}",
              ADVICE[Outcome(outcome)])
        for outcome, n in missed
    ]  # fmt: skip


def _newest_misses(now: datetime) -> list[Leg]:
    missed = Leg.objects.filter(connected_at__gte=_midnight(now)).exclude(
        outcome__in=(Outcome.FLAGGED, Outcome.WAITING)
    )
    return list(missed.order_by("-connected_at")[:8])


def _search_seconds() -> list[float]:
    found = RecordingSearch.objects.filter(state=SearchState.FOUND, answered_at__isnull=False).order_by("-id")[:NEWEST]
    return [(one.answered_at - one.connected_at).total_seconds() for one in found if one.answered_at]


def _write_seconds() -> list[float]:
    written = FlagWrite.objects.filter(state=WriteState.WRITTEN, part="base").order_by("-id")[:NEWEST]
    return [(one.settled_at - one.created_at).total_seconds() for one in written if one.settled_at]


def _times(seconds: Sequence[float]) -> Times:
    ordered = sorted(seconds)
    if not ordered:
        return Times(None, None, None)
    return Times(*(ordered[min(int(len(ordered) * part), len(ordered) - 1)] for part in (0.5, 0.95, 0.99)))


def _vital() -> list[Part]:
    return [Part(probe.name.capitalize(), probe.ok, probe.detail) for probe in probes.vital()]


def _queues(now: datetime) -> list[Part]:
    """Say whether beat's sign came through each queue: beat and that queue's worker are alive then."""
    oldest = timedelta(seconds=pulse.OLDEST_SECONDS)
    signs = {queue: pulse.last(queue) for queue in pulse.QUEUES}
    return [
        Part(f"Worker for {queue}", sign is not None and now - sign < oldest,
             "Serves its queue." if sign and now - sign < oldest else "No sign of life; is ./gateway up running?")
        for queue, sign in signs.items()
    ]  # fmt: skip


def _sources(now: datetime) -> list[Part]:
    found = CtiSource.objects.filter(enabled=True).exclude(kind="http").select_related("status")
    return [_source(one, now) for one in found]


def _source(source: CtiSource, now: datetime) -> Part:
    link, status = reverse("admin:cti_ctisource_change", args=[source.pk]), getattr(source, "status", None)
    if status is None or status.reported_at is None:
        return Part(f"CTI source {source}", False, "No listener has reported yet; is ./gateway up running?", link)
    if now - status.reported_at > SILENT:
        return Part(f"CTI source {source}", False, "Its listener is silent; start it again.", link)
    is_up = status.state == LinkState.UP
    text = f"{status.get_state_display()}, {status.events_per_second:.0f} events a second"
    return Part(f"CTI source {source}", is_up, text if is_up else f"{text}. {status.last_error}".strip(), link)


def _services(now: datetime) -> list[Part]:
    found = RecordingService.objects.filter(enabled=True).select_related("health")
    return [_service(one, now) for one in found]


def _service(service: RecordingService, now: datetime) -> Part:
    link, health = reverse("admin:qms_recordingservice_change", args=[service.pk]), getattr(service, "health", None)
    name = f"Recording Service {service}"
    if health is None or (health.ok_at is None and not health.failures):
        return Part(name, True, "Not asked yet.", link)
    is_well = breaker_state(health, now) is BreakerState.CLOSED and not health.failures
    return Part(name, is_well, "Answers." if is_well else f"{health.failures} failures in a row. {health.error}", link)


def _sentence(parts: Sequence[Part], in_progress: int, share: float | None) -> str:
    broken = [part for part in parts if not part.ok]
    if broken:
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        return f"{broken[0].name}{more}: {broken[0].text}"
    services = sum(part.name.startswith("Recording Service") for part in parts)
    if not services:
        return "No Recording Service is set up yet: nothing can be flagged. The first steps below lead through it."
    flagged = (
        f"{share:.1f} % of today's finished calls are flagged" if share is not None else "no call has finished today"
    )
    answering = "the Recording Service answers" if services == 1 else f"all {services} Recording Services answer"
    return f"All is well: {answering}, {in_progress} calls in progress, {flagged}."


def _first_steps() -> list[Part]:
    """Lead through a new system, step by step; empty once all are taken."""
    steps = [
        Part("1. Data Server", DataServer.objects.exists(), "Where Flags are defined.",
             reverse("admin:qms_dataserver_add")),
        Part("2. Recording Service", RecordingService.objects.exists(), "Its address and login; then Test connection.",
             reverse("admin:qms_recordingservice_add")),
        Part("3. CTI source", CtiSource.objects.exists(), "Your PBX or CTI server.",
             reverse("admin:cti_ctisource_add")),
        Part("4. Allocation", Allocation.objects.exists(), "Which service records which source.",
             reverse("admin:agents_allocation_add")),
        Part("5. Flags", FlagOnServer.objects.exists(), "Press Create in QMS.",
             reverse("admin:flags_flagsetting_changelist")),
        Part("6. QMS users", QmsUser.objects.exists(), "Press Refresh QMS users.",
             reverse("admin:agents_qmsuser_changelist")),
    ]  # fmt: skip
    return [] if all(step.ok for step in steps) else steps
