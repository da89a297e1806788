"""A trunk whose end is not reported stays in a call that its phone has left, as is heard after the id's next use.

Uma talks to 2001 in C1 since 5, over the trunk T1, until 20. Joe's call has the id in that second already. Times are
seconds after noon.
"""

from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.state import LegState
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

JOE: dict[str, Any] = {"callerName": "Joe", "callerNameSource": "isdn", "callingNumber": "+4930111"}
UMA: dict[str, Any] = {"callerName": "Uma", "callerNameSource": "isdn", "callingNumber": "+4930222"}
PRIVATE: dict[str, Any] = {"callerName": "Uma", "callerNameSource": "personal"}
#: What came of Joe's call, with its times, before the end of Uma's is heard.
BEGINNINGS: dict[str, list[tuple[str, float]]] = {
    "queued": [("Queued", 20.4)],
    "rings": [("Delivered", 20.4)],
    "answers": [("Established", 20.4)],
    "rings and answers": [("Delivered", 20.3), ("Established", 20.5)],
}
#: A phone that talks does not ring.
WHO = [*(("2002", one) for one in BEGINNINGS), ("2001", "queued"), ("2001", "answers")]


def _heard(board: Switchboard, kind: str, at: float, heard: float, call_id: str, **data: Any) -> None:
    board.hears(replace(event(kind, at, callId=call_id, **data), gatewaytime=moment(heard)))


def _answered(at: float, known: dict[str, Any]) -> Switchboard:
    board = Switchboard(with_site(has_source_times=True))
    board.call("Established", at, "C1", "T1", outside=True, **known)
    return board.call("Established", at, "C1", "2001", **known)


def _last(board: Switchboard, device: str) -> LegState:
    return [leg for leg in board.legs if leg.device_id == device][-1]


@pytest.mark.parametrize(("known", "stated"), list(product([{}, PRIVATE, UMA], [{}, PRIVATE, JOE])))
@pytest.mark.parametrize(("device", "beginning"), WHO)
def test_who_comes_before_the_end_of_a_call_with_a_trunk_is_heard_is_in_the_next_call(
    device: str, known: dict[str, Any], stated: dict[str, Any], beginning: str
) -> None:
    board = _answered(5.25, known)
    for kind, at in BEGINNINGS[beginning]:
        place = {"queueName": "Support"} if kind == "Queued" else {"deviceId": device}
        _heard(board, kind, at, at + 0.01, "C1", **place, **stated)
    _heard(board, "ConnectionCleared", 20.2, 20.9, "C1", deviceId="2001")
    if beginning in ("queued", "rings"):
        _heard(board, "Established", 22.5, 22.51, "C1", deviceId=device)
    _heard(board, "ConnectionCleared", 30.5, 30.51, "C1", deviceId=device)
    board.waits(60)

    assert board.legs[0].facts.interaction_id != _last(board, device).facts.interaction_id
    assert _last(board, device).facts.caller_name == ("Joe" if stated is JOE else "")
    assert board.legs[0].facts.caller_name == ("Uma" if known is UMA else "")


@pytest.mark.parametrize("is_whole", [False, True])
def test_who_states_the_number_of_a_call_with_a_trunk_is_in_that(is_whole: bool) -> None:
    source_time = int if is_whole else float
    board = _answered(source_time(5.25), UMA)
    _heard(board, "Established", source_time(20.4), 20.41, "C1", deviceId="2002", **UMA)
    _heard(board, "ConnectionCleared", source_time(20.2), 20.9, "C1", deviceId="2001")

    assert _last(board, "2002").facts == board.legs[0].facts


@pytest.mark.parametrize("left_at", [20, 20.9])
@pytest.mark.parametrize("known", [{}, PRIVATE, UMA])
def test_a_call_that_phones_have_left_does_not_go_on_as_the_result_of_a_transfer(
    known: dict[str, Any], left_at: float
) -> None:
    """The result has the id of Uma's call, which began in the second before, and whose trunk stays."""
    board = _answered(20, known).call("Established", 20, "C2", "2003", **JOE)
    _heard(board, "ConnectionCleared", 20, left_at, "C1", deviceId="2001")
    sides = {"transferringDeviceId": "2003", "transferredToDeviceId": "2004"}
    _heard(board, "Transferred", 21, 21.5, "C2", primaryOldCallId="C2", resultingCallId="C1", **sides)
    _heard(board, "Established", 24, 24.5, "C1", deviceId="2004")

    assert _last(board, "2004").facts.interaction_id == _last(board, "2003").facts.interaction_id
    assert _last(board, "2003").facts.interaction_id != board.legs[0].facts.interaction_id
    assert _last(board, "2004").facts.caller_name == "Joe"


def test_a_call_that_the_phone_has_left_to_which_it_was_handed_on_is_the_result_of_a_transfer_heard_late() -> None:
    board = Switchboard(with_site(has_source_times=True)).call("Established", 5, "C2", "2003", **JOE)
    _heard(board, "Established", 21, 21.1, "C1", deviceId="T1", outside=True)
    _heard(board, "Established", 21, 21.1, "C1", deviceId="2004")
    _heard(board, "ConnectionCleared", 21, 21.4, "C1", deviceId="2004")
    sides = {"transferringDeviceId": "2003", "transferredToDeviceId": "2004"}
    _heard(board, "Transferred", 21, 21.5, "C2", primaryOldCallId="C2", resultingCallId="C1", **sides)

    assert _last(board, "2004").facts.interaction_id == _last(board, "2003").facts.interaction_id
