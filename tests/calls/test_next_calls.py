"""Which call follows under an id, and what of the one before is its: each condition at its edges.

C1 began at 0. 2001 to 2005 are extensions. Seconds after noon.
"""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.call_end import (
    _await_repeats,
    _divide_after_leg,
    _divide_where_dialled,
    _end_between,
    _has_later,
    _is_by_anothers_answer,
    _is_connected_twice,
    _is_of,
    _next_call,
    connect_again,
    end_earlier,
)
from calls.core.state import CallState, LegState, Party, Reconnection, WriteStatus
from tests.calls.call_states import NO_TIMES, call, history, holding, left, made, party, second
from tests.calls.leg_states import at, leg, over
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

# --- which call follows ---


@pytest.mark.parametrize(
    ("one", "has_later"),
    [
        (call(), False),
        (call(entered_at=10), False),
        (call(entered_at=10.001), True),
        (call(waits_since=10), False),
        (call(waits_since=10.001), True),
        (call(party(since=10.001)), True),
        (call(party(since=10)), False),
        (call(party(since=5, again=made(10.001))), True),
        (call(party(since=5, again=made(10))), False),
    ],
)
def test_something_came_after_the_end_of_a_call(one: CallState, has_later: bool) -> None:
    assert _has_later(one, moment(10)) is has_later


@pytest.mark.parametrize(
    ("one", "following", "is_known"),
    [
        (call(), second(), True),
        (call(), second(born=10), False),
        (call(left(since=12, at=20)), second(), False),
        (call(left(since=12, at=20.001)), second(), True),
        (call(party(since=5, again=made(12, ended=20))), second(), False),
        (call(party(since=5, again=made(12, ended=20.001))), second(), True),
        (call(party(since=12, had_leg=True)), second(party(had_leg=True)), False),
        (call(party(since=12, had_leg=True)), second(party()), True),
        (call(party(since=12)), second(party(had_leg=True)), True),
        (call(party(since=12, had_leg=True)), second(party("2002", had_leg=True)), True),
    ],
)
def test_what_came_after_an_end_is_of_the_ids_next_call_unless_it_ended_before_that_began(
    one: CallState, following: CallState, is_known: bool
) -> None:
    held = holding(one, following)

    assert (_next_call(held, one, moment(10), moment(21)) is following) is is_known


@pytest.mark.parametrize(
    ("more", "legs", "expected"),
    [
        ({"party": party(since=12)}, (), {"born_at": 12, "waits_since": None}),
        ({}, (), {"born_at": 10, "waits_since": 10}),
        ({"waits_since": 15, "waits_at": "5000"}, (), {"born_at": 15, "waits_since": 15, "waits_at": "5000"}),
        ({"waits_since": 10, "waits_at": "5000"}, (), {"born_at": 10, "waits_since": 10, "waits_at": ""}),
        ({"entered_at": 14}, (), {"born_at": 14, "waits_since": 14, "entered_at": 14}),
        ({"entered_at": 14, "cleared_at": 16}, (), {"born_at": 14, "waits_since": None, "cleared_at": 16}),
        ({"entered_at": 14, "cleared_at": 14}, (), {"born_at": 14, "waits_since": 14, "cleared_at": None}),
        ({"entered_at": 14, "doubtful_since": 16}, (), {"doubtful_since": 16}),
        ({"entered_at": 14, "doubtful_since": 14}, (), {"doubtful_since": None}),
        ({"entered_at": 14}, (leg(13, incarnation=1),), {"born_at": 13}),
        ({"entered_at": 14}, (leg(9, incarnation=1),), {"born_at": 14}),
        ({"facts": {"queue_name": history((3, "A"), (11, "B"))}}, (), {"born_at": 11}),
        ({"party": party(since=5, again=made(12.5))}, (), {"born_at": 12.5}),
    ],
)
def test_a_call_begins_with_what_came_first_after_the_end_of_the_one_before(
    more: dict[str, Any], legs: tuple[LegState, ...], expected: dict[str, Any]
) -> None:
    there = [more.pop("party")] if "party" in more else []
    one = call(*there, **more)
    if there:
        more["party"] = there[0]
    held = holding(one, legs=legs, stale_hours=2.0)
    new = _next_call(held, one, moment(10), moment(21))

    for name, value in expected.items():
        wanted = value if isinstance(value, str) else at(value)
        assert getattr(new, name) == wanted, name
    assert (new.incarnation, new.call_id, new.touched_gateway_at) == (2, "C1", moment(21))
    assert new.due == moment(21) + timedelta(hours=2)
    assert new.own_interaction not in ("", one.own_interaction)


def test_a_device_is_connected_twice_where_it_had_a_leg_in_both() -> None:
    talked, rang = party(had_leg=True), party()

    assert _is_connected_twice({"2001": talked}, second(talked))
    assert not _is_connected_twice({"2001": rang}, second(talked))
    assert not _is_connected_twice({"2001": talked}, second(rang))
    assert not _is_connected_twice({"2002": talked}, second(talked))


@pytest.mark.parametrize(
    ("one", "queued", "site", "is_divided"),
    [
        (party(since=15, has_dialled=True), 10, {}, True),
        (party(since=15, has_dialled=True), 15, {}, False),
        (party(since=15), 10, {}, False),
        (party(since=None, has_dialled=True), 10, {}, False),
        (party(since=15, has_dialled=True), None, {}, False),
        (party(since=15, has_dialled=True), 10, NO_TIMES, False),
    ],
)
def test_a_call_that_was_queued_before_a_device_dialled_was_two(
    one: Party, queued: float | None, site: dict[str, Any], is_divided: bool
) -> None:
    facts = {} if queued is None else {"queue_name": history((queued, "Q"))}
    held = holding(call(one, facts=facts, entered_at=5), **site)
    _divide_where_dialled(held, 1, moment(21))

    assert (len(held.calls) == 2) is is_divided


