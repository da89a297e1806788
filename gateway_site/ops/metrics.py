"""``/metrics`` for Prometheus. Gauges are computed from the database when asked: every process gives the same numbers.

Counters and histograms (``telemetry.counters``) are those of this machine's programs and may be summed.

They name sources and services, never a call, an extension or a person.
"""

import shutil
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, generate_latest
from prometheus_client.core import CollectorRegistry, CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

import clock
from calls.api import LAST_HOUR, ends_since, hour_of, open_searches, percentile
from calls.core.outcomes import Outcome
from calls.models import Checkpoint, HourlyCount
from cti.api import archive_reports, bounds_in_use, refused_lately
from cti.models import CtiSource, LinkState, LinkStatus, QuarantinedMessage
from flags.models import UNSETTLED, FlagWrite, state_is_one_of
from gateway_site.canary.standing import CanaryStanding, standings
from gateway_site.ops import probes, worker_heartbeat
from gateway_site.ops.alerts import alert_metrics
from gateway_site.ops.cached_count import CachedCount
from gateway_site.reconciliation.standing import compared_until, open_by_grade
from gateway_site.version import VERSION
from qms.models import RecordingService, ServiceHealth
from telemetry import processes


class GatewayCollector(Collector):
    """The gateway's own numbers."""

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Yield every metric; without a database only the probes', which say so."""
        looks = list(probes.vital())
        yield _gauge("gateway_build_info", "1; the version is the label.", ["version"], [([VERSION], 1)])
        yield _disk()
        yield _gauge("gateway_part_ok", "1 where the part answers.", ["part"], [([one.name], one.ok) for one in looks])
        if any(one.name in probes.NEEDED_BY_ALL and not one.ok for one in looks):
            return
        if all(one.ok for one in looks):
            yield _lags()
            yield _heartbeats()
            yield _archive()
            yield from _bounds()
        try:
            yield from self._from_database()
        except DatabaseError:
            yield _gauge("gateway_scrape_failed", "1 where the database failed in mid-scrape.", [], [([], 1)])

    def _from_database(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        yield _legs()
        yield _events()
        yield _writes()
        yield from alert_metrics()
        yield from _searches()
        yield _quarantine()
        yield from _links()
        yield from _services()
        yield from _comparison()
        yield from _canaries()


def _gauge(name: str, says: str, labels: list[str], samples: list[tuple[list[str], float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, says, labels=labels)
    for values, number in samples:
        family.add_metric(values, float(number))
    return family


def _midnight() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def _legs() -> GaugeMetricFamily:
    """Sum up today's legs from the counts of its hours, whatever the number of legs."""
    rows = HourlyCount.objects.filter(hour__gte=hour_of(_midnight())).order_by().values_list("outcome")
    legs = dict(rows.annotate(Sum("legs")))
    counts: list[tuple[list[str], float]] = [([one.value], legs.get(one.value, 0)) for one in Outcome]
    return _gauge("gateway_legs_today", "Legs connected since midnight, by what became of them.", ["outcome"], counts)


def _count_unsettled() -> list[tuple[list[str], float]]:
    waiting = FlagWrite.objects.filter(
        state_is_one_of(UNSETTLED), is_canary=False
    )  # The partial index's own condition.
    rows = waiting.values_list("service__slug", "state").annotate(n=Count("id"))
    return [([service, state], n) for service, state, n in rows.order_by()]


#: A million may wait for a service that is away: they are not counted at each scrape.
_unsettled = CachedCount(_count_unsettled)


def _writes() -> GaugeMetricFamily:
    says = "Flag writes on their way to QMS; where there are very many, as they were a minute or so ago."
    return _gauge("gateway_flag_writes_unsettled", says, ["service", "state"], _unsettled())


def _searches() -> Iterator[GaugeMetricFamily]:
    """Tell of the last hour from the counts: twelve spans of each service, whatever the number of searches."""
    now = clock.now()
    services = RecordingService.objects.filter(enabled=True).order_by("slug")
    ends = {one.slug: ends_since(one.pk, now - LAST_HOUR) for one in services}
    yield _gauge(
        "gateway_searches_last_hour",
        "Recording searches that ended in the last hour: how, and if missed why.",
        ["service", "state", "why"],
        [([slug, *kind], n) for slug, end in ends.items() for kind, n in end.kinds.items()],
    )
    yield _gauge(
        "gateway_search_questions_last_hour",
        "Questions that QMS answered for them.",
        ["service"],
        [([slug], end.questions) for slug, end in ends.items()],
    )
    yield _gauge(
        "gateway_search_seconds_last_hour",
        "Connected to GUID of those found: the upper bound for that share.",
        ["service", "quantile"],
        [
            ([slug, f"{part:g}"], percentile(end.found_within, part) / 1000)
            for slug, end in ends.items()
            if end.found_within
            for part in (0.5, 0.95)
        ],
    )
    yield _gauge(
        "gateway_searches_open",
        "Recording searches that are being asked now.",
        ["service"],
        [([slug], open_searches(service_id)) for service_id, slug in services.values_list("pk", "slug")],
    )


def _lags() -> GaugeMetricFamily:
    return _gauge(
        "gateway_journal_lag_seconds",
        "How long the oldest event not yet folded has waited.",
        ["source"],
        [([slug], lag) for slug, lag in probes.journal_lags().items()],
    )


def _disk() -> GaugeMetricFamily:
    usage = shutil.disk_usage(settings.VAR_DIR)
    text = "The part of the disk of GATEWAY_VAR that is free, 0 to 1."
    return _gauge("gateway_disk_free_ratio", text, [], [([], usage.free / usage.total)])


def _archive() -> GaugeMetricFamily:
    sizes = [([machine], float(report.size_bytes)) for machine, report in archive_reports().items()]
    return _gauge("gateway_archive_bytes", "Size of the archive of the journal, in bytes.", ["machine"], sizes)


def _bounds() -> Iterator[GaugeMetricFamily]:
    """Yield how much of its bounds each source uses, and which of them it was beyond."""
    slugs = list(CtiSource.objects.filter(enabled=True).order_by("slug").values_list("slug", flat=True))
    yield _gauge(
        "gateway_bound_used_ratio",
        "How much a source has of what it may have, 0 to 1, by the setting of the bound.",
        ["source", "bound"],
        [([slug, bound.setting], count / bound.maximum) for slug in slugs for bound, count in bounds_in_use(slug)],
    )
    yield _gauge(
        "gateway_bound_reached",
        "1 where something was refused or held up because of the bound within the last ten minutes.",
        ["source", "bound"],
        [([slug, one.bound.setting], 1) for slug in slugs for one in refused_lately(slug)],
    )


def _heartbeats() -> GaugeMetricFamily:
    """Return ages; a queue without any sign in a day has the age of a day."""
    now = clock.now()
    signs = {queue: worker_heartbeat.last(queue) for queue in worker_heartbeat.QUEUES}
    ages = {queue: (now - at).total_seconds() if at else worker_heartbeat.KEPT_SECONDS for queue, at in signs.items()}
    text = "How long ago a worker of the queue did what beat asked for."
    return _gauge("gateway_heartbeat_age_seconds", text, ["queue"], [([queue], age) for queue, age in ages.items()])


def _events() -> CounterMetricFamily:
    family = CounterMetricFamily("gateway_events_folded", "Events folded, ever.", labels=["source"])
    for slug, events in Checkpoint.objects.values_list("source__slug", "events"):
        family.add_metric([slug], float(events))
    return family


def _quarantine() -> GaugeMetricFamily:
    rows = QuarantinedMessage.objects.filter(seen_at=None).values_list("source__slug").annotate(n=Count("id"))
    return _gauge(
        "gateway_quarantine_unseen",
        "Messages that could not be read and that nobody has ticked off.",
        ["source"],
        [([source], n) for source, n in rows.order_by()],
    )


def _links() -> Iterator[GaugeMetricFamily]:
    links = list(LinkStatus.objects.select_related("source").filter(source__enabled=True))
    up = (LinkState.UP, LinkState.SPOOLING)
    yield _gauge(
        "gateway_link_up",
        "1 where the listener is connected to the source.",
        ["source"],
        [([one.source.slug], one.state in up) for one in links],
    )
    yield _gauge(
        "gateway_link_spooled_events",
        "Events kept in the listener's file while Redis is away.",
        ["source"],
        [([one.source.slug], one.spooled) for one in links],
    )
    yield _gauge(
        "gateway_link_last_event_timestamp_seconds",
        "When the source's last event came.",
        ["source"],
        [([one.source.slug], one.last_event_at.timestamp()) for one in links if one.last_event_at],
    )


def _services() -> Iterator[GaugeMetricFamily]:
    healths = list(ServiceHealth.objects.select_related("service").filter(service__enabled=True))
    now = clock.now()
    yield _gauge(
        "gateway_breaker_open",
        "1 while the circuit breaker holds back what is patient.",
        ["service"],
        [([one.service.slug], bool(one.open_until and one.open_until > now)) for one in healths],
    )
    yield _gauge(
        "gateway_service_failures_in_a_row",
        "Failed calls since the last good one.",
        ["service"],
        [([one.service.slug], one.failures) for one in healths],
    )


def _findings_by_grade() -> list[tuple[list[str], float]]:
    return [([slug, grade], n) for slug, grade, n in open_by_grade()]


#: There may be many, and they change once a day.
_open_findings = CachedCount(_findings_by_grade)


def _comparison() -> Iterator[GaugeMetricFamily]:
    text = "Findings of the comparison with QMS that stand, by grade: neither withdrawn nor repaired."
    yield _gauge("gateway_reconciliation_findings_open", text, ["service", "grade"], _open_findings())
    yield _gauge(
        "gateway_reconciliation_compared_until_timestamp_seconds",
        "Up to when the recordings of a service were compared.",
        ["service"],
        [([slug], until.timestamp()) for slug, until in compared_until()],
    )


def _canaries() -> Iterator[GaugeMetricFamily]:
    """Tell of the canary of each source and Recording Service; where it has several extensions, of the worst."""
    found: dict[tuple[str, str], CanaryStanding] = {}
    for one in standings(clock.now()):
        key = one.source, one.service
        found[key] = one if key not in found or one.is_red else found[key]
    yield _gauge(
        "gateway_canary_red",
        "1 where the last canary call failed, or none was made in time.",
        ["source", "service"],
        [([*key], one.is_red) for key, one in found.items()],
    )
    ended = [(key, one.last, one.last.ended_at) for key, one in found.items() if one.last]
    yield _gauge(
        "gateway_canary_last_end_timestamp_seconds",
        "When the last canary call ended.",
        ["source", "service"],
        [([*key], at.timestamp()) for key, _, at in ended if at],
    )
    yield _gauge(
        "gateway_canary_duration_seconds",
        "How long the last canary call took, from its begin to flags read back.",
        ["source", "service"],
        [([*key], (at - last.began_at).total_seconds()) for key, last, at in ended if at],
    )


_registry = CollectorRegistry()
for _part in (GatewayCollector(), PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
    _registry.register(_part)


@never_cache
@require_safe
def metrics(_: HttpRequest) -> HttpResponse:
    """Answer in Prometheus's format: what is true of the installation, then what this machine's programs counted."""
    return HttpResponse(generate_latest(_registry) + processes.exposition(), content_type=CONTENT_TYPE_LATEST)
