"""Both calls of a transfer or conference are named, the consultation first, and nobody reported who dialled it.

2001 talks with Jo in C1 since 13.1 and holds her since 14.9; it is in C2 with 2002 since 17.9. At 25 both are joined.
"""

import pytest
from msgspec.structs import replace

from calls.core.consultation import customers_first
from calls.core.state import Party
from tests.calls.call_states import call, history, holding, left, other, party
from tests.calls.leg_states import leg
from tests.relatives.case import (
    MOVES,
    Case,
    Event,
    cleared,
    established,
    heard,
    holds,
    played,
    queued,
)

pytestmark = pytest.mark.core

#: What Jo's call states besides the queue and her name: either says that it is a customer's.
JOS = {"interaction": {"interaction": "I1"}, "number": {"number": "+4930111"}}
#: 2002 in a consultation.
OURS = party("2002", since=11, had_leg=True)


def _events(move: str, new: str, first: str, jos: dict[str, str]) -> list[Event]:
    second = "2002" if first == "2001" else "2001"
    return [
        queued(10, "C1", queue="Sales", name="Jo", **jos),
        established(13.1, "C1", "2001"),
        holds(14.9, "C1", "2001"),
        established(17.9, "C2", first),
        established(17.91, "C2", second),
        MOVES[move](25, "C2", "C1", new, "2001", "2002"),
        *([cleared(39.9, new, "2001")] if move == "conferenced" else []),
        cleared(40, new, "2002"),
    ]


def _values(events: list[Event], *, has_times: bool) -> dict[str, tuple[str, ...]]:
    """Return queue, name and reference of 2001's recordings before the move, and of 2002's before and after it."""
    recordings = [("R1", "2001", 13.15, 25.0), ("R2", "2001", 18.0, 25.0)]
    recordings += [("R3", "2002", 18.0, 25.0), ("R4", "2002", 25.1, 40.0)]
    told = [heard(one["at"] + 0.01 + place / 1000, one) for place, one in enumerate(events)]
    if not has_times:
        told = [{**one, "at": one["heard"]} for one in told]
    replay = played(Case("", told, [], recordings, site={"has_source_times": has_times}))
    flags = {leg.guid: replay.flags.get(leg.number, {}) for leg in replay.legs if leg.guid}
    names = ("QueueName", "CallerName", "CTICallRef")
    return {guid: tuple(one.get(name, "") for name in names) for guid, one in flags.items() if one}


@pytest.mark.parametrize("has_times", [True, False])
@pytest.mark.parametrize("new", ["C1", "C2", "C3"])
@pytest.mark.parametrize("first", ["2001", "2002"])
@pytest.mark.parametrize("jos", JOS)
@pytest.mark.parametrize("move", MOVES)
def test_the_call_of_phones_of_ours_alone_is_the_consultation_though_it_is_named_first(
    move: str, jos: str, first: str, new: str, has_times: bool
) -> None:
    values = _values(_events(move, new, first, JOS[jos]), has_times=has_times)

    assert (values["R3"], values["R4"]) == (("", "", "C2"), ("Sales", "Jo", new))
    if move == "transferred":
        assert (values["R1"], values["R2"]) == (("Sales", "Jo", "C1"), ("", "", "C2"))


@pytest.mark.parametrize(
    ("consulted", "about", "is_consulted"),
    [
        ([OURS], [], True),
        ([], [], False),
        ([replace(OURS, had_leg=False)], [], False),
        ([left("2002")], [], False),
        ([OURS, party("T1", outside=True)], [], False),
        ([OURS], [party("2003")], False),
        ([OURS], [party("T1", outside=True), left("2003")], True),
    ],
)
def test_phones_of_ours_alone_are_in_a_consultation_and_its_host_alone_is_with_the_customer(
    consulted: list[Party], about: list[Party], is_consulted: bool
) -> None:
    first, second = other(party(), *consulted), call(party(leg=1), *about, number="+4930111")
    held = holding(first, second, legs=(leg(5),))

    ordered = [second, first] if is_consulted else [first, second]
    assert customers_first(held, [first, second], "2001") == ordered


@pytest.mark.parametrize(
    ("consultations", "customers", "is_consulted"),
    [
        ({}, {"calling_number": "+4930111"}, True),
        ({}, {"interaction_id": "I1"}, True),
        ({}, {}, False),
        ({}, {"calling_number": "2003"}, False),
        ({"interaction_id": "I1"}, {"interaction_id": "I1"}, False),
        ({"interaction_id": "I1"}, {"interaction_id": "I1", "calling_number": "+4930111"}, True),
        ({"interaction_id": "I2"}, {"interaction_id": "I1"}, False),
        ({"calling_number": "+4930222"}, {"calling_number": "+4930111"}, False),
        ({"queue_name": "Support"}, {"interaction_id": "I1"}, False),
    ],
)
def test_only_a_call_that_states_no_customer_and_no_queue_is_taken_for_a_consultation(
    consultations: dict[str, str], customers: dict[str, str], is_consulted: bool
) -> None:
    first = other(party(), OURS, facts={name: history((10, one)) for name, one in consultations.items()})
    second = call(party(leg=1), facts={name: history((1, one)) for name, one in customers.items()})
    held = holding(first, second, legs=(leg(5),))

    ordered = [second, first] if is_consulted else [first, second]
    assert customers_first(held, [first, second], "2001") == ordered
