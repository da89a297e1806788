"""The wrap-up: it comes after the end, is written by itself, and once."""

import pytest

from calls.core.outcomes import Outcome
from calls.core.state import LegPhase
from tests.calls.switchboard import Switchboard, with_site
from tests.calls.test_call_events import queue_call

pytestmark = pytest.mark.core


def test_the_wrap_up_comes_after_the_end_and_is_written_by_itself() -> None:
    board = queue_call(Switchboard(with_site(wrapup_wait_seconds=120))).found(6, 1, "G1")
    board.call("ConnectionCleared", 60, "C1", "2001").waits(62).settled(63, 1)
    assert Outcome.WAITING is board.leg.outcome
    board.call("CallInformation", 80, "C1", "2001", wrapup={"template": "Sale", "result": "Sold"})
    board.settled(81, 1, "wrapup")

    assert board.writes == [(1, "base"), (1, "wrapup")]
    assert (board.leg.outcome, board.leg.phase) == (Outcome.FLAGGED, LegPhase.SETTLED)


def test_a_wrap_up_that_never_comes_is_omitted() -> None:
    board = queue_call(Switchboard(with_site(wrapup_wait_seconds=120))).found(6, 1, "G1")
    board.call("ConnectionCleared", 60, "C1", "2001").waits(62).settled(63, 1).waits(181)

    assert (board.writes, board.leg.outcome) == ([(1, "base")], Outcome.FLAGGED)


def test_a_second_wrap_up_is_not_written_again() -> None:
    board = queue_call(Switchboard(with_site(wrapup_wait_seconds=120))).found(6, 1, "G1")
    board.call("ConnectionCleared", 60, "C1", "2001").waits(62)
    board.call("CallInformation", 80, "C1", "2001", wrapup={"result": "Sold"})
    board.call("CallInformation", 81, "C1", "2001", wrapup={"result": "Lost"})

    assert board.writes == [(1, "base"), (1, "wrapup")]


def test_a_wrap_up_that_could_be_of_two_legs_is_of_none() -> None:
    board = Switchboard(with_site(wrapup_wait_seconds=120)).call("Originated", 0, "C1", "2001")
    board.call("Established", 2, "C1", "2002").call("CallInformation", 80, "C1", wrapup={"result": "Sold"})

    assert [leg.wrapup_result for leg in board.legs] == ["", ""]


def _conference(**site: int) -> Switchboard:
    """2001 has a customer in C1 from 5 to 50, consults 2002 from 25 to 30, and both go on with 2002 under C2."""
    board = Switchboard(with_site(wrapup_wait_seconds=60, **site)).call("Established", 5, "C1", "2001", agentId="A1")
    board.found(6, 1, "G1").call("Held", 20, "C1", "2001")
    board.call("Originated", 21, "C2", "2001", cause="consultation", agentId="A1")
    board.call("Established", 25, "C2", "2002").found(26, 2, "G2").found(26, 3, "G3")
    olds = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C2"}
    return board.call("Conferenced", 30, "C2", conferencingDeviceId="2001", addedPartyId="2002", **olds)


@pytest.mark.parametrize("at", [35, 55])
@pytest.mark.parametrize("call_id", ["C1", "C2"])
def test_the_wrap_up_after_a_conference_is_the_customers_and_not_the_consultations(at: int, call_id: str) -> None:
    board = _conference().waits(32).settled(33, 3)
    if at > 50:
        board.call("ConnectionCleared", 50, "C2", "2001").waits(52).settled(53, 1)
    board.call("CallInformation", at, call_id, "2001", wrapup={"result": "Sold"})

    assert {leg.number: leg.wrapup_result for leg in board.legs} == {1: "Sold", 2: "", 3: ""}


def test_the_wrap_up_that_is_heard_twice_is_none_of_the_consultation() -> None:
    board = _conference().waits(32).settled(33, 3).missed(41, 1, asked=33).call("ConnectionCleared", 50, "C2", "2001")
    board.waits(52).settled(53, 1)
    board.call("CallInformation", 55, "C2", "2001", wrapup={"result": "Sold"}).settled(56, 1, "wrapup")
    board.call("CallInformation", 57, "C2", "2001", wrapup={"result": "Sold"})

    assert board.writes == [(3, "base"), (1, "base"), (1, "wrapup")]
