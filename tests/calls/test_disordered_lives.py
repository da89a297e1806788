"""Lives of an id within a second at one phone, heard out of order; and ends, answers and seats that are heard late.

Times are seconds after noon; events come in the order in which they are written. Each test is the smallest form of what
``./gateway worlds`` found.
"""

import pytest
from msgspec.structs import replace

from calls.core.outcomes import Outcome
from calls.core.result_events import RecordingFound
from calls.core.state import LegState
from tests.calls.switchboard import Switchboard, event, moment, with_site
from tests.calls.test_gaps import link, snapshot
from tests.calls.test_transfers import attended

pytestmark = pytest.mark.core


def _phone(*reports: tuple[str, float], board: Switchboard | None = None) -> Switchboard:
    """2001 is connected (E), leaves (C), rings (R) or dials (O) under the id C1."""
    kinds = {"E": "Established", "C": "ConnectionCleared", "R": "Delivered", "O": "Originated"}
    board = board or Switchboard()
    for kind, seconds in reports:
        board.call(kinds[kind], seconds, "C1", "2001")
    return board


def _interactions(board: Switchboard) -> set[str]:
    return {leg.facts.interaction_id for leg in board.legs}


# --- three connections of one phone under one id, and the ends late ---


@pytest.mark.parametrize(
    "reports",
    [
        [("E", 1.0), ("C", 1.6), ("E", 1.4), ("C", 1.2), ("E", 1.8), ("C", 2.5)],
        [("E", 1.0), ("C", 1.6), ("E", 1.8), ("E", 1.4), ("C", 1.2), ("C", 2.5)],
        [("E", 1.0), ("C", 1.6), ("C", 1.2), ("E", 1.8), ("E", 1.4), ("C", 2.5)],
        [("E", 1.0), ("C", 1.6), ("E", 1.8), ("C", 1.2), ("E", 1.4), ("C", 2.5)],
        [("E", 1.0), ("E", 1.4), ("C", 1.6), ("E", 1.8), ("C", 1.2), ("C", 2.5)],
        [("E", 1.0), ("E", 1.4), ("C", 1.6), ("E", 1.8), ("C", 2.5), ("C", 1.2)],
        [("E", 1.0), ("E", 1.4), ("C", 1.6), ("E", 1.4), ("C", 1.2), ("E", 1.8), ("C", 2.5)],
        [("E", 1.4), ("E", 1.0), ("C", 1.2), ("C", 1.6), ("E", 1.8), ("C", 2.5)],
    ],
)
def test_three_lives_of_an_id_at_one_phone_are_three_legs(reports: list[tuple[str, float]]) -> None:
    """In whatever order their beginnings and ends are heard, and none has the interaction of another."""
    board = _phone(*reports).waits(60)

    assert sorted(board.spans()) == [("2001", 1.0, 1.2), ("2001", 1.4, 1.6), ("2001", 1.8, 2.5)]
    assert len(_interactions(board)) == 3


def test_a_connection_that_was_taken_for_a_repeat_is_found_by_an_end_that_comes_later_still() -> None:
    """The second report counts as a repeat after a second; the end of before it says that it was none."""
    board = _phone(("E", 1.0), ("E", 1.5), ("C", 1.9)).waits(2.9)
    assert board.spans() == [("2001", 1.0, 1.9)]

    _phone(("C", 1.3), board=board).waits(60)
    assert board.spans() == [("2001", 1.0, 1.3), ("2001", 1.5, 1.9)]
    assert len(_interactions(board)) == 2


def test_a_report_that_really_is_a_repeat_leaves_one_leg() -> None:
    """Two reports of one connection, with different times, and one end after both."""
    board = _phone(("E", 1.0), ("E", 1.5)).waits(10)
    _phone(("C", 30.0), board=board).waits(60)

    assert board.spans() == [("2001", 1.0, 30.0)]


