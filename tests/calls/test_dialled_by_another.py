"""A call that a phone dials under the id of one that another phone had dialled within that second, and has left.

Times are seconds after noon. The far end of the first call, +49301, is known in it still: its end is not reported.
"""

import pytest
from msgspec.structs import replace

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core


def _heard(kind: str, at: float, receipt: float, device: str, **data: str) -> AnyEvent:
    return replace(event(kind, at, callId="C1", deviceId=device, **data), gatewaytime=moment(receipt))


def _board(times: str, *moments: float, by: str = "2002", first: str = "Originated") -> Switchboard:
    """Let 2004 call +49301 in I1 and leave, and another phone dial under the id; ``times``: none, whole or frac."""
    kinds = (first, "Established", "ConnectionCleared", "Originated", "Established")
    devices = ("2004", "+49301", "2004", by, "+49302")
    board = Switchboard(with_site(has_source_times=times != "none", devices=frozenset({"2002", "2004"})))
    for kind, at, device in zip(kinds, moments, devices, strict=True):
        data = {"interactionId": "I1"} if device == "+49301" else {}
        board.hears(_heard(kind, at // 1 if times == "whole" else at, at, device, **data))
    return board


@pytest.mark.parametrize("times", ["none", "whole", "frac"])
@pytest.mark.parametrize("moments", [(20.85, 21, 21.3, 21.7, 21.9), (21.05, 21.1, 21.2, 21.3, 21.5)])
def test_a_phone_that_dials_where_another_had_dialled_and_left_is_in_a_new_call(
    times: str, moments: tuple[float, ...]
) -> None:
    legs = _board(times, *moments).legs

    assert [(leg.device_id, leg.facts.interaction_id == "I1") for leg in legs] == [("2004", True), ("2002", False)]
    assert legs[0].incarnation != legs[1].incarnation


@pytest.mark.parametrize("times", ["none", "whole"])
def test_the_same_phone_is_not_where_its_second_report_may_be_a_repeat(times: str) -> None:
    board = _board(times, 21.05, 21.1, 21.2, 21.3, 21.5, by="2004")

    assert len({leg.incarnation for leg in board.legs}) == 1


def test_nor_is_one_of_whole_seconds_that_dials_where_nobody_was_heard_to_dial() -> None:
    board = _board("whole", 21.05, 21.1, 21.2, 21.3, 21.5, first="Established")

    assert len({leg.incarnation for leg in board.legs}) == 1
