"""An event that states an interaction which its call never had is of another call, whatever its device is in.

Times are seconds after noon; events come in the order in which they are written.
"""

from typing import Any

import pytest

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, with_site

pytestmark = pytest.mark.core


def _link(kind: str, seconds: float) -> AnyEvent:
    return event(kind, seconds, family="link", reason="test", devices=["2001"])


def _interactions(board: Switchboard) -> list[tuple[str, str]]:
    return [(leg.device_id, leg.facts.interaction_id) for leg in board.legs]


def _used_again(kind: str) -> Switchboard:
    """Let 2001 be in the call I1 under an id until 20, which is heard later, and in the call I2 from 20.6 on."""
    board = Switchboard(with_site(has_source_times=False)).call("Queued", 0, "C1", interactionId="I1")
    board.call("Established", 5, "C1", "2001", interactionId="I1").call("CallCleared", 20, "C1", interactionId="I1")
    if kind == "Originated":
        return board.call("Originated", 20.6, "C1", "2001", interactionId="I2")
    board.call("Queued", 20.5, "C1", interactionId="I2", queueName="Sales")
    return board.call(kind, 20.6, "C1", "2001", interactionId="I2")


@pytest.mark.parametrize("kind", ["Originated", "Delivered", "Established"])
@pytest.mark.parametrize("heard", [20.9, 21.4, 24])
def test_an_end_of_the_interaction_before_ends_nobody_in_the_next_call(kind: str, heard: float) -> None:
    board = _used_again(kind).call("ConnectionCleared", heard, "C1", "2001", interactionId="I1")
    if kind == "Originated":
        board.call("Established", 25, "C1", "T1:1", outside=True, interactionId="I2")
    else:
        board.call("Established", 25, "C1", "2001", interactionId="I2")
    board.call("ConnectionCleared", 50, "C1", "2001", interactionId="I2").waits(90)

    assert _interactions(board) == [("2001", "I1"), ("2001", "I2")]
    assert board.spans()[-1][2] == 50.0


@pytest.mark.parametrize("kind", ["ConnectionCleared", "Diverted", "Failed"])
def test_what_leaves_a_call_gives_it_no_interaction_that_it_never_had(kind: str) -> None:
    board = Switchboard(with_site(has_source_times=False)).call("Established", 5, "C1", "2001", interactionId="I1")
    board.call(kind, 20, "C1", "2001", interactionId="I9").waits(60)

    assert _interactions(board) == [("2001", "I1")]


@pytest.mark.parametrize("has_times", [True, False])
@pytest.mark.parametrize("kind", ["Held", "Retrieved"])
@pytest.mark.parametrize("is_missed", [True, False])
def test_a_hold_of_another_interaction_is_of_another_call(kind: str, is_missed: bool, has_times: bool) -> None:
    board = Switchboard(with_site(has_source_times=has_times)).call("Established", 5, "C1", "2001", interactionId="I1")
    if is_missed:
        board.hears(_link("Lost", 10))
        board.hears(_link("Restored", 30))
    board.call(kind, 40, "C1", "2001", interactionId="I2").waits(45)
    board.call("ConnectionCleared", 60, "C1", "2001", interactionId="I2").waits(120)

    assert _interactions(board) == [("2001", "I1"), ("2001", "I2")]


def _transferred(board: Switchboard, **more: Any) -> Switchboard:
    board.call(
        "Transferred",
        40,
        "C1",
        primaryOldCallId="C1",
        resultingCallId="C1",
        transferringDeviceId="2001",
        transferredToDeviceId="2002",
        **more,
    )
    return board.call("Established", 41, "C1", "2002", interactionId="I2").waits(90)


@pytest.mark.parametrize("is_missed", [True, False])
def test_a_transfer_of_another_interaction_gives_it_to_nobody_who_left(is_missed: bool) -> None:
    board = Switchboard().call("Established", 5, "C1", "2001", interactionId="I1", queueName="Sales")
    if is_missed:
        board.hears(_link("Lost", 10))
    _transferred(board, interactionId="I2")

    assert _interactions(board)[0] == ("2001", "I1")
    assert _interactions(board)[-1] == ("2002", "I2")
    assert not is_missed or board.legs[-1].facts.queue_name == ""
