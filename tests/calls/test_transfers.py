"""Transfers, consultations and conferences, written as calls. Times are seconds after noon."""

from typing import Any

import pytest
from msgspec.structs import replace

from agents.core.matching import MatchKind
from calls.core.outcomes import Outcome
from calls.core.result_events import RecordingFound
from cti.events import AnyEvent
from tests.calls.switchboard import Everybody, Switchboard, event, moment, with_site
from tests.calls.test_call_events import queue_call

pytestmark = pytest.mark.core


def consultation(board: Switchboard) -> Switchboard:
    """2001 has a customer of Sales on hold in C1 and talks to 2002 in C2."""
    queue_call(board).found(5.5, 1, "G1")
    board.call("Held", 20, "C1", "2001", cause="consultation")
    board.call("ServiceInitiated", 20.1, "C2", "2001", cause="consultation").call("Originated", 21, "C2", "2001")
    return board.call("Delivered", 22, "C2", "2002").call("Established", 25, "C2", "2002")


def attended(seconds: float = 30, **more: Any) -> AnyEvent:
    """2001 hands the customer over to 2002: C1 and C2 become C3."""
    connections = [
        {"new": {"callId": "C3", "deviceId": "T17:3"}, "old": {"callId": "C1", "deviceId": "T17:3"}},
        {"new": {"callId": "C3", "deviceId": "2002"}, "old": {"callId": "C2", "deviceId": "2002"}},
    ]
    data = {
        "primaryOldCallId": "C1",
        "secondaryOldCallId": "C2",
        "transferringDeviceId": "2001",
        "transferredToDeviceId": "2002",
        "resultingCallId": "C3",
        "connections": connections,
    }
    return event("Transferred", seconds, **{**data, **more})


def test_a_blind_transfer_ends_one_leg_and_begins_another_with_the_same_interaction() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1")
    board.hears(
        event(
            "Transferred",
            20,
            primaryOldCallId="C1",
            transferringDeviceId="2001",
            resultingCallId="C2",
            connections=[{"new": {"callId": "C2", "deviceId": "2002"}}],
        )
    )
    board.call("Delivered", 20.2, "C2", "2002").call("Established", 24, "C2", "2002")

    first, second = board.legs
    assert board.spans() == [("2001", 5.0, 20.0), ("2002", 24.0, None)]
    assert (
        second.facts.interaction_id,
        second.facts.queue_name,
        second.facts.caller_name,
    ) == ("I-C1", "Sales", "Jo")
    assert [one.leg for one in board.searches] == [1, 2]
    assert first.call_id == "C1"


def test_the_destination_may_ring_before_the_transfer_is_reported() -> None:
    board = queue_call(Switchboard()).call("Delivered", 19.9, "C2", "2002")
    board.hears(event("Transferred", 20, primaryOldCallId="C1", transferringDeviceId="2001", resultingCallId="C2"))
    board.call("Established", 24, "C2", "2002")

    assert [leg.facts.queue_name for leg in board.legs] == ["Sales", "Sales"]


def test_a_consultation_is_a_leg_of_its_own_in_the_same_interaction() -> None:
    board = consultation(Switchboard())

    assert board.spans() == [("2001", 5.0, None), ("2002", 25.0, None), ("2001", 25.0, None)]
    assert {"I-C1"} == {leg.facts.interaction_id for leg in board.legs}


def test_after_an_attended_transfer_the_same_recording_is_one_leg() -> None:
    board = consultation(Switchboard()).found(26, 2, "G2").hears(attended()).missed(40, 2, "same")
    board.call("ConnectionCleared", 60, "C3", "2002").waits(62)

    assert board.spans() == [("2001", 5.0, 30.0), ("2002", 25.0, 60.0), ("2001", 25.0, 30.0)]
    assert (board.legs[1].facts.queue_name, board.legs[1].facts.caller_name) == ("Sales", "Jo")
    assert board.writes.count((2, "base")) == 1


def test_after_an_attended_transfer_another_recording_is_a_second_leg() -> None:
    board = consultation(Switchboard()).found(26, 2, "G2").hears(attended()).found(31, 2, "G3", started=30)
    board.call("ConnectionCleared", 60, "C3", "2002").waits(62)

    spans = [one for one in board.spans() if one[0] == "2002"]
    assert spans == [("2002", 25.0, 30.0), ("2002", 30.0, 60.0)]
    assert [leg.guid for leg in board.legs if leg.device_id == "2002"] == ["G2", "G3"]
    assert [leg.facts.queue_name for leg in board.legs if leg.device_id == "2002"] == ["", "Sales"]


