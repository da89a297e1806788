"""Lost links and snapshots, told as calls. Times are seconds after noon."""

from agents.matching import MatchKind
from calls.lifecycle.commands import CloseGap, OpenGap
from calls.lifecycle.outcomes import Outcome
from calls.lifecycle.values import Phase
from calls.tests.switchboard import NOON, Everybody, Switchboard, event, moment
from calls.tests.test_lifecycle import queue_call
from cti.events import AnyEvent


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
    joined = event("Conferenced", 9, primaryOldCallId="C1", secondaryOldCallId="C2", conferencingDeviceId="2001",
                   addedPartyId="2002", resultingCallId="C3")  # fmt: skip
    board.hears(joined).call("ConnectionCleared", 20, "C3", "2001")

    ends = {leg.connected_at: (leg.call_id, leg.disconnected_at) for leg in board.legs}
    assert ends == {moment(1): ("C3", moment(20)), moment(3): ("C2", moment(9))}


def test_a_leg_that_vanished_in_a_gap_closes_with_its_end_unknown_and_is_flagged_if_its_guid_is_held() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1")
    board.hears(link("Lost", 20), link("Restored", 40), snapshot("Began", 41), snapshot("Ended", 42)).waits(44)

    assert (board.leg.is_end_unknown, board.writes) == (True, [(1, "base")])


def test_a_leg_that_the_snapshot_still_shows_goes_on() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1")
    board.hears(link("Lost", 20), link("Restored", 40), snapshot("Began", 41))
    board.call("Established", 41, "C1", "2001").hears(snapshot("Ended", 42))

    assert (board.leg.phase, len(board.legs)) == (Phase.OPEN, 1)


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


def test_a_vanished_leg_learns_nothing_that_its_call_was_told_after_the_gap() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1")
    board.hears(link("Lost", 20), link("Restored", 40), snapshot("Began", 41))
    board.call("Established", 41, "C1", "2002", queueName="Support").hears(snapshot("Ended", 42))

    assert board.legs[0].facts.queue_name == "Sales"


def test_a_call_that_rang_before_a_gap_and_is_on_hold_after_it_is_joined_late() -> None:
    board = Switchboard().call("Delivered", 1, "C1", "2001")
    board.hears(link("Lost", 2), link("Restored", 9), snapshot("Began", 10))
    board.call("Held", 10, "C1", "2001").call("Established", 10, "C2", "2001").hears(snapshot("Ended", 11)).waits(14)

    assert [(leg.call_id, leg.outcome) for leg in board.legs] == [
        ("C1", Outcome.JOINED_LATE), ("C2", Outcome.JOINED_LATE),
    ]  # fmt: skip
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

    assert [one.connected_at for one in board.searches] == [moment(4)]
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
    assert [leg.device_id for leg in board.hears(snapshot("Ended", 320)).legs if leg.phase is Phase.OPEN] == [
        "2001", "2002"
    ]  # fmt: skip
