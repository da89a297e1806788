"""Of which leg a wrap-up is, rule by rule; one that may be of several, or of a call that is not known, is of none.

Seconds after noon; wrap-ups are awaited for 120 s.
"""

from typing import Any

import pytest

from calls.core.state import WriteStatus
from tests.calls.switchboard import Switchboard, event, with_site

pytestmark = pytest.mark.core

SITE = with_site(wrapup_wait_seconds=120.0)


def wrapped_up(board: Switchboard, at: float, call_id: str = "C1", **data: Any) -> list[str]:
    """Return the result of each leg, in the order in which they opened, once a wrap-up of a call has come."""
    wrapup = {"template": "Sale", "result": "sold"}
    board.hears(event("CallInformation", at, callId=call_id, wrapup=wrapup, **data))
    return [leg.wrapup_result for leg in board.legs]


def talked(device: str = "2001", *, begin: float = 5, end: float = 20, call_id: str = "C1", **data: Any) -> Switchboard:
    board = Switchboard(SITE).call("Established", begin, call_id, device, **data)
    return board.call("ConnectionCleared", end, call_id, device)


def test_a_wrap_up_keeps_its_template_and_where_it_is_from() -> None:
    board = talked()
    wrapped_up(board, 30)

    leg = board.leg
    assert (leg.wrapup_template, leg.wrapup_result) == ("Sale", "sold")
    assert leg.wrapup_origin is not None
    assert leg.wrapup_origin.event == "CallInformation"


def test_a_wrap_up_without_a_template_has_none() -> None:
    board = talked().hears(event("CallInformation", 30, callId="C1", wrapup={"result": "sold"}))

    assert (board.leg.wrapup_template, board.leg.wrapup_result) == ("", "sold")


def test_an_empty_wrap_up_is_none() -> None:
    board = talked().hears(event("CallInformation", 30, callId="C1", wrapup={"template": "Sale", "result": ""}))
    assert (board.leg.wrapup_template, board.leg.wrapup_origin) == ("", None)

    assert wrapped_up(board, 31) == ["sold"]


def test_the_first_wrap_up_of_a_leg_counts() -> None:
    board = Switchboard(SITE).call("Established", 5, "C1", "2001")
    board.hears(event("CallInformation", 10, callId="C1", wrapup={"result": "sold"}))
    board.hears(event("CallInformation", 11, callId="C1", wrapup={"result": "lost"}))

    assert board.leg.wrapup_result == "sold"


def test_the_data_that_come_with_an_empty_wrap_up_are_the_calls() -> None:
    board = Switchboard(SITE).call("Established", 5, "C1", "2001")
    board.call("CallInformation", 10, "C1", calledNumber="0800", wrapup={"result": ""})

    assert board.leg.facts.called_number == "0800"


def test_the_data_that_come_with_a_wrap_up_are_the_calls() -> None:
    board = Switchboard(SITE).call("Established", 5, "C1", "2001")
    board.call("CallInformation", 10, "C1", calledNumber="0800", wrapup={"result": "sold"})

    assert board.leg.facts.called_number == "0800"


def test_a_wrap_up_of_an_id_that_is_not_known_begins_no_call() -> None:
    board = Switchboard(SITE)
    wrapped_up(board, 30, "C9")

    assert board.state.calls == {}


@pytest.mark.parametrize(
    ("named", "results"),
    [
        ({}, ["", ""]),
        ({"deviceId": "2001"}, ["sold", ""]),
        ({"deviceId": "2002"}, ["", "sold"]),
        ({"deviceId": "2003"}, ["", ""]),
        ({"agentId": "9101"}, ["sold", ""]),
        ({"agentId": "9102"}, ["", "sold"]),
        ({"agentId": "9103"}, ["", ""]),
        ({"deviceId": "2002", "agentId": "9101"}, ["", "sold"]),
    ],
)
def test_of_two_legs_of_a_call_a_wrap_up_is_of_the_one_whose_extension_or_agent_it_names(
    named: dict[str, str], results: list[str]
) -> None:
    board = Switchboard(SITE).call("Established", 5, "C1", "2001", agentId="9101")
    board.call("Established", 6, "C1", "2002", agentId="9102").call("CallCleared", 20, "C1")

    assert wrapped_up(board, 30, **named) == results


