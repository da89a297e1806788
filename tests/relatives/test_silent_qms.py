"""QMS is away when a transfer asks it: only a positive answer decides."""

import pytest

from tests.relatives.case import (
    Case,
    Event,
    cleared,
    conferenced,
    dials,
    differences,
    established,
    flagged,
    holds,
    in_common,
    queued,
    talk,
    transferred,
    without_flags,
)

CONSULTATION = [
    queued(0, "C1", queue="Sales", interaction="I1", name="Uma"),
    established(5, "C1", "2001"),
    holds(20, "C1", "2001"),
    dials(21, "C2", "2001"),
    established(25, "C2", "2002"),
]


def to_2002(at: float, resulting: str = "C1") -> Event:
    """Return the transfer that ends the consultation."""
    return transferred(at, "C1", "C2", resulting, "2001", "2002")


FIRST = flagged("2001", 5, 30, "C1", "R1", agent="9101", name="Uma", interaction="I1", queue="Sales")
CONSULTING = without_flags("2001", 25, 30, "C2", "not_recorded")

CASES = [
    Case(
        "Attended transfer; QMS is away for 6 s from it, then names the recording that began at the transfer",
        [*CONSULTATION, to_2002(30), cleared(60, "C1", "2002")],
        [
            FIRST,
            CONSULTING,
            flagged("2002", 25, 30, "C2", "R2", interaction="I1"),
            flagged("2002", 30, 60, "C1", "R3", name="Uma", interaction="I1", queue="Sales"),
        ],
        recordings=[("R1", "2001", 5, 30), ("R2", "2002", 25, 30), ("R3", "2002", 30, 60)],
        qms={"away": [[29.9, 36]]},
    ),
    Case(
        "Attended transfer; QMS is away for 3 s from it, then still names the consultation's recording",
        [*CONSULTATION, to_2002(30), cleared(60, "C1", "2002")],
        [
            FIRST,
            CONSULTING,
            flagged("2002", 25, 60, "C1", "R2", name="Uma", interaction="I1", queue="Sales"),
        ],
        recordings=[("R1", "2001", 5, 30), ("R2", "2002", 25, 60)],
        qms={"away": [[29.9, 33]]},
    ),
    Case(
        "Attended transfer while QMS is away; the destination hangs up 3 s later, QMS still away",
        [*CONSULTATION, to_2002(30), cleared(33, "C1", "2002")],
        [
            FIRST,
            CONSULTING,
            flagged("2002", 25, 30, "C2", "R2", interaction="I1"),
            without_flags("2002", 30, 33, "C1", "window_missed"),
        ],
        recordings=[("R1", "2001", 5, 30), ("R2", "2002", 25, 30), ("R3", "2002", 30, 33)],
        qms={"away": [[29.9, 45]]},
    ),
    Case(
        "QMS is away from the consultation's answer until after the transfer's window",
        [*CONSULTATION, to_2002(30), cleared(60, "C1", "2002")],
        [
            FIRST,
            without_flags("2001", 25, 30, "C2", "window_missed"),
            without_flags("2002", 25, 30, "C2", "window_missed"),
            without_flags("2002", 30, 60, "C1", "window_missed"),
        ],
        recordings=[("R1", "2001", 5, 30), ("R2", "2002", 25, 60)],
        qms={"away": [[24.9, 45]]},
    ),
    Case(
        "Blind transfer; QMS is away for the destination's whole window",
        [
            queued(0, "100", queue="Sales", interaction="I1", name="Uma"),
            established(5, "100", "2001"),
            transferred(20, "100", "", "100", "2001", "2002"),
            *talk(22, 60, "100", "2002"),
        ],
        [
            flagged("2001", 5, 20, "100", "R1", name="Uma", interaction="I1", queue="Sales"),
            without_flags("2002", 22, 60, "100", "window_missed"),
        ],
        recordings=[("R1", "2001", 5, 20), ("R2", "2002", 22, 60)],
        qms={"away": [[21.9, 40]]},
    ),
    Case(
        "A conference while QMS is away: what differs between consultation and conference is not written",
        [
            *CONSULTATION,
            conferenced(30, "C1", "C2", "C3", "2001", "2002"),
            cleared(60, "C3", "2002"),
            cleared(60, "C3", "2001"),
        ],
        [
            flagged("2001", 5, 60, "C3", "R1", name="Uma", interaction="I1", queue="Sales"),
            CONSULTING,
            in_common("2002", 25, 30, "C2", "R2", interaction="I1"),
            without_flags("2002", 30, 60, "C3", "window_missed"),
        ],
        recordings=[("R1", "2001", 5, 60), ("R2", "2002", 25, 60)],
        qms={"away": [[29.9, 42]]},
    ),
    Case(
        "Attended transfer into an id of its own while QMS is away; the consultation's id is used again at once",
        [
            *CONSULTATION,
            to_2002(30, "C3"),
            *talk(30.5, 50, "C2", "2003"),
            cleared(60, "C3", "2002"),
        ],
        [
            FIRST,
            CONSULTING,
            flagged("2002", 25, 30, "C2", "R2", interaction="I1"),
            without_flags("2002", 30, 60, "C3", "window_missed"),
            without_flags("2003", 30.5, 50, "C2", "window_missed"),
        ],
        recordings=[("R1", "2001", 5, 30), ("R2", "2002", 25, 30), ("R3", "2002", 30, 60), ("R4", "2003", 30.5, 50)],
        qms={"away": [[29.9, 45]]},
    ),
    Case(
        "The transfer comes 0.05 s after the consultation was answered, before QMS named its one recording",
        [
            queued(0, "C1", queue="Sales", interaction="I1", name="Uma"),
            established(5, "C1", "2001"),
            holds(20, "C1", "2001"),
            dials(21, "C2", "2001"),
            established(25, "C2", "2002"),
            to_2002(25.05),
            cleared(60, "C1", "2002"),
        ],
        [
            flagged("2001", 5, 25.05, "C1", "R1", name="Uma", interaction="I1", queue="Sales"),
            without_flags("2001", 25, 25.05, "C2", "not_recorded"),
            flagged("2002", 25, 60, "C1", "R2", name="Uma", interaction="I1", queue="Sales"),
        ],
    ),
    Case(
        "The transfer comes before QMS named the recording; QMS is away for 4 s then and names the one recording after",
        [
            queued(0, "C1", queue="Sales", interaction="I1", name="Uma"),
            established(5, "C1", "2001"),
            holds(20, "C1", "2001"),
            dials(21, "C2", "2001"),
            established(25, "C2", "2002"),
            to_2002(26),
            cleared(60, "C1", "2002"),
        ],
        [
            flagged("2001", 5, 26, "C1", "R1", name="Uma", interaction="I1", queue="Sales"),
            without_flags("2001", 25, 26, "C2", "window_missed"),
            flagged("2002", 25, 60, "C1", "R2", name="Uma", interaction="I1", queue="Sales"),
        ],
        qms={"away": [[24.9, 30]]},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_silence_of_qms_decides_nothing(case: Case) -> None:
    assert differences(case) == ([], [])
