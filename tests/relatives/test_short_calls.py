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
    transferred,
    without_flags,
)


def _in_a_row(length: float, *, same_id: bool) -> Case:
    events, recordings, legs, began = [], [], [], 0.0
    for number in range(6):
        call, ended, interaction = "S" if same_id else f"S{number}", round(began + length, 3), f"I{number}"
        events += [established(began, call, "2001", interaction=interaction), cleared(ended, call, "2001")]
        recordings.append((f"R{number}", "2001", began, ended))
        legs.append(flagged("2001", began, ended, call, f"R{number}", agent="9101", interaction=interaction))
        began = round(ended + 0.2, 3)
    ids = "under one id" if same_id else "under ids of their own"
    return Case(f"Six calls of {length} s each, 0.2 s apart, {ids}", events, recordings, legs)


ROWS = [_in_a_row(length, same_id=same_id) for length in (0.3, 0.5, 0.9) for same_id in (False, True)]
CASES = [
    Case(
        "A consultation of 0.6 s, then retrieve and another consultation: each recording its own leg",
        [
            established(0, "C1", "2001", interaction="I1"),
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
            cleared(20, "C1", "2001"),
        ],
        [
            ("R1", "2001", 0, 4),
            ("R2", "2001", 4.4, 5),
            ("R3", "2002", 4.4, 5),
            ("R4", "2001", 5.6, 6.4),
            ("R5", "2003", 5.6, 6.4),
        ],
        [
            flagged("2001", 0, 20, "C1", "R1", agent="9101", interaction="I1"),
            flagged("2001", 4.4, 5, "C2", "R2", agent="9101", interaction="I1"),
            flagged("2002", 4.4, 5, "C2", "R3", agent="9102", interaction="I1"),
            flagged("2001", 5.6, 6.4, "C3", "R4", agent="9101", interaction="I1"),
            flagged("2003", 5.6, 6.4, "C3", "R5", agent="9103", interaction="I1"),
        ],
    ),
    Case(
        "A short call, and the extension's next call 1 s later, which QMS does not record",
        [
            established(0, "1", "2001"),
            cleared(0.8, "1", "2001"),
            established(1.8, "2", "2001"),
            cleared(30, "2", "2001"),
        ],
        [("R1", "2001", 0, 0.8)],
        [flagged("2001", 0, 0.8, "1", "R1", agent="9101"), without_flags("2001", 1.8, 30, "2", "not_recorded")],
    ),
    Case(
        "A customer is handed through three phones within three seconds, blind, one recording each",
        [
            queued(0, "1", queue="Sales", interaction="I1", name="Uma"),
            established(2, "1", "2001"),
            transferred(2.9, "1", "", "1", "2001", "2002"),
            established(3.1, "1", "2002"),
            transferred(3.9, "1", "", "1", "2002", "2003"),
            established(4.1, "1", "2003"),
            cleared(30, "1", "2003"),
        ],
        [("R1", "2001", 2, 2.9), ("R2", "2002", 3.1, 3.9), ("R3", "2003", 4.1, 30)],
        [
            flagged("2001", 2, 2.9, "1", "R1", agent="9101", name="Uma", queue="Sales", interaction="I1"),
            flagged("2002", 3.1, 3.9, "1", "R2", agent="9102", name="Uma", queue="Sales", interaction="I1"),
            flagged("2003", 4.1, 30, "1", "R3", agent="9103", name="Uma", queue="Sales", interaction="I1"),
        ],
    ),
]


@pytest.mark.parametrize("case", [*ROWS, *CASES], ids=str)
def test_a_short_call_keeps_its_flags_on_a_healthy_link(case: Case) -> None:
    assert differences(case) == ([], [])
