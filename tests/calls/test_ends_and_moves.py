"""An id that is used again while an end, a transfer or a gap is still to be heard of.

Times are seconds after noon; events come in the order in which they are written. Each test is the smallest form of what
``./gateway worlds`` found.
"""

import pytest
from msgspec.structs import replace

from tests.calls.switchboard import Switchboard, event, moment, with_site
from tests.calls.test_disordered_lives import _interactions, _phone
from tests.calls.test_gaps import link, snapshot

pytestmark = pytest.mark.core


def test_a_connection_that_moves_to_a_known_life_can_itself_be_over_before_that_one_began() -> None:
    """Three lives: the second was taken for a repeat, then for the third, and both ends of before are heard last."""
    board = Switchboard().call("Established", 1.7, "C1", "2001", callingNumber="111")
    board.call("Established", 2.05, "C1", "2001").call("Established", 2.4, "C1", "2001", callingNumber="333")
    _phone(("C", 1.8), ("C", 2.15), ("C", 2.8), board=board).waits(60)

    assert sorted(board.spans()) == [("2001", 1.7, 1.8), ("2001", 2.05, 2.15), ("2001", 2.4, 2.8)]
    assert len(_interactions(board)) == 3


def test_an_end_of_after_the_id_was_used_again_is_not_that_of_the_call_before() -> None:
    """2001 leaves at 14.3, which is heard last; at 14.5 another caller has its id, and at 14.9 a third one."""
    board = Switchboard().call("Established", 4.8, "C1", "2001", callingNumber="111")
    board.call("Established", 14.5, "C1", "2001", callingNumber="222")
    _phone(("C", 14.65), ("C", 15.1), ("C", 14.3), board=board)
    board.call("Established", 14.9, "C1", "2001", callingNumber="333").waits(60)

    assert sorted(board.spans()) == [("2001", 4.8, 14.3), ("2001", 14.5, 14.65), ("2001", 14.9, 15.1)]
    assert [leg.facts.calling_number for leg in sorted(board.legs, key=lambda leg: leg.connected_source_at)] == [
        "111",
        "222",
        "333",
    ]


def test_without_times_of_its_own_a_source_reports_an_end_after_the_next_life_began() -> None:
    """Then its time is that of the report: it ends the call in which the phone is."""
    board = Switchboard(with_site(has_source_times=False)).call("Established", 4.8, "C1", "2001", callingNumber="111")
    board.call("Established", 14.5, "C1", "2002", callingNumber="222")
    _phone(("C", 14.6), board=board).waits(60)

    assert ("2001", 4.8, 14.6) in board.spans()


@pytest.mark.parametrize("led_away", ["Diverted", "Failed", "ConnectionCleared"])
def test_a_phone_that_seemed_to_ring_does_not_join_two_lives(led_away: str) -> None:
    """2002 picks the call up that rings at 2001, and leaves; that it rings no more at 2001 is heard after the reuse."""
    board = Switchboard().call("Queued", 0.5, "C1", queueName="Support").call("Delivered", 2.5, "C1", "2001")
    board.call("Established", 4.5, "C1", "2002").call("Queued", 5.0, "C1", queueName="Billing")
    board.call("ConnectionCleared", 4.8, "C1", "2002").call(led_away, 4.5, "C1", "2001")
    board.call("Established", 9.0, "C1", "2003").call("ConnectionCleared", 10.5, "C1", "2003").waits(60)

    assert [leg.facts.queue_name for leg in board.legs] == ["Support", "Billing"]
    assert len(_interactions(board)) == 2


def test_a_call_that_is_led_away_late_from_a_phone_goes_on_where_nobody_has_left() -> None:
    """It rings at 2001, then at 2002, which talks still: one call."""
    board = Switchboard().call("Queued", 0.5, "C1", queueName="Support").call("Delivered", 2.5, "C1", "2001")
    board.call("Established", 4.7, "C1", "2002").call("Diverted", 4.5, "C1", "2001", newDestination="2002")
    board.call("ConnectionCleared", 10.5, "C1", "2002").waits(60)

    assert [(leg.device_id, leg.facts.queue_name) for leg in board.legs] == [("2002", "Support")]


