"""An id comes back soon after its call: nothing of the call before reaches the next."""

from collections.abc import Iterator

import pytest

from tests.relatives.case import (
    Case,
    call_cleared,
    cleared,
    conferenced,
    dials,
    differences,
    diverted,
    established,
    flagged,
    holds,
    queued,
    retrieves,
    rings,
    talk,
    transferred,
    without_flags,
)

GAPS = (0.2, 0.5, 2.5, 30)


def _after(gap: float) -> Iterator[Case]:
    t = 20 + gap
    yield Case(
        f"Established and ConnectionCleared only; the id comes back after {gap} s at another phone without data",
        [*talk(5, 20, "100", "2001", queue="Sales", interaction="I1", name="Uma"), *talk(t, t + 20, "100", "2002")],
        [
            flagged("2001", 5, 20, "100", "R1", name="Uma", interaction="I1", queue="Sales"),
            flagged("2002", t, t + 20, "100", "R2"),
        ],
    )
    yield Case(
        f"Established and ConnectionCleared only; the id comes back after {gap} s at the same phone without data",
        [*talk(5, 20, "100", "2001", queue="Sales", interaction="I1", name="Uma"), *talk(t, t + 20, "100", "2001")],
        [
            flagged("2001", 5, 20, "100", "R1", name="Uma", interaction="I1", queue="Sales"),
            flagged("2001", t, t + 20, "100", "R2"),
        ],
    )
    yield Case(
        f"A queue call ends; the id comes back after {gap} s in the same queue, another caller without interaction",
        [
            queued(0, "100", queue="Sales", interaction="I1", name="Uma", number="+491"),
            *talk(5, 20, "100", "2001"),
            call_cleared(20, "100"),
            queued(t, "100", queue="Sales", number="+492"),
            *talk(t + 4, t + 20, "100", "2002"),
            call_cleared(t + 20, "100"),
        ],
        [
            flagged("2001", 5, 20, "100", "R1", name="Uma", interaction="I1", queue="Sales"),
            flagged("2002", t + 4, t + 20, "100", "R2", queue="Sales"),
        ],
    )
    yield Case(
        f"A caller gives up in the queue (CallCleared only); the id comes back after {gap} s as a direct call",
        [
            queued(0, "100", queue="Doctors", interaction="I1", name="Uma", number="+491"),
            call_cleared(20, "100"),
            rings(t, "100", "2002"),
            *talk(t + 2, t + 20, "100", "2002"),
        ],
        [flagged("2002", t + 2, t + 20, "100", "R2")],
    )
    yield Case(
        f"The caller left the queue unanswered (Diverted queueCleared, CallCleared); the id comes back after {gap} s",
        [
            queued(0, "100", device="5000", queue="Doctors", interaction="I1", name="Uma"),
            diverted(20, "100", "5000", cause="queueCleared"),
            call_cleared(20, "100"),
            *talk(t, t + 20, "100", "2002", interaction="I2"),
        ],
        [flagged("2002", t, t + 20, "100", "R2", interaction="I2")],
    )
    yield Case(
        f"The id that an attended transfer gives was that of a call that ended {gap} s before it",
        [
            queued(-30, "300", queue="Doctors", interaction="I9", name="Old"),
            established(-25, "300", "2003"),
            queued(0, "C1", queue="Sales", interaction="I1", name="Uma"),
            established(5, "C1", "2001"),
            holds(8, "C1", "2001"),
            dials(8.5, "C2", "2001"),
            established(10, "C2", "2002"),
            cleared(20 - gap, "300", "2003"),
            call_cleared(20 - gap, "300"),
            transferred(20, "C1", "C2", "300", "2001", "2002"),
            cleared(60, "300", "2002"),
        ]
        if gap < 15
        else [
            queued(-60, "300", queue="Doctors", interaction="I9", name="Old"),
            established(-55, "300", "2003"),
            cleared(20 - gap, "300", "2003"),
            call_cleared(20 - gap, "300"),
            queued(0, "C1", queue="Sales", interaction="I1", name="Uma"),
            established(5, "C1", "2001"),
            holds(8, "C1", "2001"),
            dials(8.5, "C2", "2001"),
            established(10, "C2", "2002"),
            transferred(20, "C1", "C2", "300", "2001", "2002"),
            cleared(60, "300", "2002"),
        ],
        [
            flagged(
                "2003", -25 if gap < 15 else -55, 20 - gap, "300", "R0", name="Old", interaction="I9", queue="Doctors"
            ),
            flagged("2001", 5, 20, "C1", "R1", name="Uma", interaction="I1", queue="Sales"),
            without_flags("2001", 10, 20, "C2", "not_recorded"),
            flagged("2002", 10, 20, "C2", "R2", interaction="I1"),
            flagged("2002", 20, 60, "300", "R3", name="Uma", interaction="I1", queue="Sales"),
        ],
    )
    yield Case(
        f"Both ids of an attended transfer into a third come back after {gap} s, while the customer's call goes on",
        [
            queued(0, "C1", queue="Sales", interaction="I1", name="Uma"),
            established(5, "C1", "2001"),
            holds(8, "C1", "2001"),
            dials(8.5, "C2", "2001"),
            established(10, "C2", "2002"),
            transferred(20, "C1", "C2", "C3", "2001", "2002"),
            *talk(20 + gap, 40 + gap, "C1", "2003"),
            *talk(22 + gap, 42 + gap, "C2", "2001", interaction="I5"),
            cleared(90, "C3", "2002"),
        ],
        [
            flagged("2001", 5, 20, "C1", "R1", name="Uma", interaction="I1", queue="Sales"),
            without_flags("2001", 10, 20, "C2", "not_recorded"),
            flagged("2002", 10, 20, "C2", "R2", interaction="I1"),
            flagged("2002", 20, 90, "C3", "R3", name="Uma", interaction="I1", queue="Sales"),
            flagged("2003", 20 + gap, 40 + gap, "C1", "R4"),
            flagged("2001", 22 + gap, 42 + gap, "C2", "R5", interaction="I5"),
        ],
    )
    yield Case(
        f"A consultation in vain; its id comes back after {gap} s in a queue while the customer is still on the phone",
        [
            queued(0, "C1", queue="Sales", interaction="I1", name="Uma"),
            *talk(5, 100, "C1", "2001"),
            holds(8, "C1", "2001"),
            dials(9, "C2", "2001"),
            established(12, "C2", "2002"),
            cleared(20, "C2", "2001"),
            cleared(20, "C2", "2002"),
            retrieves(20.1, "C1", "2001"),
            queued(20 + gap, "C2", queue="Support", name="Vic"),
            *talk(24 + gap, 40 + gap, "C2", "2003"),
        ],
        [
            flagged("2001", 5, 100, "C1", "R1", name="Uma", interaction="I1", queue="Sales"),
            without_flags("2001", 12, 20, "C2", "not_recorded"),
            flagged("2002", 12, 20, "C2", "R2", interaction="I1"),
            flagged("2003", 24 + gap, 40 + gap, "C2", "R3", name="Vic", queue="Support"),
        ],
    )
    yield Case(
        f"A blind transfer keeps its id; after the call's end the id comes back after {gap} s at the first phone",
        [
            queued(0, "100", queue="Sales", interaction="I1", name="Uma"),
            established(5, "100", "2001"),
            transferred(20, "100", "", "100", "2001", "2002", cause="singleStepTransfer"),
            rings(20.1, "100", "2002"),
            *talk(22, 40, "100", "2002"),
            *talk(40 + gap, 70 + gap, "100", "2001"),
        ],
        [
            flagged("2001", 5, 20, "100", "R1", name="Uma", interaction="I1", queue="Sales"),
            flagged("2002", 22, 40, "100", "R2", name="Uma", interaction="I1", queue="Sales"),
            flagged("2001", 40 + gap, 70 + gap, "100", "R3"),
        ],
    )
    yield Case(
        f"The id that a conference gives ended {gap} s before with another caller's data",
        [
            queued(-60, "300", queue="Doctors", interaction="I9", name="Old"),
            *talk(-55, 20 - gap, "300", "2003"),
            queued(-40, "C1", queue="Sales", interaction="I1", name="Uma"),
            established(-35, "C1", "2001"),
            holds(-32, "C1", "2001"),
            dials(-31, "C2", "2001"),
            established(-30, "C2", "2002"),
            conferenced(20, "C1", "C2", "300", "2001", "2002"),
            cleared(50, "300", "2002"),
            cleared(60, "300", "2001"),
        ],
        [
            flagged("2003", -55, 20 - gap, "300", "R0", name="Old", interaction="I9", queue="Doctors"),
            flagged("2001", -35, 60, "300", "R1", name="Uma", interaction="I1", queue="Sales"),
            without_flags("2001", -30, 20, "C2", "not_recorded"),
            flagged("2002", -30, 50, "300", "R2", name="Uma", interaction="I1", queue="Sales"),
        ],
    )


CASES = [case for gap in GAPS for case in _after(gap)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_nothing_crosses_from_one_call_to_the_next_of_the_same_id(case: Case) -> None:
    assert differences(case) == ([], [])
