"""Lives of a call id that end unheard, late, in a gap, or while another phone rings."""

import pytest

from tests.relatives.case import (
    Case,
    call_cleared,
    cleared,
    dials,
    differences,
    diverted,
    established,
    flagged,
    holds,
    information,
    other,
    queued,
    retrieves,
    rings,
    talk,
    transferred,
    without_flags,
)

CASES = [
    Case(
        "The end is never reported; the id comes back with another interaction at another phone",
        [
            established(5, "100", "2001", queue="Sales", interaction="I1", name="Uma"),
            *talk(60, 80, "100", "2002", interaction="I2"),
        ],
        [
            flagged("2001", 5, None, "100", "R1", name="Uma", interaction="I1", queue="Sales"),
            flagged("2002", 60, 80, "100", "R2", interaction="I2"),
        ],
        recordings=[("R1", "2001", 5, 30), ("R2", "2002", 60, 80)],
    ),
    Case(
        "A caller gives up in the queue and no end is reported; two hours later the id is a direct call's",
        [
            queued(0, "100", queue="Doctors", interaction="I1", name="Uma", number="+491"),
            rings(7200, "100", "2002"),
            *talk(7202, 7230, "100", "2002"),
        ],
        [flagged("2002", 7202, 7230, "100", "R2")],
    ),
    Case(
        "As before, and only Established comes of the second call",
        [
            queued(0, "100", queue="Doctors", interaction="I1", name="Uma", number="+491"),
            *talk(7202, 7230, "100", "2002"),
        ],
        [flagged("2002", 7202, 7230, "100", "R2")],
    ),
    Case(
        "A caller gives up while the phone rings; 0.3 s later that phone dials out under the same id",
        [
            rings(0, "100", "2001", name="Uma", number="+491", interaction="I1"),
            cleared(8, "100", "2001"),
            dials(8.3, "100", "2001"),
            other(9, "NetworkReached", "100", "2001"),
            established(14, "100", "T1"),
            cleared(40, "100", "2001"),
        ],
        [flagged("2001", 14, 40, "100", "R1")],
    ),
    Case(
        "A dialled number is busy; the id comes back 0.4 s later as a queue call at the same phone",
        [
            dials(0, "100", "2001", interaction="I1"),
            other(2, "Failed", "100", "2001", cause="busy"),
            cleared(4, "100", "2001"),
            queued(4.4, "100", queue="Sales", name="Vic", interaction="I2"),
            *talk(6, 30, "100", "2001"),
        ],
        [flagged("2001", 6, 30, "100", "R1", name="Vic", queue="Sales", interaction="I2")],
    ),
    Case(
        "The end of the first life is heard 0.5 s after the second life began at another phone",
        [
            established(5, "100", "2001", queue="Sales", interaction="I1", name="Uma"),
            *talk(20.3, 50, "100", "2002"),
            cleared(20, "100", "2001", heard=20.8),
        ],
        [
            flagged("2001", 5, 20, "100", "R1", name="Uma", interaction="I1", queue="Sales"),
            flagged("2002", 20.3, 50, "100", "R2"),
        ],
    ),
    Case(
        "A fact of the first life (its caller's name) is heard after the second life began at another phone",
        [
            *talk(5, 20, "100", "2001"),
            information(19.9, "100", "2001", name="Uma", heard=20.7),
            *talk(20.3, 50, "100", "2002"),
        ],
        [
            flagged("2001", 5, 20, "100", "R1", name="Uma"),
            flagged("2002", 20.3, 50, "100", "R2"),
        ],
    ),
    Case(
        "The same, and the late fact names no device: its time says whose it is",
        [
            *talk(5, 20, "100", "2001"),
            information(19.9, "100", interaction="I1", heard=20.7),
            *talk(20.3, 50, "100", "2002"),
        ],
        [
            flagged("2001", 5, 20, "100", "R1", interaction="I1"),
            flagged("2002", 20.3, 50, "100", "R2"),
        ],
    ),
    Case(
        "The wrap-up of the first life comes while another phone speaks under the id: it is not the second's",
        [
            queued(0, "100", queue="Sales", interaction="I1"),
            *talk(5, 20, "100", "2001"),
            *talk(22, 50, "100", "2002"),
            information(30, "100", "2001", wrapup={"template": "Sales", "result": "Sold"}),
        ],
        [
            flagged("2001", 5, 20, "100", "R1", interaction="I1", queue="Sales"),
            flagged("2002", 22, 50, "100", "R2"),
        ],
    ),
    Case(
        "Query data come when both lives are over and written: they are nobody's",
        [
            queued(0, "100", queue="Sales", interaction="I1"),
            *talk(5, 20, "100", "2001"),
            *talk(22, 40, "100", "2002"),
            information(60, "100", "2001", queryData={"Customer": "47"}),
        ],
        [
            flagged("2001", 5, 20, "100", "R1", interaction="I1", queue="Sales"),
            flagged("2002", 22, 40, "100", "R2"),
        ],
    ),
    Case(
        "Three lives of an id at three phones within three seconds",
        [
            *talk(0, 0.8, "7", "2001", interaction="I1", queue="Sales"),
            *talk(1.0, 1.8, "7", "2002", interaction="I2"),
            *talk(2.0, 30, "7", "2003", name="Zoe"),
        ],
        [
            flagged("2001", 0, 0.8, "7", "R1", interaction="I1", queue="Sales"),
            flagged("2002", 1.0, 1.8, "7", "R2", interaction="I2"),
            flagged("2003", 2.0, 30, "7", "R3", name="Zoe"),
        ],
    ),
    Case(
        "A blind transfer into another id is not answered; that id comes back 1 s later as a direct call",
        [
            queued(0, "100", queue="Sales", interaction="I1", name="Uma"),
            established(5, "100", "2001"),
            transferred(20, "100", "", "101", "2001", "2002"),
            rings(20.2, "101", "2002"),
            cleared(30, "101", "2002"),
            call_cleared(30, "101"),
            *talk(31, 50, "101", "2002"),
        ],
        [
            flagged("2001", 5, 20, "100", "R1", name="Uma", interaction="I1", queue="Sales"),
            flagged("2002", 31, 50, "101", "R2"),
        ],
    ),
    Case(
        "A blind transfer into another id is never reported to end; that id comes back 20 min later in another queue",
        [
            queued(0, "100", queue="Sales", interaction="I1", name="Uma"),
            established(5, "100", "2001"),
            transferred(20, "100", "", "101", "2001", "2002"),
            queued(1220, "101", queue="Support"),
            *talk(1225, 1250, "101", "2003"),
        ],
        [
            flagged("2001", 5, 20, "100", "R1", name="Uma", interaction="I1", queue="Sales"),
            flagged("2003", 1225, 1250, "101", "R2", queue="Support"),
        ],
    ),
    Case(
        "An internal call of two phones ends at both; 0.2 s later a customer's call has the id at one of them",
        [
            dials(0, "8", "2001"),
            established(2, "8", "2002"),
            cleared(20, "8", "2001"),
            cleared(20, "8", "2002"),
            queued(20.2, "8", queue="Sales", interaction="I1", name="Uma"),
            *talk(21, 50, "8", "2002"),
        ],
        [
            flagged("2001", 2, 20, "8", "R1"),
            flagged("2002", 2, 20, "8", "R2"),
            flagged("2002", 21, 50, "8", "R3", name="Uma", queue="Sales", interaction="I1"),
        ],
    ),
    Case(
        "Of an internal call only one phone's end is reported, and CallCleared; 0.5 s later a customer has the id",
        [
            dials(0, "8", "2001", interaction="I0"),
            established(2, "8", "2002"),
            cleared(20, "8", "2001"),
            call_cleared(20, "8"),
            *talk(20.5, 50, "8", "2003"),
        ],
        [
            flagged("2001", 2, 20, "8", "R1", interaction="I0"),
            flagged("2002", 2, 20, "8", "R2", interaction="I0"),
            flagged("2003", 20.5, 50, "8", "R3"),
        ],
    ),
    Case(
        "Attended transfer into C1; it is heard 0.8 s late, after C2 was used again at a third phone",
        [
            queued(0, "C1", queue="Sales", interaction="I1", name="Uma"),
            established(5, "C1", "2001"),
            holds(8, "C1", "2001"),
            dials(8.5, "C2", "2001"),
            established(10, "C2", "2002"),
            *talk(30.3, 50, "C2", "2003"),
            transferred(30, "C1", "C2", "C1", "2001", "2002", heard=30.8),
            cleared(60, "C1", "2002"),
        ],
        [
            flagged("2001", 5, 30, "C1", "R1", name="Uma", interaction="I1", queue="Sales"),
            without_flags("2001", 10, 30, "C2", "not_recorded"),
            flagged("2002", 10, 60, "C1", "R2", name="Uma", interaction="I1", queue="Sales"),
            flagged("2003", 30.3, 50, "C2", "R3"),
        ],
    ),
    Case(
        "A call on hold; a late duplicate end of the id's former life at that phone must not end it",
        [
            *talk(0, 10, "100", "2001", interaction="I0"),
            *talk(12, 60, "100", "2001", interaction="I1", name="Uma"),
            holds(20, "100", "2001"),
            cleared(10, "100", "2001", id="dup", heard=20.5),
            retrieves(30, "100", "2001"),
        ],
        [
            flagged("2001", 0, 10, "100", "R0", interaction="I0"),
            flagged("2001", 12, 60, "100", "R1", interaction="I1", name="Uma"),
        ],
    ),
    Case(
        "In a gap the call ends and its id begins another at that phone; the snapshot names another interaction",
        [
            queued(0, "100", queue="Sales", interaction="I1", name="Uma"),
            established(5, "100", "2001"),
            other(20, "link.Lost"),
            other(50, "link.Restored"),
            other(50.1, "snapshot.Began"),
            *talk(50.2, 80, "100", "2001", interaction="I2"),
            other(50.3, "snapshot.Ended"),
        ],
        [
            flagged("2001", 5, None, "100", "R1", interaction="I1", name="Uma", queue="Sales"),
            without_flags("2001", 50.2, 80, "100", "joined_late"),
        ],
        recordings=[("R1", "2001", 5, 30), ("R2", "2001", 40, 80)],
    ),
    Case(
        "A call rings and its end is not reported; 5 s later the id rings at the same phone with another number",
        [
            rings(0, "100", "2001", number="+491", name="Uma"),
            rings(12, "100", "2001", number="+492"),
            *talk(14, 30, "100", "2001"),
        ],
        [flagged("2001", 14, 30, "100", "R1")],
    ),
    Case(
        "A caller overflows from Sales to Support, gives up (CallCleared); the id comes back 0.2 s later in neither",
        [
            queued(0, "100", device="5000", queue="Sales", interaction="I1", name="Uma"),
            diverted(10, "100", "5000", "5001"),
            queued(10.1, "100", device="5001", queue="Support"),
            call_cleared(20, "100"),
            *talk(20.2, 50, "100", "2001"),
        ],
        [flagged("2001", 20.2, 50, "100", "R1")],
        site={"queues": ["5000", "5001"]},
    ),
    Case(
        "The id of a call that ended 0.4 s ago rings at one phone and is picked up at another",
        [
            *talk(0, 10, "100", "2002", queue="Sales", interaction="I1", name="Uma"),
            rings(10.4, "100", "2001"),
            diverted(12, "100", "2001", "2003", cause="callPickup"),
            *talk(12.1, 40, "100", "2003", cause="callPickup"),
        ],
        [
            flagged("2002", 0, 10, "100", "R1", name="Uma", interaction="I1", queue="Sales"),
            flagged("2003", 12.1, 40, "100", "R2"),
        ],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_life_of_an_id_keeps_what_is_its_own(case: Case) -> None:
    assert differences(case) == ([], [])
