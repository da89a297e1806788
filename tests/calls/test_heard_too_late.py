"""Calls of which is heard when QMS names their recordings no more."""

import pytest
from msgspec.structs import replace

from tests.calls.switchboard import Switchboard, event, moment

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("late", "until", "agree", "why"),
    [
        (1.0, 20.5, False, "none"),  # Out of order, no more.
        (1.001, 20.5, False, "heard_late"),
        (5.0, 24.0, False, "heard_late"),  # It was over as it was heard of.
        (5.0, 25.0, False, "heard_late"),
        (5.0, 25.001, False, "none"),
        (8.0, 24.0, False, "none"),  # A time of longer ago counts only where the clocks are known to agree.
        (8.0, 24.0, True, "heard_late"),
        (10.0, 60.0, True, "none"),  # QMS names a recording for ten seconds.
        (10.001, 60.0, True, "heard_late"),
    ],
)
def test_where_a_call_is_heard_of_when_qms_names_its_recording_no_more_qms_is_not_said_to_have_had_none(
    late: float, until: float, agree: bool, why: str
) -> None:
    first = replace(event("CallInformation", 1.5, callId="C9"), gatewaytime=moment(10))  # With fractions, and late.
    board = Switchboard().hears(first)
    if agree:
        board.call("Established", 10.5, "C9", "2009")
    leg = len(board.legs) + 1
    heard = [(20.0, "Established"), (until, "ConnectionCleared")]
    events = [
        (at, replace(event(kind, at, callId="C1", deviceId="2001"), gatewaytime=moment(at + late)))
        for at, kind in heard
    ]
    board.hears(events[0][1])
    if until < 30:
        board.hears(events[1][1]).missed(30 + late, leg, asked=20 + late)
    else:
        board.missed(30 + late, leg, asked=20 + late).hears(events[1][1])

    assert board.state.legs[leg].missed == why
