"""A call that left on a trunk begins at the answer of its far end, also where the source does not say who is outside.

Times are seconds after noon: 2001 dials at 20, the network is reached at 20.5, and the far end answers at 35.5.
"""

from collections.abc import Callable

import pytest

from agents.core.matching import MatchKind
from tests.calls.switchboard import Everybody, Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

LISTED = with_site(devices=frozenset({"2001", "2002"}), queues=frozenset({"5000"}))
UNLISTED = Everybody(None, **{"x+49301": MatchKind.UNMATCHED})
Board = Switchboard


def _dialled(context: Everybody = LISTED) -> Board:
    board = Board(context).call("Originated", 20, "C1", "2001", calledNumber="+49301")
    return board.call("NetworkReached", 20.5, "C1", "T1").waits(23)


def _holds(board: Board) -> Board:
    return board.call("Held", 25, "C1", "2001").call("Retrieved", 28, "C1", "2001")


def _colleague_joins(board: Board) -> Board:
    return board.call("Established", 25, "C1", "2002")


def _colleague_came_and_left(board: Board) -> Board:
    return _colleague_joins(board).call("ConnectionCleared", 30, "C1", "2002")


def _consults_and_joins(board: Board) -> Board:
    board.call("Held", 24, "C1", "2001").call("Originated", 24.1, "C2", "2001", calledNumber="2002")
    board.call("Established", 26, "C2", "2002")
    ids = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "conferencingDeviceId": "2001"}
    return board.call("Conferenced", 30, "C1", "2001", **ids)


def _snapshot_begins(board: Board) -> Board:
    board.hears(event("Lost", 30, family="link"), event("Restored", 34, family="link"))
    return board.hears(event("Began", 34.1, family="snapshot"))


CASES: dict[str, tuple[Everybody, Callable[[Board], Board], str, float]] = {
    "a number": (LISTED, lambda board: board, "+49301", 35.5),
    "a trunk": (LISTED, lambda board: board, "T1", 35.5),
    "a number, where no devices are listed": (UNLISTED, lambda board: board, "+49301", 35.5),
    "its trunk, where no devices are listed": (UNLISTED, lambda board: board, "T1", 35.5),
    "another device, where no devices are listed": (UNLISTED, lambda board: board, "T2", 20.5),
    "its trunk, beside a colleague, where no devices are listed": (UNLISTED, _colleague_joins, "T1", 20.5),
    "its trunk, after a hold, where no devices are listed": (UNLISTED, _holds, "T1", 20.5),
    "its trunk in a snapshot, where no devices are listed": (UNLISTED, _snapshot_begins, "T1", 20.5),
    "a number, after a colleague left": (LISTED, _colleague_came_and_left, "+49301", 35.5),
    "a colleague": (LISTED, lambda board: board, "2002", 20.5),
    "a queue": (LISTED, lambda board: board, "5000", 20.5),
    "what may be a colleague, where no devices are listed": (UNLISTED, lambda board: board, "2009", 20.5),
    "a number, after a hold": (LISTED, _holds, "+49301", 20.5),
    "a number, beside a colleague": (LISTED, _colleague_joins, "+49301", 20.5),
    "a number, after a conference": (LISTED, _consults_and_joins, "+49301", 20.5),
    "a number in a snapshot": (LISTED, _snapshot_begins, "+49301", 20.5),
}


@pytest.mark.parametrize(("context", "before", "answers", "begins"), CASES.values(), ids=CASES)
def test_a_call_begins_at_the_answer_of_who_can_only_be_its_far_end(
    context: Everybody, before: Callable[[Board], Board], answers: str, begins: float
) -> None:
    board = before(_dialled(context)).call("Established", 35.5, "C1", answers)

    assert board.legs[0].connected_source_at == moment(begins)


def test_the_recording_is_asked_for_again_at_an_answer_after_the_window() -> None:
    board = _dialled().missed(31, 1).call("Established", 35.5, "C1", "+49301").found(36, 1, "R1", started=35.6)
    board.call("ConnectionCleared", 65.5, "C1", "2001").waits(70)

    assert (board.spans(), board.leg.guid, board.writes) == ([("2001", 35.5, 65.5)], "R1", [(1, "base")])


def test_a_recording_that_began_as_the_extension_dialled_stays() -> None:
    board = _dialled().found(23.5, 1, "R1", started=20.6).call("Established", 35.5, "C1", "+49301")
    board.call("ConnectionCleared", 65.5, "C1", "2001").waits(70)

    assert (board.leg.guid, board.leg.searches, board.writes) == ("R1", 1, [(1, "base")])
