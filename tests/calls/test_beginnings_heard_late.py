"""A connection whose beginning is heard after its end, or after the id's next call began.

Times are seconds after noon; events come in the order in which they are written. Each test is the smallest form of what
``./gateway worlds`` found.
"""

import pytest
from msgspec.structs import replace

from tests.calls.switchboard import Switchboard, event, moment, with_site
from tests.calls.test_disordered_lives import _interactions, _phone
from tests.calls.test_late_reports import customer_on_hold
from tests.calls.test_transfers import attended

pytestmark = pytest.mark.core


def test_an_end_of_a_phone_that_only_rang_so_far_is_that_of_the_life_in_which_it_rang() -> None:
    """2001 rings at 2.0, talks from 2.05 to 2.15, and under the id from 2.4 to 2.6; the last end is heard first."""
    board = Switchboard().call("Delivered", 2.0, "C1", "2001", callingNumber="111")
    _phone(("C", 2.6), ("C", 2.15), ("E", 2.4), ("E", 2.05), board=board).waits(60)

    assert sorted(board.spans()) == [("2001", 2.05, 2.15), ("2001", 2.4, 2.6)]
    assert len(_interactions(board)) == 2


def test_a_connection_from_before_an_end_that_is_known_does_not_lengthen_the_leg_after_it() -> None:
    """2001 leaves at 15.75 and is connected again at 16.0; that it was connected at 15.55 is heard last."""
    board = Switchboard()
    _phone(("C", 15.75), ("E", 16.0), ("E", 15.55), ("C", 16.2), board=board).waits(60)

    assert sorted(board.spans()) == [("2001", 15.55, 15.75), ("2001", 16.0, 16.2)]
    assert len(_interactions(board)) == 2


@pytest.mark.parametrize("is_end_first", [True, False])
def test_such_a_connection_is_its_own_leg_where_the_end_of_the_others_is_heard_late(is_end_first: bool) -> None:
    """2002 talks under the id until 15.3, which is heard after an end of 2001 and a connection, or two."""
    board = _phone(("C", 15.75), ("E", 16.0), board=Switchboard().call("Established", 14.0, "C1", "2002"))
    ended, began = ("ConnectionCleared", 15.3, "C1", "2002"), ("Established", 15.55, "C1", "2001")
    for one in (ended, began) if is_end_first else (began, ended):
        board.call(*one)
    _phone(("C", 16.2), board=board).waits(60)

    assert sorted(board.spans()) == [("2001", 15.55, 15.75), ("2001", 16.0, 16.2), ("2002", 14.0, 15.3)]
    assert len(_interactions(board)) == 3


@pytest.mark.parametrize("number", ["333", None])
def test_a_phone_dials_in_the_next_life_of_an_id_also_where_that_was_heard_of_first(number: str | None) -> None:
    """A caller waits and gives up unheard; 2002 calls 2001 under the id, which rings before it is heard who dialled."""
    board = Switchboard().call("Queued", 26.3, "C1", callingNumber="111", queueName="Support")
    board.call("Delivered", 32.8, "C1", "2001", callingNumber="333")
    board.call("Originated", 32.3, "C1", "2002", callingNumber=number).call("Established", 33.8, "C1", "2001")
    _phone(("C", 42.8), board=board).call("ConnectionCleared", 42.8, "C1", "2002").waits(60)

    assert sorted(board.spans()) == [("2001", 33.8, 42.8), ("2002", 33.8, 42.8)]
    assert not any(leg.facts.queue_name for leg in board.legs)


def test_an_outside_party_of_which_no_end_is_reported_does_not_keep_a_call_alive_for_another_caller() -> None:
    """2001 calls out and leaves; another caller is queued under the id, and nothing says that the trunk has left."""
    board = Switchboard(with_site(devices=frozenset({"2001", "2002"})))
    board.call("Originated", 0.2, "C1", "2001", callingNumber="2001")
    board.call("Established", 2.2, "C1", "T100", callingNumber="2001").call("ConnectionCleared", 14.2, "C1", "2001")
    board.call("Queued", 14.4, "C1", callingNumber="111", queueName="Support").call("Established", 16.4, "C1", "2002")
    board.call("ConnectionCleared", 20.0, "C1", "2002").waits(60)

    assert len(_interactions(board)) == 2


