"""What is heard out of order, late or not at all: no fact and no recording goes to another call because of it.

Times are seconds after noon; events come in the order in which they are written. Each test is the smallest form of what
``./gateway worlds`` found.
"""

from typing import Any

import pytest

from calls.core.outcomes import Outcome
from calls.core.result_events import RecordingFound
from calls.core.state import LegState
from tests.calls.switchboard import Switchboard, event, moment, with_site
from tests.calls.test_gaps import link, snapshot
from tests.calls.test_incarnations import UMA
from tests.calls.test_transfers import attended

pytestmark = pytest.mark.core

CUSTOMER = {"queueName": "Sales", "callerName": "Jo", "callerNameSource": "isdn", "interactionId": "I1"}


def leg(board: Switchboard, device: str) -> LegState:
    return [leg for leg in board.legs if leg.device_id == device][-1]


def names(board: Switchboard, device: str) -> tuple[str, str]:
    facts = leg(board, device).facts
    return facts.caller_name, facts.queue_name


def customer_on_hold(board: Switchboard, **more: Any) -> Switchboard:
    """2001 has a customer on hold in C1 and dials 2002 in C2."""
    board.call("Queued", 0.1, "C1", **CUSTOMER).call("Established", 5, "C1", "2001")
    board.call("Held", 20, "C1", "2001", cause="consultation")
    return board.call("Originated", 21, "C2", "2001", cause="consultation", **more)


# --- a consultation that is reported after the transfer that ended it ---


@pytest.mark.parametrize("resulting", ["C3", "C2"])
@pytest.mark.parametrize("began", [30.0, 25.1])
def test_an_answer_that_is_heard_after_the_transfer_is_the_consultations(resulting: str, began: float) -> None:
    """A recording that began with the transfer is the second part's; one from before it goes on over it."""
    board = customer_on_hold(Switchboard()).hears(attended(30, resultingCallId=resulting))
    board.call("Established", 25, "C2", "2002")
    board.found(30.3, leg(board, "2002").number, "R", started=began, asked=30.2)
    board.call("ConnectionCleared", 60, resulting, "2002").waits(90)

    parts = [(one.call_id, one.guid) for one in board.legs if one.device_id == "2002"]
    assert parts == ([("C2", ""), (resulting, "R")] if began == 30 else [(resulting, "R")])
    assert names(board, "2002") == ("Jo", "Sales")


def test_a_recording_that_began_with_a_transfer_is_the_second_parts_though_it_was_named_before() -> None:
    """The colleague has left before the transfer is heard of; QMS named the recording as it was asked for the first."""
    board = customer_on_hold(Switchboard(), interactionId="I2").call("Established", 29.5, "C2", "2002")
    board.found(30.2, leg(board, "2002").number, "R", started=30.05, asked=30.1)
    board.call("ConnectionCleared", 30.4, "C3", "2002").hears(attended(30)).waits(60)

    first, second = [one for one in board.legs if one.device_id == "2002"]
    assert (first.guid, first.reason_code, second.guid, second.call_id) == ("", "transfer", "R", "C3")


def test_a_clock_of_whole_seconds_leaves_open_with_which_part_a_recording_began() -> None:
    """The answer and the transfer have the same time, and QMS is away when it is asked after the transfer."""
    board = Switchboard().call("Established", 5, "C1", "2001", **CUSTOMER).call("Held", 20, "C1", "2001")
    board.call("Originated", 21, "C2", "2001", cause="consultation").call("Established", 30, "C2", "2002")
    board.found(30.5, leg(board, "2002").number, "R", started=30.4, asked=30.4).hears(attended(30))
    board.missed(42, leg(board, "2002").number, "unreachable").call("ConnectionCleared", 60, "C3", "2002").waits(90)

    assert [one.guid for one in board.legs if one.device_id == "2002"] == ["", ""]


