"""Of whole seconds: a phone that parks its call, or hands it on, and is connected in it again within that second."""

from typing import Any

import pytest

from tests.relatives.case import (
    Case,
    Event,
    Leg,
    cleared,
    differences,
    diverted,
    established,
    flagged,
    queued,
    rings,
    transferred,
)

pytestmark = pytest.mark.core

KNOWN: dict[str, Any] = {"name": "Jo", "interaction": "I1"}
JO: dict[str, Any] = {**KNOWN, "queue": "Sales"}
FIRST = flagged("2001", 12, 15, "100", "R1", **JO)
SECOND = flagged("2001", 15, 45, "100", "R2", **JO)
RECORDED = [("R1", "2001", 12.1, 15.2), ("R2", "2001", 15.6, 45.0)]


def heard(at: float, event: Event) -> Event:
    return {**event, "heard": at}


def case(title: str, events: list[Event], legs: list[Leg]) -> Case:
    before = [queued(10, "100", "5000", queue="Sales", **KNOWN), rings(11, "100", "2001")]
    before = [*before, heard(12.05, established(12, "100", "2001"))]
    after = heard(45.1, cleared(45, "100", "2001"))
    return Case(title, [*before, *events, after], legs, RECORDED, site={"queues": ["5000"]})


AGAIN = heard(15.56, established(15, "100", "2001"))
PARKS = heard(15.2, diverted(15, "100", "2001", "7001", cause="park"))

TAKEN_BACK = [
    case("parks it and picks it up", [PARKS, AGAIN], [FIRST, SECOND]),
    case("parks it, and its end is heard", [PARKS, heard(15.21, cleared(15, "100", "2001")), AGAIN], [FIRST, SECOND]),
    case("parks it and rings", [PARKS, heard(15.4, rings(15, "100", "2001")), AGAIN], [FIRST, SECOND]),
    case(
        "hands it on to a queue that gives it back",
        [
            heard(15.2, transferred(15, "100", "", "100", "2001", "5000")),
            heard(15.3, queued(15, "100", "5000", queue="Sales")),
            AGAIN,
        ],
        [FIRST, SECOND],
    ),
    case(
        "parks it, picks it up, and that is reported twice",
        [PARKS, AGAIN, heard(15.8, established(15, "100", "2001"))],
        [FIRST, SECOND],
    ),
]


@pytest.mark.parametrize("one", TAKEN_BACK, ids=str)
def test_the_second_recording_is_of_the_call_where_a_phone(one: Case) -> None:
    assert differences(one) == ([], [])


def test_a_phone_whose_answer_is_reported_twice_in_the_second_in_which_it_left_stays_away() -> None:
    answers, leaves = heard(15.05, established(15, "100", "2001")), heard(15.4, cleared(15, "100", "2001"))
    events = [queued(10, "100", "5000", queue="Sales", **KNOWN), established(12, "100", "2002"), answers, leaves]
    rest = [heard(15.5, established(15, "100", "2001")), cleared(45, "100", "2002")]

    found, _ = differences(Case("", [*events, *rest], [], [("R1", "2001", 15.1, 15.4)], site={"queues": ["5000"]}))

    assert [(leg.extension, leg.began, leg.ended) for leg in found if leg.extension == "2001"] == [("2001", 15.0, 15.0)]
