"""Reports that are heard after what they concern: after the flags went out, the link was lost, the id was used again.

Times are seconds after noon; events come in the order in which they are written. Each test is the smallest form of what
``./gateway worlds`` found.
"""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from calls.core.outcomes import Outcome
from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site
from tests.calls.test_gaps import link, snapshot
from tests.calls.test_transfers import attended

pytestmark = pytest.mark.core


def _interactions(board: Switchboard) -> list[str]:
    return [leg.facts.interaction_id for leg in board.legs]


def _consulted(board: Switchboard | None = None) -> Switchboard:
    """2001 has a customer in C1 and consults 2002 in C2, from 25 on."""
    board = (board or Switchboard()).call("Established", 5, "C1", "2001").call("Held", 20, "C1", "2001")
    return board.call("Originated", 21, "C2", "2001").call("Established", 25, "C2", "2002")


# --- what is heard after the link was lost ---


@pytest.mark.parametrize("lost_after_it", [False, True])
def test_a_recording_for_a_transfer_that_a_stall_held_back_until_the_link_was_lost_is_given_up(
    lost_after_it: bool,
) -> None:
    """The transfer of 30 is heard at 33; its call was over by then, and the recording of 33.1 is of the next one."""
    board = _consulted()
    number = next(leg.number for leg in board.legs if leg.device_id == "2002")
    loss = replace(link("Lost", 30.5), gatewaytime=moment(33.01 if lost_after_it else 30.51))
    moved = replace(attended(30), gatewaytime=moment(33))
    board.hears(*((moved, loss) if lost_after_it else (loss, moved)))
    board.found(33.3, number, "R", started=33.1, asked=33.2)
    board.hears(link("Restored", 60), snapshot("Began", 60), snapshot("Ended", 60)).waits(120)

    assert [leg.guid for leg in board.legs if leg.guid] == []


def test_a_recording_for_an_answer_of_before_the_link_was_lost_that_is_heard_after_it_is_given_up() -> None:
    """The extension may have been in its next call when QMS was asked, though the beginnings agree."""
    board = Switchboard().hears(replace(link("Lost", 10.5), gatewaytime=moment(10.5)))
    board.hears(replace(event("Established", 10, callId="C1", deviceId="2001"), gatewaytime=moment(10.9)))
    board.found(11.2, 1, "R", started=11, asked=11.1)

    assert (board.leg.guid, board.leg.missed) == ("", "next_call")


def test_what_happens_after_the_link_was_lost_and_is_heard_at_once_keeps_its_recording() -> None:
    """A source that reports the loss and goes on to deliver has lost nothing of this call."""
    board = Switchboard().hears(link("Lost", 8)).call("Established", 10, "C1", "2001")
    board.found(10.3, 1, "R", started=10.1, asked=10.2)

    assert board.leg.guid == "R"


# --- lives of an id ---


def test_an_end_in_the_second_in_which_the_id_is_used_again_does_not_hide_the_new_call() -> None:
    """A clock of whole seconds: 2003 leaves, the queue is left, and 2001 dials under the id, all at 35."""
    board = Switchboard().call("Queued", 32, "C1", queueName="Support", callingNumber="+493000004")
    board.call("ConnectionCleared", 35, "C1", "2003").call("Diverted", 35, "C1", "Support", cause="queueCleared")
    board.call("Originated", 35, "C1", "2001", callingNumber="+493000005").waits(36.5)
    board.call("Established", 37, "C1", "2002").call("ConnectionCleared", 39, "C1", "2001").waits(60)

    assert sorted(leg.device_id for leg in board.legs) == ["2001", "2002"]


@pytest.mark.parametrize("kind", ["Delivered", "Originated"])
def test_a_phone_that_rang_for_another_interaction_just_before_it_was_connected_is_in_that_call(kind: str) -> None:
    """2001 rings for I7, which 2005 picks up; it is connected at 24.85, and that it rang for I8 is heard last."""
    board = Switchboard().call("Queued", 20.5, "C1", queueName="Billing", interactionId="I7")
    board.call("Delivered", 22.5, "C1", "2001").call("Established", 24.5, "C1", "2005", cause="callPickup")
    board.call("ConnectionCleared", 24.6, "C1", "2005").call("Established", 24.85, "C1", "2001")
    board.call(kind, 24.8, "C1", "2001", interactionId="I8").call("ConnectionCleared", 25.8, "C1", "2001").waits(60)

    assert ("2001", 24.85, 25.8) in board.spans()
    assert _interactions(board) == ["I7", "I8"]


