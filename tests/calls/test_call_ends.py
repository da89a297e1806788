"""Where a call is divided whose end is reported late, and what each part has; on the values themselves.

The call is C1, which began at 0; its first part ends at 10. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.call_end import (
    divide,
    divide_at_next_end,
    divide_where_empty,
    end_earlier,
    is_known_by_ends,
)
from calls.core.state import CallState, LegState, Party, PartyState, TimedValue, WriteStatus
from calls.core.unit_of_work import UnitOfWork
from tests.calls.call_states import call, holding, left, made, party
from tests.calls.leg_states import leg as any_leg
from tests.calls.leg_states import over
from tests.calls.switchboard import NOON, moment

pytestmark = pytest.mark.core

HOURS = 3600.0
#: The numbers of the first leg and call that are begun.
NEXT = {"next_leg": 50, "next_incarnation": 50}


def leg(at: float, number: int = 1, device: str = "2001", **more: Any) -> LegState:
    return any_leg(at, number=number, **{"call_id": "C1", "incarnation": 1, "device_id": device, **more})


def seconds(at: Any) -> float | None:
    return None if at is None else (at - NOON).total_seconds()


def new_call(work: UnitOfWork) -> CallState | None:
    """Return the call that was begun, if one was."""
    return work.calls.get(50)


def parted(one: CallState, *others: CallState, legs: tuple[LegState, ...] = (), at: float = 10) -> UnitOfWork:
    work = holding(one, *others, legs=legs, source=NEXT)
    divide(work, 1, moment(at), moment(20))
    return work


GONE = left(at=10)
LATER = party("2002", since=12, had_leg=True)


# Where a call is divided


@pytest.mark.parametrize(
    ("parties", "since", "at_next", "where_empty"),
    [
        ((GONE, LATER), 9.9, True, True),
        ((GONE, LATER), 10, False, True),
        ((GONE, LATER), 11, False, True),
        ((GONE, LATER), 12, False, False),
        ((GONE, left("2003", 11, since=1), LATER), 10, True, True),
        ((GONE, party("2003", since=1), LATER), 9, False, False),
        ((GONE, replace(LATER, since=moment(9))), 9, False, False),
    ],
)
def test_a_call_is_divided_at_an_end_that_left_nobody_in_it(
    parties: tuple[Party, ...], since: float, at_next: bool, where_empty: bool
) -> None:
    for rule, is_divided in ((divide_at_next_end, at_next), (divide_where_empty, where_empty)):
        work = holding(call(*parties, entered_at=12), source=NEXT)
        rule(work, 1, moment(since), moment(20))

        assert (new_call(work) is not None) is is_divided


def test_a_call_is_divided_at_the_first_of_its_ends_that_left_nobody_in_it() -> None:
    work = holding(call(left(at=10), left("2003", 11, since=10.5), LATER, entered_at=12))
    divide_at_next_end(work, 1, moment(5), moment(20))

    assert work.calls[1].cleared_at == moment(10)


@pytest.mark.parametrize(
    ("one", "is_divided"),
    [
        (call(GONE, LATER), True),
        (call(GONE, replace(LATER, since=moment(10))), False),
        (call(GONE, entered_at=10.1), True),
        (call(GONE, entered_at=10), False),
        (call(GONE, waits_since=10.1), True),
        (call(GONE, waits_since=10), False),
        (call(replace(GONE, again=made(10.1))), True),
        (call(replace(GONE, again=made(10))), False),
        (call(replace(GONE, repeats=(made(10.1),))), True),
        (call(GONE), False),
        (call(LATER, born_at=10.1), False),
    ],
)
def test_a_call_in_which_nothing_came_later_is_not_divided(one: CallState, is_divided: bool) -> None:
    assert (new_call(parted(one)) is not None) is is_divided


@pytest.mark.parametrize(
    ("one", "known"),
    [
        (call(left(since=10, had_leg=False)), True),
        (call(left(since=10, had_leg=False), left("2002", 11, since=11, had_leg=False)), True),
        (call(left(since=10)), False),
        (call(left(since=9, had_leg=False)), False),
        (call(left(since=10, had_leg=False), entered_at=1), False),
        (call(left(since=10, had_leg=False), party("2002", since=1)), False),
        (call(), True),
    ],
)
def test_a_call_is_known_by_ends_alone_where_nothing_else_was_heard_of_it(one: CallState, known: bool) -> None:
    assert is_known_by_ends(one) is known


# What the parts have


@pytest.mark.parametrize(("entered", "first"), [(12, 10), (3, 3), (10, 10)])
def test_the_first_part_ended_there_and_was_entered_before_that(entered: float, first: float) -> None:
    one = parted(call(GONE, LATER, entered_at=entered)).calls[1]

    assert (seconds(one.entered_at), seconds(one.cleared_at)) == (first, 10)
    assert list(one.parties) == ["2001"]


def test_a_first_part_of_which_only_ends_were_heard_was_entered_by_its_end() -> None:
    assert parted(call(GONE, LATER)).calls[1].entered_at == moment(10)


@pytest.mark.parametrize(
    ("waits", "first", "second"),
    [
        (None, (None, ""), (None, "")),
        (8.0, (8, "5000"), (None, "")),
        (10.0, (10, "5000"), (None, "")),
        (10.1, (None, "5000"), (10.1, "5000")),
    ],
)
def test_a_wait_in_a_queue_is_of_the_part_in_which_it_began(
    waits: float | None, first: tuple[Any, str], second: tuple[Any, str]
) -> None:
    more: dict[str, Any] = {} if waits is None else {"waits_since": waits, "waits_at": "5000"}
    work = parted(call(GONE, LATER, **more))

    one, new = work.calls[1], work.calls[50]
    assert seconds(one.waits_since) == first[0]
    assert (seconds(new.waits_since), new.waits_at) == second


def test_a_second_part_in_which_nobody_is_known_to_be_waits_since_it_began() -> None:
    """What joined it is known by its time only, such as a queue that is left again."""
    new = new_call(parted(call(GONE, entered_at=12)))

    assert new is not None
    assert (seconds(new.born_at), seconds(new.waits_since), new.waits_at) == (12, 12, "")


def test_the_second_part_lasts_until_it_ends_or_goes_stale() -> None:
    new = new_call(parted(call(GONE, LATER, entered_at=12)))

    assert new is not None
    assert (new.call_id, seconds(new.entered_at), seconds(new.touched_gateway_at)) == ("C1", 12, 20)
    assert (seconds(new.born_at), seconds(new.due)) == (12, 20 + 12 * HOURS)
    assert new.own_interaction not in ("", call().own_interaction)


def test_a_second_part_that_is_over_already_is_kept_for_a_minute() -> None:
    new = new_call(parted(call(GONE, replace(left("2002", 15), since=moment(12)), entered_at=12)))

    assert new is not None
    assert seconds(new.due) == 80


@pytest.mark.parametrize(("at", "number"), [(10, 1), (10.001, 50)])
def test_a_leg_is_in_the_part_in_which_it_began(at: float, number: int) -> None:
    one = leg(at, 2, "2002")
    work = parted(call(replace(GONE), replace(LATER, leg=2, since=moment(12))), legs=(one,))

    assert work.legs[2].incarnation == number


def test_the_second_part_began_with_the_earliest_that_is_known_of_it() -> None:
    facts = {"called_number": (TimedValue(moment(11), "0800"),)}
    known: list[tuple[dict[str, Any], float]] = [({}, 12), ({"facts": facts}, 11), ({"waits_since": 10.5}, 10.5)]
    for more, began in (*known, ({"entered_at": 11.5}, 11.5)):
        assert seconds(parted(call(GONE, LATER, **more)).calls[50].born_at) == began

    for connected, began in ((10.2, 10.2), (10, 12)):
        work = parted(call(GONE, replace(LATER, leg=2)), legs=(leg(connected, 2, "2002"),))
        assert seconds(work.calls[50].born_at) == began


def test_an_interaction_that_was_stated_as_who_came_later_was_connected_is_theirs_too() -> None:
    """It was no news then, and is kept once."""
    known = {"interaction_id": (TimedValue(moment(1), "I1"),)}
    work = parted(call(GONE, replace(LATER, interaction_id="I1"), facts=known))
    assert work.calls[50].facts["interaction_id"] == (TimedValue(moment(12), "I1"),)

    work = parted(call(GONE, replace(LATER, interaction_id="I9"), facts=known))
    assert "interaction_id" not in work.calls[50].facts


# The id's next call is known already


def following(*parties: Party, at: float = 15) -> CallState:
    return call(*parties, incarnation=2, born_at=at)


@pytest.mark.parametrize(
    ("later", "there", "is_between"),
    [
        (LATER, (), False),
        (left("2002", 15, since=12), (), True),
        (left("2002", 15.1, since=12), (), False),
        # A device that was connected in both was connected twice.
        (LATER, (party("2002", since=15, had_leg=True),), True),
        (LATER, (party("2002", since=15, had_leg=False),), False),
        (replace(LATER, had_leg=False), (party("2002", since=15, had_leg=True),), False),
        (LATER, (party("2003", since=15, had_leg=True),), False),
    ],
)
def test_what_came_later_is_of_the_next_call_unless_it_was_over_by_then(
    later: Party, there: tuple[Party, ...], is_between: bool
) -> None:
    work = parted(call(GONE, later), following(*there))

    assert (new_call(work) is not None) is is_between


@pytest.mark.parametrize(("ended", "is_between"), [(15, True), (15.1, False), (None, False)])
def test_a_second_report_whose_end_was_before_the_next_call_is_of_a_call_between(
    ended: float | None, is_between: bool
) -> None:
    work = parted(call(replace(GONE, again=made(12, ended=ended))), following())

    assert (new_call(work) is not None) is is_between


def test_the_next_call_began_with_the_earliest_that_is_moved_to_it() -> None:
    assert seconds(parted(call(GONE, LATER), following()).calls[2].born_at) == 12
    assert seconds(parted(call(replace(GONE, again=made(12))), following()).calls[2].born_at) == 12


@pytest.mark.parametrize(
    ("there", "moved", "had_leg", "since"),
    [
        (party("2002", PartyState.ALERTING, since=15), LATER, True, 12),
        (party("2002", PartyState.ALERTING, since=11), LATER, True, 11),
        (party("2002", PartyState.ALERTING, since=15), replace(LATER, had_leg=False), False, 15),
        (party("2002", since=15, had_leg=True), replace(LATER, had_leg=False), True, 15),
        (party("2002", PartyState.ALERTING), LATER, False, None),
    ],
)
def test_of_a_device_in_both_parts_the_report_that_went_further_counts(
    there: Party, moved: Party, had_leg: bool, since: float | None
) -> None:
    one = parted(call(GONE, moved), following(there)).calls[2].parties["2002"]

    assert (one.had_leg, seconds(one.since)) == (had_leg, since)


# A device that was connected again while its end was not known


def test_a_second_report_is_a_connection_of_the_next_call() -> None:
    work = parted(call(replace(GONE, again=made(12, ended=14), outside=False), entered_at=3))

    one = work.legs[50]
    assert (one.incarnation, seconds(one.connected_source_at), seconds(one.disconnected_source_at)) == (50, 12, 14)
    assert work.calls[1].parties["2001"].again is None


def test_further_reports_stay_with_the_connection_that_they_may_repeat() -> None:
    reports = (made(12), made(13), made(14), made(15))
    work = parted(call(replace(GONE, repeats=(made(9), made(10), *reports[:3]), again=reports[3])))

    here = work.calls[50].parties["2001"]
    assert (here.again, here.repeats) == (reports[1], reports[2:])
    assert work.calls[1].parties["2001"].repeats == (made(9), made(10))


def test_a_call_with_a_second_report_is_looked_at_again_when_it_is_known_whether_that_was_a_repeat() -> None:
    reports = (made(12), made(19.5))
    work = parted(call(replace(GONE, repeats=reports[:1], again=reports[1])))
    assert seconds(work.calls[50].due) == 20.5

    early = (made(12), made(13))
    work = parted(call(replace(GONE, repeats=early[:1], again=early[1])))
    assert seconds(work.calls[50].due) == 20


def test_a_device_that_came_later_and_was_reported_twice_is_moved_with_its_reports() -> None:
    later = replace(LATER, again=made(13))
    work = parted(call(GONE, later))

    assert work.calls[50].parties["2002"].again == made(13)
    assert work.legs == {}


# An end of before the one that was heard first


def ended_early(one: Party, *others: CallState, legs: tuple[LegState, ...] = (), at: float = 10) -> UnitOfWork:
    mine = call(one, cleared_at=one.cleared_at)
    mine = replace(mine, cleared_at=one.cleared_at)
    work = holding(mine, *others, legs=legs, source=NEXT)
    end_earlier(work, mine, one, moment(at), moment(20))
    return work


LEFT_TWICE = left(at=14, since=5, cleared_gateway_at=14)
LEG = over(leg(5), 14)


def test_a_leg_whose_end_was_heard_late_ended_then_and_the_later_end_is_that_of_a_call_between() -> None:
    work = ended_early(LEFT_TWICE, legs=(LEG,))

    assert seconds(work.legs[1].disconnected_source_at) == 10
    assert (seconds(work.calls[1].cleared_at), seconds(work.calls[1].parties["2001"].cleared_at)) == (10, 10)
    between = work.calls[50].parties["2001"]
    assert (between.state, seconds(between.since), seconds(between.cleared_at)) == (PartyState.NULL, 14, 14)
    assert seconds(work.calls[50].due) == 80


def test_a_call_between_has_the_second_connection_where_that_was_taken_for_a_repeat() -> None:
    work = ended_early(replace(LEFT_TWICE, repeats=(made(12),)), legs=(LEG,))

    one = work.legs[50]
    assert (one.incarnation, seconds(one.connected_source_at), seconds(one.disconnected_source_at)) == (50, 12, 14)
    assert work.calls[1].parties["2001"].repeats == ()
    assert seconds(work.calls[50].born_at) == 12


def test_there_may_be_several_calls_between() -> None:
    reports = (made(11, ended=11.5), made(12, ended=12.5), made(13))
    work = ended_early(replace(LEFT_TWICE, repeats=reports[:2], again=reports[2]), legs=(LEG,))

    spans = sorted((seconds(x.connected_source_at), seconds(x.disconnected_source_at)) for x in work.legs.values())
    assert spans == [(5, 10), (11, 11.5), (12, 12.5), (13, 14)]
    assert len({one.incarnation for one in work.legs.values()}) == 4


def test_an_end_of_a_leg_that_is_written_to_is_not_corrected() -> None:
    written = replace(LEG, base=WriteStatus.QUEUED)
    assert seconds(ended_early(LEFT_TWICE, legs=(written,)).legs[1].disconnected_source_at) == 14


def test_the_legs_of_other_devices_keep_their_end() -> None:
    other = over(leg(6, 2, "2002"), 14)
    assert seconds(ended_early(LEFT_TWICE, legs=(LEG, other)).legs[2].disconnected_source_at) == 14


@pytest.mark.parametrize(("born", "begins"), [(10, True), (10.1, False), (14, False), (14.1, True)])
def test_a_call_that_began_between_both_ends_has_the_later_one(born: float, begins: bool) -> None:
    work = ended_early(LEFT_TWICE, following(party("2002", since=born), at=born), legs=(LEG,))

    assert (new_call(work) is not None) is begins


def test_a_call_in_which_others_were_then_goes_on_without_the_device() -> None:
    mine = call(LEFT_TWICE, party("2002", since=1))
    work = holding(mine, legs=(LEG,), source=NEXT)
    end_earlier(work, mine, LEFT_TWICE, moment(10), moment(20))

    assert (new_call(work), work.calls[1].cleared_at) == (None, None)
    assert seconds(work.legs[1].disconnected_source_at) == 10


@pytest.mark.parametrize(("began", "is_given"), [(11.75, True), (11.7, False), (12.5, True), (None, False)])
def test_a_leg_that_is_written_to_becomes_that_of_the_connection_in_which_its_recording_began(
    began: float | None, is_given: bool
) -> None:
    """Its flags stay with its recording; the leg of the other connection is the first one's."""
    written = replace(LEG, base=WriteStatus.WRITTEN, guid="G")
    written = replace(written, recording_began=None if began is None else moment(began))
    work = ended_early(replace(LEFT_TWICE, repeats=(made(12),)), legs=(written,))

    first, second = work.legs[1], work.legs[50]
    times = [(seconds(x.connected_source_at), seconds(x.disconnected_source_at)) for x in (first, second)]
    assert times == ([(12, 14), (5, 10)] if is_given else [(5, 14), (12, 14)])
    assert (first.incarnation, second.incarnation) == ((50, 1) if is_given else (1, 50))
