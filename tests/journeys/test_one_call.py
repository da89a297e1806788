"""The way of one call: from the journal to flags in QMS."""

import pytest
import redis as redis_client

from calls.models import Checkpoint, Gap, QueueName, RecordingSearch
from calls.pipeline.journal_integrity import check_continuity
from cti.api import START, remembered_database, searches_stream, wait_for_entries, writes_stream
from flags.models import FlagSetting, FlagWrite
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with an empty journal; its pumps look again at once, for its clock does not tick by itself."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


def queue_call(gateway: GatewayStack, call_id: str = "C1", device_id: str = "2001") -> None:
    """Bring a call of Sales to an extension."""
    gateway.call(
        "Queued",
        call_id,
        "5000",
        queueName="Sales",
        callingNumber="+44",
        callerName="Jo",
        callerNameSource="isdn",
        interactionId=f"I-{call_id}",
    )
    gateway.call("Delivered", call_id, device_id)
    gateway.passes(2)
    gateway.connects(call_id, device_id)
    gateway.passes(0.2)


def consult(gateway: GatewayStack) -> None:
    """Let 2001 put C1 on hold and talk to 2002 in C2."""
    gateway.call("Held", "C1", "2001")
    gateway.call("Originated", "C2", "2001", cause="consultation")
    gateway.passes(3)
    gateway.connects("C2", "2002")
    gateway.passes(0.5)  # QMS is asked at once.
    gateway.passes(4.5)


def test_a_queue_call_carries_exactly_its_flags(gateway: GatewayStack) -> None:
    gateway.log_on("9101", "2001", "Alice Archer")
    queue_call(gateway)
    gateway.passes(30)
    gateway.clears("C1", "2001")
    gateway.passes(1.1)

    assert gateway.outcomes() == [("2001", "flagged")]
    assert gateway.flags("2001") == [
        {
            "AgentId": "9101",
            "AgentName": "Alice Archer",
            "CallerName": "Jo",
            "CTICallRef": "C1",
            "InteractionGuid": "I-C1",
            "QueueName": "Sales",
        }
    ]


def test_the_names_of_a_queue_are_kept_with_when_they_began(gateway: GatewayStack) -> None:
    queue_call(gateway)
    begin = gateway.begin
    gateway.call("Queued", "C2", "5000", queueName="Sales North")
    gateway.passes(1)

    names = QueueName.objects.filter(device_id="5000").order_by("since")
    assert [one.name for one in names] == ["Sales", "Sales North"]
    assert names[0].since == begin


def test_an_extension_that_qms_does_not_know_has_its_reason(gateway: GatewayStack) -> None:
    queue_call(gateway, device_id="2900")

    (leg,) = gateway.legs()
    assert leg.outcome == "user_unmatched"
    assert "2900" in leg.reason
    assert not RecordingSearch.objects.exists()


def test_a_call_that_qms_does_not_record_is_reported_after_its_window(gateway: GatewayStack) -> None:
    gateway.call("Established", "C1", "2001")
    gateway.passes(0.1)
    gateway.passes(11)
    gateway.passes(0.1)

    assert gateway.outcomes() == [("2001", "not_recorded")]


def test_an_event_that_comes_after_the_window_is_not_asked_for(gateway: GatewayStack) -> None:
    late = gateway.event("Established", at=-60, callId="C1", deviceId="2001")
    gateway.hears(late)
    gateway.passes(0.1)
    gateway.passes(0.1)

    assert gateway.outcomes() == [("2001", "window_missed")]
    assert RecordingSearch.objects.get().attempts == 0


def test_the_wrap_up_is_written_by_itself_when_it_comes(gateway: GatewayStack) -> None:
    FlagSetting.objects.filter(field="wrapup").update(enabled=True)
    queue_call(gateway)
    gateway.clears("C1", "2001")
    gateway.passes(1.2)
    assert gateway.outcomes() == [("2001", "waiting")]
    gateway.call("CallInformation", "C1", "2001", wrapup={"template": "Sale", "result": "Sold"})
    gateway.passes(0.1)

    assert gateway.outcomes() == [("2001", "flagged")]
    assert gateway.flags("2001")[0]["CTIWrapup"] == "Sale: Sold"
    assert FlagWrite.objects.count() == 2


def test_a_second_event_with_the_same_id_changes_nothing(gateway: GatewayStack) -> None:
    once = gateway.event("Established", callId="C1", deviceId="2001", name="same")
    gateway.hears(once)
    gateway.hears(once)
    gateway.passes(0.1)

    assert Checkpoint.objects.get().events == 1


