"""When an outbound call begins: at its answer, or at the network where a trunk reports no answers."""

import pytest

from tests.calls.switchboard import Switchboard, moment

pytestmark = pytest.mark.core


def test_an_outbound_call_is_the_callers_leg_from_the_answer_on() -> None:
    board = Switchboard().call("ServiceInitiated", 0, "C1", "2001").call("Originated", 1, "C1", "2001")
    board.call("NetworkReached", 2, "C1", "T18:1", outside=True).call("Delivered", 3, "C1", "T18:1", outside=True)
    board.call("Established", 9, "C1", "T18:1", outside=True).call("ConnectionCleared", 20, "C1", "2001")

    assert board.spans() == [("2001", 9.0, 20.0)]


def test_an_outbound_call_nobody_answers_is_no_leg() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("NetworkReached", 2, "C1", "T18:1", outside=True)
    board.call("Delivered", 3, "C1", "T18:1", outside=True).call("ConnectionCleared", 20, "C1", "2001").waits(30)

    assert board.legs == []


def test_a_trunk_without_answer_supervision_counts_from_the_network_on() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("NetworkReached", 2, "C1", "T18:1", outside=True)
    board.waits(4.5)
    assert board.spans() == [("2001", 2.0, None)]
    board.call("ConnectionCleared", 20, "C1", "2001")

    assert board.spans() == [("2001", 2.0, 20.0)]


def test_a_slow_trunk_that_answers_after_all_moves_the_begin_and_asks_again() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("NetworkReached", 2, "C1", "T18:1", outside=True)
    board.waits(4.5).missed(12, 1).call("Delivered", 13, "C1", "T18:1", outside=True)
    board.call("Established", 15, "C1", "T18:1", outside=True)

    assert board.spans() == [("2001", 15.0, None)]
    assert [(one.search, one.connected_source_at) for one in board.searches][1:] == [(2, moment(15))]
    assert not board.leg.is_unconfirmed
    assert board.found(15.5, 1, "G1").leg.guid == "G1"


def test_a_colleague_who_joins_does_not_move_the_begin_of_an_unconfirmed_call() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("NetworkReached", 2, "C1", "T18:1", outside=True)
    board.waits(4.5).call("Established", 60, "C1", "2002")

    assert board.spans() == [("2001", 2.0, None), ("2002", 60.0, None)]
