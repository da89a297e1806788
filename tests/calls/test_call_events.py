"""A leg's life, written as calls. Times are seconds after noon."""

from typing import get_args

import pytest

from agents.core.matching import MatchKind
from calls.core import advance
from calls.core.commands import CancelSearch
from calls.core.dispatch import apply
from calls.core.outcomes import Outcome
from calls.core.result_events import ResultEvent
from calls.core.source_state import SourceState
from calls.core.state import LegPhase, WriteStatus
from calls.core.unit_of_work import LiveState
from cti.events import EVENT_TYPES
from tests.calls.switchboard import Everybody, Switchboard, event, with_site

pytestmark = pytest.mark.core


def queue_call(board: Switchboard, call_id: str = "C1", device_id: str = "2001", start: float = 0) -> Switchboard:
    """Bring a queue call of Sales to an extension: connected 5 s after its start."""
    board.call(
        "Queued",
        start,
        call_id,
        "5000",
        queueName="Sales",
        callingNumber="+44",
        callerName="Jo",
        callerNameSource="isdn",
        interactionId=f"I-{call_id}",
    )
    board.call("Delivered", start + 3, call_id, device_id)
    return board.call("Established", start + 5, call_id, device_id)


def test_a_queue_call_is_flagged_with_its_agent_queue_and_caller() -> None:
    board = Switchboard().agent("LoggedOn", -60, "9101", agentName="Alice", deviceId="2001")
    queue_call(board).found(5.2, 1, "G1").call("ConnectionCleared", 60, "C1", "2001").waits(62).settled(63, 1)

    leg = board.leg
    assert board.writes == [(1, "base")]
    assert (leg.outcome, leg.reason, leg.phase) == (Outcome.FLAGGED, "", LegPhase.SETTLED)
    assert (
        leg.agent_id,
        leg.agent_name,
        leg.facts.queue_name,
        leg.facts.caller_name,
        leg.facts.interaction_id,
        leg.guid,
    ) == ("9101", "Alice", "Sales", "Jo", "I-C1", "G1")


def test_every_event_type_and_answer_has_a_rule() -> None:
    for kind in (*EVENT_TYPES, *get_args(ResultEvent)):
        assert apply.dispatch(kind) is not apply.dispatch(object)


def test_a_type_without_a_rule_raises() -> None:
    with pytest.raises(TypeError, match="no rule for str"):
        advance("nonsense", LiveState(source=SourceState(slug="pbx")), Everybody())  # type: ignore[arg-type]


def test_ringing_alone_opens_no_leg() -> None:
    board = Switchboard().call("Delivered", 0, "C1", "2001").call("Diverted", 10, "C1", "2001")
    board.call("Delivered", 11, "C1", "2002").call("Established", 12, "C1", "2002")

    assert board.spans() == [("2002", 12.0, None)]


def test_a_far_end_clear_is_not_the_end() -> None:
    board = queue_call(Switchboard()).call("ConnectionCleared", 20, "C1", "T17:3", outside=True)

    assert LegPhase.OPEN is board.leg.phase


def test_a_queue_device_that_answers_opens_no_leg() -> None:
    board = Switchboard(with_site(queues=frozenset({"5000"}))).call("Established", 1, "C1", "5000")

    assert board.legs == []


def test_the_flags_wait_a_second_for_what_other_monitors_say_late() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1").call("ConnectionCleared", 60, "C1", "2001")
    assert board.writes == []
    board.call("CallInformation", 59.5, "C1", queryData={"case": "99"}).waits(61.1)

    assert board.writes == [(1, "base")]
    assert board.leg.facts.query_data == {"case": "99"}


def test_what_becomes_known_after_the_end_is_not_the_legs() -> None:
    """The call goes on in another queue; the first leg keeps its own."""
    board = queue_call(Switchboard()).found(6, 1, "G1")
    board.hears(event("Transferred", 60, primaryOldCallId="C1", transferringDeviceId="2001", resultingCallId="C1"))
    board.call("Queued", 60.2, "C1", "5001", queueName="Support").call("Delivered", 60.4, "C1", "2002")
    board.call("Established", 62, "C1", "2002").waits(63)

    assert [leg.facts.queue_name for leg in board.legs] == ["Sales", "Support"]