@pytest.mark.parametrize("transfer_is_late", [False, True])
def test_a_transfer_to_an_id_that_is_in_use_begins_a_call(transfer_is_late: bool) -> None:
    """A caller of the queue gave up unreported under C1; a call is handed on under C1, which is reported late."""
    board = Switchboard().call("Queued", 4.0, "C1", queueName="Sales", callerName="Vic", callerNameSource="isdn")
    board.call("Established", 14.0, "C2", "2001", callerName="Dora", callerNameSource="external_phonebook")
    both = {"primaryOldCallId": "C2", "resultingCallId": "C1", "transferringDeviceId": "2001"}
    reports = [
        event("Transferred", 20.0, transferredToDeviceId="2002", **both),
        event("Delivered", 20.5, callId="C1", deviceId="2002"),
    ]
    board.hears(*(reversed(reports) if transfer_is_late else reports)).call("Established", 26.0, "C1", "2002")
    board.call("ConnectionCleared", 30.0, "C1", "2002").waits(60)

    first, second = board.legs
    assert (second.device_id, second.facts.queue_name, second.facts.caller_name) == ("2002", "", "Dora")
    assert first.facts.interaction_id == second.facts.interaction_id


@pytest.mark.parametrize(("told_of", "queue"), [("2001", "Sales"), ("", "")])
def test_a_transfer_to_the_consultations_id_needs_no_word_of_the_second_call(told_of: str, queue: str) -> None:
    """C1 is the call in which 2001 consults 2002, and the event does not name it as the second one."""
    board = Switchboard().call("Established", 14.0, "C2", "2001", queueName="Sales").call("Held", 15.0, "C2", "2001")
    if told_of:
        board.call("Originated", 15.5, "C1", told_of)
    board.call("Established", 17.0, "C1", "2002")
    both = {"primaryOldCallId": "C2", "resultingCallId": "C1", "transferringDeviceId": "2001"}
    board.hears(event("Transferred", 20.0, transferredToDeviceId="2002", **both))
    board.call("ConnectionCleared", 30.0, "C1", "2002").waits(60)

    assert [leg.facts.queue_name for leg in board.legs if leg.device_id == "2002"] == [queue]


def _wrapped_up(board: Switchboard, at: float, device_id: str | None = None) -> str:
    """2001 leaves at 150; a wrap-up of C1 comes that states no interaction."""
    board.call("ConnectionCleared", 150, "C1", "2001")
    return board.call("CallInformation", at, "C1", device_id, wrapup={"result": "sold"}).leg.wrapup_result


def _site_with_gap(began: float, ended: float, *, call: bool = False) -> Switchboard:
    """The link is lost for a while; ``call``: 2001 talks all the time."""
    board = Switchboard(with_site(wrapup_wait_seconds=120.0))
    board = board.call("Established", began - 5, "C1", "2001") if call else board
    board.hears(link("Lost", began), link("Restored", ended), snapshot("Began", ended))
    board = board.call("Established", ended, "C1", "2001") if call else board
    return board.hears(snapshot("Ended", ended))


def test_a_wrap_up_may_be_of_a_call_that_had_the_id_in_a_gap_while_that_ones_would_be_awaited() -> None:
    board = _site_with_gap(100, 120).call("Established", 130, "C1", "2001")

    assert _wrapped_up(board, 180) == ""


def test_a_wrap_up_of_an_extension_that_was_connected_after_a_gap_is_that_of_its_call() -> None:
    """An agent wraps up one call after the other: a call in the gap would have had its wrap-up before."""
    board = _site_with_gap(100, 120).call("Established", 130, "C1", "2001")

    assert _wrapped_up(board, 180, "2001") == "sold"


def test_a_wrap_up_of_an_extension_may_be_of_its_call_in_the_gap_where_its_own_ended_there() -> None:
    board = Switchboard(with_site(wrapup_wait_seconds=120.0)).call("Established", 95, "C1", "2001")
    board.call("ConnectionCleared", 99, "C1", "2001")
    board.hears(link("Lost", 100), link("Restored", 120), snapshot("Began", 120), snapshot("Ended", 120))

    assert board.call("CallInformation", 125, "C1", "2001", wrapup={"result": "sold"}).leg.wrapup_result == ""


