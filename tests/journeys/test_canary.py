"""Canary calls go through the whole chain; whatever is broken makes them red, and nothing is counted of them."""

from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
import redis as redis_client
from django.test import Client
from django.urls import reverse
from msgspec.structs import replace

from calls.models import Leg
from flags.delivery.worker import DeliveryRun
from flags.models import FlagSetting, FlagWrite, ShadowComparison
from gateway_site.canary.models import CanaryCall
from gateway_site.canary.runs import begin, begin_due
from gateway_site.canary.standing import standings
from gateway_site.canary.steps import CanaryStep, CanaryVerdict
from qms.models import RecordingService
from qms.port import QmsUnavailable, RecordingServicePort
from tests.journeys.canaries import TEST_PHONE, CanaryStack, verdicts

pytestmark = pytest.mark.django_db
#: The threads that ask over SOAP note QMS's health on connections of their own, which no rollback reaches.
OVER_SOAP = pytest.mark.django_db(transaction=True, serialized_rollback=True)
PASSED, FAILED, UNVERIFIED = CanaryVerdict.PASSED, CanaryVerdict.FAILED, CanaryVerdict.UNVERIFIED


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> CanaryStack:
    """Give a gateway with an empty journal; its pumps look again at once, for its clock does not tick by itself."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return CanaryStack()


def red_at(call: CanaryCall) -> CanaryStep:
    """Return the step at which a call failed."""
    assert call.is_red
    assert call.ended_at is not None
    (step,) = [step for step, verdict in verdicts(call).items() if verdict is FAILED]
    return step


def test_events_alone_prove_the_way_to_qms_and_say_what_they_cannot(gateway: CanaryStack) -> None:
    call = gateway.follow()

    assert not call.is_red
    proved = verdicts(call)
    assert proved.pop(CanaryStep.FLAGS) is proved.pop(CanaryStep.READ_BACK) is UNVERIFIED
    assert set(proved.values()) == {PASSED}
    assert not FlagWrite.objects.exists()


def test_a_recorded_canary_call_is_flagged_and_its_flags_are_read_back(gateway: CanaryStack) -> None:
    with gateway.with_recorder():
        call = gateway.follow()

    assert set(verdicts(call).values()) == {PASSED}
    assert list(verdicts(call)) == list(CanaryStep)
    (flags,) = gateway.flags(TEST_PHONE)
    assert flags["CTICallRef"] == call.call_id
    assert flags["QueueName"] == flags["CallerName"] == "Canary test call"
    assert [one.ended_at for one in gateway.qms.recordings.values()] != [None]


@OVER_SOAP
def test_the_whole_chain_works_over_soap(gateway: CanaryStack) -> None:
    with gateway.over_soap():
        call = gateway.follow()

    assert set(verdicts(call).values()) == {PASSED}
    assert call.ends[-1].text.startswith("QMS holds ")


@OVER_SOAP
def test_qms_that_is_down_makes_it_red(gateway: CanaryStack) -> None:
    with gateway.over_soap():
        for service in gateway.qms.troubles:
            gateway.qms.troubles[service] = replace(gateway.qms.troubles[service], down=True)
        call = gateway.follow()

    assert red_at(call) is CanaryStep.RECORDING
    assert call.ended_at
    assert call.ended_at - call.began_at < timedelta(seconds=110)


def test_a_search_worker_that_does_not_run_makes_it_red(gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.journeys.stack.look_up", lambda *_, **__: None)
    assert red_at(gateway.follow()) is CanaryStep.RECORDING


def test_a_consumer_that_does_not_run_makes_it_red(gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "fold", lambda: 0)
    assert red_at(gateway.follow()) is CanaryStep.LEG


def test_a_journal_that_takes_nothing_makes_it_red(gateway: CanaryStack, redis: redis_client.Redis) -> None:
    redis.config_set("maxmemory", 1)
    try:
        call = gateway.look(gateway.begins())
    finally:
        redis.config_set("maxmemory", 0)

    assert red_at(call) is CanaryStep.CALL
    assert "journal" in call.ends[-1].text


def test_flags_that_are_not_written_make_it_red(gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.journeys.stack.deliver", lambda *_, **__: DeliveryRun())
    with gateway.with_recorder():
        call = gateway.follow()

    assert red_at(call) is CanaryStep.FLAGS


def test_a_value_that_qms_changes_makes_it_red(gateway: CanaryStack) -> None:
    def after_a_change(service: RecordingService) -> RecordingServicePort:
        gateway.flags(TEST_PHONE)[0]["QueueName"] = "Sales"
        return gateway.connect(service)

    with gateway.with_recorder():
        call = gateway.follow(connect=after_a_change)

    assert red_at(call) is CanaryStep.READ_BACK
    assert call.ends[-1].text == "QMS holds other values than it was given: QueueName."


def test_flags_that_it_does_not_write_are_named_as_not_verified(gateway: CanaryStack, admin_client: Client) -> None:
    """Before: "Every part works", whatever became of a Flag that only a call with an agent has."""
    with gateway.with_recorder():
        call = gateway.follow()

    pages = reverse("admin:canary_canarycall_changelist"), reverse("admin:canary_canarycall_change", args=[call.pk])
    assert "AgentId, AgentName" in call.ends[-1].text
    assert call.ends[-1].text.endswith("but QMS has Flags of these names.")
    for page in pages:
        said = admin_client.get(page).content.decode()
        assert "Not verified: the Flags AgentId, AgentName" in said
        assert "Every part works" not in said


def test_a_flag_that_qms_lacks_makes_it_red_though_a_test_call_does_not_write_it(gateway: CanaryStack) -> None:
    """Before: a canary call passed while each call with an agent was refused."""
    FlagSetting.objects.filter(name="AgentId").update(name="Agent Nr")
    with gateway.with_recorder():
        call = gateway.follow()

    assert red_at(call) is CanaryStep.READ_BACK
    assert call.ends[-1].text.startswith("QMS has no Flag “Agent Nr”")


def test_where_qms_does_not_list_its_flags_that_is_not_verified(gateway: CanaryStack) -> None:
    def silent(service: RecordingService) -> RecordingServicePort:
        port = gateway.connect(service)
        port.flag_definitions = Mock(side_effect=QmsUnavailable("It is away."))  # type: ignore[method-assign]
        return port

    with gateway.with_recorder():
        call = gateway.follow(connect=silent)

    assert not call.is_red
    assert "nor whether QMS has Flags of these names" in call.ends[-1].text


def test_a_user_at_a_recording_service_that_is_off_is_not_asked_for_in_qms(gateway: CanaryStack) -> None:
    """Before: "Give QMS one active and licensed user", which it had."""
    RecordingService.objects.update(enabled=False)
    call = gateway.look(gateway.begins())

    assert red_at(call) is CanaryStep.MATCH
    assert call.ends[0].todo.startswith("Enable the user's Recording Service and allocate it to pbx")


def test_an_extension_that_qms_does_not_know_makes_it_red_at_once(gateway: CanaryStack) -> None:
    gateway.set(canary_extensions=["2900"])
    call = begin(gateway.source, "2900", "", gateway.time)
    assert call is not None
    call = gateway.look(call)

    assert red_at(call) is CanaryStep.MATCH
    assert "2900" in call.ends[0].text
    assert call.ends[0].todo.startswith("Give QMS one active and licensed user")
    assert not Leg.objects.exists()


def test_a_recording_that_the_canary_did_not_make_is_never_flagged(gateway: CanaryStack) -> None:
    gateway.qms.connected(TEST_PHONE, gateway.time)  # Somebody uses the test phone.
    call = gateway.follow()

    assert red_at(call) is CanaryStep.RECORDING
    assert not FlagWrite.objects.exists()
    assert gateway.flags(TEST_PHONE) == [{}]
    assert Leg.objects.get().reason_code == "canary"


def test_a_failed_call_is_ended_so_that_nothing_stays_open(
    gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.journeys.stack.look_up", lambda *_, **__: None)
    with gateway.with_recorder():
        gateway.follow()
        gateway.passes(2)

    assert Leg.objects.get().disconnected_at is not None
    assert all(one.ended_at for one in gateway.qms.recordings.values())


def test_two_canary_calls_of_an_extension_never_overlap(gateway: CanaryStack) -> None:
    call = gateway.begins()

    assert begin(gateway.source, TEST_PHONE, "Ada", gateway.time) is None
    begin_due(gateway.time + timedelta(hours=1))
    assert CanaryCall.objects.count() == 1
    gateway.follow(call)
    begin_due(gateway.time)
    assert CanaryCall.objects.count() == 1
    begin_due(call.began_at + timedelta(minutes=15))
    assert CanaryCall.objects.count() == 2


def test_a_call_that_another_worker_carries_on_is_left_to_it(gateway: CanaryStack) -> None:
    call = gateway.begins()
    CanaryCall.objects.update(claimed_until=gateway.time + timedelta(seconds=60))

    assert gateway.look(call).step == CanaryStep.MATCH
    gateway.time += timedelta(seconds=61)
    assert gateway.look(call).step != CanaryStep.MATCH


def test_a_worker_that_died_as_it_made_the_call_does_not_make_it_twice(gateway: CanaryStack) -> None:
    call = gateway.begins()
    CanaryCall.objects.update(step=CanaryStep.CALL, made_at=gateway.time)

    assert red_at(gateway.look(call)) is CanaryStep.CALL
    gateway.passes(1)
    assert not Leg.objects.exists()


def test_a_timetable_that_stands_still_is_red(gateway: CanaryStack) -> None:
    call = gateway.follow()
    (well,) = standings(call.began_at + timedelta(minutes=15))
    (silent,) = standings(call.began_at + timedelta(minutes=15, seconds=1))

    assert (well.is_red, silent.is_red) == (False, True)
    assert silent.text == "No canary call was made for 15 minutes."


def test_a_red_canary_recovers_with_the_next_call_that_passes(
    gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(gateway, "fold", lambda: 0)
        gateway.follow()
    (red,) = standings(gateway.time)
    gateway.passes(5)
    gateway.follow()
    (well,) = standings(gateway.time)

    assert (red.is_red, red.text.partition(":")[0], well.is_red) == (True, "At the step “Leg seen”", False)


def test_in_shadow_mode_nothing_is_written_and_it_says_so(gateway: CanaryStack) -> None:
    RecordingService.objects.update(shadow=True)
    with gateway.with_recorder():
        call = gateway.follow()

    assert not call.is_red
    assert verdicts(call)[CanaryStep.FLAGS] is UNVERIFIED
    assert gateway.flags(TEST_PHONE) == [{}]
    assert not ShadowComparison.objects.exists()


def test_where_only_agents_calls_are_flagged_a_canary_needs_no_agent(gateway: CanaryStack, settings: Any) -> None:
    settings.AGENTS_CALLS_ONLY = True
    gateway.set()
    with gateway.with_recorder():
        assert not gateway.follow().is_red


def test_a_real_call_at_the_test_extension_is_a_call_like_any_other(gateway: CanaryStack) -> None:
    with gateway.with_recorder():
        call = gateway.follow()
    gateway.connects("C7", TEST_PHONE)
    gateway.passes(2)
    gateway.clears("C7", TEST_PHONE)
    gateway.passes(2)

    real, own = Leg.objects.get(call_id="C7"), Leg.objects.get(call_id=call.call_id)
    assert (real.is_canary, own.is_canary) == (False, True)
    assert real.recording_guid not in (None, own.recording_guid)
    assert gateway.flags(TEST_PHONE)[-1]["CTICallRef"] == "C7"
    assert "Canary test call" not in gateway.flags(TEST_PHONE)[-1].values()


def test_a_canary_call_takes_no_other_recording_than_the_one_begun_for_it(gateway: CanaryStack) -> None:
    with gateway.with_recorder():
        call = gateway.look(gateway.begins())
        assert call.step == CanaryStep.LEG
        gateway.qms.connected(TEST_PHONE, gateway.time)  # Somebody picks up the test phone.
        call = gateway.follow(call)

    assert red_at(call) is CanaryStep.RECORDING
    assert not FlagWrite.objects.exists()
    assert Leg.objects.get().reason_code == "canary"
