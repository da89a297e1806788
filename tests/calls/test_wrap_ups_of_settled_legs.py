"""A wrap-up under the id of a call that was handed on is of no consultation of its phone, also once its leg is settled.

2001 has a customer in C1 from 5 on, consults 2002 in C2 from 25 on, and hands the customer on at 30. Seconds after
noon; wrap-ups are awaited for 120 s.
"""

from typing import Any

import pytest

from tests.calls.switchboard import Switchboard, event
from tests.calls.test_wrap_up_edges import SITE

pytestmark = pytest.mark.core

OLDS: dict[str, Any] = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2"}
SAID: dict[str, dict[str, Any]] = {
    "extension": {"deviceId": "2001"},
    "extension and interaction": {"deviceId": "2001", "interactionId": "I1"},
    "agent": {"agentId": "A1"},
}


def _handed_on(new: str, customers: str, consultations: str) -> Switchboard:
    """Return the board after the transfer; a recording that is named "" is one that QMS has not."""
    known = {"agentId": "A1", "interactionId": "I1"}
    board = Switchboard(SITE).call("Established", 5, "C1", "2001", **known)
    _answered(board, 1, 6, customers)
    board.call("Held", 20, "C1", "2001").call("Originated", 21, "C2", "2001", cause="consultation", agentId="A1")
    board.call("Established", 25, "C2", "2002")
    _answered(board, 2, 26, "G2002")
    _answered(board, 3, 26, consultations)
    names = {"resultingCallId": new, "transferringDeviceId": "2001", "transferredToDeviceId": "2002"}
    board.hears(event("Transferred", 30, **OLDS, **names, interactionId="I1")).waits(32)
    for leg in board.legs:
        if leg.device_id == "2001" and leg.guid:
            board.settled(33, leg.number)
    return board


def _answered(board: Switchboard, number: int, at: float, guid: str) -> None:
    if guid:
        board.found(at, number, guid)
    else:
        board.missed(at, number)


def _results(board: Switchboard) -> dict[str, str]:
    return {leg.guid or "none": leg.wrapup_result for leg in board.legs if leg.device_id == "2001"}


def _wraps_up(board: Switchboard, at: float, call_id: str, said: str) -> Switchboard:
    return board.call("CallInformation", at, call_id, wrapup={"result": "Sold"}, **SAID[said])


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("new", ["C1", "C2", "C3"])
def test_a_wrap_up_of_a_call_without_a_recording_is_not_of_the_consultation(new: str, said: str) -> None:
    board = _wraps_up(_handed_on(new, "", "G2"), 35, "C1", said)

    assert _results(board)["G2"] == ""


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("new", ["C1", "C2", "C3"])
def test_a_wrap_up_of_a_call_is_of_it_though_the_consultation_has_no_recording(new: str, said: str) -> None:
    board = _wraps_up(_handed_on(new, "G1", ""), 35, "C1", said)

    assert _results(board)["G1"] == "Sold"


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("new", ["C1", "C2", "C3"])
def test_a_second_wrap_up_of_a_call_is_not_of_the_consultation(new: str, said: str) -> None:
    board = _wraps_up(_handed_on(new, "G1", "G2"), 35, "C1", said).settled(36, 1, "wrapup")
    _wraps_up(board, 37, "C1", said)

    assert _results(board) == {"G1": "Sold", "G2": ""}


@pytest.mark.parametrize("new", ["C2", "C3"])
def test_an_extension_that_has_the_call_back_wraps_that_up_under_its_former_id(new: str) -> None:
    board = _handed_on(new, "", "G2").call("Established", 40, new, "2001").found(41, 4, "G4")
    board.call("ConnectionCleared", 50, new, "2001")

    assert _results(_wraps_up(board, 55, "C1", "extension")) == {"none": "", "G2": "", "G4": "Sold"}
