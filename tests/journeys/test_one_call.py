"""The way of one call: from the journal to flags in QMS."""

import pytest
import redis as redis_client

from calls.models import Checkpoint, Gap, QueueName, RecordingSearch
from calls.pipeline.journal_integrity import check_continuity
from flags.models import FlagSetting, FlagWrite
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def house(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with an empty journal; its pumps look again at once, for its clock does not tick by itself."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


def queue_call(house: GatewayStack, call_id: str = "C1", device_id: str = "2001") -> None:
    """Bring a call of Sales to an extension."""
    house.call(
        "Queued",
        call_id,
        "5000",
        queueName="Sales",
        callingNumber="+44",
        callerName="Jo",
        callerNameSource="isdn",
        interactionId=f"I-{call_id}",
    )
    house.call("Delivered", call_id, device_id)
    house.passes(2)
    house.connects(call_id, device_id)
    house.passes(0.2)


def consult(house: GatewayStack) -> None:
    """Let 2001 put C1 on hold and talk to 2002 in C2."""
    house.call("Held", "C1", "2001")
    house.call("Originated", "C2", "2001", cause="consultation")
    house.passes(3)
    house.connects("C2", "2002")
    house.passes(5)


def test_a_queue_call_carries_exactly_its_flags(house: GatewayStack) -> None:
    house.log_on("9101", "2001", "Alice Archer")
    queue_call(house)
    house.passes(30)
    house.clears("C1", "2001")
    house.passes(1.1)

    assert house.outcomes() == [("2001", "flagged")]
    assert house.flags("2001") == [
        {
            "AgentId": "9101",
            "AgentName": "Alice Archer",
            "CallerName": "Jo",
            "CTICallRef": "C1",
            "InteractionGuid": "I-C1",
            "QueueName": "Sales",
        }
    ]


def test_the_names_of_a_queue_are_kept_with_when_they_began(house: GatewayStack) -> None:
    queue_call(house)
    begin = house.begin
    house.call("Queued", "C2", "5000", queueName="Sales North")
    house.passes(1)

    names = QueueName.objects.filter(device_id="5000").order_by("since")
    assert [one.name for one in names] == ["Sales", "Sales North"]
    assert names[0].since == begin


def test_an_extension_that_qms_does_not_know_has_its_reason(house: GatewayStack) -> None:
    queue_call(house, device_id="2900")

    (leg,) = house.legs()
    assert leg.outcome == "user_unmatched"
    assert "2900" in leg.reason
    assert not RecordingSearch.objects.exists()


def test_a_call_that_qms_does_not_record_is_reported_after_its_window(house: GatewayStack) -> None:
    house.call("Established", "C1", "2001")
    house.passes(0.1)
    house.passes(11)
    house.passes(0.1)

    assert house.outcomes() == [("2001", "not_recorded")]


def test_an_event_that_comes_after_the_window_is_not_asked_for(house: GatewayStack) -> None:
    late = house.event("Established", at=-60, callId="C1", deviceId="2001")
    house.hears(late)
    house.passes(0.1)
    house.passes(0.1)

    assert house.outcomes() == [("2001", "window_missed")]
    assert RecordingSearch.objects.get().attempts == 0


def test_the_wrap_up_is_written_by_itself_when_it_comes(house: GatewayStack) -> None:
    FlagSetting.objects.filter(field="wrapup").update(enabled=True)
    queue_call(house)
    house.clears("C1", "2001")
    house.passes(1.2)
    assert house.outcomes() == [("2001", "waiting")]
    house.call("CallInformation", "C1", "2001", wrapup={"template": "Sale", "result": "Sold"})
    house.passes(0.1)

    assert house.outcomes() == [("2001", "flagged")]
    assert house.flags("2001")[0]["CTIWrapup"] == "Sale: Sold"
    assert FlagWrite.objects.count() == 2


def test_a_second_event_with_the_same_id_changes_nothing(house: GatewayStack) -> None:
    once = house.event("Established", callId="C1", deviceId="2001", name="same")
    house.hears(once)
    house.hears(once)
    house.passes(0.1)

    assert Checkpoint.objects.get().events == 1


def test_a_broken_event_goes_to_quarantine_and_the_next_is_folded(house: GatewayStack) -> None:
    house.hears(house.event("Established", callId="C1"), house.event("Established", callId="C2", deviceId="2001"))
    house.passes(0.1)

    assert [leg.call_id for leg in house.legs()] == ["C2"]
    assert "data.deviceId" in house.source.quarantine.get().error


def test_an_attended_transfer_with_one_recording_is_one_leg_flagged_once(house: GatewayStack) -> None:
    queue_call(house)
    consult(house)
    house.attended_transfer()
    house.passes(0.5)
    house.passes(12)
    house.passes(1)
    house.clears("C1", "2002")
    house.passes(1.2)

    (flags,) = house.flags("2002")
    assert (flags["CTICallRef"], flags["QueueName"], flags["InteractionGuid"]) == ("C1", "Sales", "I-C1")
    assert [device for device, _ in house.outcomes()].count("2002") == 1


def test_a_recorder_that_splits_at_the_transfer_gives_two_legs_each_with_its_flags(house: GatewayStack) -> None:
    queue_call(house)
    consult(house)
    house.attended_transfer()
    house.qms.connected("2002", house.time)
    house.passes(0.3)
    house.passes(8)
    house.clears("C1", "2002")
    house.passes(1.2)

    assert [flags["CTICallRef"] for flags in house.flags("2002")] == ["C2", "C1"]
    assert [outcome for device, outcome in house.outcomes() if device == "2002"] == ["flagged", "flagged"]


def test_two_consumers_at_once_change_nothing_twice(house: GatewayStack) -> None:
    queue_call(house)
    house.clears("C1", "2001")
    other = type(house.consumer)(house.source, lambda: house.time)
    house.consumer.fold_once()
    other.fold_once()
    house.passes(1.2)

    assert len(house.legs()) == 1
    assert FlagWrite.objects.count() == 1


def test_the_legs_of_two_runs_are_the_same_whatever_the_batches(
    house: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calls.pipeline.consumer.BATCH", 1)
    queue_call(house)
    house.clears("C1", "2001")
    house.passes(1.2)

    assert house.outcomes() == [("2001", "flagged")]


def test_a_journal_that_redis_lost_is_named_in_the_ledger_and_the_next_call_is_flagged(
    house: GatewayStack, redis: redis_client.Redis
) -> None:
    queue_call(house)
    house.clears("C1", "2001")
    house.passes(1.2)
    assert check_continuity(house.source, house.time)
    redis.flushall()

    assert not check_continuity(house.source, house.time)
    assert "Redis lost the journal" in Gap.objects.get().reason
    queue_call(house, "C2")
    assert check_continuity(house.source, house.time)
    house.clears("C2", "2001")
    house.passes(1.2)
    assert house.outcomes() == [("2001", "flagged"), ("2001", "flagged")]
    assert Gap.objects.count() == 1


def test_a_defect_in_a_rule_costs_one_event_and_logs_no_call_data(
    house: GatewayStack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule 12: identifiers may stand in logs; who called which number may not, even when something fails."""
    caplog.set_level("DEBUG")
    house.log_on("9101", "2001", "Alice Archer")
    queue_call(house)
    monkeypatch.setattr("calls.core.handlers.call_events._wrapped_up", lambda *_: 1 / 0)
    house.call("CallInformation", "C1", "2001", callerName="Mary Secret", wrapup={"result": "Sold"})
    house.clears("C1", "2001")
    house.passes(1.2)

    assert house.outcomes() == [("2001", "flagged")]
    assert house.source.quarantine.get().kind == "rule"
    assert any("fold_failed" in str(record.msg) for record in caplog.records)
    for secret in ("Alice", "Jo ", "+44", "Mary", "Sales"):
        assert secret not in caplog.text