def test_three_lives_of_an_id_of_which_the_middle_ones_ring_is_taken_for_the_last_ones() -> None:
    """The end of 27.85 is heard first, then the last life; the ring of the middle one and the first end come last."""
    board = Switchboard().call("Established", 2.5, "C1", "2002", interactionId="I1")
    board.call("ConnectionCleared", 27.85, "C1", "2002").call("Established", 28.1, "C1", "2002")
    board.call("Established", 27.75, "C1", "2002").call("Delivered", 27.7, "C1", "2002", interactionId="I3")
    board.call("ConnectionCleared", 27.5, "C1", "2002").call("ConnectionCleared", 28.5, "C1", "2002").waits(60)

    assert sorted(board.spans()) == [("2002", 2.5, 27.5), ("2002", 27.75, 27.85), ("2002", 28.1, 28.5)]
    by_start = sorted(board.legs, key=lambda leg: leg.connected_source_at)
    assert [leg.facts.interaction_id for leg in by_start][:2] == ["I1", "I3"]
    assert by_start[2].facts.interaction_id not in ("I1", "I3")


def test_a_connection_that_was_taken_for_a_repeat_is_of_the_call_that_rang_before_it() -> None:
    """The flags of the first life are on their way; the ring of 8.65 and then the first end of 8.45 are heard late."""
    board = Switchboard().call("Established", 7.75, "C1", "2001", interactionId="I3")
    board.found(7.98, 1, "R", started=7.8, asked=7.9)
    board.call("Established", 8.7, "C1", "2001").call("ConnectionCleared", 8.9, "C1", "2001").waits(11)
    late = [
        event("Delivered", 8.65, callId="C1", deviceId="2001", interactionId="I4"),
        event("ConnectionCleared", 8.45, callId="C1", deviceId="2001"),
    ]
    board.hears(*(replace(one, gatewaytime=moment(34)) for one in late)).waits(60)

    assert board.spans()[1:] == [("2001", 8.7, 8.9)]
    assert _interactions(board) == ["I3", "I4"]


def test_the_flags_of_a_leg_that_was_two_stay_with_the_one_in_which_its_recording_began() -> None:
    """Connected at 0.25 and again at 0.9; that the first of them had ended at 0.65 is heard when the flags are out."""
    board = Switchboard(with_site(wrapup_wait_seconds=120.0))
    board.call("Established", 0.9, "C1", "2001").found(1.03, 1, "R", started=0.3, asked=1.01)
    board.hears(replace(event("Established", 0.25, callId="C1", deviceId="2001"), gatewaytime=moment(1.1)))
    board.waits(2.2).call("ConnectionCleared", 2.3, "C1", "2001").waits(9).settled(9, 1)
    assert board.writes == [(1, "base")]
    board.hears(replace(event("ConnectionCleared", 0.65, callId="C1", deviceId="2001"), gatewaytime=moment(92)))
    board.missed(92.1, 2, "late").waits(130)

    assert board.writes == [(1, "base")]
    assert board.spans()[1] == ("2001", 0.9, 2.3)
    assert [(leg.guid, leg.outcome) for leg in board.legs] == [("R", Outcome.FLAGGED), ("", Outcome.WINDOW_MISSED)]


# --- transfers ---