def test_an_end_of_before_the_leg_began_is_that_of_a_life_in_which_the_phone_rang() -> None:
    """It rings at 1.0, in one life, and is connected at 1.8, in the next; how the first ended is heard last."""
    board = _phone(("R", 1.0), ("E", 1.8), ("C", 1.4), ("C", 2.5), ("E", 1.1)).waits(60)

    assert sorted(board.spans()) == [("2001", 1.1, 1.4), ("2001", 1.8, 2.5)]
    assert len(_interactions(board)) == 2


def test_a_call_that_was_cleared_before_the_leg_of_a_phone_that_rang_in_it_leaves_that_to_the_next_life() -> None:
    board = _phone(("R", 1.0), ("E", 1.8)).call("CallCleared", 1.4, "C1")
    _phone(("E", 1.1), ("C", 1.4), ("C", 2.5), board=board).waits(60)

    assert sorted(board.spans()) == [("2001", 1.1, 1.4), ("2001", 1.8, 2.5)]


def test_a_later_end_of_a_phone_that_rang_brings_its_leg_to_the_next_life() -> None:
    """The next life's end and beginning are heard before the end of the one in which the phone rang."""
    board = _phone(("R", 1.0), ("C", 2.5), ("E", 1.8), ("C", 1.4), ("E", 1.1)).waits(60)

    assert sorted(board.spans()) == [("2001", 1.1, 1.4), ("2001", 1.8, 2.5)]
    assert len(_interactions(board)) == 2


def test_a_phone_that_has_left_is_connected_again_by_the_sources_own_time() -> None:
    """Two lives within a second; a third one at another phone is not known to be over."""
    board = Switchboard().call("Established", 0.5, "C1", "2002")
    _phone(("E", 1.0), ("C", 1.2), ("E", 1.4), ("C", 1.6), board=board)
    board.call("ConnectionCleared", 0.8, "C1", "2002").waits(60)

    assert sorted(board.spans()) == [("2001", 1.0, 1.2), ("2001", 1.4, 1.6), ("2002", 0.5, 0.8)]


def test_a_phone_that_talks_and_dials_is_in_another_call_though_a_moment_later() -> None:
    """2001 picked a call up and left at 1.1, which is heard only after it dialled under the same id at 1.3."""
    board = _phone(("E", 1.0), ("O", 1.3), ("C", 1.1))
    board.call("Established", 3.0, "C1", "2002").call("ConnectionCleared", 9.0, "C1", "2001").waits(60)

    assert ("2001", 1.0, 1.1) in board.spans()
    assert ("2001", 3.0, 9.0) in board.spans()


def test_a_call_is_divided_at_the_last_end_whichever_is_heard_first() -> None:
    """2002 leaves at 20.6, the id is used again at 20.8, and that 2001 had left at 20.3 is heard only then."""
    board = _phone(("E", 10.0)).call("Established", 10.0, "C1", "2002")
    board.call("ConnectionCleared", 20.6, "C1", "2002").call("Queued", 20.8, "C1", queueName="Sales")
    board.call("ConnectionCleared", 20.3, "C1", "2001").call("Established", 24.0, "C1", "2002").waits(60)

    first, second, third = board.legs
    assert (first.facts.queue_name, second.facts.queue_name, third.facts.queue_name) == ("", "", "Sales")
    assert first.facts.interaction_id == second.facts.interaction_id != third.facts.interaction_id


def test_the_ends_of_a_call_that_is_heard_of_only_then_are_of_one_call() -> None:
    """A trunk and 2001 leave within a moment, and that 2001 was connected is heard last: the leg has its end."""
    board = Switchboard().call("ConnectionCleared", 2.29, "C1", "T1", outside=True)
    _phone(("C", 2.3), ("E", 2.0), board=board)

    assert board.spans() == [("2001", 2.0, 2.3)]


def test_a_call_that_was_cleared_before_a_repeat_leaves_that_to_the_call_between() -> None:
    """The second life's end is heard first, then the third; that the first was cleared at 1.3 is heard last."""
    board = _phone(("E", 1.0), ("C", 1.7), ("E", 1.9), ("E", 1.5)).call("CallCleared", 1.3, "C1")
    _phone(("C", 1.3), ("C", 2.5), board=board).waits(60)

    assert sorted(board.spans()) == [("2001", 1.0, 1.3), ("2001", 1.5, 1.7), ("2001", 1.9, 2.5)]