def test_the_flags_after_a_transfer_wait_until_it_is_known_whose_recording_it_is() -> None:
    board = consultation(Switchboard()).found(26, 2, "G2").hears(attended())
    board.call("ConnectionCleared", 33, "C3", "2002").waits(35)
    assert (2, "base") not in board.writes
    board.found(36, 2, "G3", started=30)

    assert {(2, "base"), (4, "base")} <= set(board.writes)


def test_a_transfer_reported_by_both_monitors_happens_once() -> None:
    other = attended(30.1, primaryOldCallId="C2", secondaryOldCallId=None)
    board = consultation(Switchboard()).hears(attended(), other)

    assert board.spans() == [("2001", 5.0, 30.0), ("2002", 25.0, None), ("2001", 25.0, 30.0)]


def test_a_transfer_reported_first_by_the_destinations_monitor_is_the_same() -> None:
    other = attended(30, primaryOldCallId="C2", secondaryOldCallId=None)
    board = consultation(Switchboard()).hears(other, attended(30.1)).call("ConnectionCleared", 60, "C3", "2002")

    assert board.spans() == [("2001", 5.0, 30.0), ("2002", 25.0, 60.0), ("2001", 25.0, 30.0)]
    assert board.legs[1].facts.queue_name == "Sales"


def test_a_transfer_while_the_destination_rings_opens_its_leg_when_it_answers() -> None:
    board = queue_call(Switchboard()).call("Held", 20, "C1", "2001").call("Originated", 21, "C2", "2001")
    board.call("Delivered", 22, "C2", "2002").hears(attended(25)).call("Established", 28, "C3", "2002")

    assert board.spans() == [("2001", 5.0, 25.0), ("2002", 28.0, None)]
    assert board.legs[1].facts.queue_name == "Sales"


def test_an_event_under_the_old_call_id_after_a_transfer_finds_the_call() -> None:
    board = consultation(Switchboard()).hears(attended()).call("ConnectionCleared", 30.5, "C2", "2002")

    assert ("2002", 25.0, 30.5) in board.spans()


def test_an_answer_that_a_transfer_overtook_is_not_left_open() -> None:
    board = queue_call(Switchboard()).call("Held", 20, "C1", "2001").call("Delivered", 22, "C2", "2002")
    board.hears(attended(25)).call("Established", 24.8, "C2", "2002").call("Originated", 21, "C2", "2001")
    board.call("ConnectionCleared", 60, "C3", "2002")

    assert all(end is not None for _, _, end in board.spans())


def test_without_any_recording_a_new_segment_of_the_pbx_is_two_legs() -> None:
    context = Everybody(x2002=MatchKind.UNMATCHED)
    board = (
        consultation(Switchboard(context)).hears(attended(newSegment=True)).call("ConnectionCleared", 60, "C3", "2002")
    )

    assert [one for one in board.spans() if one[0] == "2002"] == [("2002", 25.0, 30.0), ("2002", 30.0, 60.0)]


def test_a_conference_keeps_one_leg_for_each_extension() -> None:
    connections = [
        {"new": {"callId": "C3", "deviceId": "T17"}, "old": {"callId": "C1", "deviceId": "T17"}},
        {"new": {"callId": "C3", "deviceId": "2001"}, "old": {"callId": "C1", "deviceId": "2001"}},
        {"new": {"callId": "C3", "deviceId": "2002"}, "old": {"callId": "C2", "deviceId": "2002"}},
    ]
    joined = event(
        "Conferenced",
        30,
        primaryOldCallId="C1",
        secondaryOldCallId="C2",
        conferencingDeviceId="2001",
        addedPartyId="2002",
        resultingCallId="C3",
        connections=connections,
    )
    board = consultation(Switchboard()).hears(joined, joined).call("ConnectionCleared", 50, "C3", "2001")
    board.call("ConnectionCleared", 50.1, "C3", "2001").call("ConnectionCleared", 60, "C3", "2002")

    assert board.spans() == [("2001", 5.0, 50.0), ("2002", 25.0, 60.0), ("2001", 25.0, 30.0)]
    assert {"C3", "C2"} == {leg.call_id for leg in board.legs}


