"""Times in whole seconds: what a call keeps that is answered, handed on or parked, and ends, within one second.

The link is in order: ``heard`` is a moment after each event. Jo waited in the queue Sales since an earlier second.
"""

from typing import Any

import pytest

from tests.relatives.case import (
    JO,
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


def waiting(**members: Any) -> Event:
    return queued(10, "100", "5000", queue="Sales", number="+4930100", **KNOWN, **members)


def case(title: str, events: list[Event], legs: list[Leg], *recordings: tuple[str, str, float, float]) -> Case:
    return Case(title, events, legs, list(recordings), site=SITE)


def consultation(resulting: str, *ends: Event) -> list[Event]:
    """Return Jo's call 100, held at 2001 for call 200 to 2003, which has the interaction I2; handed on at 30."""
    return [
        waiting(),
        established(12, "100", "2001"),
        holds(20, "100", "2001"),
        dials(21, "200", "2001", interaction="I2"),
        established(22, "200", "2003"),
        heard(30.2, transferred(30, "100", "200", resulting, "2001", "2003", interaction="I1")),
        *ends,
    ]


def handed_on(resulting: str, end: Event) -> Case:
    return case(
        f"a call goes on as {resulting} from a consultation, and ends in the second of that ({end['type']})",
        consultation(resulting, heard(30.9, end)),
        [
            flagged("2001", 12, 30, "100", "R1", **JO),
            flagged("2003", 22, 30, "200", "R3", interaction="I2"),
            flagged("2001", 22, 30, "200", "R2", interaction="I2"),
            flagged("2003", 30, 30, resulting, "R4", **JO),
        ],
        ("R1", "2001", 12.0, 20.0),
        ("R2", "2001", 22.0, 30.1),
        ("R3", "2003", 22.0, 30.1),
        ("R4", "2003", 30.2, 30.9),
    )


SHORT = [("R-2001", "2001", 20.1, 20.9)]
KEPT = [
    *(
        case(
            f"a phone that rang is connected with the {what} of its call",
            [
                waiting(),
                rings(15, "100", "2001"),
                heard(20.1, established(20, "100", "2001", **{what: value})),
                heard(20.9, cleared(20, "100", "2001")),
            ],
            [flagged("2001", 20, 20, "100", "R-2001", **JO)],
            *SHORT,
        )
        for what, value in (("interaction", "I1"), ("number", "+4930100"))
    ),
    case(
        "a phone picks up with the interaction of its call, and the queue is heard to have left it later",
        [
            waiting(),
            heard(20.1, established(20, "100", "2001", interaction="I1")),
            heard(20.5, cleared(20, "100", "5000")),
            cleared(25, "100", "2001"),
        ],
        [flagged("2001", 20, 25, "100", "R-2001", **JO)],
        ("R-2001", "2001", 20.1, 25.0),
    ),
    case(
        "a phone joins a call, with its interaction, from which the other then leaves",
        [
            waiting(),
            established(12, "100", "2002"),
            heard(20.1, established(20, "100", "2001", interaction="I1")),
            heard(20.5, cleared(20, "100", "2002")),
            cleared(25, "100", "2001"),
        ],
        [
            flagged("2002", 12, 20, "100", "R-2002", **JO),
            flagged("2001", 20, 25, "100", "R-2001", **JO),
        ],
        ("R-2002", "2002", 12.0, 20.4),
        ("R-2001", "2001", 20.1, 25.0),
    ),
    *(
        case(
            f"a phone parks its call, cause {cause}, {'that rang at it' if has_rung else 'that it picked up'}",
            [
                waiting(),
                *([rings(15, "100", "2001")] if has_rung else []),
                heard(20.1, established(20, "100", "2001")),
                heard(20.6, diverted(20, "100", "2001", "7001", cause=cause)),
                heard(20.6, cleared(20, "100", "2001")),
                established(40, "100", "2002"),
                cleared(50, "100", "2002"),
            ],
            [
                flagged("2001", 20, 20, "100", "R-2001", **JO),
                flagged("2002", 40, 50, "100", "R-2002", **JO),
            ],
            ("R-2001", "2001", 20.1, 20.6),
            ("R-2002", "2002", 40.0, 50.0),
        )
        for cause in ("park", "callPark")
        for has_rung in (True, False)
    ),
    *(handed_on(resulting, cleared(30, resulting, "2003")) for resulting in ("100", "200", "300")),
    *(handed_on(resulting, call_cleared(30, resulting)) for resulting in ("100", "200", "300")),
]


@pytest.mark.parametrize("one", KEPT, ids=str)
def test_a_call_keeps_what_is_known_of_it_within_one_second_where(one: Case) -> None:
    assert differences(one) == ([], [])


@pytest.mark.parametrize("leaver", ["2001", "2003"])
def test_who_leaves_in_the_second_of_a_conference_was_in_it(leaver: str) -> None:
    events = [*consultation("200")[:-1], heard(30.2, conferenced(30, "100", "200", "200", "2001", "2003"))]
    events += [heard(30.9, cleared(30, "200", leaver)), cleared(40, "200", "2003" if leaver == "2001" else "2001")]

    found, _ = differences(case("", events, [], ("R1", "2001", 12.0, 20.0), ("R3", "2003", 22.0, 40.0)))

    flags = {leg.recording: leg.flags for leg in found if leg.recording}
    assert [flags[name].get("CallerName") for name in ("R1", "R3")] == ["Jo", "Jo"]
    assert [flags[name]["InteractionGuid"] for name in ("R1", "R3")] == ["I1", "I1"]


DOUBTFUL = [
    case(
        "a phone that rang is connected, and nothing shows in which call",
        [
            waiting(),
            rings(15, "100", "2001"),
            heard(20.1, established(20, "100", "2001")),
            heard(20.9, cleared(20, "100", "2001")),
        ],
        [flagged("2001", 20, 20, "100", "R-2001")],
        *SHORT,
    ),
    case(
        "a phone that rang is connected with an interaction that is stated in that second alone",
        [
            queued(10, "100", "5000", queue="Sales"),
            rings(15, "100", "2001"),
            heard(20.1, established(20, "100", "2001", interaction="I2")),
            heard(20.9, cleared(20, "100", "2001")),
        ],
        [flagged("2001", 20, 20, "100", "R-2001", interaction="I2")],
        *SHORT,
    ),
]


@pytest.mark.parametrize("one", DOUBTFUL, ids=str)
def test_a_call_that_ends_as_it_is_answered_gets_nothing_of_before_where(one: Case) -> None:
    assert differences(one) == ([], [])


NEXT: dict[str, Any] = {"name": "Max", "number": "+4930200"}


def used_again(resulting: str, beginning: Event, **queue: str) -> Case:
    """Return the same, after which another caller comes under the id in that second, and is answered at 2002."""
    first = handed_on(resulting, cleared(30, resulting, "2003"))
    return case(
        f"{beginning['type']} under {resulting} in the second of its transfer and end",
        [
            *first.events,
            heard(30.95, beginning),
            established(32, resulting, "2002"),
            cleared(40, resulting, "2002"),
        ],
        [*first.legs, flagged("2002", 32, 40, resulting, "R5", name="Max", **queue)],
        *(first.recordings or ()),
        ("R5", "2002", 32.1, 40.0),
    )


AGAIN = [
    again
    for resulting in ("100", "200", "300")
    for again in (
        used_again(resulting, queued(30, resulting, "5000", queue="Help", **NEXT), queue="Help"),
        used_again(resulting, rings(30, resulting, "2002", **NEXT)),
        used_again(resulting, dials(30, resulting, "2002", **NEXT)),
    )
]


@pytest.mark.parametrize("one", AGAIN, ids=str)
def test_an_id_that_is_used_again_in_the_second_of_a_transfer_and_the_end_names_another_call(one: Case) -> None:
    assert differences(one) == ([], [])
