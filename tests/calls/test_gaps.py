"""Lost links and snapshots, written as calls. Times are seconds after noon."""

from typing import Any

import pytest

from agents.core.matching import MatchKind
from calls.core.commands import CloseGap, OpenGap
from calls.core.outcomes import Outcome
from calls.core.state import LegPhase
from cti.events import AnyEvent
from tests.calls.switchboard import NOON, Everybody, Switchboard, event, moment
from tests.calls.test_call_events import queue_call

pytestmark = pytest.mark.core


def link(kind: str, seconds: float) -> AnyEvent:
    """The link is lost or restored."""
    return event(kind, seconds, family="link", reason="test")


def snapshot(kind: str, seconds: float) -> AnyEvent:
    """A snapshot began or ended."""
    return event(kind, seconds, family="snapshot")


def test_a_call_found_in_progress_is_joined_late() -> None:
    board = Switchboard().hears(link("Restored", 0), snapshot("Began", 1))
    board.call("Established", 1, "C1", "2001").hears(snapshot("Ended", 2)).call("ConnectionCleared", 30, "C1", "2001")

    assert (board.leg.outcome, board.searches) == (Outcome.JOINED_LATE, [])


def test_a_call_found_in_progress_at_an_extension_without_a_qms_user_says_that_the_user_is_missing() -> None:
    board = Switchboard(Everybody(x2001=MatchKind.UNMATCHED)).hears(link("Restored", 0), snapshot("Began", 1))
    board.call("Established", 1, "C1", "2001").hears(snapshot("Ended", 2)).call("ConnectionCleared", 30, "C1", "2001")

    assert (board.leg.outcome, board.leg.reason) == (Outcome.USER_UNMATCHED, "2001 is user_unmatched")


def test_a_conference_goes_on_in_the_call_that_a_snapshot_found_though_its_consultation_was_heard_of_before() -> None:
    board = Switchboard().hears(link("Restored", 0)).call("Originated", 0.5, "C2", "2001").hears(snapshot("Began", 1))
    board.call("Held", 1, "C1", "2001").hears(snapshot("Ended", 2)).call("Established", 3, "C2", "2001")
    joined = event(
        "Conferenced",
        9,
        primaryOldCallId="C1",
        secondaryOldCallId="C2",
        conferencingDeviceId="2001",
        addedPartyId="2002",
        resultingCallId="C3",
    )
    board.hears(joined).call("ConnectionCleared", 20, "C3", "2001")

    ends = {leg.connected_source_at: (leg.call_id, leg.disconnected_source_at) for leg in board.legs}
    assert ends == {moment(1): ("C3", moment(20)), moment(3): ("C2", moment(9))}


def test_a_leg_that_vanished_in_a_gap_closes_with_its_end_unknown_and_is_flagged_if_its_guid_is_held() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1")
    board.hears(link("Lost", 20), link("Restored", 40), snapshot("Began", 41), snapshot("Ended", 42)).waits(44)

    assert (board.leg.is_end_unknown, board.writes) == (True, [(1, "base")])


def test_a_leg_that_the_snapshot_still_shows_goes_on() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1")
    board.hears(link("Lost", 20), link("Restored", 40), snapshot("Began", 41))
    board.call("Established", 41, "C1", "2001").hears(snapshot("Ended", 42))

    assert (board.leg.phase, len(board.legs)) == (LegPhase.OPEN, 1)


def test_the_ledger_of_a_gap_says_what_was_saved_and_what_was_lost() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1")
    queue_call(board, "C2", "2002", 10)
    board.hears(link("Lost", 20), link("Restored", 40), snapshot("Began", 41))
    board.call("Established", 41, "C9", "2003").hears(snapshot("Ended", 42))

    gaps = [one for one in board.commands if isinstance(one, OpenGap | CloseGap)]
    assert isinstance(gaps[-1], CloseGap)
    assert (gaps[-1].legs_saved, gaps[-1].legs_lost) == (1, 2)


def test_a_second_loss_does_not_open_a_second_gap() -> None:
    board = Switchboard().hears(link("Lost", 20), link("Lost", 25))

    assert len([one for one in board.commands if isinstance(one, OpenGap)]) == 1