def test_a_transfer_that_nobody_answers_is_over_when_the_call_is_cleared() -> None:
    board = queue_call(Switchboard())
    board.hears(event("Transferred", 20, primaryOldCallId="C1", transferringDeviceId="2001", resultingCallId="C1"))
    board.call("Delivered", 21, "C1", "2002").call("CallCleared", 30, "C1").waits(100)

    assert board.state.calls == {}


def test_an_end_that_overtakes_the_transfer_still_closes_the_leg() -> None:
    board = consultation(Switchboard()).call("ConnectionCleared", 30.2, "C3", "2002").hears(attended())

    assert ("2002", 25.0, 30.2) in board.spans()


def test_an_answer_in_the_resulting_call_that_overtakes_the_transfer_keeps_its_leg() -> None:
    board = queue_call(Switchboard()).call("Delivered", 6, "C1", "2003").call("Held", 20, "C1", "2001")
    board.call("Established", 30.1, "C3", "2003").hears(attended()).call("ConnectionCleared", 40, "C3", "2003")

    assert ("2003", 30.1, 40.0) in board.spans()


def test_a_leg_whose_recording_is_named_after_its_transfer_waits_for_the_decision_beyond_the_next_call() -> None:
    """As one whose recording was named before it: the question names the recording, so that no other is the answer."""
    board = consultation(Switchboard()).hears(attended())
    first = RecordingFound(
        leg=2, search=1, guid="G2", service=1, started_at=moment(25), attempts=1, at=moment(31), asked_at=moment(31)
    )
    board.hears(first).call("ConnectionCleared", 33, "C3", "2002").waits(35)
    board.call("Delivered", 36, "C9", "2002").call("Established", 37, "C9", "2002").waits(39)
    assert board.legs[1].outcome is Outcome.WAITING
    board.missed(41, 2, "same", asked=32).waits(42)

    assert (board.legs[1].call_id, board.legs[1].guid) == ("C3", "G2")
    assert (2, "base") in board.writes


def test_a_qms_that_was_away_after_the_transfer_has_not_said_that_the_recording_goes_on() -> None:
    """The consultation's recording gets the consultation's data; the part after the transfer says why it has none."""
    board = consultation(Switchboard()).found(26, 2, "G2").hears(attended()).missed(40, 2, "unreachable")
    board.call("ConnectionCleared", 60, "C3", "2002").waits(62)

    first, second = [leg for leg in board.legs if leg.device_id == "2002"]
    assert (first.call_id, first.guid, first.facts.queue_name) == ("C2", "G2", "")
    assert (second.call_id, second.guid, second.outcome) == ("C3", "", Outcome.WINDOW_MISSED)
    assert second.reason_code == "unreachable"


@pytest.mark.parametrize(
    ("why", "asked", "ended", "parts"),
    [
        ("same", 30.1, 60, 1),
        ("same", 30.1, 30.2, 1),
        ("none", 31, 60, 2),
        ("none", 31.4, 60, 2),
        ("none", 31.5, 60, 1),
        ("none", 31.5, 30.3, 2),
        ("none", 31.5, 32, 1),
        ("none", 31.5, 30.2, 2),
        ("unreachable", 31.5, 60, 1),
        ("unreachable", 31.4, 60, 2),
        ("unreachable", 39, 35, 2),
        ("unreachable", None, 60, 2),
        ("late", None, 60, 2),
    ],
)
def test_an_answer_decides_where_another_recording_would_have_been_there(
    why: str, asked: float | None, ended: float, parts: int
) -> None:
    """QMS named the same; or it was asked 1.5 s after the transfer, and where it was away before, in the call."""
    board = consultation(Switchboard(with_site(guid_window_seconds=3))).found(26, 2, "G2").hears(attended())
    board.call("ConnectionCleared", ended, "C3", "2002").missed(40, 2, why, asked=asked).waits(62)

    assert len([leg for leg in board.legs if leg.device_id == "2002"]) == parts


def test_a_transfer_before_the_recording_is_named_keeps_one_leg_where_it_began_with_the_leg() -> None:
    board = consultation(Switchboard()).hears(attended()).found(31, 2, "G2", started=25)
    board.call("ConnectionCleared", 60, "C3", "2002").waits(62)

    assert [(leg.guid, leg.facts.queue_name) for leg in board.legs if leg.device_id == "2002"] == [("G2", "Sales")]


