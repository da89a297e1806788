"""A transfer or conference soon after the consultation's answer, of which the consulted phone's report is heard first.

2001 talks with Jo in C1, and dials 2002 in C2 at 15. 2002's report names C2 alone, the host's own names both calls.
"""

from math import floor

import pytest

from tests.relatives.case import (
    JO,
    MOVES,
    Case,
    Event,
    cleared,
    dials,
    established,
    heard,
    holds,
    played,
    queued,
    rings,
)

pytestmark = pytest.mark.core

ANSWERED = 17.9
CUSTOMERS = ("QueueName", "CallerName", "CTICallRef")


def customers_values(move: str, after: float, new: str, *, whole: bool, reports: str) -> list[list[str]]:
    """Return the queue, name and reference of 2002's recording of before the move, and of the one after it."""
    at = ANSWERED + after
    full = MOVES[move](at, "C1", "C2", new, "2001", "2002")
    part = {name: value for name, value in full.items() if name not in ("secondaryOldCallId", "connections")}
    part["primaryOldCallId"] = "C2"
    events = [
        queued(10.1, "C1", **JO),
        established(13.1, "C1", "2001"),
        holds(14.9, "C1", "2001"),
        dials(15.1, "C2", "2001", cause="consultation"),
        rings(15.5, "C2", "2002"),
        established(ANSWERED, "C2", "2002"),
        *([part, full] if reports == "both" else [part]),
        cleared(33.4, new, "2002"),
        cleared(35.4, new, "2001"),
    ]
    recordings = [("R3", "2002", ANSWERED + 0.02, at), ("R4", "2002", at + 0.1, 33.4)]
    heard_in_order = [_heard(one, place, whole=whole) for place, one in enumerate(events)]
    replay = played(Case("", heard_in_order, [], recordings))
    flags = {leg.guid: replay.flags[leg.number] for leg in replay.legs if leg.guid}
    return [[flags[guid].get(name, "") for name in CUSTOMERS] for guid in ("R3", "R4")]


def _heard(event: Event, place: int, *, whole: bool) -> Event:
    at = event["at"]
    return heard(at + 0.01 + place / 1000, {**event, "at": float(floor(at)) if whole else at})


@pytest.mark.parametrize("reports", ["both", "the consulted phone's"])
@pytest.mark.parametrize("new", ["C1", "C2", "C3"])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("after", [0.4, 0.9])
@pytest.mark.parametrize("move", ["transferred", "conferenced"])
def test_the_customers_values_are_of_what_follows_though_the_answer_was_within_a_second(
    move: str, after: float, whole: bool, new: str, reports: str
) -> None:
    values = customers_values(move, after, new, whole=whole, reports=reports)

    assert values == [["", "", "C2"], ["Sales", "Jo", new]]
