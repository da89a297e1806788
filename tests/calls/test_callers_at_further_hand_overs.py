"""Who calls, as stated in the moment of a hand-over: after a first one, or under the id that the call had before.

Seconds after noon. 2001 has Jo's call as 100 and hands it on at 20 to 2002, who hands it on at 40 to 2003.
"""

from typing import Any

import pytest

from tests.relatives.case import (
    KNOWN,
    Case,
    Event,
    cleared,
    conferenced,
    dials,
    established,
    heard,
    holds,
    played,
    queued,
    rings,
    talk,
    transferred,
)

pytestmark = pytest.mark.core

WHOLE, FRACTIONS = 0.0, 0.25
IDS = [
    ("100", "101", "101"),
    ("100", "101", "102"),
    ("100", "101", "100"),
    ("100", "100", "100"),
    ("100", "100", "101"),
]
JO = {**KNOWN, "queue": "Sales"}


def beginning() -> list[Event]:
    return [queued(0, "100", **JO), established(5, "100", "2001", **KNOWN)]


def blind(first: str, second: str) -> list[Event]:
    """2001 hands the call on without a word."""
    return [
        transferred(20, first, "", second, "2001", "2002"),
        cleared(20, first, "2001"),
        rings(21, second, "2002", **KNOWN),
        established(22, second, "2002", **KNOWN),
    ]


def consulted(move: Any, second: str) -> list[Event]:
    """2001 has consulted 2002 in 101, who knows her by name, and joins the two, or leaves their conference."""
    return [
        holds(10, "100", "2001"),
        dials(11, "101", "2001", number="2001", name="Ann", cause="consultation"),
        established(13, "101", "2002", number="2001", name="Ann"),
        move(20, "100", "101", second, "2001", "2002"),
        *([cleared(21, second, "2001")] if move is conferenced else []),
    ]


def last_handed(second: str, last: str, rang: float, stated: dict[str, str]) -> list[Event]:
    return [
        transferred(40, second, "", last, "2002", "2003"),
        cleared(40, second, "2002"),
        rings(rang, last, "2003", **stated),
        *talk(42, 60, last, "2003", **stated),
    ]


def names(events: list[Event], part: float) -> dict[str, str]:
    """Return the caller's name of each recording, each event heard just after the one before it."""
    told = [heard(one["at"] + 0.3 + index / 100, {**one, "at": one["at"] + part}) for index, one in enumerate(events)]
    answers = [(one["heard"], one["at"] - part, one["deviceId"]) for one in told if one["type"] == "Established"]
    recordings = [(f"R{at:.0f}", device, began + 0.05, began + 6) for began, at, device in answers]
    replay = played(Case("", told, [], recordings))
    return {leg.guid: replay.flags[leg.number].get("CallerName", "") for leg in replay.legs if leg.guid}


@pytest.mark.parametrize("part", [WHOLE, FRACTIONS])
@pytest.mark.parametrize("rang", [40, 41])
@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize(
    "stated",
    [{}, {"name": "Jo"}, KNOWN, {**KNOWN, "number": "+49301"}, {"number": "2002", "name": "Bob"}],
    ids=["nothing", "name", "interaction", "number", "who handed on"],
)
def test_a_phone_that_rings_in_the_moment_of_a_further_hand_over_has_the_customers_name(
    stated: dict[str, str], ids: tuple[str, str, str], rang: float, part: float
) -> None:
    first, second, last = ids
    events = [*beginning(), *blind(first, second), *last_handed(second, last, rang, stated)]

    assert names(events, part) == {"R5": "Jo", "R22": "Jo", "R42": "Jo"}


@pytest.mark.parametrize("part", [WHOLE, FRACTIONS])
@pytest.mark.parametrize("rang", [40, 41])
@pytest.mark.parametrize("move", [transferred, conferenced])
@pytest.mark.parametrize(
    ("second", "last"), [("100", "100"), ("100", "101"), ("101", "101"), ("101", "100"), ("102", "102")]
)
@pytest.mark.parametrize("stated", [{}, {"name": "Jo"}, KNOWN], ids=["nothing", "name", "interaction"])
def test_so_it_has_after_a_consultation(
    stated: dict[str, str], second: str, last: str, move: Any, rang: float, part: float
) -> None:
    events = [*beginning(), *consulted(move, second), *last_handed(second, last, rang, stated)]

    assert names(events, part)["R42"] == "Jo"


@pytest.mark.parametrize("part", [WHOLE, FRACTIONS])
@pytest.mark.parametrize("rang", [20, 21])
@pytest.mark.parametrize("second", ["100", "101"])
def test_who_hands_a_call_on_is_not_its_caller_in_the_moment_of_that(second: str, rang: float, part: float) -> None:
    ann = {"number": "2001", "name": "Ann"}
    handed = [event for event in blind("100", second) if event["at"] <= 20]
    events = [*beginning(), *handed, rings(rang, second, "2002", **ann), *talk(22, 40, second, "2002", **ann)]

    assert names(events, part) == {"R5": "Jo", "R22": "Jo"}