def test_a_log_on_with_the_time_of_connected_that_is_heard_after_it_leaves_the_leg_without_an_agent() -> None:
    """Agent 1 was logged on at 2001, agent 2 logs on at 5.5, and 2001 is connected at 5.5: which came first?"""
    board = Switchboard().agent("LoggedOn", 0, "1", deviceId="2001").call("Established", 5.5, "C1", "2001")
    board.agent("LoggedOn", 5.5, "2", deviceId="2001").call("ConnectionCleared", 6.2, "C1", "2001").waits(60)

    assert [leg.agent_id for leg in board.legs] == [""]


def test_no_two_legs_of_an_extension_under_one_id_have_the_same_ordinal_after_a_transfer() -> None:
    """2001 consults 2002 and hands the call on, which is heard after the consultation's id was used again."""
    board = Switchboard(with_site(wrapup_wait_seconds=60.0)).call("Established", 5, "C1", "2001")
    board.call("Held", 20, "C1", "2001").call("Originated", 21, "C2", "2001", cause="consultation")
    board.call("Established", 29.5, "C2", "2002")
    leg = next(one for one in board.legs if one.device_id == "2002")
    board.found(30.3, leg.number, "R", started=30.1, asked=30.2).call("ConnectionCleared", 35, "C2", "2002").waits(37.5)
    joined = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C3"}
    moved = event("Transferred", 30, **joined, transferringDeviceId="2001", transferredToDeviceId="2002")
    board.settled(38, leg.number).hears(replace(moved, gatewaytime=moment(53)))
    board.call("Established", 60, "C2", "2002").waits(62)

    names = [(leg.call_id, leg.device_id, leg.ordinal) for leg in board.legs]
    assert len(names) == len(set(names))


def test_a_leg_under_an_id_that_was_handed_on_does_not_have_the_ordinal_of_the_leg_before_the_transfer() -> None:
    """2002's leg of C2 is divided as the call goes on under C3; then C2 is used again at 2002."""
    board = Switchboard().call("Established", 5, "C1", "2001").call("Held", 20, "C1", "2001")
    board.call("Originated", 21, "C2", "2001", cause="consultation").call("Established", 25, "C2", "2002")
    leg = next(one for one in board.legs if one.device_id == "2002")
    joined = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C3"}
    board.found(25.3, leg.number, "R", started=25.1, asked=25.2)
    board.hears(event("Transferred", 30, **joined, transferringDeviceId="2001", transferredToDeviceId="2002"))
    board.found(30.6, leg.number, "S", started=30.2, asked=30.5)
    board.call("ConnectionCleared", 35, "C3", "2002").call("Established", 40, "C2", "2002")

    assert sorted(one.ordinal for one in board.legs if (one.call_id, one.device_id) == ("C2", "2002")) == [1, 3]


def test_an_agent_known_by_a_state_who_had_logged_on_after_connected_is_not_the_legs() -> None:
    """The state right after a call names its agent, unless a log-on of during the call is heard behind it."""
    board = Switchboard().call("Established", 12.2, "C1", "2001").call("ConnectionCleared", 13.1, "C1", "2001")
    board.agent("WorkingAfterCall", 13.1, "1", deviceId="2001")
    board.hears(
        replace(event("LoggedOn", 12.9, family="agent", agentId="1", deviceId="2001"), gatewaytime=moment(13.15))
    )

    assert [leg.agent_id for leg in board.waits(60).legs] == [""]


def test_an_end_that_is_heard_first_ends_its_connection_also_where_the_next_one_is_of_another_caller() -> None:
    """2002 leaves at 14.2; under the id 2001 talks from 14.45 to 14.55 and from 14.8 to 15.2, with others."""
    board = Switchboard().call("Established", 10.2, "C1", "2002", callingNumber="111")
    _phone(("C", 14.55), board=board).call("Established", 14.8, "C1", "2001", callingNumber="333")
    board.call("ConnectionCleared", 14.2, "C1", "2002").call("Established", 14.45, "C1", "2001", callingNumber="222")
    _phone(("C", 15.2), board=board).waits(60)

    assert sorted(board.spans()) == [("2001", 14.45, 14.55), ("2001", 14.8, 15.2), ("2002", 10.2, 14.2)]
    assert len(_interactions(board)) == 3


@pytest.mark.parametrize("is_end_first", [False, True])
def test_a_device_that_a_transfer_handed_on_was_in_the_call_before_it_is_connected_again(is_end_first: bool) -> None:
    """2002 gets Jo's call as C3 at 30 and leaves at 30.4; under the id again at 30.6, which is heard of first."""
    board = customer_on_hold(Switchboard()).call("Established", 25, "C2", "2002")
    board.call("Established", 30.6, "C3", "2002")
    ended = event("ConnectionCleared", 30.4, callId="C3", deviceId="2002")
    board.hears(*((ended, attended(30)) if is_end_first else (attended(30), ended)))
    board.call("ConnectionCleared", 31.5, "C3", "2002").waits(90)

    (last,) = [one for one in board.legs if one.connected_source_at == moment(30.6)]
    assert (last.facts.caller_name, last.facts.queue_name) == ("", "")