def test_after_a_lost_link_no_recording_says_nothing_about_a_transfer() -> None:
    """The leg may have ended in the gap; its recording of before the transfer does not get the customer's data."""
    board = customer_on_hold(Switchboard()).call("Established", 25, "C2", "2002")
    board.found(25.3, leg(board, "2002").number, "R", started=25.1, asked=25.2).hears(attended(30))
    board.hears(link("Lost", 30.1)).missed(40, leg(board, "2002").number, "unreachable", asked=36)
    board.hears(link("Restored", 42), snapshot("Began", 42), snapshot("Ended", 42.1)).waits(60)

    flagged = [(one.guid, one.call_id, one.facts.caller_name) for one in board.legs if one.guid]
    assert flagged == [("R", "C2", "")]


def test_a_call_is_over_where_its_destination_left_before_the_transfer_was_heard_of() -> None:
    board = Switchboard().call("Established", 5.5, "C1", "2001", **CUSTOMER).call("Established", 14, "C2", "2003")
    board.call("Established", 14, "C2", "2001").call("ConnectionCleared", 14.7, "C2", "2003")
    joined = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "transferringDeviceId": "2001"}
    board.hears(event("Transferred", 14.6, resultingCallId="C2", transferredToDeviceId="2003", **joined))
    board.call("ConnectionCleared", 24.1, "C2", "2003").call("Established", 24, "C2", "2003")

    assert board.spans()[-1] == ("2003", 24.0, 24.1)
    assert names(board, "2003") == ("", "")


def test_the_call_that_a_transfer_results_in_is_not_the_next_one_under_its_id() -> None:
    """C3 came back at 30.3, and was heard of before the transfer that had made it at 30."""
    board = customer_on_hold(Switchboard()).call("Established", 25, "C2", "2002")
    board.call("Queued", 30.3, "C3", queueName="Support", callerName="Uma", callerNameSource="isdn")
    board.hears(attended(30)).call("ConnectionCleared", 30.1, "C3", "2002").call("Established", 33, "C3", "2003")

    assert (names(board, "2002"), names(board, "2003")) == (("Jo", "Sales"), ("Uma", "Support"))
    assert leg(board, "2003").facts.interaction_id != "I1"


# --- two lives of an id within a second ---


def test_an_end_that_is_later_than_a_calls_own_does_not_swallow_the_next_call() -> None:
    """CallCleared of the second call is heard before its beginning."""
    board = Switchboard().call("Established", 0.5, "C1", "2002", **UMA).call("ConnectionCleared", 0.7, "C1", "2002")
    board.call("CallCleared", 1.6, "C1").call("Established", 0.9, "C1", "2002")
    board.call("ConnectionCleared", 1.6, "C1", "2002")

    assert board.spans() == [("2002", 0.5, 0.7), ("2002", 0.9, 1.6)]
    assert names(board, "2002") == ("", "")


@pytest.mark.parametrize("reported", [{"callingNumber": "+4930222"}, {"callerName": "Bo", "callerNameSource": "isdn"}])
def test_what_contradicts_the_next_call_is_of_one_before_it(reported: dict[str, str]) -> None:
    """Three calls: the second one's beginning is heard after the third's."""
    board = Switchboard().call("Established", 0.5, "C1", "2001").call("ConnectionCleared", 0.7, "C1", "2001")
    board.call("Established", 2, "C1", "2002", **UMA).call("Established", 1.2, "C1", "2002", **reported)
    board.call("ConnectionCleared", 1.6, "C1", "2002").call("ConnectionCleared", 3, "C1", "2002")

    ends = {(span[1:], one.facts.caller_name) for span, one in zip(board.spans(), board.legs, strict=True)}
    assert ends == {((0.5, 0.7), ""), ((2.0, 3.0), "Uma"), ((1.2, 1.6), reported.get("callerName", ""))}


def test_an_end_of_before_a_call_began_is_not_its_end() -> None:
    board = Switchboard().call("Queued", 13.5, "C1", **UMA).call("ConnectionCleared", 13.3, "C1", "2001")
    board.call("Established", 13.1, "C1", "2001", callingNumber="+4930222").call("Established", 15, "C1", "2002")

    assert (names(board, "2001"), names(board, "2002")) == (("", ""), ("Uma", "Sales"))
    assert leg(board, "2001").disconnected_source_at == moment(13.3)