@pytest.mark.parametrize("resulting", ["C2", "C3"])
def test_a_transfer_that_is_heard_when_the_flags_are_written_leaves_a_second_part_that_says_why(resulting: str) -> None:
    """Whether another recording began with it at 30 nobody asked; the consultation's has its flags."""
    board = _consulted(Switchboard(with_site(wrapup_wait_seconds=60.0)))
    number = next(leg.number for leg in board.legs if leg.device_id == "2002")
    board.found(25.3, number, "R", started=25.1, asked=25.2).call("ConnectionCleared", 30.5, "C2", "2002")
    late = replace(attended(30, resultingCallId=resulting), gatewaytime=moment(53))
    board.waits(32).settled(32, number).hears(late).waits(150)

    legs = [leg for leg in board.legs if leg.device_id == "2002"]
    assert [(leg.guid, leg.outcome, leg.missed) for leg in legs] == [
        ("R", Outcome.FLAGGED, ""),
        ("", Outcome.WINDOW_MISSED, "undecided"),
    ]
    assert legs[1].connected_source_at - moment(30) == timedelta(0)


def test_who_is_queued_under_the_resulting_id_after_a_transferred_call_ended_is_another_caller() -> None:
    """The call ends at 30.3, the id is used again at 30.5, and the transfer of 30 into it is heard last."""
    board = _consulted().call("ConnectionCleared", 30.3, "C1", "2002")
    board.call("Queued", 30.5, "C1", queueName="Sales").hears(attended(30, resultingCallId="C1", connections=[]))
    board.call("Established", 32.5, "C1", "2003").waits(60)

    last = board.legs[-1] if board.legs[-1].device_id == "2003" else board.legs[-2]
    assert (last.device_id, last.facts.queue_name) == ("2003", "Sales")
    assert last.facts.interaction_id not in [leg.facts.interaction_id for leg in board.legs if leg is not last]


def test_a_second_report_of_an_end_does_not_divide_a_call_that_rings_on() -> None:
    """2001 hands the call on at 30; that it left is reported again at 30.02, when 2002 rings already."""
    board = Switchboard().call("Queued", 1, "C1", queueName="Sales", interactionId="I1")
    board.call("Established", 5, "C1", "2001").hears(
        event("Transferred", 30, primaryOldCallId="C1", resultingCallId="C1", transferringDeviceId="2001")
    )
    board.call("Delivered", 30.5, "C1", "2002").call("ConnectionCleared", 30.02, "C1", "2001")
    board.call("Established", 32, "C1", "2002").waits(60)

    assert [leg.facts.queue_name for leg in board.legs] == ["Sales", "Sales"]


# --- what two calls under one id cannot have in common ---


def test_a_device_that_dials_does_not_ring_in_the_same_call() -> None:
    """2004 dials at 67.5 and leaves at 69.6, which is heard last; a caller is queued at 69.8, and 2004 rings."""
    board = Switchboard().call("Originated", 67.5, "C1", "2004").call("ConnectionCleared", 69.6, "C1", "2001")
    board.call("Queued", 69.8, "C1", queueName="Support").call("Delivered", 69.9, "C1", "2004")
    board.call("ConnectionCleared", 70.1, "C1", "2004").call("Established", 69.5, "C1", "2001")
    board.call("ConnectionCleared", 69.6, "C1", "2004").waits(100)

    assert sorted(board.spans()) == [("2001", 69.5, 69.6), ("2004", 69.5, 69.6)]
    assert {leg.facts.queue_name for leg in board.legs} == {""}


def test_a_device_that_rings_does_not_dial_in_the_same_call() -> None:
    """2004 rings at 34.8, dials at 35.2 under the id, and that the ringing ended at 35 is heard last."""
    board = Switchboard().call("Queued", 27, "C1", queueName="Sales").call("Delivered", 34.8, "C1", "2004")
    board.call("Originated", 35.2, "C1", "2004").call("ConnectionCleared", 35, "C1", "2004")
    board.call("Established", 37.2, "C1", "2001").waits(60)

    assert sorted((leg.device_id, leg.facts.queue_name) for leg in board.legs) == [("2001", ""), ("2004", "")]


