"""Recording ownership over the edges of time: a recording that is one leg's without a doubt, and the doubtful rest.

2001 is connected in C1 at 10, and its recording G1 began at 10.1. Another call, C2, comes before or after it.
"""

import pytest

from calls.core.outcomes import Outcome
from tests.calls.switchboard import Switchboard, with_site

pytestmark = pytest.mark.core

#: When C2 is connected, seen from C1.
SECONDS = [-3.0, -1.001, -1, -0.25, 0, 0.25, 1, 1.5, 6]


def _other(board: Switchboard, at: float, device: str, *, is_over: bool) -> None:
    board.call("Established", at, "C2", device)
    if is_over:
        board.call("ConnectionCleared", at + 0.1, "C2", device)


def _board(offset: float, *, is_over: bool, device: str, asked: float, has_times: bool) -> Switchboard:
    board = Switchboard(with_site(has_source_times=has_times))
    if offset <= 0:
        _other(board, 10 + offset, device, is_over=is_over)
    board.call("Established", 10, "C1", "2001")
    leg = board.legs[-1].number
    if 0 < offset <= asked:
        _other(board, 10 + offset, device, is_over=is_over)
    board.found(10.9, leg, "G1", started=10.1, asked=10 + asked)
    if offset > asked:
        board.call("Held", 10 + offset, "C1", "2001")
        _other(board, 10 + offset, device, is_over=is_over)
    return board


def _keeps(board: Switchboard) -> bool:
    for leg in board.legs:
        if leg.call_id == "C2" and not leg.guid:
            board.missed(30, leg.number)
    board.call("ConnectionCleared", 40, "C2", "2001").call("ConnectionCleared", 41, "C1", "2001").waits(60)
    return any(leg.call_id == "C1" and leg.guid == "G1" for leg in board.legs)


@pytest.mark.parametrize("offset", SECONDS)
@pytest.mark.parametrize("is_over", [True, False])
def test_with_the_sources_own_times_a_recording_is_sure_where_its_leg_alone_was_connected(
    offset: float, is_over: bool
) -> None:
    """QMS was asked 0.2 s after Connected: what came later than that raises no doubt, however soon it came.

    Nor does a leg that was over by then, or was connected more than a second before the recording began.
    """
    is_apart = offset > 0.2 or offset <= -1 or is_over

    assert _keeps(_board(offset, is_over=is_over, device="2001", asked=0.2, has_times=True)) is is_apart


@pytest.mark.parametrize("offset", SECONDS)
def test_a_leg_of_another_extension_raises_no_doubt(offset: float) -> None:
    assert _keeps(_board(offset, is_over=False, device="2002", asked=0.2, has_times=True))


@pytest.mark.parametrize("offset", [0.25, 1, 1.5, 6])
def test_where_nobody_sees_how_late_events_are_a_call_soon_after_that_is_not_recorded_raises_doubt(
    offset: float,
) -> None:
    assert not _keeps(_board(offset, is_over=False, device="2001", asked=0.2, has_times=False))


def test_short_calls_back_to_back_keep_their_flags() -> None:
    board = Switchboard()
    for number in range(4):
        at = number * 0.3
        board.call("Established", at, f"C{number}", "2001")
        board.found(at + 0.08, number + 1, f"G{number}", started=at + 0.02, asked=at + 0.05)
        board.call("ConnectionCleared", at + 0.1, f"C{number}", "2001")

    assert board.waits(9).writes == [(1, "base"), (2, "base"), (3, "base"), (4, "base")]


def test_an_answer_of_while_the_short_call_lasted_is_taken_though_the_next_call_began_meanwhile() -> None:
    board = Switchboard().call("Established", 0, "C1", "2001").call("ConnectionCleared", 0.2, "C1", "2001")
    board.call("Established", 0.4, "C2", "2001").found(0.5, 1, "G1", started=0.05, asked=0.15)

    assert board.waits(3).writes == [(1, "base")]


def test_qms_is_asked_on_where_it_still_names_the_recording_of_the_call_before() -> None:
    board = Switchboard().call("Established", 0, "C1", "2001").found(0.1, 1, "G1", started=0.02, asked=0.05)
    board.call("ConnectionCleared", 1, "C1", "2001").call("Established", 1.2, "C2", "2001")
    board.found(1.3, 2, "G1", started=0.02, asked=1.25)
    assert (board.searches[-1].leg, board.searches[-1].known_guid) == (2, "G1")

    board.found(1.5, 2, "G2", started=1.25, asked=1.45).call("ConnectionCleared", 9, "C2", "2001").waits(12)
    assert board.writes == [(1, "base"), (2, "base")]


def test_a_recording_that_began_with_an_unreported_lag_is_not_sure() -> None:
    """Connected was received 2 s after it happened: what else is late, nobody knows."""
    board = Switchboard(with_site(has_source_times=False)).call("Established", 10, "C1", "2001")
    board.found(10.2, 1, "G1", started=10.1, asked=10.15)

    assert board.leg.sure_at is None
    assert board.leg.outcome is Outcome.WAITING
