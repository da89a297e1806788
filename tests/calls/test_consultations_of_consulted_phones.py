"""A consulted phone consults further, its own call is handed on meanwhile, and it joins both, the consultation first.

2001 talks with Jo in C1 since 12 and consults 2002 in C2, answered at 17. 2002 dials C3 to consult 2003 at 20. At 25
2001 hands Jo on to 2002, or joins both, and 2002 has another recording since. At 40 2002 does so with 2003.
"""

from itertools import product

import pytest

from tests.relatives.case import (
    JO,
    MOVES,
    Case,
    Event,
    cleared,
    dials,
    established,
    heard,
    holds,
    played,
    queued,
    retrieves,
)

pytestmark = pytest.mark.core

#: When the further consultation is answered: before its phone's own call is handed on, or after.
ANSWERS = [22, 30]
#: The ids that the call has after each move.
IDS = [("C1", "C1"), ("C1", "C3"), ("C2", "C2"), ("C4", "C3"), ("C4", "C5")]


def _events(moves: tuple[str, str], ids: tuple[str, str], answered: float) -> list[Event]:
    first, second = ids
    events = [
        queued(10, "C1", **JO),
        established(12, "C1", "2001"),
        holds(14, "C1", "2001"),
        dials(15, "C2", "2001"),
        established(17, "C2", "2002"),
        holds(19, "C2", "2002"),
        dials(20, "C3", "2002"),
        established(answered, "C3", "2003"),
        MOVES[moves[0]](25, "C1", "C2", first, "2001", "2002"),
        holds(35, "C3", "2002"),
        retrieves(36, first, "2002"),
        MOVES[moves[1]](40, "C3", first, second, "2002", "2003"),
        *([cleared(59, second, "2001")] if moves[0] == "conferenced" else []),
        *([cleared(59.5, second, "2002")] if moves[1] == "conferenced" else []),
        cleared(60, second, "2003"),
    ]
    return sorted(events, key=lambda one: float(one["at"]))


def _values(events: list[Event], answered: float, *, has_times: bool) -> dict[str, tuple[str, ...]]:
    """Return queue, name and reference of 2003's recordings before the second move and after it."""
    recordings = [("R1", "2001", 12.1, 14.0), ("R2", "2002", 17.1, 25.0), ("R3", "2002", 25.1, 40.0)]
    recordings += [("R4", "2003", answered + 0.1, 40.0), ("R5", "2003", 40.1, 60.0)]
    told = [heard(one["at"] + 0.05, one) for one in events]
    if not has_times:
        told = [{**one, "at": one["heard"]} for one in told]
    replay = played(Case("", told, [], recordings, site={"has_source_times": has_times}))
    flags = {leg.guid: replay.flags.get(leg.number, {}) for leg in replay.legs if leg.guid}
    names = ("QueueName", "CallerName", "CTICallRef")
    return {guid: tuple(one.get(name, "") for name in names) for guid, one in flags.items()}


@pytest.mark.parametrize("has_times", [True, False])
@pytest.mark.parametrize("answered", ANSWERS)
@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("moves", list(product(MOVES, MOVES)))
def test_what_a_consulted_phone_dials_is_the_consultation_of_the_call_that_it_comes_into_afterwards(
    moves: tuple[str, str], ids: tuple[str, str], answered: float, has_times: bool
) -> None:
    values = _values(_events(moves, ids, answered), answered, has_times=has_times)

    assert (values["R4"], values["R5"]) == (("", "", "C3"), ("Sales", "Jo", ids[1]))