def test_a_transfer_before_the_recording_is_named_divides_the_leg_where_it_began_with_the_transfer() -> None:
    """The recording before the transfer has a leg, too, that says why it has no flags."""
    board = consultation(Switchboard()).hears(attended()).found(31, 2, "G3", started=30)
    board.call("ConnectionCleared", 60, "C3", "2002").waits(62)

    first, second = [leg for leg in board.legs if leg.device_id == "2002"]
    assert (first.outcome, first.reason_code) == (Outcome.WINDOW_MISSED, "transfer")
    assert (second.guid, second.facts.queue_name) == ("G3", "Sales")


def test_a_recording_that_qms_would_still_name_and_does_not_ended_at_the_transfer() -> None:
    """It began 5 s before the transfer, and QMS names recordings for 10 s: the part after it is not recorded."""
    board = consultation(Switchboard()).found(26, 2, "G2").hears(attended()).missed(40, 2, "none", asked=31.5)
    board.call("ConnectionCleared", 60, "C3", "2002").waits(62)

    first, second = [leg for leg in board.legs if leg.device_id == "2002"]
    assert (first.guid, first.facts.queue_name) == ("G2", "")
    assert (second.guid, second.outcome) == ("", Outcome.NOT_RECORDED)


@pytest.mark.parametrize(("ended", "missed"), [(31.6, "none"), (31.5, "undecided")])
def test_that_qms_names_none_when_the_leg_is_over_is_no_sign_of_when_its_recording_ended(
    ended: float, missed: str
) -> None:
    """QMS is asked for the first time at 31.5; it names no recording whose call is over."""
    board = consultation(Switchboard()).found(26, 2, "G2").hears(attended())
    board.call("ConnectionCleared", ended, "C3", "2002").missed(40, 2, "none", asked=31.5).waits(62)

    first, second = [leg for leg in board.legs if leg.device_id == "2002"]
    assert (first.guid, second.guid, second.missed) == ("G2", "", missed)


@pytest.mark.parametrize("why", ["", "none"])
def test_that_qms_names_the_next_calls_recording_does_not_say_what_became_of_the_one_before_the_transfer(
    why: str,
) -> None:
    """The leg is over at 31.3, before QMS was asked; at 36 it names what another call began."""
    board = consultation(Switchboard()).found(26, 2, "G2").hears(attended())
    board.call("ConnectionCleared", 31.3, "C3", "2002")
    later = RecordingFound(
        leg=2, search=2, guid="G9", service=1, started_at=moment(35.9), attempts=9, at=moment(36), why=why
    )
    board.hears(later).waits(62)

    first, second = [leg for leg in board.legs if leg.device_id == "2002"]
    assert (first.guid, second.guid, second.outcome) == ("G2", "", Outcome.WINDOW_MISSED)
    assert second.missed == "undecided"


@pytest.mark.parametrize(
    ("held_since", "parts"),
    [(None, 1), (43, 1), (42.6, 1), (42.4, 2), (30, 2)],
)
def test_without_source_times_a_transfer_may_be_as_old_as_the_link_held_it_back(
    held_since: float | None, parts: int
) -> None:
    """Heard at 50, and QMS, asked at 51.6, names recordings for 10 s: one of before 42.6 it would not name any more."""
    board = consultation(Switchboard(with_site(has_source_times=False))).found(26, 2, "G2")
    since = moment(held_since) if held_since is not None else None
    board.hears(replace(attended(50), heldsince=since)).missed(61, 2, "none", asked=51.6)
    board.call("ConnectionCleared", 65, "C3", "2002").waits(90)

    legs = [leg for leg in board.legs if leg.device_id == "2002"]
    assert len(legs) == parts
    assert (legs[0].guid, legs[0].facts.queue_name) == ("G2", "Sales" if parts == 1 else "")
    assert [leg.missed for leg in legs[1:]] == ["undecided"] * (parts - 1)


def test_with_source_times_it_does_not_matter_since_when_the_link_held_a_transfer_back() -> None:
    board = consultation(Switchboard()).found(26, 2, "G2")
    board.hears(replace(attended(50), heldsince=moment(20))).missed(61, 2, "none", asked=51.6)
    assert [leg.facts.queue_name for leg in board.legs if leg.device_id == "2002"] == ["Sales"]


def test_a_leg_that_two_monitors_reported_just_before_the_transfer_ends_with_its_disconnect() -> None:
    """The consultation lasted half a second: whether its second report was a repeat is not decided yet."""
    board = consultation(Switchboard()).call("Established", 25.1, "C2", "2002").hears(attended(25.5))
    board.waits(30).call("ConnectionCleared", 60, "C3", "2002").waits(62)

    assert ("2002", 25.0, 60.0) in board.spans()