def test_each_gap_of_a_source_without_snapshots_stands_in_the_ledger() -> None:
    board = Switchboard().hears(link("Lost", 20), link("Restored", 25), link("Lost", 40), link("Restored", 41))

    assert [(one.began_at - NOON).total_seconds() for one in board.commands if isinstance(one, OpenGap)] == [20.0, 40.0]


def test_a_vanished_leg_keeps_what_was_heard_after_the_listeners_last_sign_of_life() -> None:
    """A listener that was killed gave its last sign of life up to two seconds before its last event."""
    board = queue_call(Switchboard()).found(6, 1, "G1")
    board.hears(link("Lost", 4), link("Restored", 40), snapshot("Began", 41), snapshot("Ended", 42))

    assert (board.leg.facts.interaction_id, board.leg.facts.queue_name) == ("I-C1", "Sales")


def test_a_vanished_leg_learns_nothing_that_its_call_was_reported_after_the_gap() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1")
    board.hears(link("Lost", 20), link("Restored", 40), snapshot("Began", 41))
    board.call("Established", 41, "C1", "2002", queueName="Support").hears(snapshot("Ended", 42))

    assert board.legs[0].facts.queue_name == "Sales"


def test_a_call_that_rang_before_a_gap_and_is_on_hold_after_it_is_joined_late() -> None:
    board = Switchboard().call("Delivered", 1, "C1", "2001")
    board.hears(link("Lost", 2), link("Restored", 9), snapshot("Began", 10))
    board.call("Held", 10, "C1", "2001").call("Established", 10, "C2", "2001").hears(snapshot("Ended", 11)).waits(14)

    assert [(leg.call_id, leg.outcome) for leg in board.legs] == [
        ("C1", Outcome.JOINED_LATE),
        ("C2", Outcome.JOINED_LATE),
    ]
    assert board.searches == []


def test_what_was_missed_while_the_link_stood_is_a_gap_too() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1")
    board.hears(event("Began", 20, family="snapshot", reason="a message could not be read"), snapshot("Ended", 20))

    gaps = [one for one in board.commands if isinstance(one, OpenGap | CloseGap)]
    assert [type(one) for one in gaps] == [OpenGap, CloseGap]
    assert board.leg.is_end_unknown


def test_the_silence_of_a_lost_link_does_not_connect_a_call_on_a_trunk() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("NetworkReached", 2, "C1", "T18:1", outside=True)
    board.hears(link("Lost", 3)).waits(17)

    assert (board.legs, board.searches) == ([], [])


def test_a_call_on_a_trunk_that_was_silent_before_the_loss_is_sought_from_then_on_however_late_that_is_seen() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("NetworkReached", 2, "C1", "T18:1", outside=True)
    board.hears(link("Lost", 5)).waits(17)

    assert [one.connected_source_at for one in board.searches] == [moment(4)]
    board.found(17.5, 1, "G1", started=16.8)
    assert board.leg.guid == ""


def test_an_agent_who_left_in_a_gap_is_not_the_agent_of_the_next_call() -> None:
    board = Switchboard().agent("LoggedOn", 1, "9101", deviceId="2001").hears(link("Lost", 5), link("Restored", 30))
    board.agent("LoggedOff", 31, "", deviceId="2001").call("Established", 40, "C1", "2001")

    assert board.leg.agent_id == ""


def test_a_snapshot_that_nobody_ends_is_worth_nothing_after_five_minutes() -> None:
    board = Switchboard().hears(link("Lost", 0), link("Restored", 5), snapshot("Began", 6))
    board.call("Established", 7, "C1", "2001").waits(310).call("Established", 311, "C2", "2002")

    assert [leg.is_joined_late for leg in board.legs] == [True, False]
    assert [leg.device_id for leg in board.hears(snapshot("Ended", 320)).legs if leg.phase is LegPhase.OPEN] == [
        "2001",
        "2002",
    ]


