"""The health of each part of the installation, each with what is to be said of it and where it is fixed."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache

import msgspec
from django.urls import reverse

from clock.text import shown
from cti.api import ArchiveStatus, JournalError, archive_reports, quiet_intake_text, quiet_text
from cti.models import CtiSource, LinkState
from gateway_site.canary.standing import standings
from gateway_site.ops import probes, worker_heartbeat
from qms.api import BreakerState, breaker_state
from qms.models import RecordingService

#: Maximum time since a listener's last report; beyond it the listener is not running.
SILENT = timedelta(seconds=15)
#: Maximum age of a service's answer that is shown as its present state.
FRESH = timedelta(minutes=15)
#: Minimum age of an event that the archive lacks at which it is reported.
ARCHIVE_LATE = timedelta(minutes=15)
#: Minimum age of the oldest unread event, in seconds, at which a backlog is reported.
LATE_SECONDS = 10.0


class HealthPart(msgspec.Struct, frozen=True):
    """One part of the installation: is it well, and what is to be said of it. ``kind`` groups parts for a sentence."""

    name: str
    ok: bool
    text: str
    link: str = ""
    kind: str = ""


def health(now: datetime) -> list[HealthPart]:
    """Look at every part; what depends on a part that is not well is not asked."""
    vital = list(_vital())
    if any(part.kind in probes.NEEDED_BY_ALL and not part.ok for part in vital):
        return vital
    is_redis_well = any(part.kind == "redis" and part.ok for part in vital)
    work = [*_journals(), *_archives(now), *_work(now)] if is_redis_well else []
    return [*vital, *work, *_sources(now), *_intakes(now), *_services(now), *_canaries(now)]


@cache
def _migrations() -> str:
    """Look once in a process: its code does not change, and a failure is not remembered."""
    return probes.migrations()


def _vital() -> Iterator[HealthPart]:
    looks: dict[str, Callable[[], str]] = {
        "database": probes.database,
        "migrations": _migrations,
        "redis": probes.redis,
    }
    for kind, look in looks.items():
        name = "Database tables" if kind == "migrations" else kind.capitalize()
        try:
            yield HealthPart(name, True, look(), kind=kind)
        except probes.ProbeFailed as error:
            yield HealthPart(name, False, str(error), reverse("test-installation"), kind)
            if kind in probes.NEEDED_BY_ALL:
                return


def _canaries(now: datetime) -> Iterator[HealthPart]:
    """Say what the last canary call of each test extension showed."""
    link = reverse("admin:canary_canarycall_changelist")
    for one in standings(now):
        well = "The last canary call passed." if one.last else "No canary call has ended yet."
        yield HealthPart(one.name, not one.is_red, f"{one.text} {one.todo}" if one.is_red else well, link, "canary")


def _journals() -> Iterator[HealthPart]:
    """Say which sources' events wait, and for how long."""
    try:
        lags = probes.journal_lags()
    except JournalError as error:
        yield HealthPart("Journal", False, f"It cannot be read: {error}", reverse("test-installation"), "journal")
        return
    longest = max(lags.values(), default=0.0)
    late = [slug for slug, lag in lags.items() if lag > LATE_SECONDS]
    text = f"Events of {', '.join(late)} wait; the oldest for {longest:.0f} s." if late else "No event waits long."
    yield HealthPart("Journal", not late, text, kind="journal")


def _archives(now: datetime) -> Iterator[HealthPart]:
    """Say how the archive of each machine stands that reported recently."""
    try:
        reports = archive_reports()
    except JournalError:
        return  # Said of the journal.
    for machine, report in sorted(reports.items()):
        if now - report.at < FRESH:
            yield _archive(f"Archive on {machine}" if len(reports) > 1 else "Archive", report, now)


