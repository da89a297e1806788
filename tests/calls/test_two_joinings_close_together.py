"""A consulted phone takes a third one into its consultation, and is joined with the customer within ten seconds.

2001 talks with Jo in C1 and with 2002 in C2, from 22 on. 2002 talks with 2003 in C3, from 30 on, and joins C2 and C3 at
45. Later 2001 joins that with Jo, and QMS makes another recording of each who was consulted from then on.
"""

from typing import Any

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
)

pytestmark = pytest.mark.core

TIMES = ("fractions", "whole seconds", "none")
FIRST_AT = 45.0
Flags = dict[str, tuple[str, str]]


def _events(first: str, second: str, gap: float, between: str, new: str) -> list[Event]:
    joined, to = FIRST_AT + gap, "2002" if first == "conferenced" else "2003"
    return [
        established(8, "C1", "2001", **JO),
        holds(20, "C1", "2001"),
        dials(20, "C2", "2001"),
        *[established(22, "C2", one) for one in ("2002", "2001")],
        holds(28, "C2", "2002"),
        dials(28, "C3", "2002"),
        *[established(30, "C3", one) for one in ("2003", "2002")],
        MOVES[first](FIRST_AT, "C2", "C3", between, "2002", "2003"),
        MOVES[second](joined, "C1", between, new, "2001", to),
        *[cleared(75, new, one) for one in _staying(first, second)],
    ]


def _staying(first: str, second: str) -> list[str]:
    left = {"2002"} if first == "transferred" else set()
    return sorted({"2001", "2002", "2003"} - left - ({"2001"} if second == "transferred" else set()))


def _told(events: list[Event], times: str) -> list[Event]:
    shift = {"fractions": 0.2, "whole seconds": 0.0, "none": 0.03}[times]
    told = [heard(one["at"] + shift + 0.03 + place / 1000, one) for place, one in enumerate(events)]
    if times == "none":
        return [{**one, "at": one["heard"]} for one in told]
    return [{**one, "at": one["at"] + shift} for one in told]


def _flags(
    first: str, second: str, gap: float, *, times: str, ids: tuple[str, str], began: float = 0.1, **qms: Any
) -> Flags:
    """Return the call reference and the caller of each recording: before the second joining (B), and from it on (A)."""
    joined = FIRST_AT + gap + 0.2
    staying = [one for one in _staying(first, second) if one != "2001"]
    recordings = [(f"B{one}", one, {"2002": 22.35, "2003": 30.35}[one], joined) for one in staying]
    recordings += [(f"A{one}", one, joined + began, 75.2) for one in staying]
    site = {"has_source_times": times != "none"}
    events = _told(_events(first, second, gap, *ids), times)
    replay = played(Case("", events, [], recordings, site=site, qms=qms))
    flags = {leg.guid: replay.flags.get(leg.number, {}) for leg in replay.legs if leg.guid}
    return {guid: (one.get("CTICallRef", ""), one.get("CallerName", "")) for guid, one in flags.items() if one}


def _expected(first: str, second: str, between: str, new: str) -> Flags:
    staying = [one for one in _staying(first, second) if one != "2001"]
    return {f"B{one}": (between, "") for one in staying} | {f"A{one}": (new, "Jo") for one in staying}


IDS = [("C2", "C1"), ("C3", "C1"), ("C4", "C5"), ("C2", "C2"), ("C4", "C4")]


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("gap", [3.0, 5.0, 7.0, 9.0, 12.0])
@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("second", MOVES)
@pytest.mark.parametrize("first", MOVES)
def test_the_recordings_of_before_and_after_the_second_joining_have_each_their_own(
    first: str, second: str, ids: tuple[str, str], gap: float, times: str
) -> None:
    assert _flags(first, second, gap, times=times, ids=ids) == _expected(first, second, *ids)


@pytest.mark.parametrize("times", ["fractions", "none"])
@pytest.mark.parametrize("second", MOVES)
@pytest.mark.parametrize("first", MOVES)
def test_what_is_not_known_to_have_gone_on_over_the_first_joining_has_what_is_the_same_before_and_after_it(
    first: str, second: str, times: str
) -> None:
    """QMS did not answer in between: the recording may have ended at the first joining, and another begun."""
    ids, away = ("C4", "C5"), [[FIRST_AT, FIRST_AT + 5.1]]

    found = _flags(first, second, 5.0, times=times, ids=ids, away=away)

    expected = _expected(first, second, *ids)
    assert found == expected | {"B2003": ("", "")}  # A conference's host, 2002, goes on where QMS says nothing.
