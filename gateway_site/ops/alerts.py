"""The alert of flag writes that the gateway itself ended badly, for the dashboard, the health and the metrics."""

from collections.abc import Iterator, Sequence

from django.urls import reverse
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from flags.api import OfReason, in_plain_words, open_alerts, open_by_reason, raised_by_reason
from gateway_site.ops.health_parts import HealthPart

KIND = "alert"


def alert_part() -> HealthPart:
    """Say how many flag writes ended badly and were not acknowledged, and why most often."""
    found = open_alerts()
    if not found.count:
        return HealthPart("Flag writes", True, "No failed write awaits acknowledgement.", kind=KIND)
    were = "was" if found.count == 1 else "were"
    text = f"{found.words} {were} given up or refused and not acknowledged. Most often: {in_plain_words(found.code)}"
    return HealthPart("Flag writes", False, text, f"{reverse('admin:flags_flagwrite_changelist')}?alert=open", KIND)


def alert_metrics() -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
    """Yield the open alerts, 0 where all are acknowledged, and how many there ever were, by service and reason."""
    raised, is_open = raised_by_reason(), open_by_reason()
    known = {(one.service, one.code) for one in is_open}
    over = [OfReason(one.service, one.code, 0) for one in raised if (one.service, one.code) not in known]
    yield _family(
        GaugeMetricFamily,
        "gateway_flag_write_alerts_open",
        "Flag writes that the gateway ended badly and nobody has acknowledged.",
        [*is_open, *over],
    )
    yield _family(
        CounterMetricFamily,
        "gateway_flag_write_alerts",
        "Flag writes that the gateway ended badly, ever.",
        raised,
    )


def _family(
    kind: type[GaugeMetricFamily | CounterMetricFamily], name: str, says: str, counts: Sequence[OfReason]
) -> GaugeMetricFamily | CounterMetricFamily:
    family = kind(name, says, labels=["service", "reason"])
    for one in counts:
        family.add_metric([one.service, one.code], float(one.count))
    return family
