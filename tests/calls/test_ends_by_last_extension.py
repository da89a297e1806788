"""A call ends with its last extension also on a link without times of its own: the far end's need not be reported.

Times are seconds after noon; events come in the order in which they are written.
"""

import pytest

from tests.calls.switchboard import Switchboard, with_site

pytestmark = pytest.mark.core

UMA = {"callerName": "Uma", "callerNameSource": "isdn", "interactionId": "I1"}


def _dialled(answered: float, left: float, *, rings: bool = False, outside: bool = False) -> Switchboard:
    """Let 2001 dial Uma, who answers; that she leaves is not reported."""
    board = Switchboard(with_site(has_source_times=False, devices=frozenset({"2001", "2002"}))).call(
        "Originated", 0, "C1", "2001", calledNumber="+4930777"
    )
    if rings:
        board.call("Delivered", answered - 0.3, "C1", "T1:1", outside=outside)
    board.call("Established", answered, "C1", "T1:1", outside=outside, **UMA)
    return board.call("ConnectionCleared", left, "C1", "2001")


def _known(board: Switchboard, device: str) -> tuple[str, bool]:
    facts = [leg for leg in board.legs if leg.device_id == device][-1].facts
    return facts.caller_name, facts.interaction_id == "I1"


@pytest.mark.parametrize("rings", [False, True])
@pytest.mark.parametrize(
    ("answered", "left", "again"), [(2, 2.7, 402.7), (2, 2.2, 60), (0.2, 0.7, 9), (2, 7, 7.2), (2, 7, 7.9), (2, 2.7, 3)]
)
def test_what_comes_after_the_only_extension_left_has_nothing_of_its_call(
    answered: float, left: float, again: float, rings: bool
) -> None:
    board = _dialled(answered, left, rings=rings).call("Established", again, "C1", "2002")
    board.call("ConnectionCleared", again + 30, "C1", "2002").waits(again + 90)

    assert _known(board, "2001") == ("Uma", True)
    assert _known(board, "2002") == ("", False)


def test_a_queued_caller_is_not_the_one_that_an_extension_dialled_just_before() -> None:
    board = _dialled(2, 2.7).call("Queued", 3.1, "C1", queueName="Sales").call("Established", 6, "C1", "2002")

    assert _known(board, "2002") == ("", False)


def test_who_answers_within_a_second_and_states_the_interaction_is_of_the_call() -> None:
    board = _dialled(2, 7).call("Established", 7.5, "C1", "2002", interactionId="I1")

    assert _known(board, "2002") == ("Uma", True)


@pytest.mark.parametrize("heard", [7.3, 7.9])
def test_a_transfer_that_is_heard_after_the_destination_answered_hands_the_call_on(heard: float) -> None:
    """2001 gives Uma to 2002; its end and the answer of 2002 are reported first."""
    board = _dialled(2, 7).call("Established", 7.2, "C1", "2002")
    board.call(
        "Transferred",
        heard,
        "C1",
        primaryOldCallId="C1",
        resultingCallId="C1",
        transferringDeviceId="2001",
        transferredToDeviceId="2002",
    )

    assert _known(board, "2002") == ("Uma", True)