def test_a_wrap_up_is_of_the_only_leg_though_others_rang() -> None:
    board = Switchboard(SITE).call("Delivered", 3, "C1", "2002").call("Established", 5, "C1", "2001")
    board.call("CallCleared", 20, "C1")

    assert wrapped_up(board, 30) == ["sold"]


def test_a_wrap_up_is_of_none_where_the_other_leg_of_its_call_is_forgotten_already() -> None:
    """2002's leg is settled: that there were two legs is still known."""
    board = Switchboard(with_site(wrapup_wait_seconds=120.0, agents_calls_only=False))
    board.call("Established", 5, "C1", "2001").call("Established", 6, "C1", "2002")
    board.call("ConnectionCleared", 8, "C1", "2002").missed(9, 2).waits(15)
    board.call("ConnectionCleared", 20, "C1", "2001")
    assert str(board.legs[1].phase) == "settled"

    assert wrapped_up(board, 30) == ["", ""]


def test_a_leg_whose_wrap_up_is_under_way_gets_no_other() -> None:
    board = talked().found(21, 1, "G", started=5, asked=6)
    assert wrapped_up(board, 22, deviceId="2001") == ["sold"]
    board.waits(25)
    assert board.leg.wrapup is WriteStatus.QUEUED

    board.call("CallInformation", 30, "C1", "2001", wrapup={"result": "lost"})
    assert board.leg.wrapup_result == "sold"


def two_lives() -> Switchboard:
    """The id C1 named a call of 2001 with the interaction I1, and names one of 2002 with I2 now."""
    board = talked(interactionId="I1")
    return board.call("Established", 21, "C1", "2002", interactionId="I2")


@pytest.mark.parametrize(
    ("at", "named", "results"),
    [
        (30, {}, ["", ""]),
        (20.5, {}, ["sold", ""]),  # The second call had not begun by then.
        (30, {"interactionId": "I1"}, ["sold", ""]),
        (30, {"interactionId": "I2"}, ["", "sold"]),
        (30, {"interactionId": "I3"}, ["", ""]),
        (30, {"deviceId": "2001"}, ["sold", ""]),
        (30, {"deviceId": "2002"}, ["", "sold"]),
        (30, {"deviceId": "2003"}, ["", ""]),
    ],
)
def test_a_wrap_up_is_of_a_call_that_its_id_named_lately_where_it_says_of_which(
    at: float, named: dict[str, str], results: list[str]
) -> None:
    assert wrapped_up(two_lives(), at, **named) == results


def test_a_wrap_up_that_states_an_interaction_is_not_of_a_call_that_stated_none_where_another_stated_it() -> None:
    board = talked().call("Established", 21, "C1", "2002", interactionId="I2")

    assert wrapped_up(board, 30, interactionId="I2") == ["", "sold"]


def test_a_wrap_up_that_states_an_interaction_may_be_of_the_only_call_that_stated_none() -> None:
    assert wrapped_up(talked(), 30, interactionId="I2") == ["sold"]


def test_a_wrap_up_under_the_old_id_is_of_the_leg_that_the_call_was_handed_on_to() -> None:
    board = Switchboard(SITE).call("Established", 5, "C1", "2001")
    board.hears(
        event(
            "Conferenced",
            10,
            primaryOldCallId="C1",
            secondaryOldCallId="C2",
            conferencingDeviceId="2001",
            resultingCallId="C2",
        )
    )

    assert wrapped_up(board, 15) == ["sold"]


# Heard late, or after a gap


@pytest.mark.parametrize(("late", "result"), [(5, "sold"), (5.001, "")])
@pytest.mark.parametrize("named", [{}, {"deviceId": "2001"}])
def test_a_wrap_up_that_is_heard_over_five_seconds_late_needs_an_interaction(
    late: float, result: str, named: dict[str, str]
) -> None:
    board = talked(begin=5.5).waits(30 + late)

    assert wrapped_up(board, 30, **named) == [result]