def test_what_was_taken_for_a_repeat_is_of_the_call_that_its_id_names_since() -> None:
    """Connected at 10.3, which seems a repeat; that it rang at 10.2 for another interaction is heard after it."""
    board = (
        Switchboard().call("Established", 1, "C1", "2001", interactionId="I1").call("Established", 10.3, "C1", "2001")
    )
    board.call("Delivered", 10.2, "C1", "2001", interactionId="I2").call("ConnectionCleared", 10.9, "C1", "2001")
    board.waits(60)

    assert ("2001", 10.3, 10.9) in board.spans()


def test_an_end_after_a_gap_of_a_phone_that_was_not_in_a_waiting_call_is_anothers() -> None:
    """The caller before the gap may have given up: 2002's end is heard before its beginning, and nobody follows it."""
    board = Switchboard(with_site(devices=frozenset({"2001", "2002", "2003"})))
    board.call("Queued", 1, "C1", queueName="Sales").call("Delivered", 3, "C1", "2001")
    board.hears(link("Lost", 4), link("Restored", 7))
    board.hears(snapshot("Began", 7), snapshot("Ended", 7)).call("ConnectionCleared", 8.6, "C1", "2002")
    board.call("Established", 8.5, "C1", "2002", queueName="Support").call("Established", 10.8, "C1", "2003").waits(60)

    assert [(leg.device_id, leg.facts.queue_name) for leg in board.legs] == [("2002", "Support"), ("2003", "")]
    assert board.spans()[0] == ("2002", 8.5, 8.6)


def test_a_call_that_was_cleared_before_anything_else_of_it_was_heard_does_not_wait() -> None:
    """Its caller is queued at 30 and gives up at 30.4, which is heard first; ten minutes later the id is used again."""
    board = _phone(("E", 1.0), ("C", 20.0)).call("CallCleared", 30.4, "C1").call("Queued", 30, "C1", queueName="Sales")
    board.call("Established", 630, "C1", "2002").waits(640)

    assert (board.legs[-1].facts.queue_name, len(_interactions(board))) == ("", 2)


def test_the_end_of_a_device_at_which_a_call_failed_is_of_that_call_in_whole_seconds_too() -> None:
    """It dials, hears the busy tone, leaves at 12, and dials again in the same second under the same id."""
    board = _phone(("O", 10.0)).call("Failed", 11.0, "C1", "2001", cause="busy")
    _phone(("C", 12.0), board=board).call("CallCleared", 12.0, "C1")
    _phone(("O", 12.0), board=board).call("Established", 14.0, "C1", "2002").waits(20)

    assert sorted(leg.device_id for leg in board.legs) == ["2001", "2002"]


def test_who_dials_in_the_second_in_which_another_was_queued_is_in_the_next_call() -> None:
    """A clock of whole seconds: the caller gave up at once, and the id was used again within the second."""
    board = Switchboard().call("Queued", 1, "C1", queueName="Sales").call("Originated", 1, "C1", "2001")
    board.call("Established", 3, "C1", "2002").waits(20)

    assert {leg.facts.queue_name for leg in board.legs} == {""}


def test_who_is_connected_with_the_interaction_of_the_call_keeps_it_though_all_others_had_left_before() -> None:
    """The end of 2001 bears a time 22 microseconds before 2002 is connected, and is heard after it."""
    board = Switchboard().call("Established", 1, "C1", "2001", interactionId="I1", queueName="Sales")
    board.call("Established", 7.12, "C1", "2002", interactionId="I1").call("Established", 7.13, "C1", "2003")
    board.call("ConnectionCleared", 7.119978, "C1", "2001").waits(10)

    assert {leg.facts.interaction_id for leg in board.legs} == {"I1"}


# --- whose a recording is ---