def test_a_wrap_up_is_of_the_call_that_had_the_id_all_through_the_gap() -> None:
    assert _wrapped_up(_site_with_gap(100, 120, call=True), 180) == "sold"


def test_a_wrap_up_is_that_of_the_known_call_when_none_of_before_is_awaited_any_more() -> None:
    board = _site_with_gap(10, 20).call("Established", 130, "C1", "2001")

    assert _wrapped_up(board, 160) == "sold"


@pytest.mark.parametrize("dials", ["ServiceInitiated", "Originated"])
def test_a_call_that_was_queued_before_the_id_was_dialled_with_is_another_one(dials: str) -> None:
    """Its caller gave up unreported, and that it was queued at 0.5 is heard after 2001 dialled at 0.97."""
    board = Switchboard().call(dials, 0.97, "C1", "2001").call("Queued", 0.5, "C1", queueName="Support")
    board.call("Established", 3.0, "C1", "2001").call("ConnectionCleared", 7.0, "C1", "2001").waits(60)

    assert (board.leg.facts.queue_name, board.spans()) == ("", [("2001", 3.0, 7.0)])


def test_a_queue_that_a_phone_dials_is_that_of_its_call() -> None:
    board = Switchboard().call("Queued", 1.2, "C1", queueName="Support").call("Originated", 0.97, "C1", "2001")
    board.call("Established", 3.0, "C1", "2001").waits(60)

    assert board.leg.facts.queue_name == "Support"


@pytest.mark.parametrize("is_answer_reported", [True, False])
def test_a_recording_that_began_after_the_end_of_an_unconfirmed_leg_is_another_calls(
    *, is_answer_reported: bool
) -> None:
    """The trunk says nothing until 2.9, QMS names a recording of 3.45, and that 2001 left at 2.5 is heard then."""
    board = Switchboard().call("Originated", 0.4, "C1", "2001").call("NetworkReached", 0.9, "C1", "T1", outside=True)
    board.waits(3).found(3.5, 1, "R", started=3.45)
    if is_answer_reported:
        board.call("Established", 2.4, "C1", "2001")
    board.call("ConnectionCleared", 2.5, "C1", "2001").waits(60)

    assert (board.leg.guid, board.writes) == ("", [])


def test_a_recording_that_was_named_before_the_answer_was_reported_is_the_legs() -> None:
    board = Switchboard().call("Originated", 0.4, "C1", "2001").call("NetworkReached", 0.9, "C1", "T1", outside=True)
    board.waits(3).found(3.5, 1, "R", started=3.45).call("Established", 3.4, "C1", "2001")
    board.call("ConnectionCleared", 20, "C1", "2001").waits(60)

    assert (board.leg.guid, board.writes) == ("R", [(1, "base")])


def _held_while_consulting(board: Switchboard) -> Switchboard:
    """2001 has R of C1, holds it and talks to 2002 in C2; then a third phone dials under C1."""
    board.call("Established", 2, "C1", "2001", interactionId="I1").found(2.1, 1, "R", started=2.0)
    board.call("Held", 6, "C1", "2001").call("Originated", 6.5, "C2", "2001").call("Established", 8, "C2", "2002")
    return board.call("Originated", 11.4, "C1", "2004", interactionId="I3")


def test_a_call_that_loses_its_id_while_its_phone_consults_may_go_on_under_another() -> None:
    """That it became a conference under C2 is heard too late: nobody knows its call reference then."""
    board = _held_while_consulting(Switchboard()).waits(19)

    assert (board.legs[0].guid, board.legs[0].missed, board.writes) == ("", "end_unreported", [])


def test_a_conference_that_is_reported_within_a_second_of_the_reuse_takes_the_leg_along() -> None:
    both = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "conferencingDeviceId": "2001"}
    board = _held_while_consulting(Switchboard())
    board.hears(event("Conferenced", 11.2, resultingCallId="C2", addedPartyId="2002", **both))
    board.call("ConnectionCleared", 20, "C2", "2001").waits(60)

    assert (board.legs[0].call_id, board.legs[0].guid) == ("C2", "R")