def test_a_wrap_up_that_states_its_interaction_may_be_heard_late() -> None:
    board = talked(interactionId="I1").waits(90)

    assert wrapped_up(board, 30, interactionId="I1") == ["sold"]


def with_gap(board: Switchboard, lost: float, back: float, found: str = "") -> Switchboard:
    board.hears(event("Lost", lost, family="link"), event("Restored", back, family="link"))
    board.hears(event("Began", back, family="snapshot"))
    if found:
        board.call("Established", back, found, "2001")
    return board.hears(event("Ended", back, family="snapshot"))


@pytest.mark.parametrize(("ended", "result"), [(121, ""), (121.001, "sold")])
def test_a_wrap_up_is_of_a_leg_that_lasted_through_the_gap_and_a_second_longer(ended: float, result: str) -> None:
    board = with_gap(Switchboard(SITE).call("Established", 95, "C1", "2001"), 100, 120, "C1")
    board.call("ConnectionCleared", ended, "C1", "2001")

    assert wrapped_up(board, 130) == [result]


def test_a_wrap_up_is_of_a_leg_that_lasts_still() -> None:
    board = with_gap(Switchboard(SITE).call("Established", 95, "C1", "2001"), 100, 120, "C1")

    assert wrapped_up(board, 130) == ["sold"]


@pytest.mark.parametrize(("stated", "result"), [({}, ""), ({"interactionId": "I9"}, "sold")])
def test_a_wrap_up_of_an_interaction_that_its_call_is_not_known_to_have_may_be_of_a_call_within_the_gap(
    stated: dict[str, str], result: str
) -> None:
    board = with_gap(Switchboard(SITE), 100, 120).call("Established", 121, "C1", "2001", **stated)
    board.call("ConnectionCleared", 125, "C1", "2001")

    assert wrapped_up(board, 130, deviceId="2001", interactionId="I9") == [result]


def test_a_leg_whose_end_is_not_known_gets_no_wrap_up() -> None:
    board = with_gap(Switchboard(SITE).call("Established", 95, "C1", "2001"), 100, 120)

    assert wrapped_up(board, 130, deviceId="2001") == [""]


@pytest.mark.parametrize(("at", "result"), [(240, ""), (240.001, "sold")])
def test_after_a_gap_wrap_ups_are_of_the_known_call_once_none_of_the_gap_is_awaited_any_more(
    at: float, result: str
) -> None:
    board = with_gap(Switchboard(SITE).call("Queued", 1, "C9", "5000"), 100, 120)
    board.call("Established", 130, "C1", "2001").call("ConnectionCleared", 150, "C1", "2001").waits(at)

    assert wrapped_up(board, at) == [result]


def test_a_wrap_up_of_an_extension_that_a_snapshot_found_may_be_of_its_call_in_the_gap() -> None:
    board = with_gap(Switchboard(SITE), 100, 120, "C1")

    assert wrapped_up(board, 130, deviceId="2001") == [""]


def test_a_wrap_up_may_be_of_a_call_that_was_waiting_as_the_link_was_lost() -> None:
    board = with_gap(Switchboard(SITE).call("Queued", 95, "C1", "5000"), 100, 120)
    board.call("Established", 130, "C1", "2001").call("ConnectionCleared", 150, "C1", "2001")

    assert wrapped_up(board, 160, deviceId="2001") == [""]


def test_a_gap_of_some_devices_may_hide_a_call_as_one_of_the_link_does() -> None:
    board = Switchboard(SITE).call("Established", 95, "C1", "2001")
    board.hears(event("Lost", 100, family="link", devices=["2001"]))
    board.hears(event("Restored", 120, family="link", devices=["2001"]))
    board.call("ConnectionCleared", 150, "C1", "2001")

    assert wrapped_up(board, 160) == [""]


@pytest.mark.parametrize(("at", "queue"), [(29.999, ""), (30, "Support"), (31, "Support")])
def test_what_a_wrap_up_states_is_of_the_ids_last_call_from_the_moment_on_in_which_that_began(
    at: float, queue: str
) -> None:
    board = talked().call("Established", 30, "C1", "2002")
    wrapped_up(board, at, deviceId="2002", queueName="Support")

    assert [leg.facts.queue_name for leg in board.legs] == ["", queue]
