"""Canary calls that the PBX makes: the whole chain is proved, and a real call at the test phone stays a real one."""

from datetime import timedelta
from typing import Any

import pytest
import redis as redis_client

from calls.models import HourlyCount, Leg
from cti.journal.call_requests import CallReport, take_call_wishes
from cti.models import LinkState, LinkStatus
from gateway_site.canary.steps import CanaryStep, CanaryVerdict
from gateway_site.reconciliation.models import ReconciliationFinding, ReconciliationRun
from gateway_site.reconciliation.runs import ask, steps
from simulators.qms.records import Troubles
from tests.journeys.canaries import TEST_PHONE, RealCanaryStack, red, verdicts

pytestmark = pytest.mark.django_db


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> RealCanaryStack:
    """Give a gateway whose source may have its PBX make calls."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return RealCanaryStack()


def test_a_call_that_the_pbx_makes_proves_the_whole_chain(gateway: RealCanaryStack) -> None:
    call = gateway.follow()

    assert set(verdicts(call).values()) == {CanaryVerdict.PASSED}
    assert list(verdicts(call)) == list(CanaryStep)
    assert call.call_id == "77"
    assert [(one.act, one.request.extension, one.request.destination) for one in gateway.wishes] == [
        ("make", TEST_PHONE, "4711"),
        ("end", TEST_PHONE, "4711"),
    ]
    (flags,) = gateway.flags(TEST_PHONE)
    assert flags["CTICallRef"] == "77"
    assert flags["QueueName"] == flags["CallerName"] == "Canary test call"
    assert Leg.objects.get().is_canary


def test_a_real_call_at_the_test_phone_is_no_test_and_the_canary_says_that_it_was_busy(
    gateway: RealCanaryStack,
) -> None:
    gateway.pick_up("12")
    gateway.passes(1)
    gateway.answers_phone = False
    call = gateway.follow()
    gateway.hang_up("12")
    gateway.passes(20)

    assert red(call) == (CanaryStep.LEG, "The phone was busy: another call is at the test extension.")
    leg = Leg.objects.get()
    assert (leg.is_canary, leg.outcome, leg.call_id) == (False, "flagged", "12")
    (flags,) = gateway.flags(TEST_PHONE)
    assert flags["CTICallRef"] == "12"
    assert "Canary test call" not in flags.values()
    assert counted() == 1


def test_a_real_call_that_comes_during_the_canary_makes_it_red(gateway: RealCanaryStack) -> None:
    call = gateway.look(gateway.begins())
    gateway.passes(0.3)
    gateway.call("Established", "12", TEST_PHONE)
    gateway.passes(1.5)
    call = gateway.follow(call)

    assert red(call)[1] == "The phone was busy: another call is at the test extension."
    assert {leg.call_id: leg.is_canary for leg in gateway.legs()} == {"77": True, "12": False}


def test_a_refusal_of_the_pbx_is_the_reason_of_the_step(gateway: RealCanaryStack) -> None:
    gateway.answer = CallReport(text="The PBX refused MakeCall: it is closed.", todo="Open it.")
    call = gateway.follow()

    assert red(call) == (CanaryStep.CALL, "The PBX refused MakeCall: it is closed.")
    assert call.ends[-1].todo == "Open it."
    assert not Leg.objects.exists()


def test_where_the_listener_stands_still_the_advice_names_it(gateway: RealCanaryStack) -> None:
    """Before: "See that the worker of the queue default runs."."""
    gateway.answer = None
    call = gateway.follow()

    assert red(call) == (CanaryStep.CALL, "The listener did not say in time what became of the call.")
    assert f"the listener of source {gateway.source.slug} runs" in call.ends[-1].todo


def test_a_test_phone_that_does_not_answer_makes_it_red_and_the_call_is_ended(gateway: RealCanaryStack) -> None:
    gateway.answers_phone = False
    call = gateway.follow()
    gateway.passes(1)

    assert red(call) == (CanaryStep.LEG, "The PBX took the call, and it was not answered in time.")
    assert [one.act for one in gateway.wishes] == ["make", "end"]


def test_a_listener_that_takes_no_request_makes_it_red(gateway: RealCanaryStack) -> None:
    gateway.answer = None
    call = gateway.follow()

    assert red(call) == (CanaryStep.CALL, "The listener did not say in time what became of the call.")


def test_a_link_that_is_down_makes_it_red_at_once_and_nothing_is_asked(gateway: RealCanaryStack) -> None:
    LinkStatus.objects.update(state=LinkState.DOWN)
    call = gateway.look(gateway.begins())

    assert red(call) == (CanaryStep.CALL, "The link to the PBX is down (disconnected): no call was asked for.")
    assert [wish.act for wish in take_call_wishes(gateway.source.slug)] in ([], ["end"])


@pytest.mark.parametrize("seconds", [0, 600])
def test_an_id_that_the_pbx_uses_again_is_not_taken_for_the_last_canarys(
    gateway: RealCanaryStack, seconds: float
) -> None:
    gateway.follow()
    gateway.passes(seconds)
    gateway.answers_phone = False

    assert red(gateway.follow())[0] is CanaryStep.LEG


def counted() -> Any:
    """Return how many legs the hourly counts have."""
    return sum(HourlyCount.objects.values_list("legs", flat=True))


def compared_with_qms(gateway: RealCanaryStack) -> ReconciliationRun:
    """Compare the hour with QMS, a day later."""
    later = gateway.time + timedelta(days=1)
    run = ask(gateway.service, gateway.begin - timedelta(hours=1), gateway.time + timedelta(hours=1), "Ada", later)
    for _ in steps(run, lambda: later, gateway.connect):
        pass
    assert run.done_at is not None, run.error
    return run


@pytest.mark.parametrize("what", ["the search", "the events"])
def test_a_recording_of_a_red_canary_is_no_recording_without_flags(gateway: RealCanaryStack, what: str) -> None:
    """Before: it was a major finding, "no CTI source reported a call", and counted in the labelled share."""
    if what == "the search":
        gateway.qms.troubles["rs1"] = Troubles(down=True)
    else:
        gateway.answers_phone = False
        gateway.qms.connected(TEST_PHONE, gateway.time + timedelta(seconds=1))
    assert gateway.follow().is_red
    gateway.qms.troubles["rs1"] = Troubles()
    assert len([one for one in gateway.qms.recordings.values() if one.extension == TEST_PHONE]) == 1

    assert compared_with_qms(gateway).recordings == 0
    assert not ReconciliationFinding.objects.exists()


def test_what_somebody_records_at_the_test_phone_is_compared_beside_a_red_canary(gateway: RealCanaryStack) -> None:
    gateway.pick_up("12")
    gateway.passes(1)
    gateway.answers_phone = False
    assert gateway.follow().is_red
    gateway.hang_up("12")
    gateway.passes(90)
    alone = gateway.qms.connected(TEST_PHONE, gateway.time)  # No source reports it, and no canary call goes on.
    gateway.passes(10)

    run = compared_with_qms(gateway)
    assert run.recordings == 2
    assert alone is not None
    assert [one.recording_guid for one in ReconciliationFinding.objects.all()] == [alone.guid]
