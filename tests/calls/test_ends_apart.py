"""An end that is heard just after its device was connected again: whether the id's call goes on, at each edge.

2001 talks in C1 since 12 and is connected again at 20.3; that it had left is heard at 20.8. Then it has a leg of the
next call of the id, which began by then.
"""

from typing import Any

import pytest

from calls.core.clocks import TICK
from calls.core.ends_apart import divide_where_rung, end_before_again, leave_queue
from calls.core.state import LegState, Party, PartyState
from calls.core.unit_of_work import UnitOfWork
from cti.events import ConnectionCleared
from tests.calls.call_states import NO_TIMES, call, event, holding, left, made, party
from tests.calls.leg_states import leg, over
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

LEG = leg(12, call_id="C1", incarnation=1)


def ended(*others: Party, again: float = 20.3, at: float = 20.8, **site: Any) -> tuple[bool, UnitOfWork]:
    """Let the end of 2001 be heard in a call with others; say whether it was that of its first connection."""
    phone = party(since=12, leg=1, had_leg=True, again=made(again))
    one = call(phone, *others, entered_at=12, born_at=10)
    work = holding(one, legs=(LEG,), **{**NO_TIMES, **site})
    said = event("ConnectionCleared", at, "2001")
    assert isinstance(said, ConnectionCleared)
    return end_before_again(work, one, phone, said), work


@pytest.mark.parametrize(
    ("others", "calls"),
    [
        ((), 2),
        ((party("2003", since=15),), 1),  # It goes on with who came before.
        ((party("2003", since=15, state=PartyState.ALERTING),), 1),
        ((party("2003", since=20.5),), 2),
        ((left("2003", at=20.5, since=15),), 2),
        ((left("2003", at=20.5, since=15), party("2004", since=20.5)), 2),
        ((left("2003", at=20.5, since=15), party("2004", since=16)), 1),
        ((party("2003"),), 2),  # Nobody knows since when: it may be of either.
    ],
)
def test_the_ids_call_ends_with_the_first_of_two_connections_where_nobody_else_stays(
    others: tuple[Party, ...], calls: int
) -> None:
    is_first, work = ended(*others)

    assert (is_first, len(work.calls)) == (True, calls)
    assert work.legs[1].disconnected_source_at == moment(20.3) - TICK


@pytest.mark.parametrize(("since", "heard", "calls"), [(20, 20.1, 1), (20, 20.4, 2), (19, 19.5, 1)])
def test_in_whole_seconds_who_was_heard_of_before_the_second_connection_goes_on(
    since: float, heard: float, calls: int
) -> None:
    other = party("2003", since=since, heard_at=moment(heard))
    phone = party(since=12, heard_at=moment(12), leg=1, had_leg=True, again=made(20, 20.3))
    one = call(phone, other, entered_at=12, born_at=10)
    work = holding(one, legs=(LEG,), source={"has_fractions": False})
    said = event("ConnectionCleared", 20, "2001", heard=20.6)
    assert isinstance(said, ConnectionCleared)

    assert end_before_again(work, one, phone, said)
    assert (len(work.calls), work.legs[1].disconnected_source_at) == (calls, moment(20))


@pytest.mark.parametrize(
    ("known", "is_first"),
    [
        ({}, True),
        ({"again": 19.8}, True),
        ({"again": 19.7}, False),
        ({"again": 20.8}, True),
        ({"again": 20.9}, False),
        ({"settle_seconds": 0.0}, False),
        ({"has_source_times": True}, False),
    ],
)
def test_an_end_is_of_the_first_connection_where_the_second_was_reported_within_a_second(
    known: dict[str, Any], is_first: bool
) -> None:
    assert ended(**known)[0] is is_first


@pytest.mark.parametrize(("more", "calls"), [({}, 2), ({"waits_since": 11, "waits_at": "5000"}, 2)])
def test_a_wait_that_is_still_noted_does_not_keep_a_call_that_its_last_phone_left(
    more: dict[str, Any], calls: int
) -> None:
    phone = party(since=12, leg=1, had_leg=True, again=made(20.3))
    one = call(phone, entered_at=12, born_at=10, **more)
    work = holding(one, legs=(LEG,), **NO_TIMES)
    said = event("ConnectionCleared", 20.8, "2001")
    assert isinstance(said, ConnectionCleared)

    assert end_before_again(work, one, phone, said)
    assert len(work.calls) == calls


@pytest.mark.parametrize(
    ("since", "more", "calls"), [(15, {}, 2), (20, {}, 1), (15, {"main": 9, "joined_at": 19.5}, 1)]
)
def test_a_leg_whose_end_may_be_that_of_its_phones_ringing_before_is_in_a_call_of_its_own(
    since: float, more: dict[str, Any], calls: int
) -> None:
    phone = left(at=20, since=since, heard_at=moment(since))
    own = over(leg(20, 20.3, call_id="C1", incarnation=1), 20)
    one = call(phone, entered_at=15, born_at=10, **more)
    work = holding(one, legs=(own,), source={"has_fractions": False})
    said = event("ConnectionCleared", 20, "2001", heard=20.6)
    assert isinstance(said, ConnectionCleared)

    divide_where_rung(work, one, phone, own, said)

    assert (len(work.calls), work.legs[1].incarnation) == (calls, calls)


# A caller leaves a queue after a device had come into the call


def queue_left(*legs: LegState, device: str = "5000", **more: Any) -> int:
    """Return how many calls of the id there are after it is heard that the caller left a queue."""
    site = {"queues": frozenset({"5000"}), **NO_TIMES, **more.pop("site", {})}
    parties = [party(one.device_id, since=(one.connected_source_at - moment(0)).total_seconds()) for one in legs]
    one = call(*parties, entered_at=5, waits_since=5, waits_at="5000", **more)
    work = holding(one, legs=legs, **site)
    leave_queue(work, one, device, event("Diverted", 20.8, device))
    return len(work.calls)


def talking(at: float, number: int = 1, **more: Any) -> LegState:
    return leg(at, number=number, call_id="C1", incarnation=1, **more)


@pytest.mark.parametrize(
    ("legs", "more", "calls"),
    [
        ((talking(20.3),), {}, 2),
        ((talking(19.8),), {}, 2),
        ((talking(19.799),), {}, 1),
        ((talking(20.7),), {}, 1),  # A queue that reports its end as it is answered does so within 0.1 s.
        ((talking(20.699),), {}, 2),
        ((over(talking(20.3), 20.5),), {}, 1),
        ((), {}, 1),
        ((talking(20.3),), {"device": "2001"}, 1),
        ((talking(20.3),), {"moved_to": 7}, 1),
        ((talking(20.3),), {"site": {"settle_seconds": 0.0}}, 1),
        ((talking(15), talking(20.3, 2, device_id="2002")), {}, 1),
    ],
)
def test_who_came_within_a_second_before_it_is_heard_that_the_queue_was_left_is_in_another_call(
    legs: tuple[LegState, ...], more: dict[str, Any], calls: int
) -> None:
    assert queue_left(*legs, **more) == calls
