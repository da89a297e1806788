"""A phone that talked in a call before a gap and is connected under its id again, and no snapshot says so.

A repeat of a report has the same time; so the phone had left, and the id may name another caller's call.
"""

from typing import Any

import pytest

from tests.calls.test_handed_on_with_a_trunk import TIMES, timed
from tests.relatives.case import (
    Case,
    Event,
    cleared,
    dials,
    differences,
    established,
    flagged,
    holds,
    information,
    other,
    played,
    queued,
    rings,
    talk,
    transferred,
    without_flags,
)

pytestmark = pytest.mark.core

KNOWN: dict[str, Any] = {"name": "Jo", "interaction": "I1", "number": "+4930100"}
FLAGS = {"name": "Jo", "interaction": "I1", "queue": "Sales"}
FIRST = [queued(1, "100", "5000", queue="Sales", **KNOWN), established(5, "100", "2001")]
OLD = flagged("2001", 5, None, "100", "R1", **FLAGS)


def gap(since: float, until: float) -> list[Event]:
    return [other(since, "link.Lost"), other(until, "link.Restored")]


GAP = gap(30, 50)
SHORT = gap(30, 32)
TO_2002 = [transferred(70, "100", "", "100", "2001", "2002"), *talk(72, 90, "100", "2002")]
AGAIN = without_flags("2001", 60, 70, "100", "not_recorded")
NEXT = flagged("2002", 72, 90, "100", "R3")

RECORDED = [("R1", "2001", 5.2, 35.0), ("R3", "2002", 72.2, 90.0)]

OTHERS = [
    timed(f"a phone is connected again {how}", times, [*FIRST, *events, *TO_2002], [OLD, *legs], recordings=RECORDED)
    for times in TIMES
    for how, events, legs in (
        ("after a gap", [*GAP, established(60, "100", "2001")], [AGAIN, NEXT]),
        ("after a short gap", [*SHORT, established(60, "100", "2001")], [AGAIN, NEXT]),
        ("before the link is restored", [GAP[0], established(60, "100", "2001")], [AGAIN, NEXT]),
        ("after it rang", [*GAP, rings(58, "100", "2001"), established(60, "100", "2001")], [AGAIN, NEXT]),
        (
            "with another name",
            [*GAP, established(60, "100", "2001", name="Uma")],
            [AGAIN, flagged("2002", 72, 90, "100", "R3", name="Uma")],
        ),
    )
]


def seen(case: Case) -> dict[str, str]:
    """Return to whose interaction each flagged recording has: one that was stated before the gap, or another."""
    replay = played(case)
    flags = [(leg.guid, replay.flags.get(leg.number, {})) for leg in replay.legs]
    known = ("I1", "I2")
    return {guid: "known" if one["InteractionGuid"] in known else "other" for guid, one in flags if one}


@pytest.mark.parametrize("one", OTHERS, ids=str)
def test_nothing_of_the_call_before_is_given_on_where(one: Case) -> None:
    assert differences(one) == ([], [])


HELD = [holds(60, "100", "2003"), dials(61, "101", "2003"), established(62, "101", "2002")]
HANDED_ON = [transferred(70, "100", "101", "100", "2003", "2002"), cleared(90, "100", "2002")]
DIALLED = [holds(10, "100", "2001"), dials(11, "101", "2001", interaction="I2"), rings(12, "101", "2002")]


@pytest.mark.parametrize("times", TIMES)
def test_a_phone_that_never_was_in_a_call_before_a_gap_holds_another_one(times: str) -> None:
    events = [*FIRST, *GAP, *HELD, *HANDED_ON]

    assert seen(timed("held", times, events, [OLD], recordings=[("R3", "2002", 62.2, 90.0)])) == {"R3": "other"}


@pytest.mark.parametrize("times", TIMES)
def test_what_was_dialled_before_a_gap_is_over_where_its_phone_is_connected_long_after_it(times: str) -> None:
    events = [*FIRST, *DIALLED, *gap(15, 19), *talk(25, 40, "101", "2001")]

    assert seen(timed("dialled", times, events, [OLD], recordings=[("R3", "2001", 25.2, 40.0)])) == {"R3": "other"}


KEPT = [
    timed(f"a phone is reported {how}", times, [*FIRST, *events, *TO_2002], legs)
    for times in TIMES
    for how, events, legs in (
        (
            "with the call's interaction",
            [*GAP, established(60, "100", "2001", interaction="I1")],
            [flagged("2001", 5, 70, "100", "R1", **FLAGS), flagged("2002", 72, 90, "100", "R3", **FLAGS)],
        ),
        (
            "with the call's number",
            [*GAP, established(60, "100", "2001", number="+4930100")],
            [flagged("2001", 5, 70, "100", "R1", **FLAGS), flagged("2002", 72, 90, "100", "R3", **FLAGS)],
        ),
        (
            "with data only",
            [*GAP, information(60, "100", "2001", queue="Sales")],
            [flagged("2001", 5, 70, "100", "R1", **FLAGS), flagged("2002", 72, 90, "100", "R3", **FLAGS)],
        ),
        (
            "by a snapshot",
            [*GAP, other(51, "snapshot.Began"), established(51, "100", "2001"), other(52, "snapshot.Ended")],
            [flagged("2001", 5, 70, "100", "R1", **FLAGS), flagged("2002", 72, 90, "100", "R3", **FLAGS)],
        ),
    )
]


@pytest.mark.parametrize("one", KEPT, ids=str)
def test_a_call_goes_on_through_a_gap_where(one: Case) -> None:
    assert differences(one) == ([], [])


def test_a_call_that_rang_before_a_gap_is_answered_after_it() -> None:
    events = [queued(1, "100", "5000", queue="Sales", **KNOWN), rings(5, "100", "2001"), *gap(8.5, 9.5)]
    events += [*talk(10, 20, "100", "2001"), cleared(20, "100", "5000")]

    assert differences(timed("", "with fractions", events, [flagged("2001", 10, 20, "100", "R1", **FLAGS)])) == ([], [])