def test_a_beginning_that_states_the_next_calls_interaction_is_of_that() -> None:
    """The end of the next call was heard first, with its interaction; the present call still lives."""
    board = Switchboard().call("Established", 1.5, "C1", "2001", interactionId="I1")
    board.call("ConnectionCleared", 2.4, "C1", "2001", interactionId="I2")
    board.call("Established", 2.1, "C1", "2001", interactionId="I2")
    board.call("ConnectionCleared", 2, "C1", "2001", interactionId="I1")

    assert sorted(board.spans()) == [("2001", 1.5, 2.0), ("2001", 2.1, 2.4)]
    assert [one.facts.interaction_id for one in board.legs] == ["I1", "I2"]


def test_a_phone_that_is_connected_before_the_second_end_of_its_short_call_ends_the_wait() -> None:
    """After a blind transfer: the answer of 8.4 is heard after its end and after the next call's beginning."""
    board = Switchboard().call("Established", 1.5, "C1", "2001", **CUSTOMER)
    handed = {"primaryOldCallId": "C1", "transferringDeviceId": "2001", "transferredToDeviceId": "2002"}
    board.hears(event("Transferred", 6, resultingCallId="C1", **handed)).call("ConnectionCleared", 8.5, "C1", "2002")
    board.call("Queued", 8.7, "C1", queueName="Support").call("Established", 8.4, "C1", "2002")
    board.call("Established", 10, "C1", "2002")

    first, second = [one.facts for one in board.legs if one.device_id == "2002"]
    assert (first.queue_name, second.queue_name) == ("Sales", "Support")
    assert first.interaction_id != second.interaction_id


@pytest.mark.parametrize("called", [0.7, 9])
def test_a_device_that_dials_is_in_no_call_that_waits_in_a_queue(called: float) -> None:
    board = Switchboard().call("Queued", 0.5, "C1", "5000", **UMA).call("Originated", called, "C1", "2001")
    board.call("Established", called + 2, "C1", "2002")

    assert names(board, "2002") == ("", "")


# --- calls that may be over ---


def test_a_call_that_left_its_queue_for_nowhere_hands_nothing_on() -> None:
    board = Switchboard().call("Queued", 1.5, "C1", "5000", **UMA)
    board.call("Diverted", 9, "C1", "5000", cause="queueCleared").call("Queued", 9.2, "C1", queueName="Support")
    board.call("Established", 12, "C1", "2002")

    assert names(board, "2002") == ("", "Support")


@pytest.mark.parametrize("vouched", [{"newDestination": "2002"}, {"interactionId": "I1"}])
def test_a_call_that_left_its_queue_goes_on_where_that_is_said(vouched: dict[str, str]) -> None:
    destination = {name: value for name, value in vouched.items() if name == "newDestination"}
    interaction = {name: value for name, value in vouched.items() if name == "interactionId"}
    board = Switchboard().call("Queued", 1.5, "C1", "5000", **CUSTOMER)
    board.call("Diverted", 9, "C1", "5000", cause="queueCleared", **destination)
    board.call("Established", 12, "C1", "2002", **interaction)

    assert names(board, "2002") == ("Jo", "")


def test_a_dead_call_does_not_come_back_because_it_is_led_away() -> None:
    board = Switchboard().call("Established", 1.5, "C1", "2001", **CUSTOMER).call("ConnectionCleared", 9, "C1", "2001")
    board.call("Diverted", 12, "C1", "2001", cause="callPickup").call("Established", 12, "C1", "2002")

    assert names(board, "2002") == ("", "")


# --- recordings ---


def test_a_recording_that_began_after_the_end_is_taken_away_when_the_end_is_heard_of() -> None:
    board = Switchboard().call("Established", 1.2, "C1", "2001").found(2.3, 1, "R", started=2.1, asked=2.2)
    board.call("ConnectionCleared", 1.6, "C1", "2001").waits(60)

    assert (board.leg.guid, board.leg.outcome, board.writes) == ("", Outcome.WINDOW_MISSED, [])


def test_the_second_part_of_a_leg_is_sure_of_its_recording() -> None:
    """The next call of the extension came 0.6 s after the transfer; QMS had named the recording before that."""
    board = customer_on_hold(Switchboard()).call("Established", 25.5, "C2", "2002")
    board.found(25.8, leg(board, "2002").number, "R1", started=25.6, asked=25.7).hears(attended(30))
    board.found(30.3, leg(board, "2002").number, "R2", started=30.05, asked=30.2)
    board.call("ConnectionCleared", 30.4, "C3", "2002").call("Established", 30.6, "C4", "2002")
    board.missed(40, leg(board, "2002").number, "none", asked=35).waits(60)

    assert [one.guid for one in board.legs if one.device_id == "2002"] == ["R1", "R2", ""]


