"""Every counter and histogram of the gateway's programs. docs/monitoring.md has them as a table, made from here.

Labels name sources, Recording Services, operations and results: never a call, an extension or a person.
"""

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram

from telemetry import processes

if processes.FOLDER not in os.environ:  # A program without the gateway's settings (a bench, a core test) counts too.
    processes.keep_in(Path(tempfile.mkdtemp(prefix="gateway-metrics-")))

#: They are read through ``processes.exposition`` only.
_made = CollectorRegistry()
# Upper bounds of the buckets, in seconds.
_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class MetricSpec(NamedTuple):
    """A metric as the manual describes it. ``series``: the names that a scrape has of it."""

    name: str
    meaning: str
    labels: tuple[str, ...]
    series: tuple[str, ...]


#: In the order of their definition below.
METRICS: list[MetricSpec] = []


def _counter(name: str, says: str, *labels: str) -> Counter:
    METRICS.append(MetricSpec(name, says, labels, (f"{name}_total",)))
    return Counter(name, says, labels, registry=_made)


def _histogram(name: str, says: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    METRICS.append(MetricSpec(name, says, labels, tuple(f"{name}_{end}" for end in ("bucket", "count", "sum"))))
    return Histogram(name, says, labels, registry=_made, buckets=buckets)


EVENTS_ACCEPTED = _counter("gateway_events_accepted", "Events that the journal acknowledged.", "source")
EVENTS_DUPLICATE = _counter("gateway_events_duplicate", "Events posted again within a day.", "source")
EVENTS_SPOOLED = _counter("gateway_events_spooled", "Events that went to a listener's file first.", "source")
EVENTS_REFUSED = _counter(
    "gateway_events_refused",
    "Events refused because of a bound, by its setting; none of them is kept.",
    "source",
    "bound",
)
LINK_HELD_SECONDS = _counter(
    "gateway_link_held_seconds", "Seconds for which a link was not read because of a bound.", "source", "bound"
)
MESSAGES_QUARANTINED = _counter("gateway_messages_quarantined", "Messages that could not be read.", "kind")
FOLD_EVENTS = _counter("gateway_fold_events", "Events folded by this machine.", "source")
FOLD_SECONDS = _histogram("gateway_fold_seconds", "Time of one batch: core and transaction.", _QUICK, "source")
LEGS_ENDED = _counter("gateway_legs_ended", "Legs that got their outcome.", "source", "outcome")
GUID_SECONDS = _histogram(
    "gateway_guid_seconds", "From Connected to the recording's GUID.", (0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10), "source"
)
FLAGGED_SECONDS = _histogram(
    "gateway_flagged_seconds", "From disconnect to flags written.", (1, 2.5, 5, 10, 30, 60, 300, 900, 3600), "source"
)
SEARCH_ANSWERS = _counter("gateway_search_answers", "Answers of QMS to recording searches.", "service", "result")
WRITE_ATTEMPTS = _counter("gateway_write_attempts", "Attempts to write flags, by how they ended.", "service", "result")
BREAKER_OPENINGS = _counter("gateway_breaker_openings", "Times that a circuit breaker opened.", "service_id")
SOAP_SECONDS = _histogram("gateway_soap_seconds", "Time of a SOAP call.", _QUICK, "operation", "result")
HTTP_SECONDS = _histogram("gateway_http_seconds", "Time of a request to the web.", _QUICK, "route", "status")
