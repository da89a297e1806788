"""Times in whole seconds: a phone that is connected again in the second in which it had left, as it is heard.

Each case has one call under the id 100, in which Jo speaks with 2001 from 12 to 20.4, and from 20.7 on. The times say
only the second; ``heard`` is when an event was received. Each talk has its recording.
"""

from typing import Any

import pytest

from tests.relatives.case import (
    Case,
    Event,
    call_cleared,
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

JO: dict[str, Any] = {"name": "Jo", "interaction": "I1"}


def heard(at: float, event: Event) -> Event:
    return {**event, "heard": at}


def case(title: str, between: list[Event], end: Event, queue: str = "") -> Case:
    talked: list[Event] = [queued(10, "100", "5000", **JO), established(12, "100", "2001")]
    again = heard(20.7, established(20, "100", "2001", cause="callPickup"))
    legs = [flagged("2001", 12, 20, "100", "R1", queue="5000", **JO)]
    legs += [flagged("2001", 20, 40, "100", "R2", queue=queue or "5000", **JO)]
    recordings = [("R1", "2001", 12.1, 20.4), ("R2", "2001", 20.75, 40.0)]
    return Case(title, [*talked, *between, again, end], legs, recordings, site={"queues": ["5000", "5001"]})


PARKED = heard(20.4, diverted(20, "100", "2001", "7001", cause="park"))
END = heard(40.1, cleared(40, "100", "2001"))

CASES = [
    case("it parked the call and picks it up", [PARKED], END),
    case("it parked the call and picks it up, and the call is cleared", [PARKED], heard(40.1, call_cleared(40, "100"))),
    case("it parked the call, and its leaving is reported too", [PARKED, heard(20.4, cleared(20, "100", "2001"))], END),
    case("it parked the call, which rings at it again", [PARKED, heard(20.6, rings(20, "100", "2001"))], END),
    case(
        "it handed the call on to a queue, which gives it back",
        [
            heard(20.4, transferred(20, "100", "", "100", "2001", "5001")),
            heard(20.5, queued(20, "100", "5001", **JO)),
        ],
        END,
        "5001",
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_a_phone_has_a_leg_for_each_talk_where(one: Case) -> None:
    assert differences(one) == ([], [])


def test_a_repeated_report_of_a_connection_is_no_second_one() -> None:
    events: list[Event] = [queued(10, "100", "5000", **JO), heard(20.2, established(20, "100", "2001", **JO)), PARKED]
    events += [heard(20.45, established(20, "100", "2001", **JO)), established(30, "100", "2002")]
    events += [cleared(40, "100", "2002")]
    legs = [flagged("2001", 20, 20, "100", "R1", queue="5000", **JO)]
    legs += [flagged("2002", 30, 40, "100", "R2", queue="5000", **JO)]
    recordings = [("R1", "2001", 20.2, 20.4), ("R2", "2002", 30.0, 40.0)]

    assert differences(Case("", events, legs, recordings, site={"queues": ["5000"]})) == ([], [])
