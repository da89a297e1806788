"""A phone to which a call is handed on, while it talks, and that leads the call on in less than a second.

Jo came from the queue Sales and talks with 2001 from 12 on, who consults 2002 in call 200 from 26 on and hands Jo on at
30.1: the second recording of 2002 is Jo's, from 30.15 to 30.8, and knows nothing of where 2002 led the call.
"""

from typing import Any

import pytest

from tests.relatives.case import (
    JO,
    KNOWN,
    Case,
    Event,
    cleared,
    dials,
    diverted,
    established,
    heard,
    holds,
    played,
    queued,
    transferred,
)

pytestmark = pytest.mark.core

TIMES: dict[str, dict[str, Any]] = {
    "with fractions": {},
    "in whole seconds": {},
    "without times": {"has_source_times": False},
}


def timed(times: str, events: list[Event]) -> list[Event]:
    """Return events that are heard 20 ms after they happen, with what time the source states of them."""
    return [heard(one["at"] + 0.02, {**one, "at": _stated(times, one["at"])}) for one in events]


def _stated(times: str, at: float) -> float:
    if times == "in whole seconds":
        return int(at)
    return at if times == "with fractions" else at + 0.02


def handed_on_and(led: list[Event], result: str) -> list[Event]:
    return [
        queued(10.2, "100", "5000", queue="Sales", **KNOWN),
        established(12.2, "100", "2001"),
        holds(24.3, "100", "2001"),
        dials(25.1, "200", "2001", name="Desk 2001"),
        established(26.2, "200", "2002", name="Desk 2001"),
        transferred(30.1, "100", "200", result, "2001", "2002"),
        *led,
    ]


LED_ON = {
    "it leads it to a queue": lambda call: [queued(30.78, call, "5001", queue="Orders"), cleared(30.8, call, "2002")],
    "it leads it to a queue, after it left": lambda call: [
        cleared(30.78, call, "2002"),
        queued(30.8, call, "5001", queue="Orders"),
    ],
    "it hands it on to a queue": lambda call: [
        transferred(30.78, call, "", call, "2002", "5001"),
        queued(30.8, call, "5001", queue="Orders"),
    ],
    "it parks it": lambda call: [diverted(30.8, call, "2002", "7001", cause="park")],
    "it parks it, and leaves": lambda call: [
        diverted(30.78, call, "2002", "7001", cause="park"),
        cleared(30.8, call, "2002"),
    ],
    "it leaves": lambda call: [cleared(30.8, call, "2002")],
}


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("result", ["100", "200", "300"])
@pytest.mark.parametrize("how", LED_ON)
def test_its_recording_has_the_flags_of_who_was_handed_on_where(how: str, result: str, times: str) -> None:
    recordings = [("R1", "2001", 12.25, 30.1), ("R2", "2002", 26.25, 30.08), ("R3", "2002", 30.15, 30.78)]
    events = timed(times, handed_on_and(LED_ON[how](result), result))
    site = {"queues": ["5000", "5001"], **TIMES[times]}

    replay = played(Case(how, events, [], recordings, site=site))

    own = [replay.flags[leg.number] for leg in replay.legs if leg.guid == "R3" and leg.number in replay.flags]
    right = {"CTICallRef": result, "AgentId": "9102"} | dict(
        zip(("CallerName", "InteractionGuid", "QueueName"), JO.values(), strict=True)
    )
    assert own == [right]