def test_an_end_from_before_the_phone_was_connected_under_the_id_again_is_that_of_the_call_handed_on_to_it() -> None:
    """2001 gets call 100 at 29.8 and leaves at 29.9; another caller has 100 at 30.15; the transfer is heard last."""
    board = Switchboard().call("Established", 26.3, "100", "2002", callingNumber="111", callerName="Vic")
    board.call("Established", 29.3, "101", "2001").call("Established", 29.3, "101", "2002")
    board.call("ConnectionCleared", 29.9, "100", "2001").call("Established", 30.15, "100", "2001", callingNumber="222")
    joined = {"primaryOldCallId": "100", "secondaryOldCallId": "101", "resultingCallId": "100"}
    moved = event("Transferred", 29.8, **joined, transferringDeviceId="2002", transferredToDeviceId="2001")
    board.hears(replace(moved, gatewaytime=moment(30.4)))
    board.call("ConnectionCleared", 30.55, "100", "2001").waits(60)

    first, second = [leg for leg in board.legs if leg.device_id == "2001"]
    assert sorted(board.spans())[:2] == [("2001", 29.3, 29.9), ("2001", 30.15, 30.55)]
    assert (first.call_id, first.facts.caller_name, first.facts.calling_number) == ("100", "Vic", "111")
    assert (second.facts.caller_name, second.facts.calling_number) == ("", "222")
    assert first.facts.interaction_id != second.facts.interaction_id


@pytest.mark.parametrize("ends", [("T3", "2002", "T3"), ("2002", "T3"), ("2002", "T3", "2002", "T3")])
def test_ends_that_are_heard_first_do_not_divide_a_call_whatever_their_order(ends: tuple[str, ...]) -> None:
    """The trunk leaves at 1.44 and 2002 at 1.45; 2002 had been connected at 1.05, and is in the id's next call."""
    board = Switchboard(with_site(devices=frozenset({"2001", "2002"})))
    for name in ends:
        board.call("ConnectionCleared", 1.44 if name == "T3" else 1.45, "C1", name, outside=name == "T3")
    board.call("Established", 1.05, "C1", "2002").call("ConnectionCleared", 1.8, "C1", "2002")
    board.call("Established", 1.7, "C1", "2002").waits(60)

    assert sorted(board.spans()) == [("2002", 1.05, 1.45), ("2002", 1.7, 1.8)]
    assert len(_interactions(board)) == 2


def test_a_caller_who_left_the_queue_before_that_he_came_is_heard_is_in_no_later_call() -> None:
    """The queue is left at 4.8, which is heard as 2003's call is over; that a caller came at 4.5 is heard last."""
    board = Switchboard().call("Established", 4.2, "C1", "2003").call("ConnectionCleared", 4.3, "C1", "2003")
    board.call("Diverted", 4.8, "C1", "Support", cause="queueCleared")
    board.call("Queued", 4.5, "C1", queueName="Support", callerName="Uma", callerNameSource="isdn")
    board.call("Established", 7, "C1", "2004").call("ConnectionCleared", 13, "C1", "2004").waits(60)

    assert [(leg.device_id, leg.facts.queue_name, leg.facts.caller_name) for leg in board.legs] == [
        ("2003", "", ""),
        ("2004", "", ""),
    ]


def test_who_dialled_and_left_before_the_id_was_used_again_is_in_the_call_that_it_dialled() -> None:
    """2001 calls 2002, who answers at 18.3; both leave at 18.4, and the id names 2005's call from 18.65 on."""
    board = Switchboard().call("Originated", 16.3, "C1", "2001").call("ConnectionCleared", 18.4, "C1", "2002")
    board.call("Established", 18.65, "C1", "2005").call("ConnectionCleared", 18.75, "C1", "2005")
    board.call("ConnectionCleared", 18.4, "C1", "2001").call("Established", 18.3, "C1", "2002").waits(60)

    spans = sorted(span for span in board.spans() if span[1] != span[2])
    assert spans == [("2001", 18.3, 18.4), ("2002", 18.3, 18.4), ("2005", 18.65, 18.75)]
    assert all(leg.disconnected_source_at for leg in board.legs)
