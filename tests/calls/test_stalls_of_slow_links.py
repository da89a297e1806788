"""A link that stalls, and posts with some delay otherwise: a leg has no recording that began long after it.

Times are seconds after noon. 2001 talks in C1 from 22 on, which is heard at 39; its next call C2 began at 37.
"""

import pytest
from msgspec.structs import replace

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment

pytestmark = pytest.mark.core

FIRST: dict[str, AnyEvent] = {
    "Queued": event("Queued", 10, callId="C0", deviceId="5000", queueName="Sales"),
    "Delivered": event("Delivered", 10, callId="C0", deviceId="2002"),
    "Established": event("Established", 10, callId="C0", deviceId="2002"),
    "LoggedOn": event("LoggedOn", 10, family="agent", agentId="A1", deviceId="2002"),
}


def _heard(one: AnyEvent, at: float) -> AnyEvent:
    return replace(one, gatewaytime=moment(at))


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
@pytest.mark.parametrize("delay", [0.05, 0.3, 1.0])
@pytest.mark.parametrize(("began", "owner"), [(37.4, 0), (22.7, 1)])
def test_a_leg_that_is_heard_of_after_a_stall_has_no_recording_that_began_long_after_it(
    first: AnyEvent, delay: float, began: float, owner: int
) -> None:
    connected = _heard(event("Established", 22.5, callId="C1", deviceId="2001"), 39)
    board = Switchboard().hears(_heard(first, 10 + delay), connected)
    number = board.leg_of("C1").number
    board.found(39.05, number, "R", started=began, asked=39.02)
    board.hears(_heard(event("ConnectionCleared", 34, callId="C1", deviceId="2001"), 50.03))
    board.hears(_heard(event("Established", 37.2, callId="C2", deviceId="2001"), 50.04))
    board.hears(_heard(event("ConnectionCleared", 47.1, callId="C2", deviceId="2001"), 50.05)).waits(120)

    assert board.state.legs[number].guid == ("R" if owner else "")


def test_a_source_whose_clock_is_behind_by_seconds_loses_nothing() -> None:
    """All its events are ten seconds old as they are heard: none shows that the clocks agree."""
    board = Switchboard().hears(_heard(FIRST["Established"], 20))
    board.hears(_heard(event("Established", 22.5, callId="C1", deviceId="2001"), 32.5))
    board.found(32.9, board.leg_of("C1").number, "R", started=32.6, asked=32.8)
    board.hears(_heard(event("ConnectionCleared", 34, callId="C1", deviceId="2001"), 44)).waits(120)

    assert board.leg_of("C1").guid == "R"
