"""Times in whole seconds: an end that is heard just after its id was used again, in the second of that end.

Each case has two calls under the id 100: one in which Jo speaks, and the next. The times say only the second; ``heard``
is when an event was received. Neither call's recording may get a value of the other; QMS names each recording at once.
"""

from typing import Any

import pytest

from tests.relatives.case import (
    KNOWN,
    Case,
    Event,
    Leg,
    call_cleared,
    cleared,
    conferenced,
    dials,
    differences,
    diverted,
    established,
    flagged,
    heard,
    holds,
    queued,
    rings,
    transferred,
)

pytestmark = pytest.mark.core

SITE: dict[str, Any] = {"queues": ["5000"]}


def jo_talks(**members: Any) -> list[Event]:
    """Return Jo's call at 2001, from the queue Sales, answered at 12."""
    return [queued(10, "100", "5000", queue="Sales", **KNOWN, **members), established(12, "100", "2001")]


def jo(ended: float = 20, call: str = "100", extension: str = "2001", began: float = 12) -> Leg:
    return flagged(extension, began, ended, call, f"R-{extension}", queue="Sales", **KNOWN)


def case(title: str, events: list[Event], legs: list[Leg], *recordings: tuple[str, str, float, float]) -> Case:
    return Case(title, events, legs, list(recordings), site=SITE)


R1 = ("R-2001", "2001", 12.0, 20.1)
R2 = ("R-2002", "2002", 20.3, 30.0)