def test_the_queue_is_that_of_the_end_even_when_later_news_came_first() -> None:
    board = queue_call(Switchboard()).call("Queued", 60.2, "C1", "5001", queueName="Support")
    board.hears(event("Transferred", 60, primaryOldCallId="C1", transferringDeviceId="2001", resultingCallId="C1"))

    assert board.leg.facts.queue_name == "Sales"


def test_a_queue_that_was_left_unanswered_is_not_the_legs_that_come_after() -> None:
    """The caller pressed a key and was led to the operator; what else is known of the call stays."""
    board = Switchboard()
    board.call("Queued", 1, "C1", "5000", queueName="Sales", callingNumber="+44", interactionId="I-C1")
    board.call("Diverted", 20, "C1", "5000", cause="queueCleared", newDestination="2005")
    board.call("Established", 25, "C1", "2005")

    assert (board.leg.facts.queue_name, board.leg.facts.calling_number) == ("", "+44")


def test_a_personal_caller_name_is_never_kept() -> None:
    board = Switchboard().call("Established", 1, "C1", "2001", callerName="Mum", callerNameSource="personal")

    assert board.leg.facts.caller_name == ""


def test_a_personal_name_does_not_displace_the_phone_books() -> None:
    board = queue_call(Switchboard()).call("CallInformation", 9, "C1", callerName="Mum", callerNameSource="personal")

    assert board.leg.facts.caller_name == "Jo"


def test_the_agent_is_the_one_who_was_logged_on_there_at_connected() -> None:
    board = Switchboard().agent("LoggedOn", -60, "9101", deviceId="2001")
    queue_call(board).agent("LoggedOff", 20, "9101", deviceId="2001").agent("LoggedOn", 21, "9102", deviceId="2001")

    assert board.leg.agent_id == "9101"


@pytest.mark.parametrize(("has_free_seating", "agent_id"), [(True, "9101"), (False, "")])
def test_only_with_free_seating_an_agent_keeps_the_first_extension_after_a_log_on_at_another(
    has_free_seating: bool, agent_id: str
) -> None:
    board = Switchboard(with_site(has_free_seating=has_free_seating)).agent("LoggedOn", -60, "9101", deviceId="2001")
    queue_call(board.agent("LoggedOn", -30, "9101", deviceId="2005"))

    assert board.leg.agent_id == agent_id


def test_a_log_on_that_comes_late_is_still_of_the_leg() -> None:
    board = queue_call(Switchboard()).agent("LoggedOn", 4.9, "9101", deviceId="2001", agentName="Alice")

    assert (board.leg.agent_id, board.leg.agent_name) == ("9101", "Alice")


def test_duplicates_change_nothing() -> None:
    once, twice = Switchboard(), Switchboard()
    queue_call(once).call("ConnectionCleared", 60, "C1", "2001")
    queue_call(queue_call(twice)).call("ConnectionCleared", 60, "C1", "2001").call(
        "ConnectionCleared", 60, "C1", "2001"
    )
    twice.call("Established", 5, "C1", "2001")

    assert once.spans() == twice.spans() == [("2001", 5.0, 60.0)]
    assert len(twice.searches) == 1


def test_an_end_that_is_reported_before_the_beginning_makes_one_closed_leg() -> None:
    board = Switchboard().call("ConnectionCleared", 5.9, "C1", "2001").call("Established", 5, "C1", "2001")

    assert board.spans() == [("2001", 5.0, 5.9)]


def test_an_answer_that_comes_after_the_end_still_flags() -> None:
    board = queue_call(Switchboard()).call("ConnectionCleared", 6, "C1", "2001").waits(8)
    assert Outcome.WAITING is board.leg.outcome
    board.found(8.5, 1, "G1")

    assert board.writes == [(1, "base")]


def test_the_next_call_at_the_extension_ends_a_search_that_it_makes_ambiguous() -> None:
    board = queue_call(Switchboard()).call("ConnectionCleared", 6, "C1", "2001")
    board.call("Established", 9, "C2", "2001").found(9.5, 1, "G2", started=9)

    assert CancelSearch(1) in board.commands
    assert (board.legs[0].outcome, board.legs[0].guid) == (Outcome.WINDOW_MISSED, "")


def test_a_recording_that_began_with_the_next_leg_is_not_taken_for_the_first() -> None:
    board = queue_call(Switchboard()).call("Held", 8, "C1", "2001").call("Established", 10, "C2", "2001")
    board.found(10.5, 1, "G2", started=10)

    assert board.legs[0].guid == ""