def test_a_recording_that_began_after_a_snapshot_is_not_that_of_a_leg_that_it_found() -> None:
    """2001 rang before the gap and is found connected at 7; what began at 7.7 is of another call of it."""
    board = Switchboard().call("Delivered", 3, "C1", "2001").hears(link("Lost", 4), link("Restored", 7))
    board.hears(snapshot("Began", 7)).call("Established", 7, "C1", "2001").hears(snapshot("Ended", 7))
    board.found(7.9, 1, "R", started=7.7, asked=7.8)

    assert (board.leg.guid, board.leg.missed) == ("", "began_late")


@pytest.mark.parametrize(("agreed", "missed"), [(9, "began_late"), (-801, "began_late"), (-802, ""), (None, "")])
def test_a_leg_that_is_heard_of_very_late_began_when_the_source_says_where_the_clocks_agree(
    agreed: float | None, missed: str
) -> None:
    """Connected at 10 is heard at 99; QMS names a recording of 98.9. An event heard at once shows that clocks agree."""
    board = Switchboard()
    if agreed is not None:
        board.call("Established", agreed, "C0", "2002")
    board.hears(replace(event("Established", 10, callId="C1", deviceId="2001"), gatewaytime=moment(99)))
    board.hears(_answer(board.legs[-1], began=98.9, asked=99.0, at=99.1))

    assert board.legs[-1].missed == missed


def _answer(leg: LegState, began: float, asked: float, at: float) -> RecordingFound:
    return RecordingFound(
        leg=leg.number,
        search=leg.searches,
        guid="R",
        service=1,
        started_at=moment(began),
        asked_at=moment(asked),
        attempts=1,
        at=moment(at),
    )


def test_a_recording_that_began_after_the_leg_had_ended_is_not_its_own_though_that_was_not_heard() -> None:
    """Asked at 11.1; the leg had ended at 10.8, which was heard at 11.3, before QMS answered."""
    board = Switchboard().call("Established", 10.0, "C1", "2001")
    ended = replace(event("ConnectionCleared", 10.8, callId="C1", deviceId="2001"), gatewaytime=moment(11.3))
    board.hears(ended).hears(_answer(board.leg, began=11.0, asked=11.1, at=11.4))

    assert board.leg.guid == ""


def test_a_recording_is_not_that_of_a_leg_whose_end_had_been_heard_long_before_its_beginning() -> None:
    """The leg was from 10 to 20; that it began is heard at 40, and the extension is in its next call."""
    board = Switchboard().call("ConnectionCleared", 20, "C1", "2001")
    board.hears(replace(event("Established", 10, callId="C1", deviceId="2001"), gatewaytime=moment(40)))
    board.hears(_answer(board.leg, began=38.0, asked=40.0, at=40.1)).waits(60)

    assert board.leg.guid == ""


def test_the_end_of_a_leg_that_is_heard_of_very_late_is_when_the_source_says_where_that_is_in_time() -> None:
    """Connected at 10 is heard at 40, the end of 38 at 40.5: a recording that began at 39 is another call's."""
    board = Switchboard().hears(
        replace(event("Established", 10.001, callId="C1", deviceId="2001"), gatewaytime=moment(40)),
        replace(event("ConnectionCleared", 38, callId="C1", deviceId="2001"), gatewaytime=moment(40.5)),
    )
    board.hears(_answer(board.leg, began=39.0, asked=40.1, at=40.6)).waits(60)

    assert (board.leg.guid, board.leg.missed) == ("", "next_call")


def test_a_recording_of_well_before_a_leg_that_was_heard_of_at_once_is_another_calls() -> None:
    """QMS is asked on while the leg lasts, and the other recording is no answer."""
    board = Switchboard().call("Established", 10.0, "C1", "2001").found(10.3, 1, "R", started=8.9, asked=10.1)
    assert (board.leg.guid, board.searches[-1].known_guid) == ("", "R")

    board.found(10.6, 1, "R2", started=10.1, asked=10.5)
    assert board.leg.guid == "R2"