# --- consultations ---


def test_a_call_that_ended_before_its_device_dialled_lends_no_interaction() -> None:
    """The held call's end, at 120, is heard after Originated of 120.5."""
    board = Switchboard().call("Established", 105, "C1", "2001", **CUSTOMER).call("Held", 110, "C1", "2001")
    board.call("Originated", 120.5, "C2", "2001").call("ConnectionCleared", 120, "C1", "2001")
    board.call("Established", 124, "C2", "2002")

    assert {one.facts.interaction_id for one in board.legs if one.call_id == "C2"}.isdisjoint({"I1"})


@pytest.mark.parametrize("heard", ["Originated", "Established"])
def test_a_hold_that_is_heard_late_makes_a_consultation(heard: str) -> None:
    board = Switchboard().call("Established", 100, "C1", "2001", **CUSTOMER).call("Originated", 104.2, "C2", "2001")
    if heard == "Established":
        board.call("Established", 104.4, "C2", "2002").call("Held", 104, "C1", "2001")
    else:
        board.call("Held", 104, "C1", "2001").call("Established", 104.4, "C2", "2002")

    assert {one.facts.interaction_id for one in board.legs} == {"I1"}


@pytest.mark.parametrize("asked", [132, 145])
def test_none_long_after_a_transfer_does_not_say_that_the_recording_goes_on(asked: float) -> None:
    """A recording that began at the transfer is named for 10 s only; the first answer came at 145."""
    board = customer_on_hold(Switchboard()).call("Established", 25, "C2", "2002")
    board.found(25.3, leg(board, "2002").number, "R", started=25.1, asked=25.2)
    board.hears(attended(130)).missed(146, leg(board, "2002").number, "none", asked=asked)
    board.call("ConnectionCleared", 160, "C3", "2002").waits(190)

    flagged = [(one.call_id, one.guid) for one in board.legs if one.guid]
    assert flagged == [("C3" if asked == 132 else "C2", "R")]


# --- ends that are heard before others ---


def test_a_call_that_is_heard_of_when_the_next_one_is_over_has_a_leg() -> None:
    board = Switchboard().call("Established", 1.55, "C1", "2001", callingNumber="+44")
    board.call("ConnectionCleared", 1.75, "C1", "2001").call("Established", 1.2, "C1", "2001")
    board.call("ConnectionCleared", 1.3, "C1", "2001")

    assert sorted(board.spans()) == [("2001", 1.2, 1.3), ("2001", 1.55, 1.75)]


@pytest.mark.parametrize("end", ["ConnectionCleared", "CallCleared"])
def test_a_second_end_that_is_earlier_is_the_legs_and_the_first_is_the_next_calls(end: str) -> None:
    """Two calls of 2002 under one id: the end of the second, at 12.2, is heard first."""
    board = Switchboard().call("Established", 11.2, "C1", "2002", **CUSTOMER)
    board.call(end, 12.2, "C1", "2002" if end == "ConnectionCleared" else None)
    board.call("ConnectionCleared", 11.8, "C1", "2002").call("Established", 12.1, "C1", "2002")

    assert board.spans() == [("2002", 11.2, 11.8), ("2002", 12.1, 12.2)]
    assert names(board, "2002") == ("", "")


def test_a_trunk_that_leaves_before_its_call_is_known_takes_nobody_out_of_it() -> None:
    """The ends of both parties are heard before the transfer that made their call."""
    board = Switchboard(with_site(devices=frozenset({"2001", "2002"})))
    customer_on_hold(board).call("Established", 25.2, "C2", "2002")
    board.call("ConnectionCleared", 30.5, "C3", "2002").call("ConnectionCleared", 30.4, "C3", "T4")
    board.hears(attended(30))

    assert leg(board, "2002").disconnected_source_at == moment(30.5)


