"""Times in whole seconds: a phone that is connected again in the second in which it had left, as it is heard.

It parks its call, or hands it on to a queue, and has it back: each talk has a leg and a recording. Each case has one
call under the id 100, in which Jo speaks with 2001 from 12 to 20.4, and from 20.7 on. The times say only the second;
``heard`` is when an event was received.
"""

import pytest

from tests.relatives.case import (
    JO,
    KNOWN,
    Case,
    Event,
    call_cleared,
    cleared,
    differences,
    diverted,
    established,
    flagged,
    heard,
    queued,
    rings,
    transferred,
)

pytestmark = pytest.mark.core

PARKED = heard(20.4, diverted(20, "100", "2001", "7001", cause="park"))
AGAIN = heard(20.7, established(20, "100", "2001", cause="callPickup"))
END = heard(40.1, cleared(40, "100", "2001"))
TO_ITS_QUEUE = [
    heard(20.4, transferred(20, "100", "", "100", "2001", "5000")),
    heard(20.5, queued(20, "100", "5000", queue="Sales")),
]
TO_ANOTHER_QUEUE = [
    heard(20.4, transferred(20, "100", "", "100", "2001", "5001")),
    heard(20.5, queued(20, "100", "5001", **KNOWN)),
]


def case(title: str, back: list[Event], end: Event = END, queue: str = "Sales", *, has_rung: bool = False) -> Case:
    rung = [rings(11, "100", "2001")] if has_rung else []
    talked = [queued(10, "100", "5000", queue="Sales", **KNOWN), *rung, heard(12.05, established(12, "100", "2001"))]
    legs = [flagged("2001", 12, 20, "100", "R1", **JO)]
    legs += [flagged("2001", 20, 40, "100", "R2", queue=queue, **KNOWN)]
    recordings = [("R1", "2001", 12.1, 20.4), ("R2", "2001", 20.75, 40.0)]
    return Case(title, [*talked, *back, end], legs, recordings, site={"queues": ["5000", "5001"]})


LEFT = heard(20.41, cleared(20, "100", "2001"))

CASES = [
    *(
        case(f"it {how}{before}", back, has_rung=has_rung)
        for before, has_rung in (("", False), (", and it had rung before", True))
        for how, back in (
            ("parked the call and picks it up", [PARKED, AGAIN]),
            ("parked the call, and its leaving is reported too", [PARKED, LEFT, AGAIN]),
            ("parked the call, which rings at it again", [PARKED, heard(20.6, rings(20, "100", "2001")), AGAIN]),
            ("handed the call on to its queue, which gives it back", [*TO_ITS_QUEUE, AGAIN]),
            (
                "parked the call and picks it up, and that is reported twice",
                [PARKED, AGAIN, heard(20.9, established(20, "100", "2001"))],
            ),
        )
    ),
    case(
        "it parked the call and picks it up, and the call is cleared",
        [PARKED, AGAIN],
        heard(40.1, call_cleared(40, "100")),
    ),
    case("it handed the call on to another queue, which gives it back", [*TO_ANOTHER_QUEUE, AGAIN], END, "5001"),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_a_phone_has_a_leg_for_each_talk_where(one: Case) -> None:
    assert differences(one) == ([], [])


def test_a_repeated_report_of_a_connection_is_no_second_one() -> None:
    events: list[Event] = [queued(10, "100", "5000", **KNOWN), heard(20.2, established(20, "100", "2001", **KNOWN))]
    events += [PARKED, heard(20.45, established(20, "100", "2001", **KNOWN)), established(30, "100", "2002")]
    events += [cleared(40, "100", "2002")]
    legs = [flagged("2001", 20, 20, "100", "R1", queue="5000", **KNOWN)]
    legs += [flagged("2002", 30, 40, "100", "R2", queue="5000", **KNOWN)]
    recordings = [("R1", "2001", 20.2, 20.4), ("R2", "2002", 30.0, 40.0)]

    assert differences(Case("", events, legs, recordings, site={"queues": ["5000"]})) == ([], [])


def test_a_phone_whose_answer_is_reported_twice_in_the_second_in_which_it_left_stays_away() -> None:
    answers, leaves = heard(15.05, established(15, "100", "2001")), heard(15.4, cleared(15, "100", "2001"))
    events = [queued(10, "100", "5000", queue="Sales", **KNOWN), established(12, "100", "2002"), answers, leaves]
    rest = [heard(15.5, established(15, "100", "2001")), cleared(45, "100", "2002")]

    found, _ = differences(Case("", [*events, *rest], [], [("R1", "2001", 15.1, 15.4)], site={"queues": ["5000"]}))

    assert [(leg.extension, leg.began, leg.ended) for leg in found if leg.extension == "2001"] == [("2001", 15.0, 15.0)]