def missed(seconds: float, *devices: str) -> AnyEvent:
    """The events of some devices are missed from now on, though the link stands."""
    return event("Lost", seconds, family="link", reason="not monitored", devices=devices)


def heard_again(seconds: float, *devices: str) -> AnyEvent:
    """The devices' events arrive again."""
    return event("Restored", seconds, family="link", devices=devices)


def stock(kind: str, seconds: float, *devices: str) -> AnyEvent:
    """A snapshot of some devices began or ended."""
    return event(kind, seconds, family="snapshot", devices=devices)


def ledger(board: Switchboard) -> list[tuple[float, float | None, int, int]]:
    """The rows of the ledger: from, to, legs saved, legs lost."""
    rows: dict[float, tuple[float, float | None, int, int]] = {}
    for one in board.commands:
        if isinstance(one, OpenGap | CloseGap):
            began = (one.began_at - NOON).total_seconds()
            rows[began] = (began, None, 0, 0)
            if isinstance(one, CloseGap):
                rows[began] = (began, (one.ended_at - NOON).total_seconds(), one.legs_saved, one.legs_lost)
    return list(rows.values())


def test_a_device_that_was_not_monitored_has_a_gap_from_the_refusal_to_the_snapshot() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1").hears(missed(10, "2001"))
    assert ledger(board) == [(10.0, None, 0, 0)]

    board.hears(stock("Began", 70, "2001")).call("Established", 70, "C7", "2001").hears(stock("Ended", 71, "2001"))

    assert ledger(board) == [(10.0, 71.0, 1, 1)]
    assert (board.legs[0].is_end_unknown, board.legs[0].disconnected_source_at) == (True, moment(10))
    assert board.legs[1].is_joined_late


def test_the_legs_of_other_devices_are_not_counted_in_a_gap() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1")
    queue_call(board, "C2", "2002", 10)
    board.hears(missed(20, "2001"), snapshot("Began", 30), snapshot("Ended", 31))

    assert ledger(board) == [(20.0, 31.0, 1, 0)]


def test_a_gap_of_several_devices_is_over_when_the_last_is_heard_again() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1").hears(missed(20, "2001", "2002", "2003"))
    board.hears(stock("Began", 30, "2001"), stock("Ended", 31, "2001"), heard_again(32, "2002"))
    assert ledger(board) == [(20.0, None, 0, 0)]

    board.hears(heard_again(40, "2003"))
    assert ledger(board) == [(20.0, 40.0, 1, 0)]


def test_a_device_is_in_one_gap_at_a_time() -> None:
    board = Switchboard().hears(missed(10, "2001"), missed(12, "2001"), missed(13, "2001", "2002"))
    board.hears(heard_again(20, "2001", "2002"))

    assert ledger(board) == [(10.0, 20.0, 0, 0), (13.0, 20.0, 0, 0)]


def test_a_gap_of_devices_goes_on_as_that_of_the_link_when_the_link_is_lost() -> None:
    board = Switchboard().hears(missed(10, "2001"), link("Lost", 15), missed(16, "2001"))
    board.hears(link("Restored", 20), snapshot("Began", 21), snapshot("Ended", 22))

    assert ledger(board) == [(10.0, 15.0, 0, 0), (15.0, 22.0, 0, 0)]


def test_the_silence_of_a_device_whose_events_are_missed_does_not_connect_a_call_on_a_trunk() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("NetworkReached", 2, "C1", "T18:1", outside=True)
    board.hears(missed(3, "2001")).waits(17)

    assert (board.legs, board.searches) == ([], [])


def test_a_call_found_in_an_earlier_gap_is_lost_in_that_one_only() -> None:
    board = Switchboard().hears(link("Lost", 0), link("Restored", 1), snapshot("Began", 1))
    board.call("Held", 1, "C1", "2001").hears(snapshot("Ended", 2), link("Lost", 10), link("Restored", 11))
    board.hears(snapshot("Began", 11)).call("Held", 11, "C1", "2001").hears(snapshot("Ended", 12))

    assert ledger(board) == [(0.0, 2.0, 0, 1), (10.0, 12.0, 0, 0)]