def test_a_call_is_not_over_by_an_end_of_before_it_began() -> None:
    board = Switchboard().call("Queued", 2.2, "C1", "5000", **CUSTOMER).call("CallCleared", 2.1, "C1")
    board.call("Established", 6, "C1", "2002")

    assert names(board, "2002") == ("Jo", "Sales")


def test_a_phone_that_rang_in_vain_keeps_no_call_waiting_that_was_answered_elsewhere() -> None:
    """2003 picked up and left; that 2002 rings no more is heard only then."""
    board = Switchboard().call("Queued", 9.2, "C1", "5000", **CUSTOMER).call("Delivered", 11, "C1", "2002")
    board.call("Established", 13.2, "C1", "2003").call("ConnectionCleared", 13.3, "C1", "2003")
    board.call("Diverted", 13.2, "C1", "2002", newDestination="2003", cause="callPickup")
    board.call("Established", 16, "C1", "2001")

    assert names(board, "2001") == ("", "")


@pytest.mark.parametrize("device", [None, "2002"])
def test_in_whole_seconds_the_order_of_hearing_says_that_an_id_came_back(device: str | None) -> None:
    """C2 was handed on at 30, and in the same second its id begins another call."""
    board = Switchboard().call("Established", 5, "C1", "2001", **CUSTOMER).call("Held", 20, "C1", "2001")
    board.call("Originated", 21, "C2", "2001", cause="consultation").call("Established", 25, "C2", "2002")
    kind = "Originated" if device else "Queued"
    board.hears(attended(30)).call(
        kind, 30, "C2", "2005" if device else None, callerName="Uma", callerNameSource="isdn"
    )
    board.call("Established", 33, "C2", "2003")

    assert names(board, "2003") == ("Uma", "")
    assert leg(board, "2003").facts.interaction_id != "I1"


def test_a_trunk_that_answers_after_all_begins_the_leg() -> None:
    """The answer is heard as the trunk's silence was just taken for one; the leg's end is not awaited twice."""
    board = Switchboard().call("Originated", 7, "C1", "2001").call("NetworkReached", 7, "C1", "T1", outside=True)
    board.waits(9.5).call("Established", 9.7, "C1", "2001").call("ConnectionCleared", 10, "C1", "2001")

    assert board.spans() == [("2001", 9.7, 10.0)]


def test_what_leads_an_unknown_call_away_says_nothing_of_the_known_one() -> None:
    board = Switchboard().call("Queued", 2.2, "C1", "5000", **CUSTOMER)
    board.call("Diverted", 9, "C1", "5001", interactionId="I2", newDestination="2002", cause="queueCleared")
    board.call("Established", 12, "C1", "2002", interactionId="I2")

    assert names(board, "2002") == ("", "")
    assert leg(board, "2002").facts.interaction_id == "I2"


def test_a_wrap_up_may_be_of_a_call_that_waited_before_a_gap() -> None:
    board = Switchboard(with_site(wrapup_wait_seconds=120)).call("Established", 2.5, "C1", "2001")
    board.call("ConnectionCleared", 10.2, "C1", "2001").call("Queued", 10.4, "C1", "5000").hears(link("Lost", 11.5))
    board.hears(link("Restored", 23), snapshot("Began", 23), snapshot("Ended", 23.1))
    board.call("CallInformation", 57, "C1", wrapup={"result": "sold"})

    assert board.leg.wrapup_result == ""


def test_what_began_later_than_a_transfer_does_not_end_the_recording_that_went_on_over_it() -> None:
    """QMS named the leg's own recording after the transfer, and then one that the next call began."""
    board = customer_on_hold(Switchboard()).call("Established", 29.2, "C2", "2002")
    number = leg(board, "2002").number
    board.found(29.4, number, "R1", started=29.2, asked=29.3).hears(attended(30))
    later = RecordingFound(
        leg=number,
        search=2,
        guid="R2",
        service=1,
        started_at=moment(30.6),
        attempts=3,
        at=moment(30.8),
        asked_at=moment(30.7),
        why="same",
    )
    board.hears(later)
    board.call("ConnectionCleared", 30.5, "C3", "2002").waits(60)

    assert [(one.call_id, one.guid) for one in board.legs if one.device_id == "2002"] == [("C3", "R1")]
