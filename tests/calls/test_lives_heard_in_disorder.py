"""Lives of one id that follow each other within a second, heard out of order, with the source's own fractions."""

from typing import Any

import pytest

from tests.relatives.case import (
    Case,
    Event,
    call_cleared,
    cleared,
    conferenced,
    dials,
    differences,
    established,
    flagged,
    heard,
    holds,
    information,
    other,
    played,
    queued,
    retrieves,
    rings,
    talk,
    transferred,
    without_flags,
)

pytestmark = pytest.mark.core


JO: dict[str, Any] = {"name": "Jo", "interaction": "I1", "number": "+49301"}
ADA: dict[str, Any] = {"name": "Ada", "interaction": "I2", "number": "+49302"}


def rings_where_it_talks(first: dict[str, Any], second: dict[str, Any]) -> Case:
    """Return two calls of 2001, where the second rings before it is heard when the first began and ended."""
    keeps = {name: value for name, value in first.items() if name != "number"}
    return Case(
        f"a phone rings where it talks, and the call's beginning ({', '.join(first)}) is heard later",
        [
            heard(9.96, established(9.95, "100", "2001")),
            heard(10.26, rings(10.25, "100", "2001", **second)),
            heard(10.33, rings(9.9, "100", "2001", **first)),
            heard(10.41, cleared(10.4, "100", "2001")),
            heard(10.54, established(10.3, "100", "2001")),
            heard(10.61, cleared(10.05, "100", "2001")),
        ],
        [flagged("2001", 9.95, 10.05, "100", "R1", **keeps), without_flags("2001", 10.3, 10.4, "100", "not_recorded")],
        [("R1", "2001", 9.96, 10.05)],
    )


CASES = [
    *(
        rings_where_it_talks(
            {one: value for one, value in JO.items() if one in known},
            {one: value for one, value in ADA.items() if one in known},
        )
        for known in (("interaction",), ("name", "number"), ("name", "interaction", "number"))
    ),
    Case(
        "a call on hold returns to its phone",
        [
            heard(10.02, established(10.01, "100", "2001", **JO)),
            holds(15, "100", "2001"),
            rings(40, "100", "2001"),
            retrieves(45, "100", "2001"),
            cleared(50, "100", "2001"),
        ],
        [flagged("2001", 10.01, 50, "100", "R1", name="Jo", interaction="I1")],
    ),
    Case(
        "two connections are heard after a stall, the later one first, and then the end of the earlier",
        [
            *talk(1.01, 1.5, "300", "2003"),
            heard(2.41, rings(2.4, "100", "2001", **JO)),
            heard(3.11, cleared(3.1, "100", "2001")),
            heard(27.118, established(2.9, "100", "2001", name="Eve", number="+49303")),
            heard(27.119, established(2.45, "100", "2001", number="+49301")),
            heard(27.12, call_cleared(2.65, "100")),
            heard(27.122, cleared(2.65, "100", "2001")),
        ],
        [
            without_flags("2003", 1.01, 1.5, "300", "not_recorded"),
            without_flags("2001", 2.45, 2.65, "100", "window_missed"),
            without_flags("2001", 2.9, 3.1, "100", "window_missed"),
        ],
        [("R1", "2001", 2.45, 2.65)],
    ),
    Case(
        "of an extension that dials under an id, its going off-hook is heard last, and the other phone first",
        [
            queued(11.51, "102", queue="Sales", name="Jo", number="+49301"),
            queued(12, "109", queue="Sales"),
            established(14, "109", "2001"),
            holds(17, "109", "2001"),
            heard(18.01, rings(18, "102", "2001")),
            heard(18.02, dials(17.5, "102", "2002")),
            heard(18.27, other(17.47, "ServiceInitiated", "102", "2002")),
            heard(19.86, established(19, "102", "2001")),
            cleared(28, "102", "2001"),
            cleared(28, "102", "2002"),
            retrieves(29, "109", "2001"),
            cleared(39, "109", "2001"),
        ],
        [
            without_flags("2001", 14, 39, "109", "not_recorded"),
            without_flags("2001", 19, 28, "102", "not_recorded"),
            flagged("2002", 19, 28, "102", "R2"),
        ],
        [("R2", "2002", 19, 28)],
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_each_life_of_an_id_has_its_own_where(one: Case) -> None:
    assert differences(one) == ([], [])


WRAP_UPS = {"wrapup_wait_seconds": 120}


def after_gap(*events: Event) -> list[Event]:
    """Return what comes after a gap in which another call of the id 200 may have lived, and its wrap-up."""
    wrapup = information(60, "200", "2003", wrapup={"result": "other", "template": "standard"})
    return [other(1, "link.Lost"), other(13, "link.Restored"), *events, wrapup]


CONSULTATION = [
    established(15, "100", "2001"),
    holds(20, "100", "2001"),
    dials(21, "200", "2001"),
    established(22, "200", "2003"),
]
AFTER_GAP = {
    "who is consulted": [*CONSULTATION, cleared(40, "200", "2003"), cleared(40, "200", "2001")],
    "who is in a conference": [
        *CONSULTATION,
        conferenced(25, "100", "200", "200", "2001", "2003"),
        cleared(40, "200", "2003"),
        cleared(40, "200", "2001"),
    ],
    "the destination of a transfer": [
        *CONSULTATION,
        transferred(25, "100", "200", "200", "2001", "2003"),
        cleared(40, "200", "2003"),
    ],
    "who dials": [dials(20, "200", "2003"), established(22, "200", "+49301"), cleared(40, "200", "2003")],
}


@pytest.mark.parametrize("who", AFTER_GAP)
def test_a_wrap_up_soon_after_a_gap_may_be_of_a_call_that_was_missed_of(who: str) -> None:
    replay = played(Case("", after_gap(*AFTER_GAP[who]), [], [("R1", "2003", 22.02, 39.9)], site=WRAP_UPS))

    assert [flags.get("CTIWrapup") for flags in replay.flags.values()] == [None]


def test_a_wrap_up_soon_after_a_gap_that_names_the_extension_is_of_the_call_that_it_was_offered() -> None:
    events = after_gap(queued(20, "200", queue="Sales"), established(22, "200", "2003"), cleared(40, "200", "2003"))

    replay = played(Case("", events, [], [("R1", "2003", 22.02, 39.9)], site=WRAP_UPS))

    assert [flags.get("CTIWrapup") for flags in replay.flags.values()] == ["standard: other"]