def test_a_recording_that_began_when_the_leg_was_over_is_never_taken_though_no_next_call_is_known() -> None:
    board = queue_call(Switchboard()).call("ConnectionCleared", 8, "C1", "2001").found(12, 1, "G2", started=11.5)

    assert (board.leg.outcome, board.leg.guid) == (Outcome.WINDOW_MISSED, "")


def test_of_legs_that_are_heard_of_late_and_together_none_takes_the_recording() -> None:
    board = queue_call(Switchboard()).call("Held", 5, "C1", "2001").call("Established", 5, "C2", "2001")
    board.found(5.4, 1, "G2", started=2.6).found(5.5, 2, "G2", started=2.6)

    assert [leg.guid for leg in board.legs] == ["", ""]


def test_a_call_that_is_heard_of_late_takes_its_recording_when_the_one_before_is_over() -> None:
    board = queue_call(Switchboard(with_site(has_source_times=False)))
    board.call("ConnectionCleared", 5, "C1", "2001").call("Established", 5, "C2", "2001")
    board.found(5.5, 2, "G2", started=2.6, asked=5.1)

    assert board.legs[1].guid == "G2"


def test_a_recording_that_another_leg_has_is_never_taken() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1")
    queue_call(board, "C2", "2002", 10).found(16, 2, "G1")

    assert (board.legs[1].outcome, board.legs[1].guid) == (Outcome.NOT_RECORDED, "")


@pytest.mark.parametrize(
    ("why", "outcome"),
    [
        ("none", Outcome.NOT_RECORDED),
        ("late", Outcome.WINDOW_MISSED),
        ("unreachable", Outcome.WINDOW_MISSED),
        ("several", Outcome.NOT_RECORDED),
        ("stranger", Outcome.NOT_RECORDED),
    ],
)
def test_a_missed_search_gives_its_reason(why: str, outcome: Outcome) -> None:
    board = queue_call(Switchboard()).missed(15, 1, why)

    assert outcome is board.leg.outcome
    assert board.leg.reason


@pytest.mark.parametrize("kind", [kind for kind in MatchKind if kind is not MatchKind.MATCHED])
def test_an_extension_that_is_nobodys_is_not_asked_for(kind: MatchKind) -> None:
    board = queue_call(Switchboard(Everybody(x2001=kind)))

    assert (kind.value, "2001 is " + kind.value, []) == (board.leg.outcome.value, board.leg.reason, board.searches)


def test_a_site_that_wants_agents_calls_only_skips_the_others() -> None:
    board = queue_call(Switchboard(with_site(agents_calls_only=True)))

    assert (board.leg.outcome, board.searches) == (Outcome.AGENT_UNKNOWN, [])


def test_hold_and_retrieve_keep_the_leg() -> None:
    board = queue_call(Switchboard()).call("Held", 10, "C1", "2001").call("Retrieved", 20, "C1", "2001")

    assert board.spans() == [("2001", 5.0, None)]
    assert [one.what for one in board.leg.trace if one.what in ("held", "retrieved")] == ["held", "retrieved"]


def test_a_call_first_seen_on_hold_is_joined_late_and_not_asked_for() -> None:
    board = Switchboard().call("Held", 10, "C1", "2001").waits(12)

    assert (board.leg.outcome, board.searches) == (Outcome.JOINED_LATE, [])


def test_a_hold_that_overtakes_its_answer_makes_an_ordinary_leg() -> None:
    board = Switchboard().call("Held", 10, "C1", "2001").call("Established", 9.5, "C1", "2001").waits(12)

    assert (board.spans(), len(board.searches)) == ([("2001", 9.5, None)], 1)


def test_an_agent_whose_state_is_reported_just_after_connected_was_logged_on_there_before() -> None:
    board = Switchboard().call("Established", 5, "C1", "2001").agent("Busy", 5.1, "9101", deviceId="2001")
    late = Switchboard().call("Established", 5, "C1", "2001").agent("Busy", 6.5, "9101", deviceId="2001")
    new = Switchboard().call("Established", 5, "C1", "2001").agent("LoggedOn", 5.1, "9101", deviceId="2001")

    assert [one.leg.agent_id for one in (board, late, new)] == ["9101", "", ""]


