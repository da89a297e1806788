"""Where traces are wanted, a leg is one trace from its event to its flags; where they are not, nothing is made."""

import pytest
import redis as redis_client
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telemetry import tracing
from tests.journeys.stack import GatewayStack
from tests.journeys.test_one_call import queue_call

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    own = tracing.tracer_to(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("telemetry.tracing.tracer", lambda: own)
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return exporter


def flagged_call(stack: GatewayStack) -> None:
    queue_call(stack, "C1", "2001")
    stack.clears("C1", "2001")
    stack.passes(1.2)
    assert stack.outcomes() == [("2001", "flagged")]


def test_a_leg_is_one_trace_from_its_event_to_its_flags(
    redis: redis_client.Redis, spans: InMemorySpanExporter, settings: object
) -> None:
    settings.TRACES_ENDPOINT = "http://127.0.0.1:4318/v1/traces"  # type: ignore[attr-defined]

    flagged_call(GatewayStack())

    found = spans.get_finished_spans()
    (whole,) = [one for one in found if one.parent is None]
    steps = [one for one in found if one.parent is not None]
    assert {one.context.trace_id for one in found} == {whole.context.trace_id}
    assert [one.name for one in steps] == [
        "event: from the PBX to the gateway",
        "recording search",
        "call",
        "flags: from disconnect to written",
    ]
    assert whole.attributes == {"source": "pbx", "outcome": "flagged"}
    begins, ends = [one.start_time or 0 for one in steps], [one.end_time or 0 for one in steps]
    assert (whole.start_time, whole.end_time) == (min(begins), max(ends))
    assert all(began <= ended for began, ended in zip(begins, ends, strict=True))
    assert "2001" not in whole.to_json() + "".join(one.to_json() for one in steps)


def test_without_an_endpoint_no_span_is_made(redis: redis_client.Redis, spans: InMemorySpanExporter) -> None:
    flagged_call(GatewayStack())

    assert spans.get_finished_spans() == ()
