"""Traces by OpenTelemetry, as an option: one trace for each leg, from its first event to its flags.

The spans of a leg are made together when its fate is known, from the times that it carries: so no context has to travel
through journal, broker and database, nothing is traced twice when a batch is folded again, and where it is switched
off nothing is made at all. A span names the source and the outcome, never a call, an extension or a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Tracer

SERVICE = "qms-gateway"


@dataclass(frozen=True)
class TracedStep:
    """A part of what happened to a leg."""

    name: str
    began_at: datetime
    ended_at: datetime


def is_on() -> bool:
    """Say whether traces are wanted (``TRACES_ENDPOINT``)."""
    return bool(settings.TRACES_ENDPOINT)


def record(name: str, steps: Sequence[TracedStep], attributes: dict[str, str]) -> None:
    """Hand over a trace: a span for the whole, and one within it for each step. Never waits for the collector."""
    if not steps:
        return
    from opentelemetry.trace import set_span_in_context  # noqa: PLC0415  (not installed where traces are off)

    began, ended = min(one.began_at for one in steps), max(one.ended_at for one in steps)
    whole = tracer().start_span(name, start_time=_nanoseconds(began), attributes=attributes)
    within = set_span_in_context(whole)
    for one in steps:
        span = tracer().start_span(one.name, context=within, start_time=_nanoseconds(one.began_at))
        span.end(end_time=_nanoseconds(one.ended_at))
    whole.end(end_time=_nanoseconds(ended))


@cache
def tracer() -> "Tracer":
    """Return the tracer of this process, which sends to ``TRACES_ENDPOINT`` from a thread of its own."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    return tracer_to(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.TRACES_ENDPOINT, timeout=5)))


def tracer_to(processor: "SpanProcessor") -> "Tracer":
    """Return a tracer that hands its spans to a processor."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}))
    provider.add_span_processor(processor)
    return provider.get_tracer(SERVICE)


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
