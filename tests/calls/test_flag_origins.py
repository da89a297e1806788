"""Each flag's origin is kept with its leg: which event stated the value, and by which rule it became the leg's."""

from typing import Any

import pytest
from django.utils import timezone

from calls.core.flag_origins import flag_origins
from calls.core.state import LegState
from calls.explain.answers import Question, answers
from calls.models import Leg
from calls.privacy.erase import without_caller
from calls.storage.codec import leg_row, read_leg
from calls.ui.leg_page import leg_page
from tests.calls.switchboard import NOON, Switchboard, event
from tests.journeys.stack import GatewayStack


def said(leg: LegState) -> dict[str, str]:
    """Return the origins of a leg's values, with seconds after noon."""
    seconds = {
        one.label: (one.origin.at - NOON).total_seconds() if one.origin is not None else 0 for one in flag_origins(leg)
    }
    return {one.label: one.sentence(f"{seconds[one.label]:g}") for one in flag_origins(leg)}


def moved(primary: str, secondary: str | None, resulting: str, at: float) -> Any:
    connection = {
        "old": {"callId": secondary or primary, "deviceId": "2002"},
        "new": {"callId": resulting, "deviceId": "2002"},
    }
    names: dict[str, Any] = {"secondaryOldCallId": secondary, "connections": [connection]} if secondary else {}
    return event(
        "Transferred",
        at,
        name="moved",
        primaryOldCallId=primary,
        resultingCallId=resulting,
        transferringDeviceId="2001",
        transferredToDeviceId="2002",
        **names,
    )


def queued_and_answered() -> Switchboard:
    board = Switchboard().hears(event("LoggedOn", -60, family="agent", name="on", agentId="9101", deviceId="2001"))
    queued = event("Queued", 0, name="q", callId="C1", queueName="Sales", interactionId="I1", callerName="Uma")
    return board.hears(queued, event("Established", 5, name="e", callId="C1", deviceId="2001"))


def test_each_value_names_the_event_that_stated_it() -> None:
    board = queued_and_answered()
    board.hears(event("CallInformation", 9, name="i", callId="C1", queryData={"Case": "47"}))
    board.call("ConnectionCleared", 20, "C1", "2001")
    board.hears(event("CallInformation", 21, name="w", callId="C1", deviceId="2001", wrapup={"result": "Sold"}))

    assert said(board.leg) == {
        "Agent": "Logged on at the extension: LoggedOn on at -60.",
        "Call reference": "The call in which the extension was connected: Established e at 5.",
        "Caller": "Stated by Queued q at 0.",
        "Interaction": "Stated by Queued q at 0.",
        "Query data Case": "Stated by CallInformation i at 9.",
        "Queue": "Stated by Queued q at 0.",
        "Wrap-up": "Stated by CallInformation w at 21.",
    }


def test_a_value_that_is_stated_again_keeps_its_first_origin_and_another_value_has_its_own() -> None:
    board = queued_and_answered()
    board.hears(event("CallInformation", 9, name="again", callId="C1", queueName="Sales", callerName="Uma Underhill"))

    assert said(board.leg)["Queue"] == "Stated by Queued q at 0."
    assert said(board.leg)["Caller"] == "Stated by CallInformation again at 9."


def test_an_interaction_that_nobody_stated_is_the_gateways() -> None:
    board = Switchboard().call("Established", 5, "C1", "2001")

    assert said(board.leg)["Interaction"] == "Made by the gateway: no event stated an interaction."


def test_a_queue_without_a_name_is_its_device() -> None:
    board = Switchboard().hears(event("Queued", 0, name="q", callId="C1", deviceId="5000"))
    board.call("Established", 5, "C1", "2001")

    assert said(board.leg)["Queue"] == "The queue's device, for no name was stated: Queued q at 0."


def test_a_consultation_says_that_its_interaction_is_that_of_the_call_on_hold() -> None:
    board = queued_and_answered().call("Held", 10, "C1", "2001")
    board.hears(event("Originated", 11, name="o", callId="C2", deviceId="2001"))
    board.call("Established", 15, "C2", "2002")

    (colleague,) = [leg for leg in board.legs if leg.device_id == "2002"]
    assert said(colleague)["Interaction"] == (
        "The interaction of the call on hold when the extension dialled: Originated o at 11."
    )


