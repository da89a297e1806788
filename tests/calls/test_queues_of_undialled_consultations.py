"""Which queue a call has after it was joined with one of which nobody reported who dialled it.

Jo talks with 2001 in C1 from 8 on, which talks with 2002 in C2 from 18 on, and joins both at 25.
"""

from itertools import product

import pytest

from tests.relatives.case import (
    MOVES,
    Case,
    Event,
    cleared,
    dials,
    established,
    heard,
    information,
    played,
    queued,
    talk,
    transferred,
)

pytestmark = pytest.mark.core

#: By what is reported of who dialled C2: what comes first of it, and the number that it states.
DIALLED: dict[str, tuple[list[Event], dict[str, str]]] = {
    "Originated": ([dials(14, "C2", "2001")], {}),
    "its number": ([], {"number": "2001"}),
    "nothing": ([], {}),
    "the customer's number": ([], {"number": "+4930111"}),
    "another's Originated": ([dials(14, "C2", "2002")], {}),
    "another's number": ([], {"number": "2002"}),
    "another caller's number": ([], {"number": "+4930222"}),
}
OWN, UNKNOWN, ANOTHERS = (
    ("Originated", "its number"),
    ("nothing", "the customer's number"),
    ("another's Originated", "another's number", "another caller's number"),
)
TIMES = ("fractions", "whole seconds", "none")


def _queues(
    move: str,
    dialled: str,
    customers: str,
    consultations: str,
    *,
    new: str,
    times: str = "fractions",
    first: str = "2001",
) -> tuple[str, str]:
    """Return the queues of the recordings of who handed the call on, or goes on in the conference, and of 2002."""
    before, number = DIALLED[dialled]
    named = {"queue": consultations} if consultations else {}
    events = [
        *talk(1, 3, "C2", "2003", queue="Gold", number="+4930333"),  # The id had another life before.
        established(8, "C1", "2001", number="+4930111", **({"queue": customers} if customers else {})),
        *before,
        established(18, "C2", first, **number, **named),
        established(18, "C2", "2002" if first == "2001" else "2001", **number, **named),
        MOVES[move](25, "C1", "C2", new, "2001", "2002"),
        *([cleared(39, new, "2001")] if move == "conferenced" else []),
        cleared(40, new, "2002"),
    ]
    recordings = [("R1", "2001", 8.1, 25.0 if move == "transferred" else 39.0), ("R2", "2002", 18.1, 40.0)]
    return _played(events, recordings, times)


def _played(events: list[Event], recordings: list[tuple[str, str, float, float]], times: str) -> tuple[str, str]:
    shift = {"fractions": 0.2, "whole seconds": 0.0, "none": 0.03}[times]
    moved = [{**one, "at": one["at"] + shift} for one in events]
    told = [heard(one["at"] + 0.03 + place / 1000, one) for place, one in enumerate(moved)]
    if times == "none":
        told = [{**one, "at": one["heard"]} for one in told]
    late = [(guid, device, began + 0.2, ended + 0.2) for guid, device, began, ended in recordings]
    replay = played(Case("", told, [], late, site={"has_source_times": times != "none"}))
    flags = {leg.guid: replay.flags.get(leg.number, {}) for leg in replay.legs if leg.guid}
    assert all(flags[guid] for guid in ("R1", "R2"))
    return flags["R1"].get("QueueName", ""), flags["R2"].get("QueueName", "")


#: Kinds of consultation, the customer's queue and the consultation's; that of the call that goes on.
TRANSFERRED = [
    *[(kind, "Sales", "Support", "Support") for kind in OWN],
    *[(kind, "Sales", "Support", "") for kind in UNKNOWN],
    *[(kind, "Sales", "Support", "Sales") for kind in ANOTHERS],
    *[(kind, "", "Support", "Support") for kind in DIALLED],
    *[(kind, "Sales", "", "Sales") for kind in DIALLED],
    *[(kind, "Sales", "Sales", "Sales") for kind in DIALLED],
]
CONFERENCED = [
    *[(kind, "Sales", "Support", "Sales") for kind in DIALLED],
    *[(kind, "", "Support", "") for kind in (*OWN, *UNKNOWN)],
    *[(kind, "", "Support", "Support") for kind in ANOTHERS],
    *[(kind, "Sales", "", "Sales") for kind in DIALLED],
]


@pytest.mark.parametrize("new", ["C1", "C2", "C3"])
@pytest.mark.parametrize(("times", "first"), [*product(TIMES, ["2001"]), ("fractions", "2002")])
@pytest.mark.parametrize(("dialled", "customers", "consultations", "queue"), TRANSFERRED)
def test_a_transfer_takes_the_later_queue_unless_the_second_call_may_be_another_callers(
    dialled: str, customers: str, consultations: str, queue: str, times: str, first: str, new: str
) -> None:
    found = _queues("transferred", dialled, customers, consultations, new=new, times=times, first=first)

    assert found == (customers, queue)


@pytest.mark.parametrize("new", ["C1", "C2", "C3"])
@pytest.mark.parametrize(("times", "first"), [*product(TIMES, ["2001"]), ("fractions", "2002")])
@pytest.mark.parametrize(("dialled", "customers", "consultations", "queue"), CONFERENCED)
def test_a_conference_has_the_queue_of_its_hosts_call_and_none_that_was_consulted(
    dialled: str, customers: str, consultations: str, queue: str, times: str, first: str, new: str
) -> None:
    found = _queues("conferenced", dialled, customers, consultations, new=new, times=times, first=first)

    assert found == (queue, queue)


BEGUN = [queued(5, "C1", "7000", queue="Sales"), established(8, "C1", "2001")]


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("new", ["C1", "C2", "C3"])
def test_who_hands_a_call_on_to_a_queue_that_nobody_has_answered_had_dialled_it(new: str, times: str) -> None:
    events = [
        *BEGUN,
        queued(14, "C2", "7002", queue="Support"),
        transferred(25, "C1", "C2", new, "2001", "7002"),
        *talk(30, 40, new, "2002"),
    ]
    recordings = [("R1", "2001", 8.1, 25.0), ("R2", "2002", 30.1, 40.0)]

    assert _played(events, recordings, times) == ("Sales", "Support")


@pytest.mark.parametrize("new", ["C1", "C2", "C3"])
@pytest.mark.parametrize("again", ["C1", "C2", "C5"])
def test_a_queue_that_is_named_after_it_was_not_known_is_the_calls(again: str, new: str) -> None:
    """The call goes on without a queue, is named another, and is handed on once more without one."""
    events = [
        *BEGUN,
        *[established(18, "C2", one, queue="Support") for one in ("2001", "2002")],
        transferred(25, "C1", "C2", new, "2001", "2002"),
        information(28, new, queue="Gold"),
        *[established(30, "C4", one) for one in ("2002", "2003")],
        transferred(35, new, "C4", again, "2002", "2003"),
        cleared(40, again, "2003"),
    ]
    recordings = [("R1", "2002", 18.1, 35.0), ("R2", "2003", 30.1, 40.0)]

    assert _played(events, recordings, "fractions") == ("Gold", "Gold")
