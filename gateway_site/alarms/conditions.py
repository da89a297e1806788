"""What is wrong now, by rule: the dashboard's own sentences, and looks that need more time than a page has."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db.models import Sum

from agents.models import ShiftCheck
from calls.api import LAST_HOUR, ends_since, hour_of
from calls.models import Gap, HourlyCount
from clock.text import site_time
from cti.models import LinkStatus
from evidence.api import oldest_unsealed, standing_problems
from gateway_site.alarms.certificates import watched
from gateway_site.alarms.models import AlarmChannel
from gateway_site.dashboard.today import today
from gateway_site.ops.degraded import degraded_parts
from gateway_site.ops.health_parts import HealthPart
from gateway_site.reconciliation.standing import open_critical, why_stopped
from qms.models import RecordingService

#: Which part of the dashboard belongs to which rule.
KINDS = {
    "source": "link",
    "journal": "journal",
    "beat": "work",
    "worker": "work",
    "service": "service",
    "waiting": "waiting",
    "alert": "refused",
    "users": "users",
    "canary": "canary",
    "bound": "bound",
}
#: Number of past weeks of which the usual number of calls is the mean.
WEEKS = 4
#: Minimum number of calls usual in an hour for its silence to be an alarm.
FEWEST_CALLS = 10
#: How long a gap or a failed pre-shift check is news.
NEWS = timedelta(hours=1)
#: Minimum number of searches in an hour for a percentage.
FEWEST_SEARCHES = 20


class AlarmFinding(msgspec.Struct, frozen=True):
    """Something wrong. ``subject``: what it is about; one incident for each rule and subject."""

    rule: str
    subject: str
    text: str


def find(now: datetime, thresholds: Mapping[str, float | None]) -> list[AlarmFinding]:
    """Look at everything. ``thresholds``: by rule. Raises ``DatabaseError``."""
    found = [finding for part in degraded_parts(now) if (finding := _of_part(part))]
    for rule, look in LOOKS.items():
        if rule in thresholds:
            found += [AlarmFinding(rule, subject, text) for subject, text in look(now, thresholds[rule] or 0.0)]
    return [one for one in found if one.rule in thresholds]


def _of_part(part: HealthPart) -> AlarmFinding | None:
    rule = KINDS.get(part.kind)
    return AlarmFinding(rule, part.name, part.text) if rule else None


def _silence(now: datetime, minutes: float) -> Iterator[tuple[str, str]]:
    """Compare with the same hour of the weeks before: who usually has calls now and has had no event for long?"""
    hours = [hour_of(now - timedelta(weeks=week)) for week in range(1, WEEKS + 1)]
    rows = HourlyCount.objects.filter(hour__in=hours).values_list("source_id").annotate(Sum("legs")).order_by()
    usual = dict(rows)
    for link in LinkStatus.objects.select_related("source").filter(source__enabled=True):
        calls = usual.get(link.source_id, 0) / WEEKS
        silent = link.last_event_at and now - link.last_event_at > timedelta(minutes=minutes)
        if calls >= FEWEST_CALLS and silent:
            yield str(link.source), f"No event for {minutes:g} minutes; usually {calls:.0f} calls in this hour."


def _missed(now: datetime, percent: float) -> Iterator[tuple[str, str]]:
    for service in RecordingService.objects.filter(enabled=True):
        kinds = ends_since(service.pk, now - LAST_HOUR).kinds
        every = sum(count for (state, _), count in kinds.items() if state in ("found", "missed"))
        missed = sum(count for (state, _), count in kinds.items() if state == "missed")
        if every >= FEWEST_SEARCHES and 100 * missed > percent * every:
            yield str(service), f"{missed:,} of {every:,} recording searches of the last hour missed."


def _target(now: datetime, _: float) -> Iterator[tuple[str, str]]:
    day = today(now)
    if day.is_alarming and day.flagged_percent is not None:
        yield "", f"{day.flagged_percent:.1f} % of today's finished calls are flagged; target {day.target_percent:g} %."


def _shift(now: datetime, _: float) -> Iterator[tuple[str, str]]:
    last = ShiftCheck.objects.order_by("-id").first()
    if last and last.troubled and now - last.at < NEWS:
        yield "", f"Calls of {last.troubled} of {last.ready + last.doubtful + last.troubled} cannot be flagged."


def _loss(now: datetime, _: float) -> Iterator[tuple[str, str]]:
    """Gaps of the stores; those of a link are the link's."""
    news = Gap.objects.filter(ended_at__gt=now - NEWS).select_related("source")
    for gap in news.filter(reason__regex="^(The database went back|Redis )").order_by("-id")[:20]:
        yield str(gap.source), gap.reason


def _disk(_: datetime, percent: float) -> Iterator[tuple[str, str]]:
    usage = shutil.disk_usage(settings.VAR_DIR)
    used = 100 * usage.used / usage.total
    if used > percent:
        yield "", f"{used:.0f} % of the disk of {settings.VAR_DIR} is used, {usage.free // 2**20:,} MiB are free."


def _certificate(now: datetime, days: float) -> Iterator[tuple[str, str]]:
    for one in watched():
        ends = one.ends_at()
        if ends and ends - now < timedelta(days=days):
            left = (ends - now).days
            days_left = "1 day" if left == 1 else f"{left} days"
            when = f"ends in {days_left}" if left >= 0 else "has ended"
            yield f"{one.owner}, {one.name}", f"It {when}, on {ends:%Y-%m-%d}."


def _delivery(_: datetime, __: float) -> Iterator[tuple[str, str]]:
    for channel in AlarmChannel.objects.filter(enabled=True).exclude(error=""):
        yield channel.name, f"The last message could not be sent: {channel.error}"


def _findings(_: datetime, most: float) -> Iterator[tuple[str, str]]:
    for service in RecordingService.objects.filter(enabled=True):
        count = open_critical(service.pk)
        if count > most:
            are = "1 finding is" if count == 1 else f"{count:,} findings are"
            yield str(service), f"{are} critical: QMS holds other Flags than it accepted, or has lost them."
        if why := why_stopped(service.pk):
            yield f"{service}, comparison", f"The last comparison stopped: {why}"


def _evidence(now: datetime, _: float) -> Iterator[tuple[str, str]]:
    """Say at once what does not fit the seals; allow a day and a half after a day for its own, made after midnight."""
    for host, text in standing_problems(now):
        yield f"Evidence on {host}", f"{text[0].upper()}{text[1:]}. Nothing is sealed: see the page Evidence seals."
    oldest = oldest_unsealed()
    if oldest is not None and (site_time(now) - timedelta(hours=36)).date() > oldest:
        yield "", f"The evidence of {oldest} is not sealed; the log of the worker default says why."


LOOKS: dict[str, Callable[[datetime, float], Iterator[tuple[str, str]]]] = {
    "silence": _silence,
    "missed": _missed,
    "target": _target,
    "shift": _shift,
    "findings": _findings,
    "evidence": _evidence,
    "loss": _loss,
    "disk": _disk,
    "certificate": _certificate,
    "delivery": _delivery,
}