def test_what_a_transfer_hands_on_still_names_the_event_that_stated_it() -> None:
    board = queued_and_answered().hears(moved("C1", None, "C9", 20)).call("Established", 22, "C9", "2002")

    (target,) = [leg for leg in board.legs if leg.device_id == "2002"]
    assert said(target)["Queue"] == "Handed on by a transfer or conference; stated by Queued q at 0."
    assert said(target)["Interaction"] == "Handed on by a transfer or conference; stated by Queued q at 0."


@pytest.mark.parametrize(
    ("answer", "references"),
    [
        ("G2", ["The call that went on after a transfer or conference: Transferred moved at 30."]),
        (
            "G3",
            [
                "The call in which the extension was connected: Established e2 at 15.",
                "The call that went on after a transfer or conference: Transferred moved at 30.",
            ],
        ),
    ],
)
def test_after_an_attended_transfer_each_part_says_which_event_gave_its_call_reference(
    answer: str, references: list[str]
) -> None:
    board = queued_and_answered().call("Held", 10, "C1", "2001").call("Originated", 11, "C2", "2001")
    board.hears(event("Established", 15, name="e2", callId="C2", deviceId="2002"))
    (number,) = [leg.number for leg in board.legs if leg.device_id == "2002"]
    board.found(15.2, number, "G2").hears(moved("C1", "C2", "C1", 30)).found(30.2, number, answer, started=30.0)

    assert [said(leg)["Call reference"] for leg in board.legs if leg.device_id == "2002"] == references


def test_an_agent_whom_the_answer_names_has_the_answer_as_origin() -> None:
    board = Switchboard().hears(event("Established", 5, name="e", callId="C1", deviceId="2001", agentId="9101"))

    assert said(board.leg)["Agent"] == "Named as the extension answered: Established e at 5."


def test_without_an_agent_there_is_no_origin_of_one() -> None:
    board = Switchboard().call("Established", 5, "C1", "2001")

    assert "Agent" not in said(board.leg)


def test_a_call_on_a_silent_trunk_names_the_event_that_left_on_it() -> None:
    board = Switchboard().call("Originated", 0, "C1", "2001")
    board.hears(event("NetworkReached", 1, name="n", callId="C1", deviceId="2001")).waits(4)

    assert said(board.leg)["Call reference"] == (
        "The call in which the extension was connected: NetworkReached n at 1."
    )


def test_origins_are_stored_with_the_leg_and_one_saved_before_has_none() -> None:
    row = leg_row(1, queued_and_answered().leg, NOON)
    kept = read_leg(row[25], row[26])
    before = LegState(
        number=1, call_id="C1", incarnation=1, device_id="2001", ordinal=1, connected_source_at=NOON,
        connected_gateway_at=NOON,
    )  # fmt: skip

    assert said(kept) == said(queued_and_answered().leg)
    assert flag_origins(before) == []


def test_when_a_caller_is_erased_the_origins_of_all_else_stay() -> None:
    leg = queued_and_answered().leg

    assert set(said(leg)) - set(said(without_caller(leg))) == {"Caller"}
    assert said(without_caller(leg))["Interaction"] == "Stated by Queued q at 0."


@pytest.mark.storage
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_legs_page_and_the_answer_to_why_say_where_each_value_is_from() -> None:
    gateway = GatewayStack()
    gateway.users("3001")
    gateway.log_on("9101", "3001", "Alice Archer")
    gateway.call("Queued", "CALL-1", "6000", queueName="Sales", interactionId="I-1")
    gateway.connects("CALL-1", "3001")
    gateway.passes(0.5)
    gateway.clears("CALL-1", "3001")
    gateway.passes(3)
    leg = Leg.objects.get()

    shown = {one.label: one.text for one in leg_page(leg, may_see_callers=True).origins}
    assert shown["Queue"].startswith("Stated by Queued ")
    assert shown["Agent"].startswith("Logged on at the extension: LoggedOn ")
    (answer,) = answers(Question("CALL-1"), timezone.now())
    assert {label for label, _ in answer.origins} == set(shown)
    assert dict(answer.origins)["Queue"].startswith("Stated by Queued ")