def test_an_agent_who_left_in_a_gap_keeps_no_session_when_the_snapshot_names_all_agents() -> None:
    board = Switchboard().agent("LoggedOn", 1, "A1", deviceId="2001").agent("LoggedOn", 1, "A2", deviceId="2002")
    board.hears(link("Lost", 20), link("Restored", 40), snapshot("Began", 41)).agent(
        "LoggedOn", 41, "A2", deviceId="2002"
    )
    board.hears(event("Ended", 42, family="snapshot", agentsTold=True))

    assert list(board.state.sessions) == ["2002"]


def test_agents_keep_their_sessions_when_the_snapshot_does_not_name_all() -> None:
    board = Switchboard().agent("LoggedOn", 1, "A1", deviceId="2001")
    board.hears(link("Lost", 20), link("Restored", 40), snapshot("Began", 41), snapshot("Ended", 42))

    assert list(board.state.sessions) == ["2001"]


@pytest.mark.parametrize(("back", "outcome"), [(7, Outcome.WAITING), (9, Outcome.JOINED_LATE)])
def test_a_call_that_rang_before_a_long_gap_and_is_connected_after_it_is_joined_late(
    back: float, outcome: Outcome
) -> None:
    """In a long gap it may have been answered, held, and its agent recorded in a consultation."""
    board = Switchboard().call("Delivered", 1, "C1", "2001").hears(link("Lost", 5))
    board.hears(link("Restored", back), snapshot("Began", back)).call("Established", back, "C1", "2001")
    board.hears(snapshot("Ended", back))

    assert (board.leg.outcome, bool(board.searches)) == (outcome, outcome is Outcome.WAITING)


def test_a_call_that_was_moved_by_a_conference_before_the_snapshot_is_joined_late() -> None:
    board = Switchboard().call("Delivered", 1, "C1", "2001").hears(link("Lost", 2), link("Restored", 11))
    moved = {"new": {"callId": "C3", "deviceId": "2001"}, "old": {"callId": "C1", "deviceId": "2001"}}
    joined = event(
        "Conferenced",
        11.1,
        primaryOldCallId="C2",
        resultingCallId="C3",
        conferencingDeviceId="2001",
        addedPartyId="2002",
        connections=[moved],
    )
    board.hears(joined, snapshot("Began", 12)).call("Established", 12, "C3", "2001").hears(snapshot("Ended", 12))

    assert (board.leg.call_id, board.leg.is_joined_late, board.searches) == ("C3", True, [])


def test_an_extension_that_dialled_before_a_long_gap_is_joined_late_though_its_far_end_is_reported_first() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").hears(link("Lost", 2), link("Restored", 11))
    board.hears(snapshot("Began", 11)).call("Established", 11, "C1", "2002").call("Established", 11, "C1", "2001")
    board.hears(snapshot("Ended", 12))

    assert [(leg.device_id, leg.is_joined_late) for leg in board.legs] == [("2002", True), ("2001", True)]
    assert board.searches == []


@pytest.mark.parametrize("kind", ["Conferenced", "Transferred"])
@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
def test_a_move_that_is_reported_again_as_the_link_is_lost_changes_nothing(kind: str, resulting: str) -> None:
    """One monitor reports it before the loss, another one's report was held back."""
    sides = {"Conferenced": ("conferencingDeviceId", "addedPartyId")}
    host, added = sides.get(kind, ("transferringDeviceId", "transferredToDeviceId"))
    data: dict[str, Any] = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": resulting}
    joined = event(kind, 30, **data, **{host: "2001", added: "2002"})
    board = Switchboard().call("Established", 5, "C1", "2001", callerName="Uma").call("Held", 20, "C1", "2001")
    board.call("Originated", 21, "C2", "2001", callerName="Anna", cause="consultation")
    board.call("Established", 23, "C2", "2002").hears(joined)
    before = [(leg.call_id, leg.incarnation, leg.disconnected_source_at) for leg in board.legs]

    board.hears(link("Lost", 30.4), joined)

    assert [(leg.call_id, leg.incarnation, leg.disconnected_source_at) for leg in board.legs] == before