def test_a_recording_of_well_before_a_leg_is_missed_where_the_leg_is_over() -> None:
    """It says that QMS named a recording of an earlier time."""
    board = Switchboard().call("Established", 10.0, "C1", "2001").call("ConnectionCleared", 10.2, "C1", "2001")
    board.found(10.3, 1, "R", started=8.9, asked=10.1).waits(60)

    assert (board.leg.guid, board.leg.missed) == ("", "stranger")


@pytest.mark.parametrize(("consulted", "kept"), [(8.0, "C2"), (10.999, "C2"), (11.0, "C3"), (20.0, "C3")])
def test_a_transfer_that_is_heard_late_decides_nothing_by_silence(consulted: float, kept: str) -> None:
    """QMS would have named the recording at the transfer; when it was asked, that was too old to be named."""
    board = Switchboard().call("Established", 5, "C1", "2001").call("Held", 20, "C1", "2001")
    board.call("Originated", 21, "C2", "2001").call("Established", 25, "C2", "2002")
    number = next(leg.number for leg in board.legs if leg.device_id == "2002")
    board.found(25.3, number, "R", started=25.0, asked=25.2)
    moved, heard = 25 + consulted, 25 + consulted + 1.5
    board.hears(replace(attended(moved), gatewaytime=moment(heard)))
    board.missed(moved + 11, number, "none", asked=heard + 1.6)
    board.call("ConnectionCleared", 90, "C3", "2002").waits(120)

    assert [leg.call_id for leg in board.legs if leg.guid] == [kept]


def test_a_transfer_of_before_the_flags_went_out_is_noted_by_a_leg_that_says_why_it_has_none() -> None:
    """The recording that was flagged began with the transfer; the part before it is a leg of its own."""
    board = (
        Switchboard(with_site(wrapup_wait_seconds=60.0))
        .call("Established", 5, "C1", "2001")
        .call("Held", 20, "C1", "2001")
    )
    board.call("Originated", 21, "C2", "2001").call("Established", 25, "C2", "2002")
    number = next(leg.number for leg in board.legs if leg.device_id == "2002")
    board.found(26.4, number, "R", started=26.0, asked=26.3).call("ConnectionCleared", 27, "C2", "2002").waits(30)
    board.settled(30, number).hears(replace(attended(26, resultingCallId="C2"), gatewaytime=moment(60))).waits(90)

    reports = [(leg.guid, leg.outcome, leg.missed) for leg in board.legs if leg.device_id == "2002"]
    assert reports == [("R", Outcome.FLAGGED, ""), ("", Outcome.WINDOW_MISSED, "transfer")]
    assert board.spans()[-1] == ("2002", 25.0, 26.0)


def test_a_recording_that_was_found_long_after_a_late_answer_is_sought_again() -> None:
    """A trunk said nothing, and the leg was taken as connected; its answer was at 12, which is heard at 100."""
    board = Switchboard().call("Originated", 10, "C1", "2001").call("NetworkReached", 11, "C1", "T1").waits(14)
    board.found(30, 1, "R", started=29.5, asked=29.9)
    heard = replace(event("Established", 12, callId="C1", deviceId="T1", outside=True), gatewaytime=moment(100))
    board.hears(heard)

    assert (board.leg.guid, len(board.searches)) == ("", 2)


# --- transfers, seats, wrap-ups ---


def test_who_dialled_a_consultation_has_a_leg_though_its_answer_is_heard_after_the_transfer() -> None:
    """2001 dials 2002 in C2 and hands the customer on at 30; that 2002 answered at 25 is heard then."""
    board = Switchboard().call("Established", 5, "C1", "2001").call("Held", 20, "C1", "2001")
    board.call("Originated", 21, "C2", "2001").hears(attended(30)).call("Established", 25, "C2", "2002").waits(60)

    assert ("2001", 25.0, 30.0) in board.spans()


