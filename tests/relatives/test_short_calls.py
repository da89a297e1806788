"""Short calls, back to back: on a healthy link each keeps its flags."""

import pytest

from tests.relatives.case import (
    Case,
    cleared,
    dials,
    differences,
    established,
    flagged,
    holds,
    queued,
    retrieves,
    talk,
    transferred,
    without_flags,
)


def _in_a_row(length: float, *, same_id: bool) -> Case:
    events, legs, began = [], [], 0.0
    for number in range(6):
        call, ended, interaction = "S" if same_id else f"S{number}", round(began + length, 3), f"I{number}"
        events += talk(began, ended, call, "2001", interaction=interaction)
        legs.append(flagged("2001", began, ended, call, f"R{number}", interaction=interaction))
        began = round(ended + 0.2, 3)
    ids = "under one id" if same_id else "under ids of their own"
    return Case(f"Six calls of {length} s each, 0.2 s apart, {ids}", events, legs)


ROWS = [_in_a_row(length, same_id=same_id) for length in (0.3, 0.5, 0.9) for same_id in (False, True)]
CASES = [
    Case(
        "A consultation of 0.6 s, then retrieve and another consultation: each recording its own leg",
        [
            *talk(0, 20, "C1", "2001", interaction="I1"),
            holds(4, "C1", "2001"),
            dials(4.2, "C2", "2001"),
            established(4.4, "C2", "2002"),
            cleared(5, "C2", "2001"),
            cleared(5, "C2", "2002"),
            dials(5.4, "C3", "2001"),
            established(5.6, "C3", "2003"),
            cleared(6.4, "C3", "2001"),
            cleared(6.4, "C3", "2003"),
            retrieves(6.5, "C1", "2001"),
        ],
        [
            flagged("2001", 0, 20, "C1", "R1", interaction="I1"),
            flagged("2001", 4.4, 5, "C2", "R2", interaction="I1"),
            flagged("2002", 4.4, 5, "C2", "R3", interaction="I1"),
            flagged("2001", 5.6, 6.4, "C3", "R4", interaction="I1"),
            flagged("2003", 5.6, 6.4, "C3", "R5", interaction="I1"),
        ],
        recordings=[
            ("R1", "2001", 0, 4),
            ("R2", "2001", 4.4, 5),
            ("R3", "2002", 4.4, 5),
            ("R4", "2001", 5.6, 6.4),
            ("R5", "2003", 5.6, 6.4),
        ],
    ),
    Case(
        "A short call, and the extension's next call 1 s later, which QMS does not record",
        [*talk(0, 0.8, "1", "2001"), *talk(1.8, 30, "2", "2001")],
        [flagged("2001", 0, 0.8, "1", "R1"), without_flags("2001", 1.8, 30, "2", "not_recorded")],
    ),
    Case(
        "A customer is handed through three phones within three seconds, blind, one recording each",
        [
            queued(0, "1", queue="Sales", interaction="I1", name="Uma"),
            established(2, "1", "2001"),
            transferred(2.9, "1", "", "1", "2001", "2002"),
            established(3.1, "1", "2002"),
            transferred(3.9, "1", "", "1", "2002", "2003"),
            *talk(4.1, 30, "1", "2003"),
        ],
        [
            flagged("2001", 2, 2.9, "1", "R1", name="Uma", queue="Sales", interaction="I1"),
            flagged("2002", 3.1, 3.9, "1", "R2", name="Uma", queue="Sales", interaction="I1"),
            flagged("2003", 4.1, 30, "1", "R3", name="Uma", queue="Sales", interaction="I1"),
        ],
    ),
]


@pytest.mark.parametrize("case", [*ROWS, *CASES], ids=str)
def test_a_short_call_keeps_its_flags_on_a_healthy_link(case: Case) -> None:
    assert differences(case) == ([], [])