def test_an_internal_call_has_two_legs_in_whatever_order_it_is_reported() -> None:
    board = Switchboard().call("Delivered", 1, "C1", "2002").call("Established", 3, "C1", "2002")
    board.call("Originated", 0.5, "C1", "2001")

    assert sorted(leg.device_id for leg in board.legs) == ["2001", "2002"]


def test_a_failed_call_has_no_leg() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("NetworkReached", 2, "C1", "T1", outside=True)
    board.call("Failed", 3, "C1", "T1", outside=True).waits(10).call("ConnectionCleared", 11, "C1", "2001")

    assert board.legs == []


def test_a_cleared_call_closes_all_that_is_left() -> None:
    board = Switchboard().call("Originated", 0, "C1", "2001").call("Established", 2, "C1", "2002")
    board.call("CallCleared", 30, "C1")

    assert [end for _, _, end in board.spans()] == [30.0, 30.0]


def test_a_call_id_that_is_used_again_is_another_call() -> None:
    board = queue_call(Switchboard()).call("ConnectionCleared", 20, "C1", "2001")
    board.call("Delivered", 25, "C1", "2001", callingNumber="+33").call("Established", 26, "C1", "2001")

    first, second = board.legs
    assert (first.facts.queue_name, second.facts.queue_name) == ("Sales", "")
    assert first.facts.interaction_id != second.facts.interaction_id
    assert (first.ordinal, second.ordinal) == (1, 2)


def test_an_agent_who_rang_in_vain_does_not_end_the_queue_call() -> None:
    board = Switchboard().call("Queued", 0, "C1", "5000", queueName="Sales").call("Delivered", 1, "C1", "2001")
    board.call("ConnectionCleared", 9, "C1", "2001").call("Delivered", 12, "C1", "2002")
    board.call("Established", 14, "C1", "2002")

    assert board.leg.facts.queue_name == "Sales"


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (WriteStatus.REFUSED, "UnknownFlag", Outcome.REFUSED),
        (WriteStatus.GONE, "", Outcome.RECORDING_GONE),
        (WriteStatus.CONFLICT, "", Outcome.REFUSED),
        (WriteStatus.GIVEN_UP, "Unavailable", Outcome.GIVEN_UP),
        (WriteStatus.GIVEN_UP, "Unclear", Outcome.WRITE_UNKNOWN),
    ],
)
def test_what_qms_did_with_the_flags_is_the_outcome(status: WriteStatus, code: str, outcome: Outcome) -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1").call("ConnectionCleared", 60, "C1", "2001").waits(62)
    board.settled(63, 1, status=status, code=code)

    assert (outcome, LegPhase.SETTLED) == (board.leg.outcome, board.leg.phase)


def test_a_refused_wrap_up_leaves_the_leg_partly_flagged() -> None:
    board = queue_call(Switchboard(with_site(wrapup_wait_seconds=120))).found(6, 1, "G1")
    board.call("ConnectionCleared", 60, "C1", "2001").waits(62).settled(63, 1)
    board.call("CallInformation", 80, "C1", "2001", wrapup={"result": "Sold"})
    board.settled(81, 1, "wrapup", WriteStatus.REFUSED)

    assert Outcome.PARTLY_FLAGGED is board.leg.outcome


def test_a_leg_nobody_speaks_of_again_is_closed_with_its_end_unknown() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1").waits(13 * 3600).waits(13 * 3600 + 2)

    assert (board.leg.is_end_unknown, board.writes) == (True, [(1, "base")])


def test_calls_that_are_over_are_forgotten() -> None:
    board = queue_call(Switchboard()).call("ConnectionCleared", 60, "C1", "2001").waits(200)

    assert board.state.calls == {}


@pytest.mark.parametrize("failed", ["2001", "2002", "T1"])
def test_a_call_that_failed_is_forgotten_after_a_minute_if_nothing_else_is_heard_of_it(failed: str) -> None:
    """Whichever device is named: who dialled may never be reported to have left."""
    board = Switchboard().call("Originated", 1, "C1", "2001").call("Failed", 3, "C1", failed, cause="busy").waits(62)
    assert len(board.state.calls) == 1

    assert not board.waits(63).state.calls


def test_a_call_that_failed_at_one_device_goes_on_at_another() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("Failed", 3, "C1", "2002", cause="busy")
    board.call("Delivered", 4, "C1", "2003").waits(70).call("Established", 71, "C1", "2003")

    assert [leg.device_id for leg in board.legs] == ["2003", "2001"]
