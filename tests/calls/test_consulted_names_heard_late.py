"""The answer of a consultation, heard after it was joined with the customer: its caller is who consulted.

Seconds after noon. 2001 talks with the customer in 100, and consults 2002 in 101, which is the resulting call.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.relatives.case import Case, Event, cleared, conferenced, established, heard, played, transferred

pytestmark = pytest.mark.core

CONSULTANT: dict[str, Any] = {"name": "Desk 2001", "number": "2001"}
NUMBER = "+493000001"
JOINED: dict[str, Callable[[float, str, str, str, str, str], Event]] = {
    "transferred": transferred,
    "conferenced": conferenced,
}


def names_at_2002(move: str, customer: dict[str, Any], late: tuple[str, ...], **site: Any) -> str:
    """Return which caller's name the recording at 2002 gets; ``late``: whose answers are heard after the joining."""
    answers = {name: established(19.2, "101", name, interaction="I1", **CONSULTANT) for name in ("2001", "2002")}
    events = [
        established(2.2, "100", "2001", interaction="I1", **customer),
        *(heard(19.85 if name in late else 19.21, one) for name, one in answers.items()),
        heard(19.71, JOINED[move](19.7, "100", "101", "101", "2001", "2002")),
        cleared(35.7, "101", "2002"),
    ]
    replay = played(Case("", events, [], [("R", "2002", 19.25, 35.7)]), site=site)
    [flags] = [replay.flags.get(leg.number, {}) for leg in replay.legs if leg.guid == "R"]
    return flags.get("CallerName", "")


@pytest.mark.parametrize("site", [{}, {"has_source_times": False}])
@pytest.mark.parametrize("move", list(JOINED))
@pytest.mark.parametrize("late", [("2002",), ("2001",), ("2001", "2002")])
@pytest.mark.parametrize(
    ("customer", "name"),
    [
        ({"number": NUMBER, "name": "Uma"}, "Uma"),
        ({"number": NUMBER}, ""),
        ({"name": "Uma"}, "Uma"),
        ({}, ""),
    ],
)
def test_the_customers_recording_never_names_who_consulted(
    customer: dict[str, Any], name: str, late: tuple[str, ...], move: str, site: dict[str, Any]
) -> None:
    """Before: where the customer's number alone was known, that of the joined call was taken for the consultation's."""
    assert names_at_2002(move, customer, late, **site) in ("", name)
