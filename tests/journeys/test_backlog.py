"""A consumer that is behind: what QMS answers now must not meet a past that has not heard of the latest calls."""

from datetime import datetime, timedelta

import pytest
import redis as redis_client

from calls.models import Leg, RecordingSearch
from calls.pipeline.consumer import Consumer
from calls.pipeline.guarded_consumer import GuardedConsumer
from calls.pipeline.pending_results import PendingResult, answered_searches
from flags.models import FlagSetting
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with an empty journal."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


@pytest.mark.parametrize("batch", [1000, 1])
def test_an_answer_waits_for_the_events_before_it(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """The question for C1 is put late, when the extension talks in C2 already; the journal knows, the legs do not."""
    monkeypatch.setattr("calls.pipeline.consumer.BATCH", batch)
    gateway.connects("C1", "2001", queueName="Sales")
    gateway.fold()
    gateway.passes_unheard(2.5)
    gateway.call("Held", "C1", "2001")
    gateway.qms.disconnected("2001", gateway.time)
    gateway.call("Originated", "C2", "2001", cause="consultation")
    gateway.connects("C2", "2001")
    gateway.passes_unheard(0.5)
    gateway.ask()
    gateway.works()
    gateway.passes(5)
    gateway.clears("C2", "2001")
    gateway.clears("C1", "2001")
    gateway.passes(2)

    assert [flags.get("CTICallRef", "C2") for flags in gateway.flags("2001")[1:]] == ["C2"]
    assert gateway.legs()[0].outcome in ("window_missed", "not_recorded")


@pytest.mark.parametrize("seconds", [1.2, 2.5])
def test_a_recording_that_began_with_a_later_leg_is_that_legs_also_when_it_is_settled(
    gateway: GatewayStack, seconds: float
) -> None:
    """The question for C1 is put when the consultation C2 is over, and QMS records on under the name it gave to C2."""
    gateway.connects("C1", "2001", queueName="Sales")
    gateway.fold()
    gateway.passes_unheard(seconds)
    gateway.call("Held", "C1", "2001")
    gateway.qms.disconnected("2001", gateway.time)
    gateway.call("Originated", "C2", "2001", cause="consultation")
    gateway.connects("C2", "2001")
    gateway.fold()
    Leg.objects.filter(call_id="C2").update(phase="settled", outcome="window_missed", due_at=None)
    RecordingSearch.objects.filter(leg_id=Leg.objects.get(call_id="C2").pk).update(state="cancelled")
    gateway.consumer = Consumer(gateway.source, lambda: gateway.time)
    gateway.passes_unheard(0.5)
    gateway.works()
    gateway.passes(5)
    gateway.clears("C1", "2001")
    gateway.passes(2)

    assert [flags for flags in gateway.flags("2001") if flags] == []


def _ends_while_the_journal_is_away(gateway: GatewayStack) -> None:
    """Let 2001 talk and leave, its wrap-up awaited; what is received from then on is still with the listener."""
    FlagSetting.objects.filter(field="wrapup").update(enabled=True)
    gateway.connects("C1", "2001", queueName="Sales")
    gateway.passes(5)
    gateway.clears("C1", "2001")
    gateway.passes(2)
    gateway.consumer.journal_time.hold()


def test_what_a_listener_kept_while_the_journal_was_away_is_in_time(gateway: GatewayStack) -> None:
    """The wrap-up was received in time, and the journal has it when its time is over."""
    _ends_while_the_journal_is_away(gateway)
    wrapup = gateway.event("CallInformation", callId="C1", deviceId="2001", wrapup={"result": "Sold"})
    gateway.passes(600)
    assert gateway.outcomes() == [("2001", "waiting")]
    gateway.hears(wrapup)
    gateway.works()
    gateway.passes(3)

    assert gateway.outcomes() == [("2001", "flagged")]
    assert gateway.flags("2001")[0]["CTIWrapup"] == "Sold"


def test_a_recording_found_while_the_journal_was_away_waits_for_the_events_before_it(gateway: GatewayStack) -> None:
    """QMS answered after the extension's next call began, of which the journal does not know yet."""
    gateway.connects("C1", "2001", queueName="Sales")
    gateway.fold()
    gateway.consumer.journal_time.hold()
    gateway.passes_unheard(2)
    later = [
        gateway.event("ConnectionCleared", callId="C1", deviceId="2001"),
        gateway.event("Established", callId="C2", deviceId="2001"),
    ]
    gateway.qms.disconnected("2001", gateway.time)
    gateway.qms.connected("2001", gateway.time)
    gateway.passes_unheard(0.5)
    gateway.ask()
    gateway.fold()
    assert gateway.legs()[0].recording_guid is None
    gateway.hears(*later)
    gateway.works()
    gateway.passes(5)
    gateway.clears("C2", "2001")
    gateway.passes(2)

    assert [flags.get("CTICallRef", "C2") for flags in gateway.flags("2001")[1:]] == ["C2"]


def test_a_consumer_that_begins_waits_for_what_a_listener_may_have_kept(gateway: GatewayStack) -> None:
    FlagSetting.objects.filter(field="wrapup").update(enabled=True)
    gateway.connects("C1", "2001", queueName="Sales")
    gateway.passes(5)
    gateway.clears("C1", "2001")
    gateway.passes(2)
    consumer = GuardedConsumer(gateway.source.pk, lambda: gateway.time)
    gateway.passes_unheard(600)
    consumer.fold(1000, with_answers=True, with_settled=True)
    assert gateway.outcomes() == [("2001", "waiting")]
    gateway.passes_unheard(3)
    consumer.fold(1000, with_answers=True, with_settled=True)

    assert gateway.outcomes() == [("2001", "flagged")]


def test_a_consumer_that_dies_amid_what_a_listener_kept_leaves_time_where_it_was(gateway: GatewayStack) -> None:
    """The next one begins before the listener has appended the rest: a wrap-up that was received in time."""
    _ends_while_the_journal_is_away(gateway)
    kept = gateway.event("CallInformation", callId="C1", deviceId="2001", queueName="Sales")
    wrapup = gateway.event("CallInformation", callId="C1", deviceId="2001", wrapup={"result": "Sold"})
    gateway.passes_unheard(600)
    gateway.hears(kept)
    assert gateway.fold() == 1
    gateway.consumer = Consumer(gateway.source, gateway.now)
    gateway.consumer.journal_time.hold()
    gateway.passes_unheard(0.5)
    assert gateway.fold() == 0
    gateway.hears(wrapup)
    gateway.works()
    gateway.passes(3)

    assert gateway.flags("2001")[0]["CTIWrapup"] == "Sold"


def test_a_recording_found_for_two_legs_at_once_stays_the_later_legs(gateway: GatewayStack) -> None:
    gateway.call("Established", "C1", "2001")
    gateway.fold()
    gateway.passes_unheard(1.2)
    gateway.call("ConnectionCleared", "C1", "2001")
    gateway.connects("C2", "2001")
    gateway.fold()
    RecordingSearch.objects.update(
        state="found",
        recording_guid="9a0c9ca2-ccb2-49b6-b5ec-b262b76298f5",
        recording_started_at=gateway.time,
        answered_at=gateway.time,
    )

    gateway.fold()

    assert [(leg.call_id, leg.recording_guid, leg.reason_code) for leg in gateway.legs()] == [
        ("C1", None, "same"),
        ("C2", "9a0c9ca2-ccb2-49b6-b5ec-b262b76298f5", ""),
    ]


def test_a_slice_of_a_backlog_reads_no_answer_that_is_later_than_its_events(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read with each slice, the answers that wait would cost the more the further the consumer is behind."""
    read: list[int] = []

    def reading(source_id: int, limit: int, until: datetime | None, now: datetime) -> list[PendingResult]:
        found = answered_searches(source_id, limit, until, now)
        read.append(len(found))
        return found

    gateway.connects("C1", "2001")
    gateway.fold()
    gateway.passes_unheard(0.2)
    gateway.ask()
    for number in range(5):
        gateway.passes_unheard(1)
        gateway.call("Delivered", f"C{number + 2}", "2002")
    RecordingSearch.objects.filter(state="found").update(answered_at=gateway.time - timedelta(seconds=1.5))
    monkeypatch.setattr("calls.pipeline.consumer.answered_searches", reading)
    while gateway.consumer.fold_once(limit=1):
        pass

    assert gateway.legs()[0].recording_guid == RecordingSearch.objects.get(state="found").recording_guid
    # That there is a backlog shows with the first slice; the answer is later than the second and the third.
    assert read == [1, 0, 0, 1, 0, 0]