CASES = [
    case(
        "another phone is connected before it is heard that the last one left",
        [
            *jo_talks(),
            heard(20.3, established(20, "100", "2002", name="Ada")),
            heard(20.9, cleared(20, "100", "2001")),
            cleared(30, "100", "2002"),
        ],
        [jo(), flagged("2002", 20, 30, "100", "R-2002", name="Ada")],
        R1,
        R2,
    ),
    case(
        "another phone is connected and has left before it is heard that the last one left",
        [
            *jo_talks(),
            heard(20.3, established(20, "100", "2002", name="Ada")),
            heard(21.2, cleared(21, "100", "2002")),
            heard(21.4, cleared(20, "100", "2001")),
        ],
        [jo(), flagged("2002", 20, 21, "100", "R-2002", name="Ada")],
        R1,
        ("R-2002", "2002", 20.3, 21.2),
    ),
    case(
        "a caller is queued before it is heard that the last phone left",
        [
            *jo_talks(),
            heard(20.3, queued(20, "100", "5000", queue="Support", name="Ada")),
            heard(20.9, cleared(20, "100", "2001")),
            established(22, "100", "2002"),
            cleared(30, "100", "2002"),
        ],
        [jo(), flagged("2002", 22, 30, "100", "R-2002", queue="Support", name="Ada")],
        R1,
        ("R-2002", "2002", 22.0, 30.0),
    ),
    case(
        "the phone that talks rings for the next call before it is heard that it left",
        [
            *jo_talks(),
            heard(20.3, rings(20, "100", "2001", name="Ada", interaction="I2")),
            heard(20.6, cleared(20, "100", "2001")),
            established(21, "100", "2001"),
            cleared(30, "100", "2001"),
        ],
        [jo(), flagged("2001", 21, 30, "100", "R-b", name="Ada", interaction="I2")],
        R1,
        ("R-b", "2001", 21.0, 30.0),
    ),
    case(
        "the phone that talks is connected in the next call before it is heard that it left",
        [
            *jo_talks(),
            heard(20.3, established(20, "100", "2001", name="Ada")),
            heard(20.6, cleared(20, "100", "2001")),
            cleared(30, "100", "2001"),
        ],
        [jo(), flagged("2001", 20, 30, "100", "R-b", name="Ada")],
        R1,
        ("R-b", "2001", 20.3, 30.0),
    ),
    case(
        "a call is cleared before which another phone is heard of",
        [
            queued(10, "100", "5000", queue="Sales", **KNOWN),
            heard(20.3, established(20, "100", "2002")),
            heard(20.9, call_cleared(20, "100")),
            cleared(30, "100", "2002"),
        ],
        [flagged("2002", 20, 30, "100", "R-2002")],
        R2,
    ),
    case(
        "a caller leaves the queue, and another phone is heard of before that",
        [
            queued(10, "100", "5000", queue="Sales", **KNOWN),
            heard(20.3, established(20, "100", "2002")),
            heard(20.6, diverted(20, "100", "5000", cause="queueCleared")),
            cleared(30, "100", "2002"),
        ],
        [flagged("2002", 20, 30, "100", "R-2002")],
        R2,
    ),
    case(
        "a caller leaves the queue, and another phone is heard of after that",
        [
            queued(10, "100", "5000", queue="Sales", **KNOWN),
            heard(20.1, diverted(20, "100", "5000", cause="queueCleared")),
            heard(20.3, established(20, "100", "2002")),
            cleared(30, "100", "2002"),
        ],
        [flagged("2002", 20, 30, "100", "R-2002")],
        R2,
    ),
    case(
        "the queue leaves a call, and another phone is heard of before that",
        [
            queued(10, "100", "5000", queue="Sales", **KNOWN),
            heard(20.3, established(20, "100", "2002")),
            heard(20.6, cleared(20, "100", "5000")),
            cleared(30, "100", "2002"),
        ],
        [flagged("2002", 20, 30, "100", "R-2002")],
        R2,
    ),
    case(
        "a phone rang in vain, and is connected in the next call before it is heard that it rings no more",
        [
            queued(10, "100", "5000", queue="Sales", name="Jo"),
            rings(11, "100", "2002"),
            heard(20.3, established(20, "100", "2002", interaction="I2")),
            heard(20.6, cleared(20, "100", "2002")),
            cleared(30, "100", "2002"),
        ],
        [flagged("2002", 20, 20, "100", "R-2002", interaction="I2")],
        R2,
    ),
    case(
        "a caller gives up, and a phone dials under the id within the second of that",
        [
            queued(20, "100", "5000", queue="Sales", **KNOWN),
            heard(20.4, cleared(20, "100", "2002")),
            heard(20.4, call_cleared(20, "100")),
            heard(20.6, dials(20, "100", "2002")),
            established(22, "100", "2003"),
            cleared(30, "100", "2002"),
            cleared(30, "100", "2003"),
        ],
        [flagged("2002", 22, 30, "100", "R-2002"), flagged("2003", 22, 30, "100", "R-2003")],
        ("R-2002", "2002", 22.0, 30.0),
        ("R-2003", "2003", 22.0, 30.0),
    ),
    case(
        "a blind transfer is heard after another phone dialled under the id",
        [
            *jo_talks(),
            heard(20.3, dials(20, "100", "2002", name="Ada")),
            heard(20.5, established(20, "101", "2004")),
            heard(20.6, transferred(20, "100", "", "101", "2001", "2004")),
            cleared(25, "101", "2004"),
            established(22, "100", "2003"),
            cleared(30, "100", "2002"),
            cleared(30, "100", "2003"),
        ],
        [
            jo(),
            flagged("2004", 20, 25, "101", "R-2004", queue="Sales", **KNOWN),
            flagged("2002", 22, 30, "100", "R-2002", name="Ada"),
            flagged("2003", 22, 30, "100", "R-2003", name="Ada"),
        ],
        R1,
        ("R-2004", "2004", 20.5, 25.0),
        ("R-2002", "2002", 22.0, 30.0),
        ("R-2003", "2003", 22.0, 30.0),
    ),
    case(
        "a blind transfer is heard after the same phone dialled under the id",
        [
            *jo_talks(),
            heard(20.3, dials(20, "100", "2001", name="Ada")),
            heard(20.5, established(20, "101", "2004")),
            heard(20.6, transferred(20, "100", "", "101", "2001", "2004")),
            established(22, "100", "2002"),
            cleared(25, "101", "2004"),
            cleared(30, "100", "2002"),
            cleared(30, "100", "2001"),
        ],
        [
            jo(),
            flagged("2004", 20, 25, "101", "R-2004", queue="Sales", **KNOWN),
            flagged("2002", 22, 30, "100", "R-2002", name="Ada"),
            flagged("2001", 22, 30, "100", "R-b", name="Ada"),
        ],
        R1,
        ("R-2004", "2004", 20.5, 25.0),
        ("R-2002", "2002", 22.0, 30.0),
        ("R-b", "2001", 22.0, 30.0),
    ),
]


