"""A consumer that is behind: what QMS answers now must not meet a past that has not heard of the latest calls."""

import pytest
import redis as redis_client

from calls.core.result_events import RecordingFound
from calls.models import Leg, RecordingSearch
from calls.pipeline.consumer import Consumer
from calls.pipeline.pending_results import ANOTHERS, answered_searches
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def house(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with an empty journal."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


@pytest.mark.parametrize("batch", [1000, 1])
def test_an_answer_waits_for_the_events_before_it(
    house: GatewayStack, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """The question for C1 is put late, when the extension talks in C2 already; the journal knows, the legs do not."""
    monkeypatch.setattr("calls.pipeline.consumer.BATCH", batch)
    house.connects("C1", "2001", queueName="Sales")
    house.fold()
    house.passes_unheard(2.5)
    house.call("Held", "C1", "2001")
    house.qms.disconnected("2001", house.time)
    house.call("Originated", "C2", "2001", cause="consultation")
    house.connects("C2", "2001")
    house.passes_unheard(0.5)
    house.ask()
    house.works()
    house.passes(5)
    house.clears("C2", "2001")
    house.clears("C1", "2001")
    house.passes(2)

    assert [flags.get("CTICallRef", "C2") for flags in house.flags("2001")[1:]] == ["C2"]
    assert house.legs()[0].outcome in ("window_missed", "not_recorded")


@pytest.mark.parametrize("seconds", [1.2, 2.5])
def test_a_recording_that_began_with_a_later_leg_is_that_legs_also_when_it_is_settled(
    house: GatewayStack, seconds: float
) -> None:
    """The question for C1 is put when the consultation C2 is over, and QMS records on under the name it gave to C2."""
    house.connects("C1", "2001", queueName="Sales")
    house.fold()
    house.passes_unheard(seconds)
    house.call("Held", "C1", "2001")
    house.qms.disconnected("2001", house.time)
    house.call("Originated", "C2", "2001", cause="consultation")
    house.connects("C2", "2001")
    house.fold()
    Leg.objects.filter(call_id="C2").update(phase="settled", outcome="window_missed", due_at=None)
    RecordingSearch.objects.filter(leg_id=Leg.objects.get(call_id="C2").pk).update(state="cancelled")
    house.consumer = Consumer(house.source, lambda: house.time)
    house.passes_unheard(0.5)
    house.works()
    house.passes(5)
    house.clears("C1", "2001")
    house.passes(2)

    assert [flags for flags in house.flags("2001") if flags] == []


def test_a_recording_found_for_two_legs_at_once_stays_the_later_legs(house: GatewayStack) -> None:
    house.call("Established", "C1", "2001")
    house.fold()
    house.passes_unheard(1.2)
    house.call("ConnectionCleared", "C1", "2001")
    house.connects("C2", "2001")
    house.fold()
    RecordingSearch.objects.update(
        state="found",
        recording_guid="9a0c9ca2-ccb2-49b6-b5ec-b262b76298f5",
        recording_started_at=house.time,
        answered_at=house.time,
    )

    first, second = answered_searches(house.source.pk, 10)

    assert isinstance(first.answer, RecordingFound)
    assert isinstance(second.answer, RecordingFound)
    assert (first.answer.holder, second.answer.holder) == (ANOTHERS, None)
