"""A transfer or conference just as QMS names the consultation's recording: it may end with that a moment later.

2001 talks with Jo in C1, and consults 2002 in C2, who answers at 14. The recorder of 2002 goes on with R2, or begins R3
40 ms after the transfer or conference, which gives the call the id C3, and ends R2 then.
"""

from math import floor

import pytest

from tests.relatives.case import (
    JO,
    MOVES,
    Case,
    Event,
    Recording,
    cleared,
    dials,
    established,
    heard,
    holds,
    played,
    queued,
    rings,
)

pytestmark = pytest.mark.core

ANSWERED = 14.0
#: By when an event is heard, or, of a source without times, has happened.
DELAY = 0.01
CUSTOMERS = ("QueueName", "CallerName", "CTICallRef")
NOTHING, CONSULTATION, CUSTOMER = ["", "", ""], ["", "", "C2"], ["Sales", "Jo", "C3"]


@pytest.fixture(params=["fractions", "whole seconds", "none"])
def times(request: pytest.FixtureRequest) -> str:
    """The times that the source states."""
    return str(request.param)


@pytest.fixture(params=list(MOVES))
def move(request: pytest.FixtureRequest) -> str:
    """What the one who consults does."""
    return str(request.param)


def values(
    move: str, times: str, after: float, ended: float | None, *, stays: float = 15, silent: bool = False
) -> list[list[str]]:
    """Return the queue, name and reference of R2, and of R3 where ``ended`` says how long after the move R2 ended.

    ``after``: from the answer to the move; ``stays``: from the move to the end; ``silent``: QMS, from 0.1 s after it.
    """
    moved = ANSWERED + after
    over = moved + stays
    hosts_end = [cleared(over - 0.2, "C3", "2001")] if move == "conferenced" else []
    events = [
        queued(1, "C1", **JO),
        established(4, "C1", "2001"),
        holds(8, "C1", "2001"),
        dials(9, "C2", "2001", cause="consultation"),
        rings(10, "C2", "2002"),
        established(ANSWERED, "C2", "2002"),
        MOVES[move](moved, "C1", "C2", "C3", "2001", "2002"),
        *hosts_end,
        cleared(over, "C3", "2002"),
    ]
    recordings: list[Recording] = [("R2", "2002", ANSWERED + 0.04, over if ended is None else moved + ended)]
    recordings += [] if ended is None else [("R3", "2002", moved + 0.04, over)]
    site = {"has_source_times": times != "none"}
    qms = {"away": [[moved + DELAY + 0.1, over + 200]]} if silent else {}
    replay = played(Case("", [_heard(one, times) for one in events], [], recordings, site, qms))
    flags = {leg.guid: replay.flags.get(leg.number, {}) for leg in replay.legs if leg.guid}
    return [[flags.get(guid, {}).get(name, "") for name in CUSTOMERS] for guid, *_ in recordings]


def _heard(event: Event, times: str) -> Event:
    at = event["at"]
    if times == "none":
        return {**event, "at": at + DELAY}
    return heard(at + DELAY, {**event, "at": float(floor(at)) if times == "whole seconds" else at})


@pytest.mark.parametrize(
    ("after", "ended", "stays"),
    [
        (0.05, 0.05, 15),
        (0.1, 0.2, 0.6),
        (0.2, 0.05, 15),
        (0.2, 0.1, 2),
        (0.25, 0.05, 0.6),
        (0.25, 0.2, 15),
        (0.3, 0.1, 2),
    ],
)
def test_each_recording_gets_the_data_of_its_own_part_though_the_first_ends_a_moment_after_the_other_began(
    move: str, times: str, after: float, ended: float, stays: float
) -> None:
    assert values(move, times, after, ended, stays=stays) == [CONSULTATION, CUSTOMER]


@pytest.mark.parametrize(("after", "stays"), [(0.05, 15), (0.1, 0.6), (0.2, 2), (0.25, 15), (0.3, 4)])
def test_a_recording_that_goes_on_is_the_customers(move: str, times: str, after: float, stays: float) -> None:
    assert values(move, times, after, None, stays=stays) == [CUSTOMER]


@pytest.mark.parametrize("after", [0.1, 0.25])
def test_the_other_recording_is_the_customers_where_the_first_ends_at_once(move: str, times: str, after: float) -> None:
    first, second = values(move, times, after, 0)

    assert first in (NOTHING, CONSULTATION)
    assert second == CUSTOMER


@pytest.mark.parametrize("ended", [None, 0.05, 0.2])
@pytest.mark.parametrize(("after", "stays"), [(0.1, 15), (0.2, 0.6)])
def test_where_qms_is_silent_from_then_on_no_recording_gets_what_is_not_the_same_before_and_after(
    move: str, times: str, after: float, stays: float, ended: float | None
) -> None:
    of_all = values(move, times, after, ended, stays=stays, silent=True)

    assert of_all == [NOTHING] * len(of_all)