def consultation(*between: Event, ended: Event) -> list[Event]:
    """Return Jo's call 50 at 2001, who consults 2003 in call 100; what is heard then; and how that ended."""
    return [
        queued(8, "50", "5000", queue="Sales", **KNOWN),
        established(10, "50", "2001"),
        holds(15, "50", "2001", cause="consultation"),
        dials(15, "100", "2001", cause="consultation"),
        established(16, "100", "2003"),
        established(16, "100", "2001"),
        *between,
        heard(20.8, ended),
    ]


@pytest.mark.parametrize("ended", ["transferred", "conferenced"])
def test_who_is_connected_before_a_consultation_is_heard_to_have_been_handed_on_is_in_the_next_call(ended: str) -> None:
    if ended == "transferred":
        end, last = transferred(20, "50", "100", "50", "2001", "2003"), []
    else:
        end, last = conferenced(20, "50", "100", "50", "2001", "2003"), [cleared(25, "50", "2001")]
    events = consultation(heard(20.3, established(20, "100", "2002", name="Ada")), ended=end)
    events += [*last, cleared(25, "50", "2003"), cleared(30, "100", "2002")]
    found, _ = differences(case("", events, [], R2, ("R-2003", "2003", 16.0, 25.0)))

    by_recording = {leg.recording: leg.flags for leg in found if leg.recording}
    assert by_recording["R-2002"] == {"CTICallRef": "100", "AgentId": "9102", "CallerName": "Ada"}
    assert by_recording["R-2003"]["CallerName"] == "Jo"


@pytest.mark.parametrize("one", CASES, ids=str)
def test_neither_call_has_a_value_of_the_other_where(one: Case) -> None:
    assert differences(one) == ([], [])


IN_ORDER = [
    case(
        "a phone is connected after the other left",
        [
            *jo_talks(),
            heard(20.1, cleared(20, "100", "2001")),
            heard(20.3, established(20, "100", "2002", name="Ada", queue="Support")),
            cleared(30, "100", "2002"),
        ],
        [jo(), flagged("2002", 20, 30, "100", "R-2002", name="Ada", queue="Support")],
        R1,
        R2,
    ),
    case(
        "a call of two phones begins and ends in one second",
        [
            heard(20.1, established(20, "100", "2001", **KNOWN)),
            heard(20.11, established(20, "100", "2002")),
            heard(20.8, cleared(20, "100", "2001")),
            heard(20.81, cleared(20, "100", "2002")),
        ],
        [flagged("2001", 20, 20, "100", "R-2001", **KNOWN), flagged("2002", 20, 20, "100", "R-2002", **KNOWN)],
        ("R-2001", "2001", 20.1, 20.8),
        ("R-2002", "2002", 20.1, 20.8),
    ),
    case(
        "a queue that leaves a call as it is answered ends nothing",
        [
            queued(10, "100", "5000", queue="Sales", **KNOWN),
            heard(20.1, established(20, "100", "2001")),
            heard(20.15, cleared(20, "100", "5000")),
            cleared(30, "100", "2001"),
        ],
        [jo(30, began=20)],
        ("R-2001", "2001", 20.1, 30.0),
    ),
]


@pytest.mark.parametrize("one", IN_ORDER, ids=str)
def test_in_order_every_call_keeps_its_values_where(one: Case) -> None:
    assert differences(one) == ([], [])