def test_a_call_that_loses_its_id_while_nobody_consults_keeps_its_recording() -> None:
    board = Switchboard().call("Established", 2, "C1", "2001", interactionId="I1").found(2.1, 1, "R", started=2.0)
    board.call("Originated", 11.4, "C1", "2004", interactionId="I3").waits(19)

    assert (board.legs[0].guid, board.writes) == ("R", [(1, "base")])


@pytest.mark.parametrize(("queued", "name"), [(3.1, None), (3.5, "Meyer")])
def test_who_queued_under_an_id_before_it_was_cleared_is_not_the_caller_of_its_next_call(
    queued: float, name: str | None
) -> None:
    """2004 leaves at 2.9, the id is cleared at 3.4 and used again at 3.6; that it was queued before comes last."""
    board = Switchboard().call("Established", 0.9, "C1", "2004").call("ConnectionCleared", 2.9, "C1", "2004")
    board.call("CallCleared", 3.4, "C1").call("Queued", 3.6, "C1", queueName="Billing")
    board.hears(replace(event("Queued", queued, callId="C1", callerName="Meyer"), gatewaytime=moment(3.9)))
    board.call("Established", 5.6, "C1", "2002").call("ConnectionCleared", 9, "C1", "2002").waits(60)

    facts = next(leg.facts for leg in board.legs if leg.device_id == "2002")
    assert (facts.queue_name, facts.caller_name or None) == ("Billing", name)


def test_a_call_that_was_handed_on_before_its_id_was_used_again_waits_for_nobody() -> None:
    """2005 hands the call on at 27 and leaves; 2004 rings under the id at 27.5, and the transfer is heard last."""
    board = Switchboard().call("Established", 19, "C1", "2005", callerName="Meyer")
    board.call("ConnectionCleared", 27.02, "C1", "2005").call("Delivered", 27.5, "C1", "2004")
    handed = event("Transferred", 27, primaryOldCallId="C1", resultingCallId="C1", transferringDeviceId="2005")
    board.hears(replace(handed, gatewaytime=moment(27.6)))
    board.call("Established", 28.5, "C1", "2004").call("ConnectionCleared", 29.4, "C1", "2004").waits(300)
    board.call("Queued", 310, "C1", callerName="Schulze").call("Established", 312, "C1", "2005").waits(315)

    first, last = board.legs[0], board.legs[-1]
    assert (first.facts.caller_name, last.facts.caller_name) == ("Meyer", "Schulze")
    assert first.facts.interaction_id != last.facts.interaction_id


def test_a_clearing_that_is_heard_first_is_that_of_the_last_life_that_had_begun_by_it() -> None:
    """Three lives: that the third was cleared and left is heard before anything of the second and its own beginning."""
    board = _phone(("E", 15.15), ("C", 15.25)).call("CallCleared", 16.05, "C1")
    _phone(("C", 16.05), ("C", 15.7), ("E", 15.5), ("E", 15.95), board=board).waits(60)

    assert sorted(board.spans()) == [("2001", 15.15, 15.25), ("2001", 15.5, 15.7), ("2001", 15.95, 16.05)]
    assert len(_interactions(board)) == 3


@pytest.mark.parametrize(
    ("host", "stated", "is_of_it"),
    [("2001", "I1", True), ("2001", "I2", False), ("2009", "I1", False), ("2009", "", False), ("2001", "", True)],
)
def test_a_transfer_after_a_gap_moves_the_call_of_before_it_only_if_nothing_speaks_against_it(
    host: str, stated: str, is_of_it: bool
) -> None:
    """2001 is in C1 when the link is lost; before the snapshot a transfer of C1 into C7 is reported."""
    board = (
        Switchboard().call("Established", 5, "C1", "2001", interactionId="I1", callerName="Meyer").found(5.1, 1, "R")
    )
    board.hears(link("Lost", 9), link("Restored", 29))
    ids = {"interactionId": stated} if stated else {}
    board.hears(event("Transferred", 30, primaryOldCallId="C1", resultingCallId="C7", transferringDeviceId=host, **ids))
    board.call("Established", 32, "C7", "2003").waits(60)

    last = next(leg for leg in board.legs if leg.device_id == "2003")
    assert (last.facts.caller_name == "Meyer") is is_of_it
    assert board.legs[0].facts.interaction_id == "I1"