def _archive(name: str, report: ArchiveStatus, now: datetime) -> HealthPart:
    late = sorted(slug for slug, since in report.behind.items() if now - since > ARCHIVE_LATE)
    kept = "Redis keeps the events for now; see The archive of the journal in the manual."
    if report.error:
        return HealthPart(name, False, f"{report.error}. {kept}", kind="archive")
    if late:
        return HealthPart(name, False, f"The newest events of {', '.join(late)} are not in it. {kept}", kind="archive")
    return HealthPart(name, True, f"{report.size_bytes / 1e6:,.1f} MB of events.", kind="archive")


def _work(now: datetime) -> Iterator[HealthPart]:
    """Say whether beat's sign came through each queue: beat and that queue's worker are alive then."""
    oldest = timedelta(seconds=worker_heartbeat.OLDEST_SECONDS)
    signs = {queue: worker_heartbeat.last(queue) for queue in worker_heartbeat.QUEUES}
    alive = {queue: sign is not None and now - sign < oldest for queue, sign in signs.items()}
    if not any(alive.values()):
        yield HealthPart("Beat", False, "No heartbeat, nor of any worker; is ./gateway up running?", kind="beat")
        return
    yield HealthPart("Beat", True, "Scheduler heartbeat OK.", kind="beat")
    for queue, is_alive in alive.items():
        text = "Worker is processing." if is_alive else "No heartbeat; start it again."
        yield HealthPart(f"Worker for {queue}", is_alive, text, kind="worker")


def _sources(now: datetime) -> list[HealthPart]:
    found = CtiSource.objects.filter(enabled=True).exclude(kind="http").select_related("status")
    return [_source(one, now) for one in found]


def _intakes(now: datetime) -> list[HealthPart]:
    """Return the HTTP sources whose program has sent events, but nothing of a call for too long."""
    found = CtiSource.objects.filter(enabled=True, kind="http").prefetch_related("tokens")
    quiet = [(one, quiet_intake_text(one.tokens.all(), now)) for one in found]
    return [
        HealthPart(f"CTI source {one}", False, text, reverse("admin:cti_ctisource_change", args=[one.pk]), "source")
        for one, text in quiet
        if text
    ]


def _source(source: CtiSource, now: datetime) -> HealthPart:
    link, status = reverse("admin:cti_ctisource_change", args=[source.pk]), getattr(source, "status", None)
    name = f"CTI source {source}"
    if status is None or status.reported_at is None:
        return HealthPart(name, False, "No listener has reported yet; is ./gateway up running?", link, "source")
    if now - status.reported_at > SILENT:
        return HealthPart(name, False, "Its listener is silent; start it again.", link, "source")
    trouble = status.lack or quiet_text(status, now)
    if status.state == LinkState.UP and trouble:
        return HealthPart(name, False, trouble, link, "source")
    is_up = status.state == LinkState.UP
    rate = f"{status.events_per_second:.0f}"
    text = f"{status.get_state_display()}, {rate} event{'' if rate == '1' else 's'} a second"
    return HealthPart(name, is_up, text if is_up else f"{text}. {status.last_error}".strip(), link, "source")


def _services(now: datetime) -> list[HealthPart]:
    found = RecordingService.objects.filter(enabled=True).select_related("health")
    return [_service(one, now) for one in found]


def _service(service: RecordingService, now: datetime) -> HealthPart:
    link, seen = reverse("admin:qms_recordingservice_change", args=[service.pk]), getattr(service, "health", None)
    name = f"Recording Service {service}"
    if seen is None or (seen.ok_at is None and not seen.failures):
        return HealthPart(name, True, "Not asked yet.", link, "unasked")
    if seen.failures or breaker_state(seen, now) is not BreakerState.CLOSED or seen.ok_at is None:
        return HealthPart(
            name,
            False,
            f"{seen.failures} failure{'' if seen.failures == 1 else 's in a row'}. {seen.error}".strip(),
            link,
            "service",
        )
    if now - seen.ok_at < FRESH:
        return HealthPart(name, True, "Answers.", link, "service")
    return HealthPart(name, True, f"Answered when last asked, {shown(seen.ok_at)}.", link, "rested")
