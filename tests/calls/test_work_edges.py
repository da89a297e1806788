"""What the unit of work finds, forgets and gives up when part of its state is stored elsewhere; and who consults.

Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.call_facts import is_contradicted
from calls.core.consultation import inherit
from calls.core.legs import clear_party
from calls.core.origins import Origin
from calls.core.state import CallState, LegPhase, LegState, PartyState
from calls.core.unit_of_work import LiveState, UnitOfWork
from cti.events import CallData
from tests.calls.call_states import call, holding, left, party, work
from tests.calls.leg_states import leg as any_leg
from tests.calls.leg_states import over
from tests.calls.switchboard import Everybody, Switchboard, moment, with_site

pytestmark = pytest.mark.core


def leg(number: int, at: float = 5, device: str = "2001", incarnation: int = 1, **more: Any) -> LegState:
    return any_leg(at, number=number, call_id="C1", incarnation=incarnation, device_id=device, **more)


def numbers(legs: list[LegState]) -> list[int]:
    return [one.number for one in legs]


# Forgetting


def test_what_is_evicted_is_found_no_more_and_the_rest_is() -> None:
    one = holding(call(), call(incarnation=2), legs=(leg(1, guid="G1"), leg(2, guid="G2"), leg(3, incarnation=2)))
    one.evict(1, [one.legs[1]])

    assert (list(one.calls), [x.incarnation for x in one.incarnations_of("C1")]) == ([2], [2])
    assert (numbers(one.legs_at("2001")), numbers(one.legs_in(1)), numbers(one.legs_in(2))) == ([2, 3], [2], [3])
    assert (one.holder_of("G1"), one.holder_of("G2")) == (None, 2)
    assert one.touched_calls == set()


def test_the_last_call_of_an_id_that_is_evicted_leaves_the_id_unknown() -> None:
    one = holding(call())
    one.evict(1, [])
    assert one.incarnations_of("C1") == []

    one.evict(1, [])  # It was forgotten already.
    one.remember([call()], [])
    assert [x.incarnation for x in one.incarnations_of("C1")] == [1]


def test_a_call_that_is_dropped_is_to_be_deleted() -> None:
    one = holding(call())
    one.drop_call(1)
    one.drop_call(7)

    assert (one.calls, one.touched_calls, one.incarnations_of("C1")) == ({}, {1, 7}, [])


def test_a_batch_begins_with_its_own_settings_and_forgets_what_the_last_one_asked_for() -> None:
    one = holding(call(), legs=(leg(1),))
    one.put_call(call(waits_since=3))
    one.put_leg(leg(1, guid="G"))
    one.put_leg(leg(2, phase=LegPhase.DELIVERING))
    other: Everybody = with_site(stale_hours=1.0)
    one.begin_batch(other)

    assert one.context is other
    assert one.site.stale_hours == 1.0
    assert (one.commands, one.touched_calls, one.touched_legs, one.before) == ([], set(), set(), {})
    assert list(one.legs) == [1]


def test_the_value_of_before_the_batch_is_that_of_its_beginning() -> None:
    one = holding(legs=(leg(1),))
    first = one.legs[1]
    one.put_leg(leg(1, guid="G"))
    one.put_leg(leg(1, guid="H"))
    one.put_leg(leg(2))

    assert one.before == {1: first, 2: None}
    assert (one.holder_of("G"), one.holder_of("H")) == (None, 1)


def test_a_leg_that_is_moved_is_in_its_new_call_alone() -> None:
    one = holding(call(), call(incarnation=2), legs=(leg(1), leg(2)))
    one.put_leg(replace(one.legs[1], incarnation=2))

    assert (numbers(one.legs_in(1)), numbers(one.legs_in(2))) == ([2], [1])


@pytest.mark.parametrize("phase", list(LegPhase))
def test_only_legs_that_an_event_can_change_are_found(phase: LegPhase) -> None:
    is_live = phase in (LegPhase.OPEN, LegPhase.CLOSED)
    one = holding(legs=(leg(1, phase=phase),))

    assert (numbers(one.legs_at("2001")), numbers(one.legs_in(1))) == (([1], [1]) if is_live else ([], []))
    assert numbers(list(one.open_legs())) == ([1] if phase is LegPhase.OPEN else [])


# What is due


def due_calls(*moments: float) -> UnitOfWork:
    calls = [call(incarnation=number, due=at) for number, at in enumerate(moments, start=1)]
    return holding(*(replace(one, due=moment(at)) for one, at in zip(calls, moments, strict=True)))


@pytest.mark.parametrize(("at", "due"), [(4.9, []), (5, [1]), (7, [1, 3]), (9, [1, 2, 3, 4])])
def test_what_is_due_by_a_moment_is_found_and_left(at: float, due: list[int]) -> None:
    one = due_calls(5, 8, 7, 9)

    found = [x.incarnation for x in one.due_by(moment(at)) if isinstance(x, CallState)]
    assert sorted(found) == due
    assert one.next_due() == moment(5)
    assert one.is_anything_due(moment(at)) is bool(due)


def test_what_is_due_is_taken_soonest_first_and_once() -> None:
    one = due_calls(5, 8, 7, 9)
    one.put_call(replace(one.calls[1], due=moment(6)))

    taken = [x.incarnation for x in one.take_due(moment(8)) if isinstance(x, CallState)]
    assert taken == [1, 3, 2]
    assert (list(one.take_due(moment(8))), one.next_due()) == ([], moment(9))


def test_a_value_that_is_due_at_no_moment_is_never_due() -> None:
    one = due_calls(5)
    one.put_call(replace(one.calls[1], due=None))

    assert (one.next_due(), list(one.take_due(moment(99)))) == (None, [])


# Who leaves


@pytest.mark.parametrize(
    ("connected", "since", "at", "ends"),
    [
        (5, 3, 10, True),
        (5, 3, 4, True),  # It rang before: its leg ends as it begins.
        (5, 5, 4, False),  # It speaks of an earlier connection of the device.
        (5, None, 4, False),
        (5, 4, 4, True),
        (5, 5, 5, True),
    ],
)
def test_an_end_of_before_a_devices_connection_is_that_of_an_earlier_one(
    connected: float, since: float | None, at: float, ends: bool
) -> None:
    who = party(leg=1, had_leg=True) if since is None else party(leg=1, had_leg=True, since=since)
    one = holding(call(who), legs=(leg(1, connected),))
    clear_party(one, one.calls[1], "2001", moment(at), moment(20), "It left.")

    assert (one.legs[1].phase is LegPhase.CLOSED) is ends
    if ends:
        assert one.legs[1].disconnected_source_at == moment(max(at, connected))
        here = one.calls[1].parties["2001"]
        assert (here.state, here.leg, here.cleared_at) == (PartyState.NULL, None, moment(at))
        assert (here.cleared_gateway_at, here.unconfirmed_since) == (moment(20), None)


def test_the_first_end_of_a_device_counts() -> None:
    one = holding(call(left(at=10, cleared_gateway_at=10)))
    clear_party(one, one.calls[1], "2001", moment(12), moment(12), "It left.")

    assert one.calls[1].parties["2001"].cleared_at == moment(10)


# Who consults


@pytest.mark.parametrize(("superseded", "inherits"), [(None, True), (4, False)])
def test_a_held_call_whose_id_was_used_again_is_over_and_hands_nothing_on(
    superseded: float | None, inherits: bool
) -> None:
    held = call(party(state=PartyState.HOLD), incarnation=2)
    held = replace(held, superseded_at=None if superseded is None else moment(superseded))
    mine = leg(1, incarnation=2, is_held=True)
    mine = replace(mine, facts=replace(mine.facts, interaction_id="I1"))
    one = holding(call(party(state=PartyState.ORIGINATED)), held, legs=(mine,))
    inherit(one, 1, "2001", Origin("Originated", "e", moment(5)))

    assert ("inherited" in one.calls[1].facts) is inherits


def test_a_call_that_is_over_teaches_its_written_leg_nothing() -> None:
    board = Switchboard().call("Established", 5, "C1", "2001").found(5.5, 1, "G", started=5)
    board.call("ConnectionCleared", 20, "C1", "2001").waits(21.1)
    assert board.writes == [(1, "base")]

    board.call("CallInformation", 19, "C1", callingNumber="+4930")
    assert board.leg.facts.calling_number == ""


@pytest.mark.parametrize(
    ("known", "stated", "is_other"),
    [
        ("+49301", "030 1", False),
        ("0301", "+49 30 1", False),
        ("301", "+49301", False),
        ("+49301", "+49302", True),
        ("+49301", "9301", False),
        ("0", "00", False),
        ("+49301", "", False),
        ("", "+49301", False),
    ],
)
def test_two_spellings_of_a_number_are_one(known: str, stated: str, is_other: bool) -> None:
    assert is_contradicted(call(number=known), CallData(calling_number=stated or None)) is is_other


def test_a_live_state_gives_back_what_it_was_made_of() -> None:
    one = work(legs=(over(leg(1), 9),))
    again = UnitOfWork(one.state(), one.context).state()

    assert again == LiveState(source=one.source, legs={1: over(leg(1), 9)})


def test_the_legs_of_a_device_are_told_the_oldest_first() -> None:
    held = holding(legs=tuple(leg(number) for number in (8, 1, 16)))

    assert numbers(held.legs_at("2001")) == [1, 8, 16]
    assert numbers(held.legs_in(1)) == [1, 8, 16]