@pytest.mark.parametrize(("host", "is_of_it"), [("2001", True), ("2009", False)])
def test_a_transfer_that_states_another_interaction_is_of_the_call_only_if_its_host_was_in_it(
    host: str, is_of_it: bool
) -> None:
    board = Switchboard().call("Established", 5, "C1", "2001", interactionId="I1", callerName="Meyer")
    moved = {"primaryOldCallId": "C1", "resultingCallId": "C7", "interactionId": "I2"}
    board.hears(event("Transferred", 30, transferringDeviceId=host, **moved)).call("Established", 32, "C7", "2003")

    last = next(leg for leg in board.legs if leg.device_id == "2003")
    assert (last.facts.caller_name == "Meyer") is is_of_it


@pytest.mark.parametrize(
    ("kind", "device_id"),
    [
        ("Held", "2009"),
        ("Held", "2001"),
        ("Retrieved", "2001"),
        ("CallInformation", "2009"),
        ("ConnectionCleared", "2009"),
        ("ConnectionCleared", "2001"),
    ],
)
@pytest.mark.parametrize("has_source_times", [True, False])
def test_an_event_of_another_interaction_after_a_gap_begins_another_call_under_its_id(
    kind: str, device_id: str, *, has_source_times: bool
) -> None:
    """2001 is in C1 when the link is lost; what comes before the snapshot is of whoever has the id by now."""
    board = (
        Switchboard(with_site(has_source_times=has_source_times))
        .call("Established", 5, "C1", "2001", interactionId="I1")
        .found(5.1, 1, "R")
    )
    board.hears(link("Lost", 9), link("Restored", 29))
    board.call(kind, 30, "C1", device_id, interactionId="I2", callerName="Schulze").waits(60)

    assert (board.legs[0].facts.interaction_id, board.legs[0].facts.caller_name or "") == ("I1", "")


def test_a_wrap_up_is_of_the_call_that_stated_its_interaction_and_not_of_one_that_stated_none() -> None:
    """C1 was handed on at 5 by 2003, of which nothing else is known, and is 2001's call from 10 on."""
    board = Switchboard(with_site(wrapup_wait_seconds=60.0))
    board.hears(event("Transferred", 5, primaryOldCallId="C1", resultingCallId="C7", transferringDeviceId="2003"))
    board.call("Established", 10, "C1", "2001", interactionId="I2").call("ConnectionCleared", 14, "C1", "2001")
    board.call("CallInformation", 16, "C1", "2001", interactionId="I2", wrapup={"result": "sold"})

    assert next(leg for leg in board.legs if leg.device_id == "2001").wrapup_result == "sold"


@pytest.mark.parametrize("wrapped_up", [("2001", "I1"), ("2005", "I5")])
@pytest.mark.parametrize("kind", ["Held", "ConnectionCleared"])
def test_a_wrap_up_after_a_gap_is_no_sign_that_a_call_goes_on(kind: str, wrapped_up: tuple[str, str]) -> None:
    """2001 was in C1 when the link was lost; a wrap-up under its id comes first, then an event of who has it now."""
    board = Switchboard(with_site(has_source_times=False, wrapup_wait_seconds=15.0))
    board.call("Established", 5, "C1", "2001", interactionId="I1").found(5.1, 1, "R")
    board.hears(link("Lost", 9), link("Restored", 29))
    device_id, stated = wrapped_up
    board.call("CallInformation", 29.5, "C1", device_id, interactionId=stated, wrapup={"result": "sold"})
    board.call(kind, 30, "C1", "2009", interactionId="I2").waits(60)

    assert board.legs[0].facts.interaction_id == "I1"


def test_an_event_of_another_interaction_and_of_an_extension_not_in_the_call_is_of_the_ids_next_call() -> None:
    board = Switchboard().call("Established", 5, "C1", "2001", interactionId="I1")
    board.call("Held", 9, "C1", "2009", interactionId="I2").waits(20)

    assert board.legs[0].facts.interaction_id == "I1"
