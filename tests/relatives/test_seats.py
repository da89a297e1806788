"""Who sits where: only knowledge about that phone at that time names an agent."""

import pytest

from tests.relatives.case import (
    Case,
    cleared,
    differences,
    diverted,
    established,
    flagged,
    logged_off,
    logged_on,
    other,
    rings,
    talk,
    transferred,
)

CASES = [
    Case(
        "Two agents are logged on at one phone: a contradiction names nobody",
        [logged_on(-50, "9199", "2001"), *talk(0, 20, "1", "2001")],
        [flagged("2001", 0, 20, "1", "R1", agent="")],
    ),
    Case(
        "An agent logs on elsewhere without logging off: the old phone has nobody",
        [logged_on(-10, "9101", "2004"), *talk(0, 20, "1", "2001"), *talk(30, 50, "2", "2004")],
        [
            flagged("2001", 0, 20, "1", "R1", agent=""),
            flagged("2004", 30, 50, "2", "R2", agent="9101"),
        ],
    ),
    Case(
        "After the agent logged off a private call at the phone names nobody",
        [*talk(0, 20, "1", "2001"), logged_off(25, "9101", "2001"), *talk(30, 50, "2", "2001")],
        [
            flagged("2001", 0, 20, "1", "R1"),
            flagged("2001", 30, 50, "2", "R2", agent=""),
        ],
    ),
    Case(
        "Who logs on during a call did not answer it; the next call is his",
        [*talk(0, 20, "1", "2004"), logged_on(10, "9104", "2004"), *talk(30, 50, "2", "2004")],
        [
            flagged("2004", 0, 20, "1", "R1"),
            flagged("2004", 30, 50, "2", "R2", agent="9104"),
        ],
    ),
    Case(
        "The call is offered to one agent at one phone and picked up at another, where nobody is logged on",
        [
            rings(0, "1", "2001", agentId="9101"),
            diverted(5, "1", "2001", "2004", cause="callPickup"),
            *talk(5.1, 30, "1", "2004"),
        ],
        [flagged("2004", 5.1, 30, "1", "R1")],
    ),
    Case(
        "Delivered names an agent for the phone, who is not logged on there; the answer names nobody",
        [rings(0, "1", "2004", agentId="9105"), *talk(5, 30, "1", "2004")],
        [flagged("2004", 5, 30, "1", "R1")],
    ),
    Case(
        "The answer itself names the agent at a phone where nobody is logged on",
        [*talk(5, 30, "1", "2004", agentId="9104")],
        [flagged("2004", 5, 30, "1", "R1", agent="9104")],
    ),
    Case(
        "An agent named by one answer is not named for the phone's later calls",
        [*talk(5, 30, "1", "2004", agentId="9104"), *talk(40, 60, "2", "2004")],
        [
            flagged("2004", 5, 30, "1", "R1", agent="9104"),
            flagged("2004", 40, 60, "2", "R2"),
        ],
    ),
    Case(
        "The answer names another agent than the one who is logged on there: a contradiction",
        [*talk(5, 30, "1", "2001", agentId="9177")],
        [flagged("2001", 5, 30, "1", "R1", agent="")],
    ),
    Case(
        "An agent's Busy event at a phone where another is logged on does not seat him there",
        [other(0, "Busy", device="2001", agentId="9177"), *talk(5, 30, "1", "2001")],
        [flagged("2001", 5, 30, "1", "R1", agent="")],
    ),
    Case(
        "A snapshot that names all agents leaves one out: his phone has nobody from then on",
        [
            other(0, "link.Lost"),
            other(10, "link.Restored"),
            other(10.1, "snapshot.Began"),
            logged_on(10.2, "9102", "2002"),
            other(10.3, "snapshot.Ended", agentsTold=True),
            *talk(20, 40, "1", "2001"),
            established(20, "2", "2002"),
            cleared(40, "2", "2002"),
        ],
        [
            flagged("2001", 20, 40, "1", "R1", agent=""),
            flagged("2002", 20, 40, "2", "R2"),
        ],
    ),
    Case(
        "A snapshot that does not say so keeps the seats",
        [
            other(0, "link.Lost"),
            other(10, "link.Restored"),
            other(10.1, "snapshot.Began"),
            other(10.3, "snapshot.Ended"),
            *talk(20, 40, "1", "2001"),
        ],
        [flagged("2001", 20, 40, "1", "R1")],
    ),
    Case(
        "The log-off of before the answer is heard 0.6 s after it",
        [*talk(5, 30, "1", "2001"), logged_off(4.8, "9101", "2001", heard=5.6)],
        [flagged("2001", 5, 30, "1", "R1", agent="")],
    ),
    Case(
        "The log-on of before the answer is heard 0.6 s after it",
        [*talk(5, 30, "1", "2004"), logged_on(4.8, "9104", "2004", heard=5.6)],
        [flagged("2004", 5, 30, "1", "R1", agent="9104")],
    ),
    Case(
        "After a blind transfer the destination's agent is named, not the one who transferred",
        [
            established(5, "1", "2001", agentId="9101", interaction="I1"),
            transferred(20, "1", "", "1", "2001", "2004"),
            *talk(22, 40, "1", "2004"),
        ],
        [
            flagged("2001", 5, 20, "1", "R1", interaction="I1"),
            flagged("2004", 22, 40, "1", "R2", interaction="I1"),
        ],
    ),
    Case(
        "The next agent logs on before the former logged off; calls in between have nobody, afterwards the new one",
        [
            logged_on(0, "9150", "2001"),
            *talk(5, 20, "1", "2001"),
            logged_off(25, "9101", "2001"),
            *talk(30, 50, "2", "2001"),
        ],
        [
            flagged("2001", 5, 20, "1", "R1", agent=""),
            flagged("2001", 30, 50, "2", "R2", agent="9150"),
        ],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_agent_is_named_only_where_it_is_known(case: Case) -> None:
    assert differences(case) == ([], [])