def test_four_lives_of_an_id_at_one_phone_are_four_legs_where_the_first_end_comes_last() -> None:
    board = Switchboard().call("Established", 32.55, "C1", "2002", callingNumber="+493")
    board.call("Established", 32.9, "C1", "2002").call("ConnectionCleared", 33, "C1", "2002")
    board.call("Established", 33.25, "C1", "2002", callingNumber="+495").call("ConnectionCleared", 32.65, "C1", "2002")
    board.call("ConnectionCleared", 33.65, "C1", "2002").waits(60)

    assert sorted(board.spans()) == [("2002", 32.55, 32.65), ("2002", 32.9, 33.0), ("2002", 33.25, 33.65)]
    assert len(set(_interactions(board))) == 3


def test_two_lives_of_an_id_at_one_phone_are_two_though_a_third_party_seemed_to_be_in_both() -> None:
    """2001 seems to talk on while 2004 comes, leaves, and comes again; that it had left before both is heard last."""
    board = Switchboard().call("Established", 29, "C1", "2001").call("Established", 68.45, "C1", "2004")
    board.call("ConnectionCleared", 68.55, "C1", "2004").call("Established", 68.8, "C1", "2004")
    board.call("ConnectionCleared", 68.2, "C1", "2001").call("ConnectionCleared", 69.75, "C1", "2004").waits(100)

    assert len(set(_interactions(board))) == 3


@pytest.mark.parametrize("last_end", [29.5, 31.4])
def test_a_caller_who_left_the_queue_before_the_id_was_used_again_gives_nothing_to_the_next_call(
    last_end: float,
) -> None:
    """Queued at 31.6, which is heard last, and gone at 31.9; 2004 is connected under the id at 32.15."""
    board = Switchboard().call("Established", 20, "C1", "2002").call("ConnectionCleared", last_end, "C1", "2002")
    board.call("Diverted", 31.9, "C1", "Sales", cause="queueCleared").call("Established", 32.15, "C1", "2004")
    board.call("Queued", 31.6, "C1", queueName="Sales", interactionId="I3")
    board.call("ConnectionCleared", 32.55, "C1", "2004").waits(60)

    assert [(leg.device_id, leg.facts.queue_name) for leg in board.legs] == [("2002", ""), ("2004", "")]
    assert "I3" not in _interactions(board)


@pytest.mark.parametrize("used_again", ["C1", "C9"])
def test_who_dials_after_a_transfer_that_is_heard_late_does_not_consult(used_again: str) -> None:
    """2001 hands its customer on at 30 and dials at 30.3; the transfer is heard last."""
    board = _consulted().call("Originated", 30.3, used_again, "2001").hears(attended(30))
    board.call("Established", 32, used_again, "2003").waits(60)

    customer, dialled = board.legs[0], [leg for leg in board.legs if leg.call_id == used_again][-1]
    assert customer.facts.interaction_id != dialled.facts.interaction_id


def test_a_ring_of_before_a_short_gap_gives_its_recording_and_not_its_queue_to_who_is_connected_after_it() -> None:
    """The caller may have given up in the gap, and the id may be used again: nothing vouches for the queue."""
    board = Switchboard().call("Queued", 1, "C1", queueName="Sales").call("Delivered", 4, "C1", "2002")
    board.hears(link("Lost", 5), link("Restored", 7), snapshot("Began", 7)).call("Established", 7, "C1", "2002")
    board.hears(snapshot("Ended", 7)).found(7.1, 1, "R", started=6.9, asked=7.05)

    assert (board.leg.guid, board.leg.facts.queue_name) == ("R", "")


def test_a_log_on_of_the_very_moment_of_connected_that_is_heard_after_it_names_no_agent() -> None:
    """A clock of whole seconds: which came first is not known, whatever state of the agent is reported next."""
    board = Switchboard().call("Established", 4, "C1", "2003").agent("LoggedOn", 4, "9102", deviceId="2003")
    board.agent("Ready", 4.9, "9102", deviceId="2003")

    assert board.leg.agent_id == ""


