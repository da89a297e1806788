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