@pytest.mark.parametrize(
    ("reports", "known", "due"),
    [
        ((15,), None, 21),
        ((20.5,), None, 21.5),
        ((20.5,), 21.2, 21.2),
        ((20.5,), 30, 21.5),
        ((20.5, 20.2), 30, 21.2),
        ((), 30, 30),
    ],
)
def test_a_call_is_looked_at_when_its_second_reports_are_known_to_be_repeats(
    reports: tuple[float, ...], known: float | None, due: float
) -> None:
    parties = [party(f"200{place}", again=made(12, heard=heard)) for place, heard in enumerate(reports, start=1)]
    held = holding(replace(call(*parties), due=at(known)))
    _await_repeats(held, 1, moment(21))

    assert held.calls[1].due == moment(due)


@pytest.mark.parametrize(
    ("parties", "legs", "is_divided"),
    [
        ((left(at=8), party("2002", since=12)), (over(leg(5, incarnation=1), 8),), True),
        ((left(at=8), party("2002", since=7)), (over(leg(5, incarnation=1), 8),), False),
        (
            (left(at=8), party("2002", since=12)),
            (over(leg(5, incarnation=1), 8), leg(8, number=2, incarnation=1, device_id="2002")),
            False,
        ),
        ((left(at=8), party("2002", since=12)), (leg(5, incarnation=1),), False),
    ],
)
def test_a_call_is_divided_where_its_first_leg_left_nobody_in_it(
    parties: tuple[Party, ...], legs: tuple[LegState, ...], is_divided: bool
) -> None:
    held = holding(call(*parties, entered_at=0), legs=legs)
    _divide_after_leg(held, 1, moment(21))

    assert (len(held.calls) == 2) is is_divided


@pytest.mark.parametrize(
    ("one", "others", "legs", "is_by"),
    [
        (party(has_dialled=True), (party("2002", since=10, had_leg=True),), (), True),
        (party(), (party("2002", since=10, had_leg=True),), (), False),
        (party(has_dialled=True), (party("2002", since=10),), (), False),
        (party(has_dialled=True), (party("2002", since=9, had_leg=True),), (), False),
        (party(has_dialled=True), (party("2002", since=9, had_leg=True, leg=2),), (leg(10, number=2),), True),
        (party(has_dialled=True, since=10, had_leg=True), (), (), False),
    ],
)
def test_a_leg_was_opened_as_another_device_answered(
    one: Party, others: tuple[Party, ...], legs: tuple[LegState, ...], is_by: bool
) -> None:
    own = leg(10)
    held = holding(call(one, *others), legs=(own, *legs))

    assert _is_by_anothers_answer(held, held.calls[1], one, own) is is_by


def test_a_leg_is_the_one_that_ended_then_and_is_not_written() -> None:
    one = over(leg(5), 10)

    assert _is_of(one, "2001", moment(10))
    assert not _is_of(one, "2002", moment(10))
    assert not _is_of(one, "2001", moment(10.001))
    assert not _is_of(replace(one, base=WriteStatus.QUEUED), "2001", moment(10))


@pytest.mark.parametrize(
    ("legs", "reports", "began"),
    [
        ((), (made(12),), 12),
        ((leg(19, number=2, incarnation=2),), (made(12),), None),
        ((leg(18, number=2, incarnation=2),), (made(12),), None),
        ((), (), None),
    ],
)
def test_a_later_end_and_its_reports_are_of_the_call_that_had_begun_by_then(
    legs: tuple[LegState, ...], reports: tuple[Reconnection, ...], began: float | None
) -> None:
    held = holding(call(left(at=19)), second(born=11), legs=legs)
    _end_between(held, held.calls[2], left(at=19), reports, moment(21))

    begun = [one for one in held.legs.values() if one not in legs]
    assert [one.connected_source_at for one in begun] == ([] if began is None else [moment(began)])
    if began is not None:
        assert begun[0].disconnected_source_at == moment(19)


@pytest.mark.parametrize(
    ("clearing", "following", "next_cleared"), [(None, None, None), (19, None, 19), (None, 30, 30), (18, 30, 30)]
)
def test_an_end_that_is_corrected_is_the_calls_and_the_later_clearing_is_the_next_ones(
    clearing: float | None, following: float | None, next_cleared: float | None
) -> None:
    one = call(left(at=19), party("2002"), cleared_at=19, clearing_at=clearing, next_cleared_at=following, entered_at=0)
    held = holding(one, legs=(over(leg(5, incarnation=1), 19),))
    end_earlier(held, one, one.parties["2001"], moment(15), moment(21))
    now = held.calls[1]

    assert (now.cleared_at, now.next_cleared_at) == (moment(15), at(next_cleared))
    assert now.parties["2001"].cleared_at == moment(15)
    assert held.legs[1].disconnected_source_at == moment(15)
    assert len(held.calls) == 1


def test_a_device_is_connected_in_the_ids_next_call_by_its_reports() -> None:
    held = holding(call(left(at=11)), second())
    first, later, last = made(18, heard=18.5, ended=19), made(22), made(23)
    connect_again(held, 2, left(at=11), (first, later, last))
    now = held.calls[2]

    assert now.born_at == moment(18)
    assert (held.legs[1].connected_source_at, held.legs[1].disconnected_source_at) == (moment(18), moment(19))
    assert held.legs[1].disconnected_gateway_at == moment(18.5)
    lasting = holding(call(left(at=11)), second())
    connect_again(lasting, 2, left(at=11), (replace(first, ended_at=None), later, last))
    one = lasting.calls[2].parties["2001"]
    assert (one.again, one.repeats, one.is_here) == (later, (last,), True)
