"""An end of a device that is of before its leg, or before the end that was heard first: whose both ends are.

The call is C1, which began at 0. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.call_end import divide_before_leg
from calls.core.state import LegState, Party, PartyState, WriteStatus
from calls.core.unit_of_work import UnitOfWork
from tests.calls.call_states import call, holding, made, party
from tests.calls.leg_states import over
from tests.calls.switchboard import Switchboard, moment
from tests.calls.test_call_ends import LEFT_TWICE, LEG, NEXT, ended_early, following, leg, seconds

pytestmark = pytest.mark.core


def before_leg(who: Party, at: float = 10) -> UnitOfWork:
    """2001 was connected at 12; that it had left at 10 is heard last."""
    one = leg(12)
    work = holding(call(who), legs=(one,), source=NEXT)
    divide_before_leg(work, work.calls[1], who, one, moment(at), moment(20))
    return work


RANG = party(leg=1, had_leg=True, since=5)


def test_a_leg_of_after_the_end_of_its_device_is_that_of_the_ids_next_call() -> None:
    work = before_leg(RANG)

    there, first = work.calls[50].parties["2001"], work.calls[1].parties["2001"]
    assert (work.legs[1].incarnation, there.leg, seconds(there.since)) == (50, 1, 12)
    assert (first.state, first.leg, seconds(first.since)) == (PartyState.NULL, None, 5)
    assert (seconds(first.cleared_at), seconds(first.cleared_gateway_at)) == (10, 20)
    assert seconds(work.calls[1].due) == 80


@pytest.mark.parametrize(("report", "begins"), [(9.5, [9.5]), (10, [10]), (10.1, [])])
def test_a_report_of_before_that_end_was_no_repeat_but_the_first_connection(report: float, begins: list[float]) -> None:
    work = before_leg(replace(RANG, repeats=(made(report),)))

    own = [one for one in work.legs.values() if one.incarnation == 1]
    assert [seconds(one.connected_source_at) for one in own] == begins
    assert [seconds(one.disconnected_source_at) for one in own] == [10 for _ in begins]


# A call that began between both ends


def test_a_leg_of_after_the_later_end_belongs_to_the_call_that_follows() -> None:
    there = following(party("2001", leg=3, had_leg=True, since=12), at=12)
    work = ended_early(LEFT_TWICE, there, legs=(LEG, leg(15, 3, incarnation=2)))

    assert (work.legs[3].incarnation, seconds(work.calls[2].parties["2001"].cleared_at)) == (50, 14)


def test_a_leg_that_began_by_the_later_end_stays_where_it_is() -> None:
    there = following(party("2001", leg=3, had_leg=True, since=12), at=12)
    work = ended_early(LEFT_TWICE, there, legs=(LEG, leg(14, 3, incarnation=2)))

    assert (work.legs[3].incarnation, work.calls[2].parties["2001"].cleared_at) == (2, None)


def test_the_legs_of_others_in_the_call_between_say_nothing_of_the_device() -> None:
    there = following(party("2002", leg=3, had_leg=True, since=11), at=13)
    who = replace(LEFT_TWICE, repeats=(made(12),))
    work = ended_early(who, there, legs=(LEG, leg(15, 3, "2002", incarnation=2)))

    one = work.legs[50]
    assert (one.device_id, one.incarnation) == ("2001", 2)


@pytest.mark.parametrize(("known", "ended"), [(None, 14), (13.5, 13.5)])
def test_the_second_connection_is_of_the_call_between_with_the_end_that_is_known_of_it(
    known: float | None, ended: float
) -> None:
    work = ended_early(replace(LEFT_TWICE, repeats=(made(12, ended=known),)), following(at=13), legs=(LEG,))

    one = work.legs[50]
    assert (one.incarnation, seconds(one.connected_source_at), seconds(one.disconnected_source_at)) == (2, 12, ended)
    assert seconds(work.calls[2].born_at) == 12


def test_the_party_of_a_call_between_is_outside_where_the_device_is() -> None:
    work = ended_early(replace(LEFT_TWICE, outside=True), legs=(LEG,))

    assert work.calls[50].parties["2001"].outside


# A leg that is written to


def written(device: str = "2001", number: int = 1, began: float = 12.5) -> LegState:
    more: dict[str, Any] = {"base": WriteStatus.WRITTEN, "guid": "G", "recording_began": began}
    return over(leg(5, number, device, **more), 14)


def test_the_leg_of_another_device_is_not_given_the_connection() -> None:
    work = ended_early(replace(LEFT_TWICE, repeats=(made(12),)), legs=(LEG, written("2002", 2)))

    assert (work.legs[2].incarnation, seconds(work.legs[2].connected_source_at)) == (1, 5)


def test_the_leg_of_a_later_call_is_not_given_away() -> None:
    work = ended_early(LEFT_TWICE, legs=(written(began=16), leg(16, 3, incarnation=7)))

    assert [(one.incarnation, seconds(one.connected_source_at)) for one in work.legs.values()] == [(1, 5), (7, 16)]


def test_the_leg_of_the_first_connection_knows_what_was_known_by_its_end() -> None:
    board = Switchboard().call("Established", 5, "C1", "2001", callingNumber="+49301").found(5.5, 1, "G", started=5)
    board.call("Established", 10.3, "C1", "2001", calledNumber="0800").waits(12)
    board.call("ConnectionCleared", 14, "C1", "2001").call("ConnectionCleared", 10, "C1", "2001").waits(20)

    first, second = sorted(board.legs, key=lambda one: one.connected_source_at)
    assert (first.facts.calling_number, first.facts.called_number) == ("+49301", "")
    assert second.facts.calling_number == ""
