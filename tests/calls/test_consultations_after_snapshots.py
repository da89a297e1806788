"""A customer's call that a snapshot found at its phone, and what that phone dials afterwards, named first as both join.

Uma is queued for Sales in C1 at 1. The link is lost from 10 to 30; then 2001 talks with her. It consults 2002 in C5
from 41, answered at 45, and hands her on, or joins both, at 52.
"""

from itertools import product

import pytest

from tests.relatives.case import Case, Event, cleared, dials, established, holds, other, played, queued

pytestmark = pytest.mark.core

UMA: dict[str, str] = {"queue": "Sales", "name": "Uma", "interaction": "I1", "number": "+49306123"}
ALICE: dict[str, str] = {"number": "2001", "name": "Alice", "interaction": "I1"}
KINDS = {
    "Transferred": ("transferringDeviceId", "transferredToDeviceId"),
    "Conferenced": ("conferencingDeviceId", "addedPartyId"),
}


def _gap(found: list[Event]) -> list[Event]:
    began = [other(10, "link.Lost"), other(30, "link.Restored"), other(30, "snapshot.Began")]
    return [*began, *found, other(30.2, "snapshot.Ended")]


def _joined(kind: str, olds: tuple[str, str], result: str) -> Event:
    by, to = KINDS[kind]
    named = {"primaryOldCallId": olds[0], "secondaryOldCallId": olds[1], "resultingCallId": result}
    return other(52, kind, "", "", **named, **{by: "2001", to: "2002"})


def _flags(events: list[Event], consulted: tuple[str, str], *, has_times: bool) -> dict[str, tuple[str, ...]]:
    """Return queue, name and reference of the consultation's recording at 2001, and of 2002's that goes on."""
    recordings = [("R2", "2001", 45.1, 52.05), ("R3", "2002", 45.1, 70.05)]
    replay = played(Case("", events, [], recordings, site={"has_source_times": has_times}))
    flags = {leg.guid: replay.flags.get(leg.number, {}) for leg in replay.legs if leg.guid}
    names = ("QueueName", "CallerName", "CTICallRef")
    return {guid: tuple(flags[guid].get(name, "") for name in names) for guid in consulted}


WAITED = {"waited before the gap": [queued(1, "C1", "5000", **UMA)], "begins in the gap": []}
FOUND = {
    "talking": [established(30.1, "C1", "2001", **UMA)],
    "held": [established(30.1, "C1", "2001", **UMA), holds(30.1, "C1", "2001")],
}


@pytest.mark.parametrize("has_times", [True, False])
@pytest.mark.parametrize(("waited", "found"), list(product(WAITED, FOUND)))
@pytest.mark.parametrize("is_dialling_told", [True, False])
@pytest.mark.parametrize("result", ["C1", "C5", "C7"])
@pytest.mark.parametrize("olds", [("C5", "C1"), ("C1", "C5")])
@pytest.mark.parametrize("kind", KINDS)
def test_what_the_phone_of_a_call_that_a_snapshot_found_dials_afterwards_is_its_consultation(
    kind: str, olds: tuple[str, str], result: str, is_dialling_told: bool, waited: str, found: str, has_times: bool
) -> None:
    events = [*WAITED[waited], *_gap(FOUND[found])]
    events += [holds(40, "C1", "2001")] if found == "talking" else []
    events += [dials(41, "C5", "2001", **ALICE)] if is_dialling_told else []
    events += [established(45, "C5", "2002", **ALICE), established(45, "C5", "2001", **ALICE)]
    events += [_joined(kind, olds, result)]
    events += [cleared(60, result, "2001")] if kind == "Conferenced" else []
    events += [cleared(70, result, "2002")]

    values = _flags(events, ("R2", "R3"), has_times=has_times)

    assert values == {"R2": ("", "Alice", "C5"), "R3": ("Sales", "Uma", result)}


@pytest.mark.parametrize("has_times", [True, False])
@pytest.mark.parametrize("olds", [("C5", "C1"), ("C1", "C5")])
@pytest.mark.parametrize("places", [(0, 1), (1, 0)])
def test_of_two_calls_that_a_snapshot_found_at_a_phone_the_one_of_phones_of_ours_alone_is_the_consultation(
    places: tuple[int, int], olds: tuple[str, str], has_times: bool
) -> None:
    both = [
        [established(30, "C1", "2001", **UMA), holds(30, "C1", "2001")],
        [established(30.1, "C5", "2002", number="2001"), established(30.1, "C5", "2001", number="2001")],
    ]
    events = [*_gap([*both[places[0]], *both[places[1]]]), _joined("Transferred", olds, "C1")]
    replay = played(Case("", [*events, cleared(70, "C1", "2002")], [], [], site={"has_source_times": has_times}))

    facts = [leg for leg in replay.legs if leg.device_id == "2002"][-1].facts
    assert (facts.queue_name, facts.caller_name, facts.interaction_id) == ("Sales", "Uma", "I1")


@pytest.mark.parametrize("olds", [("C5", "C1"), ("C1", "C5")])
def test_of_two_callers_whom_a_snapshot_found_at_a_phone_the_one_who_is_named_first_stays_the_customer(
    olds: tuple[str, str],
) -> None:
    """Nothing says which call was first; both are with callers of their own."""
    found = [established(30.1, "C1", "2001", **UMA), holds(30.1, "C1", "2001")]
    found += [established(30, "C5", "2001", name="Vic", number="+49306999", interaction="I9")]
    found += [established(30, "C5", "2002", name="Vic", number="+49306999", interaction="I9")]
    events = [*_gap(found), _joined("Transferred", olds, olds[0]), cleared(70, olds[0], "2002")]

    facts = [leg for leg in played(Case("", events, [], [])).legs if leg.device_id == "2002"][-1].facts

    assert facts.interaction_id == {"C1": "I1", "C5": "I9"}[olds[0]]