def test_a_ring_for_another_caller_at_a_phone_that_talks_gives_the_call_no_interaction() -> None:
    """2001 is connected at 0.25; the next life rings at 0.65, and its interaction is the first to be stated."""
    board = Switchboard().call("Established", 0.25, "C1", "2001", callingNumber="+491")
    board.call("Delivered", 0.65, "C1", "2001", callingNumber="+492", interactionId="I2")
    board.call("ConnectionCleared", 0.8, "C1", "2001").call("ConnectionCleared", 0.45, "C1", "2001")
    board.call("Established", 0.7, "C1", "2001").waits(60)

    assert sorted(board.spans()) == [("2001", 0.25, 0.45), ("2001", 0.7, 0.8)]
    assert next(leg for leg in board.legs if leg.facts.interaction_id == "I2").connected_source_at == moment(0.7)


def test_a_life_between_two_others_that_is_heard_last_is_a_leg_of_its_own() -> None:
    board = Switchboard().call("Established", 74.25, "C1", "2005").call("ConnectionCleared", 75.2, "C1", "2005")
    board.call("Established", 75.8, "C1", "2005").call("ConnectionCleared", 76, "C1", "2005")
    board.call("Established", 75.45, "C1", "2005").call("ConnectionCleared", 75.55, "C1", "2005").waits(90)

    assert sorted(board.spans()) == [("2005", 74.25, 75.2), ("2005", 75.45, 75.55), ("2005", 75.8, 76.0)]


def test_a_second_part_that_ended_before_the_id_was_used_again_at_its_phone_has_a_leg() -> None:
    """2002 is handed the customer at 30, leaves at 30.1, and is in the id's next call at 30.4."""
    board = _consulted()
    number = next(leg.number for leg in board.legs if leg.device_id == "2002")
    board.found(25.3, number, "R", started=25.1, asked=25.2).call("ConnectionCleared", 30.1, "C1", "2002")
    board.call("Established", 30.4, "C1", "2002").hears(attended(30, resultingCallId="C1", connections=[]))
    board.call("ConnectionCleared", 30.9, "C1", "2002").missed(40, number, "late").waits(60)

    assert sorted(one for one in board.spans() if one[0] == "2002") == [
        ("2002", 25.0, 30.0),
        ("2002", 30.0, 30.1),
        ("2002", 30.4, 30.9),
    ]


def test_a_connection_that_is_heard_after_a_later_one_of_a_phone_that_rang_is_a_leg_of_its_own() -> None:
    """2005 rings at 75.4 in one life, and is connected at 75.8 in the next; the first one's connection comes last."""
    board = Switchboard().call("Delivered", 75.4, "C1", "2005").call("Established", 75.8, "C1", "2005")
    board.call("ConnectionCleared", 76, "C1", "2005").call("Established", 75.45, "C1", "2005")
    board.call("ConnectionCleared", 75.55, "C1", "2005").waits(90)

    assert sorted(board.spans()) == [("2005", 75.45, 75.55), ("2005", 75.8, 76.0)]


# --- which calls a snapshot puts in doubt ---


def _snapshot_of(seconds: float, *devices: str) -> list[AnyEvent]:
    """A snapshot of some devices, of which all have been silent."""
    return [event(kind, seconds, family="snapshot", devices=list(devices)) for kind in ("Began", "Ended")]


@pytest.mark.parametrize(
    ("covered", "queue"), [(("2001",), ""), (("2009",), "Sales")], ids=["its phone", "another phone"]
)
def test_a_snapshot_puts_in_doubt_a_call_that_rings_at_a_phone_that_it_covers(
    covered: tuple[str, ...], queue: str
) -> None:
    board = Switchboard().call("Queued", 1, "C1", queueName="Sales").call("Delivered", 2, "C1", "2001")
    board.hears(*_snapshot_of(5, *covered)).call("Established", 8, "C1", "2001")

    assert board.leg.facts.queue_name == queue


def test_a_snapshot_does_not_put_in_doubt_a_call_in_which_somebody_talks() -> None:
    board = Switchboard().call("Queued", 1, "C1", queueName="Sales").call("Established", 2, "C1", "2001")
    board.hears(snapshot("Began", 5)).call("Established", 5, "C1", "2001").hears(snapshot("Ended", 5))
    board.call("Established", 8, "C1", "2002")

    assert [leg.facts.queue_name for leg in board.legs] == ["Sales", "Sales"]