def test_an_end_under_the_resulting_id_that_is_heard_before_the_transfer_ends_the_leg() -> None:
    """2001 leaves C1 with the transfer, 2002 leaves at 31, and the transfer of 30 into C1 is heard last."""
    board = Switchboard().call("Established", 5, "C1", "2001").call("Established", 25, "C2", "2002")
    board.call("Established", 25, "C2", "2001").call("ConnectionCleared", 30.02, "C1", "2001")
    board.call("ConnectionCleared", 31, "C1", "2002").hears(attended(30, resultingCallId="C1")).waits(60)

    assert [leg.disconnected_source_at for leg in board.legs if leg.device_id == "2002"][-1] == moment(31)


def test_a_phone_that_rang_before_the_transfer_was_heard_of_does_not_keep_the_call_waiting() -> None:
    """Nobody answers the blind transfer; twenty seconds later the id is used again, for another caller."""
    board = Switchboard().call("Queued", 1, "C1", queueName="Sales").call("Established", 4, "C1", "2001")
    board.call("Delivered", 10.5, "C2", "2002").hears(
        event("Transferred", 10, primaryOldCallId="C1", resultingCallId="C2", transferringDeviceId="2001")
    )
    board.call("ConnectionCleared", 16, "C2", "2002").call("Established", 36, "C2", "2003").waits(60)

    assert board.legs[-1].facts.queue_name == ""
    assert len(_interactions(board)) == 2


def test_a_state_of_before_a_log_off_does_not_log_the_agent_on_again() -> None:
    """The agent logs off at 12; that they were in after-call work at 11.9 is heard only then."""
    board = Switchboard().agent("LoggedOn", 1, "9101", deviceId="2001").agent("LoggedOff", 12, "9101")
    board.agent("WorkingAfterCall", 11.9, "9101", deviceId="2001").call("Established", 20, "C1", "2001")
    assert board.leg.agent_id == ""

    board.agent("Ready", 21, "9101", deviceId="2001").call("Established", 30, "C2", "2001")
    assert board.legs[-1].agent_id == "9101"


def test_a_log_off_of_just_before_a_short_call_takes_its_agent_though_the_call_is_over() -> None:
    """It was at 9.9, and is heard at 10.5; the call was from 10 to 10.3 and is not written to."""
    board = Switchboard().agent("LoggedOn", 1, "9101", deviceId="2001").call("Established", 10, "C1", "2001")
    board.call("ConnectionCleared", 10.3, "C1", "2001").agent("LoggedOff", 9.9, "9101", deviceId="2001").waits(60)

    assert board.leg.agent_id == ""


def test_who_logs_on_during_a_consultation_is_not_the_agent_of_its_second_part() -> None:
    """2002 answers at 29.5 with nobody logged on; the log-on of 29.8 is heard after the transfer of 30."""
    board = Switchboard().call("Established", 5, "C1", "2001").call("Held", 20, "C1", "2001")
    board.call("Originated", 21, "C2", "2001").call("Established", 29.5, "C2", "2002").hears(attended(30))
    number = next(leg.number for leg in board.legs if leg.device_id == "2002")
    board.found(30.1, number, "R", started=30.0, asked=30.05)
    board.agent("LoggedOn", 29.8, "9102", deviceId="2002").agent("Busy", 30.05, "9102", deviceId="2002")
    board.call("ConnectionCleared", 60, "C3", "2002").waits(90)

    second = next(leg for leg in board.legs if leg.guid == "R")
    assert (second.call_id, second.agent_id) == ("C3", "")


@pytest.mark.parametrize(("interaction", "wrapped"), [("I1", "sold"), (None, "")])
def test_a_wrap_up_after_a_gap_needs_the_interaction(interaction: str | None, wrapped: str) -> None:
    """The id may have named another call in the gap, of which the wrap-up is."""
    board = Switchboard().call("Established", 10, "C1", "2001", interactionId="I1")
    board.call("ConnectionCleared", 20, "C1", "2001").hears(link("Lost", 25), link("Restored", 28))
    board.hears(snapshot("Began", 28), snapshot("Ended", 28))
    stated = {"interactionId": interaction} if interaction else {}
    board.call("CallInformation", 60, "C1", "2001", wrapup={"result": "sold"}, **stated)

    assert board.leg.wrapup_result == wrapped
