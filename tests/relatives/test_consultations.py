"""Only who holds a call and dials another consults."""

import pytest

from tests.relatives.case import (
    Case,
    cleared,
    conferenced,
    dials,
    differences,
    established,
    flagged,
    holds,
    other,
    queued,
    retrieves,
    rings,
    talk,
    without_flags,
)

CASES = [
    Case(
        "A colleague calls an agent who has a customer on hold: the customer's interaction is not theirs",
        [
            queued(0, "C1", queue="Sales", interaction="I1", name="Uma"),
            *talk(5, 40, "C1", "2001"),
            holds(10, "C1", "2001"),
            dials(12, "C2", "2002"),
            rings(12.5, "C2", "2001"),
            *talk(14, 20, "C2", "2001"),
            cleared(20, "C2", "2002"),
            retrieves(20.5, "C1", "2001"),
        ],
        [
            flagged("2001", 5, 40, "C1", "R1", name="Uma", interaction="I1", queue="Sales"),
            without_flags("2001", 14, 20, "C2", "not_recorded"),
            flagged("2002", 14, 20, "C2", "R2"),
        ],
    ),
    Case(
        "An agent with a customer on hold answers another customer without an interaction",
        [
            queued(0, "C1", queue="Sales", interaction="I1", name="Uma"),
            *talk(5, 40, "C1", "2001"),
            holds(10, "C1", "2001"),
            rings(11, "C2", "2001", name="Vic"),
            *talk(12, 30, "C2", "2001"),
            retrieves(30.5, "C1", "2001"),
        ],
        [
            flagged("2001", 5, 40, "C1", "R1", name="Uma", interaction="I1", queue="Sales"),
            flagged("2001", 12, 30, "C2", "R2", name="Vic"),
        ],
        recordings=[("R1", "2001", 5, 12), ("R2", "2001", 12, 30)],
    ),
    Case(
        "A trunk's hold is reported, and a call from that trunk rings elsewhere: nothing is inherited",
        [
            *talk(5, 40, "C1", "2001", interaction="I1", name="Uma", queue="Sales"),
            holds(8, "C1", "T1"),
            dials(9, "C2", "T1"),
            rings(9.5, "C2", "2002"),
            *talk(11, 30, "C2", "2002"),
        ],
        [
            flagged("2001", 5, 40, "C1", "R1", name="Uma", interaction="I1", queue="Sales"),
            flagged("2002", 11, 30, "C2", "R2"),
        ],
    ),
    Case(
        "Who holds a call and dials consults, also where the PBX gives no cause",
        [
            *talk(5, 40, "C1", "2001", interaction="I1", queue="Sales"),
            holds(10, "C1", "2001"),
            other(10.5, "ServiceInitiated", "C2", "2001"),
            dials(11, "C2", "2001"),
            established(15, "C2", "2002"),
            cleared(25, "C2", "2001"),
            cleared(25, "C2", "2002"),
            retrieves(25.2, "C1", "2001"),
        ],
        [
            flagged("2001", 5, 40, "C1", "R1", interaction="I1", queue="Sales"),
            without_flags("2001", 15, 25, "C2", "not_recorded"),
            flagged("2002", 15, 25, "C2", "R2", interaction="I1"),
        ],
    ),
    Case(
        "Held is heard 0.6 s late, after the consultation was dialled",
        [
            *talk(5, 40, "C1", "2001", interaction="I1", queue="Sales"),
            dials(10.5, "C2", "2001"),
            holds(10, "C1", "2001", heard=10.9),
            established(15, "C2", "2002"),
            cleared(25, "C2", "2001"),
            cleared(25, "C2", "2002"),
            retrieves(25.2, "C1", "2001"),
        ],
        [
            flagged("2001", 5, 40, "C1", "R1", interaction="I1", queue="Sales"),
            without_flags("2001", 15, 25, "C2", "not_recorded"),
            flagged("2002", 15, 25, "C2", "R2", interaction="I1"),
        ],
    ),
    Case(
        "The caller on hold gives up; the agent dials 0.5 s later: no consultation",
        [
            *talk(5, 20, "C1", "2001", interaction="I1", queue="Sales"),
            holds(10, "C1", "2001"),
            dials(20.5, "C2", "2001"),
            established(24, "C2", "2002"),
            cleared(40, "C2", "2001"),
            cleared(40, "C2", "2002"),
        ],
        [
            flagged("2001", 5, 20, "C1", "R1", interaction="I1", queue="Sales"),
            flagged("2001", 24, 40, "C2", "R2"),
            flagged("2002", 24, 40, "C2", "R3"),
        ],
    ),
    Case(
        "A phone with two lines dials, then answers a customer and holds him: the dialled call is not his",
        [
            dials(0, "C2", "2001"),
            established(4, "C2", "2002"),
            holds(6, "C2", "2001"),
            *talk(8, 50, "C1", "2001", interaction="I1", name="Uma"),
            holds(20, "C1", "2001"),
            retrieves(20.5, "C2", "2001"),
            cleared(30, "C2", "2001"),
            cleared(30, "C2", "2002"),
            retrieves(30.5, "C1", "2001"),
        ],
        [
            flagged("2001", 4, 30, "C2", "R1"),
            flagged("2002", 4, 30, "C2", "R2"),
            flagged("2001", 8, 50, "C1", "R3", interaction="I1", name="Uma"),
        ],
        recordings=[("R1", "2001", 4, 8), ("R2", "2002", 4, 30), ("R3", "2001", 8, 50)],
    ),
    Case(
        "A colleague who called the holder joins the customer in a conference: now it is the customer's interaction",
        [
            queued(0, "C1", queue="Sales", interaction="I1", name="Uma"),
            *talk(5, 50, "C1", "2001"),
            holds(10, "C1", "2001"),
            dials(12, "C2", "2002"),
            established(14, "C2", "2001"),
            conferenced(20, "C1", "C2", "C1", "2001", "2002"),
            cleared(40, "C1", "2002"),
        ],
        [
            flagged("2001", 5, 50, "C1", "R1", name="Uma", interaction="I1", queue="Sales"),
            without_flags("2001", 14, 20, "C2", "not_recorded"),
            flagged("2002", 14, 40, "C1", "R2", name="Uma", interaction="I1", queue="Sales"),
        ],
    ),
    Case(
        "An agent with two customers on hold dials: it is not known for which",
        [
            *talk(0, 50, "C1", "2001", interaction="I1"),
            holds(5, "C1", "2001"),
            established(6, "C2", "2001", interaction="I2"),
            holds(20, "C2", "2001"),
            dials(21, "C3", "2001"),
            established(24, "C3", "2002"),
            cleared(40, "C3", "2001"),
            cleared(40, "C3", "2002"),
            cleared(50, "C2", "2001"),
        ],
        [
            flagged("2001", 0, 50, "C1", "R1", interaction="I1"),
            flagged("2001", 6, 50, "C2", "R2", interaction="I2"),
            flagged("2001", 24, 40, "C3", "R3"),
            flagged("2002", 24, 40, "C3", "R4"),
        ],
        recordings=[("R1", "2001", 0, 6), ("R2", "2001", 6, 24), ("R3", "2001", 24, 40), ("R4", "2002", 24, 40)],
    ),
    Case(
        "An agent consults an outside number: the consultation has the interaction, not queue and name",
        [
            queued(0, "C1", queue="Sales", interaction="I1", name="Uma"),
            *talk(5, 40, "C1", "2001"),
            holds(10, "C1", "2001"),
            dials(11, "C2", "2001"),
            other(12, "NetworkReached", "C2", "2001"),
            established(13, "C2", "T9"),
            cleared(30, "C2", "2001"),
            retrieves(30.5, "C1", "2001"),
        ],
        [
            flagged("2001", 5, 40, "C1", "R1", name="Uma", interaction="I1", queue="Sales"),
            flagged("2001", 13, 30, "C2", "R2", interaction="I1"),
        ],
        recordings=[("R1", "2001", 5, 13), ("R2", "2001", 13, 30)],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_interaction_is_inherited_by_a_consultation_alone(case: Case) -> None:
    assert differences(case) == ([], [])