def test_a_call_that_is_heard_of_as_the_snapshot_begins_is_not_in_doubt() -> None:
    board = Switchboard().call("Queued", 5, "C1", queueName="Sales").hears(snapshot("Began", 5), snapshot("Ended", 5))
    board.call("Established", 8, "C1", "2001")

    assert board.leg.facts.queue_name == "Sales"


# --- what was found with the seeds 9000000, 10000000 and 11000000 ---


@pytest.mark.parametrize(("interaction", "wrapped"), [("I2", "sold"), (None, "")])
def test_a_wrap_up_that_a_stall_held_back_needs_the_interaction(interaction: str | None, wrapped: str) -> None:
    """It is of the first life of the id, which was forgotten when it is heard; the second one is still known."""
    board = Switchboard(with_site(wrapup_wait_seconds=120.0)).call("Established", 54.8, "C1", "2002")
    board.call("ConnectionCleared", 59.8, "C1", "2002").call("Established", 78.8, "C1", "2002", interactionId="I2")
    board.call("ConnectionCleared", 79.7, "C1", "2002").waits(187)
    stated = {"interactionId": interaction} if interaction else {}
    late = event("CallInformation", 99.8, callId="C1", deviceId="2002", wrapup={"result": "sold"}, **stated)
    board.hears(replace(late, gatewaytime=moment(188.5)))

    assert board.legs[-1].wrapup_result == wrapped


def test_a_log_off_of_the_very_moment_of_connected_that_is_heard_after_it_leaves_no_agent() -> None:
    board = Switchboard().agent("LoggedOn", 1, "9101", deviceId="2002").call("Established", 24.2, "C1", "2002")
    board.agent("LoggedOff", 24.2, "9101")

    assert board.leg.agent_id == ""


def test_two_connections_of_one_phone_after_the_end_of_a_call_are_two_calls() -> None:
    """2004 is connected at 25.25 and, for another caller, at 25.6; that 2002 had left at 25 is heard after both."""
    board = Switchboard().call("Established", 18, "C1", "2002")
    board.call("Established", 25.25, "C1", "2004", callingNumber="+497")
    board.call("Established", 25.6, "C1", "2004", callingNumber="+498").call("ConnectionCleared", 25, "C1", "2002")
    board.call("ConnectionCleared", 26, "C1", "2004").call("ConnectionCleared", 25.35, "C1", "2004").waits(60)

    assert board.spans() == [("2002", 18.0, 25.0), ("2004", 25.25, 25.35), ("2004", 25.6, 26.0)]


def test_a_recording_that_began_as_its_leg_was_heard_of_but_not_as_it_was_connected_is_given_up_at_a_loss() -> None:
    """Connected at 68.001, heard at 68.31, when the link is lost; what began at 68.5 may be of a transfer since."""
    board = Switchboard()
    board.hears(replace(event("Established", 68.001, callId="C1", deviceId="2002"), gatewaytime=moment(68.308)))
    board.hears(replace(link("Lost", 68.309), gatewaytime=moment(68.318)))
    board.found(68.53, 1, "R", started=68.5, asked=68.51)

    assert board.leg.guid == ""


def test_a_wrap_up_under_the_id_of_before_a_transfer_that_names_nobody_is_of_no_leg_where_two_had_one() -> None:
    """One of the two was settled before and is not in memory any more."""
    board = Switchboard(with_site(wrapup_wait_seconds=120.0)).call("Held", 13, "C1", "2001").waits(15)
    board.call("Originated", 16, "C2", "2001").call("Established", 17, "C2", "2002")
    number = board.legs[-1].number if board.legs[-1].device_id == "2002" else board.legs[-2].number
    board.found(17.2, number, "R", started=17, asked=17.1)
    joined = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C3"}
    board.hears(event("Conferenced", 20, conferencingDeviceId="2001", **joined))
    board.call("ConnectionCleared", 24, "C3", "2001").call("ConnectionCleared", 25, "C3", "2002").waits(40)
    board.call("CallInformation", 47, "C1", wrapup={"result": "sold"})

    assert {leg.wrapup_result for leg in board.legs} == {""}