def test_a_broken_event_goes_to_quarantine_and_the_next_is_folded(gateway: GatewayStack) -> None:
    gateway.hears(gateway.event("Established", callId="C1"), gateway.event("Established", callId="C2", deviceId="2001"))
    gateway.passes(0.1)

    assert [leg.call_id for leg in gateway.legs()] == ["C2"]
    assert "data.deviceId" in gateway.source.quarantine.get().error


def test_an_attended_transfer_with_one_recording_is_one_leg_flagged_once(gateway: GatewayStack) -> None:
    queue_call(gateway)
    consult(gateway)
    gateway.attended_transfer()
    gateway.passes(0.5)
    gateway.passes(12)
    gateway.passes(1)
    gateway.clears("C1", "2002")
    gateway.passes(1.2)

    (flags,) = gateway.flags("2002")
    assert (flags["CTICallRef"], flags["QueueName"], flags["InteractionGuid"]) == ("C1", "Sales", "I-C1")
    assert [device for device, _ in gateway.outcomes()].count("2002") == 1


def test_a_recorder_that_splits_at_the_transfer_gives_two_legs_each_with_its_flags(gateway: GatewayStack) -> None:
    queue_call(gateway)
    consult(gateway)
    gateway.attended_transfer()
    gateway.qms.connected("2002", gateway.time)
    gateway.passes(0.3)
    gateway.passes(8)
    gateway.clears("C1", "2002")
    gateway.passes(1.2)

    assert [flags["CTICallRef"] for flags in gateway.flags("2002")] == ["C2", "C1"]
    assert [outcome for device, outcome in gateway.outcomes() if device == "2002"] == ["flagged", "flagged"]


def test_a_fold_wakes_those_who_search_and_later_those_who_write(gateway: GatewayStack) -> None:
    """In one round trip with what Redis remembers of the fold."""
    searches, writes = searches_stream(gateway.service.pk), writes_stream(gateway.service.pk)
    gateway.connects("C1", "2001")
    gateway.fold()

    assert wait_for_entries({searches: START, writes: START}, 0.0).keys() == {searches}

    gateway.works()
    gateway.passes(10)
    gateway.clears("C1", "2001")
    gateway.passes_unheard(2)
    gateway.fold()

    assert wait_for_entries({writes: START}, 0.0).keys() == {writes}
    assert remembered_database().folds[gateway.source.pk] == Checkpoint.objects.get().version


def test_two_consumers_at_once_change_nothing_twice(gateway: GatewayStack) -> None:
    queue_call(gateway)
    gateway.clears("C1", "2001")
    other = type(gateway.consumer)(gateway.source, lambda: gateway.time)
    gateway.consumer.fold_once()
    other.fold_once()
    gateway.passes(1.2)

    assert len(gateway.legs()) == 1
    assert FlagWrite.objects.count() == 1


def test_the_legs_of_two_runs_are_the_same_whatever_the_batches(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calls.pipeline.consumer.BATCH", 1)
    queue_call(gateway)
    gateway.clears("C1", "2001")
    gateway.passes(1.2)

    assert gateway.outcomes() == [("2001", "flagged")]


def test_a_journal_that_redis_lost_is_named_in_the_ledger_and_the_next_call_is_flagged(
    gateway: GatewayStack, redis: redis_client.Redis
) -> None:
    queue_call(gateway)
    gateway.clears("C1", "2001")
    gateway.passes(1.2)
    assert check_continuity(gateway.source, gateway.time, Checkpoint.objects.get())
    redis.flushall()

    assert not check_continuity(gateway.source, gateway.time, Checkpoint.objects.get())
    assert "Redis lost the journal" in Gap.objects.get().reason
    queue_call(gateway, "C2")
    assert check_continuity(gateway.source, gateway.time, Checkpoint.objects.get())
    gateway.clears("C2", "2001")
    gateway.passes(1.2)
    assert gateway.outcomes() == [("2001", "flagged"), ("2001", "flagged")]
    assert Gap.objects.count() == 1


def test_a_defect_in_a_rule_costs_one_event_and_logs_no_call_data(
    gateway: GatewayStack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule 12: identifiers may stand in logs; who called which number may not, even when something fails."""
    caplog.set_level("DEBUG")
    gateway.log_on("9101", "2001", "Alice Archer")
    queue_call(gateway)
    monkeypatch.setattr("calls.core.handlers.call_events.wrapped_up", lambda *_: 1 / 0)
    gateway.call("CallInformation", "C1", "2001", callerName="Mary Secret", wrapup={"result": "Sold"})
    gateway.clears("C1", "2001")
    gateway.passes(1.2)

    assert gateway.outcomes() == [("2001", "flagged")]
    assert gateway.source.quarantine.get().kind == "rule"
    assert any("fold_failed" in str(record.msg) for record in caplog.records)
    for secret in ("Alice", "Jo ", "+44", "Mary", "Sales"):
        assert secret not in caplog.text
