"""A trunk whose connection was reported, and whose end is not, keeps no call alive that all extensions have left.

So it is where that is heard in order, late, or only by a snapshot after a gap. Times are seconds.
"""

import pytest

from tests.relatives.case import (
    JO,
    Case,
    Event,
    Leg,
    Recording,
    cleared,
    differences,
    established,
    flagged,
    heard,
    other,
    queued,
    rings,
    talk,
    transferred,
)

pytestmark = pytest.mark.core

TALK = [queued(1, "100", queue="Sales", name="Jo", interaction="I1"), established(5, "100", "2001")]
TRUNK = established(6, "100", "T1")
ANSWER = talk(24, 40, "100", "2002")
FIRST = flagged("2001", 5, 20, "100", "R1", **JO)
LATE = heard(20.9, cleared(20, "100", "2001"))


def _next(**flags: str) -> Leg:
    return flagged("2002", 24, 40, "100", "R2", **flags)


def _case(title: str, events: list[Event], *legs: Leg) -> Case:
    recorded: list[Recording] = [(leg.recording, leg.extension, leg.began + 0.05, leg.ended or 0) for leg in legs]
    # A source with fractions of a second, unless all times are whole.
    return Case(title, [*TALK, TRUNK, *events], list(legs), recorded)


HALF = other(0.5, "Originated", "99", "2004")
QUEUED = queued(20.3, "100", queue="Orders")
CASES = [
    _case(
        "the next caller is queued, heard before the end", [HALF, QUEUED, LATE, *ANSWER], FIRST, _next(queue="Orders")
    ),
    _case(
        "the next call rings, heard before the end",
        [HALF, rings(20.3, "100", "2002", number="+4930222"), LATE, *ANSWER],
        FIRST,
        _next(),
    ),
    _case(
        "the caller goes on, as the interaction says, heard before the end",
        [HALF, queued(20.3, "100", queue="Orders", interaction="I1"), LATE, *ANSWER],
        FIRST,
        _next(name="Jo", queue="Orders", interaction="I1"),
    ),
    _case(
        "the caller goes on, as the interaction of the answer says, heard before the end",
        [
            HALF,
            queued(20.3, "100", queue="Orders"),
            established(20.6, "100", "2002", interaction="I1"),
            LATE,
            cleared(40, "100", "2002"),
        ],
        FIRST,
        flagged("2002", 20.6, 40, "100", "R2", name="Jo", queue="Orders", interaction="I1"),
    ),
    _case(
        "the next caller is queued in the whole second of the end, heard after it",
        [
            heard(20.2, cleared(20, "100", "2001")),
            heard(20.4, queued(20, "100", queue="Orders")),
            *ANSWER,
        ],
        FIRST,
        _next(queue="Orders"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_comes_after_the_last_extension_left_is_the_next_calls_unless_it_states_whose_it_is(case: Case) -> None:
    assert differences(case) == ([], [])


def test_a_phone_that_a_snapshot_finds_is_in_another_call_where_all_who_talked_left_in_the_gap() -> None:
    gap = [
        other(15, "link.Lost"),
        other(30, "link.Restored"),
        other(30, "snapshot.Began"),
        established(30, "100", "2002"),
        other(30, "snapshot.Ended"),
        queued(35, "100", queue="Orders"),
        cleared(35.5, "100", "2002"),
        *talk(38, 60, "100", "2003"),
    ]
    case = _case("", gap, flagged("2003", 38, 60, "100", "R3", queue="Orders"))

    assert [one for one in differences(case)[1] if one.extension == "2003"] == []


def test_a_trunk_keeps_no_call_over_a_gap_that_was_handed_on_before_it() -> None:
    """Whether its destination left in the gap is not known, nor whose call comes under the id after it."""
    gap = [
        transferred(10, "100", "", "100", "2001", "2002"),
        other(10.5, "link.Lost"),
        other(22, "link.Restored"),
        other(22, "snapshot.Began"),
        other(22, "snapshot.Ended"),
        queued(23, "100", queue="Orders"),
        *ANSWER,
    ]
    legs = differences(_case("", gap, flagged("2001", 5, 10, "100", "R1", **JO), _next(queue="Orders")))

    assert legs == ([], [])
