"""Who came in the second in which a call ended, of times in whole seconds: each condition of the rule, at its edges.

2001 has talked in C1 since 12 and left at 20, which is heard at 20.9; 2002 came at 20 as well, heard at 20.3.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.clocks import TICK
from calls.core.newcomers import (
    apart,
    is_vouched,
    may_have_rung_out,
    newcomers_before_leaving,
    newcomers_since,
    queues_another,
    set_apart,
)
from calls.core.state import CallState, LegData, LegState, Party, PartyState, TimedValue, WriteStatus
from calls.core.unit_of_work import UnitOfWork
from tests.calls.call_states import NO_TIMES, call, event, holding, left, made, party
from tests.calls.leg_states import leg, over
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

GONE = left(at=20, since=12, heard_at=moment(12))
AFTER = moment(20) + TICK
HANDED_ON: dict[str, Any] = {"main": 9, "joined_at": 19.5}


def came(device: str = "2002", since: float = 20, heard: float | None = 20.3, **more: Any) -> Party:
    heard_at = None if heard is None else moment(heard)
    return party(device, more.pop("state", PartyState.CONNECTED), since=since, heard_at=heard_at, **more)


def leg_of(device: str, at: float, heard: float | None = None, number: int = 1, **more: Any) -> LegState:
    return leg(at, heard, number, device_id=device, call_id="C1", incarnation=1, **more)


def value(at: float, text: str, heard: float | None = None) -> TimedValue:
    return TimedValue(moment(at), text, None, None if heard is None else moment(heard))


def in_one_second(
    one: CallState,
    *announced: str,
    legs: tuple[LegState, ...] = (),
    ends_all: bool = True,
    fractions: bool = False,
    **site: Any,
) -> UnitOfWork:
    """Set apart who came in the second 20."""
    work = holding(one, legs=legs, source={"has_fractions": fractions}, **site)
    set_apart(work, one, moment(20), announced, ends_all=ends_all)
    return work


def moved(work: UnitOfWork) -> set[str]:
    """Return who is taken to have come just after the second's end."""
    return {name for name, one in work.calls[1].parties.items() if one.since == AFTER}


@pytest.mark.parametrize(
    ("parties", "devices"),
    [
        ((GONE, came()), {"2002"}),
        ((GONE, came(since=19)), set()),
        ((GONE, came(since=21)), set()),
        ((GONE, came(heard=None)), set()),
        ((GONE, came("0301", outside=True)), {"0301"}),  # Nothing announces who comes.
        ((GONE, came(cleared_at=19)), {"2002"}),  # It had been in the call before.
        ((GONE, came(state=PartyState.NULL, cleared_at=21)), {"2002"}),
        ((GONE, came(state=PartyState.NULL, cleared_at=20)), set()),
        ((GONE, came(state=PartyState.NULL, since=19, cleared_at=21)), set()),
        ((GONE, came(state=PartyState.NULL, heard=None, cleared_at=21)), set()),
        ((GONE, came(state=PartyState.NULL)), set()),
        ((GONE, came(), came("2003", heard=20.2)), {"2002", "2003"}),
        ((GONE, came(), came("2003", heard=20.4, state=PartyState.NULL, cleared_at=20)), {"2002", "2003"}),
    ],
)
def test_who_came_in_the_second_of_a_calls_end_came_after_it(parties: tuple[Party, ...], devices: set[str]) -> None:
    assert moved(in_one_second(call(*parties))) == devices


@pytest.mark.parametrize(("cleared", "expected"), [(20, AFTER), (21, moment(21))])
def test_who_came_after_the_end_left_after_it(cleared: float, expected: Any) -> None:
    other = came("2003", heard=20.4, state=PartyState.NULL, cleared_at=cleared)

    assert in_one_second(call(GONE, came(), other)).calls[1].parties["2003"].cleared_at == expected


@pytest.mark.parametrize(
    ("known", "changed"),
    [({"fractions": True}, False), ({"settle_seconds": 0.0}, False), ({"has_source_times": False}, False), ({}, True)],
)
def test_only_times_in_whole_seconds_leave_a_doubt_within_one(known: dict[str, Any], changed: bool) -> None:
    assert bool(moved(in_one_second(call(GONE, came()), **known))) is changed


def test_who_comes_into_a_call_that_was_handed_on_just_now_is_of_it() -> None:
    assert not moved(in_one_second(call(GONE, came(), **HANDED_ON)))


@pytest.mark.parametrize(
    ("announced", "heard", "other", "devices"),
    [
        ({"2002"}, 12, came(), set()),
        ({"2001"}, 12, came(), {"2002"}),
        ({"2001"}, 20.2, came(), set()),  # Both ends of one connection are heard within 0.1 s.
        ({"2001"}, 20.2, came(heard=20.3005), {"2002"}),
        ({"2001"}, 12, came("0301", outside=True), set()),
        ({"2001"}, 12, came("2002", outside=True), set()),
        ({"2001"}, 12, came("0301"), set()),  # None of the extensions.
    ],
)
def test_who_is_announced_and_who_came_with_it_is_of_the_call(
    announced: set[str], heard: float, other: Party, devices: set[str]
) -> None:
    legs = (leg_of("2001", int(heard), heard),)

    assert moved(in_one_second(call(party(since=12), other), *announced, legs=legs)) == devices


def test_who_was_announced_keeps_its_time_where_another_came_after_it() -> None:
    known = (leg_of("2001", 12), leg_of("2003", 20, 20.5, number=2))
    work = in_one_second(call(GONE, came(), came("2003", heard=20.5)), "2003", legs=known[:1])

    assert moved(work) == {"2002"}
    assert in_one_second(call(GONE, came(), came("2003", heard=20.5)), "2003", legs=known).legs[2] == known[1]


@pytest.mark.parametrize(
    ("legs", "ends_all", "born", "changed"),
    [
        ((), True, 19, True),
        ((), True, 20, False),  # It began in the very second: somebody must have talked in it before.
        ((over(leg_of("2001", 20, 20), 20),), True, 20, True),
        ((over(leg_of("2001", 20, 20.2), 20),), True, 20, False),
        ((over(leg_of("2001", 20, 20.1999), 20),), True, 20, True),
        ((leg_of("2001", 20, 20),), True, 20, False),  # It goes on.
        ((), False, 0, False),
        ((over(leg_of("2001", 12), 20),), False, 0, True),
        ((leg_of("2001", 12),), False, 0, False),
    ],
)
def test_a_call_that_goes_on_or_began_in_that_second_had_somebody_who_talked_before(
    legs: tuple[LegState, ...], ends_all: bool, born: float, changed: bool
) -> None:
    one = call(GONE, came(), born_at=born)

    assert bool(moved(in_one_second(one, legs=legs, ends_all=ends_all))) is changed


def test_a_call_that_goes_on_keeps_who_came_with_one_that_had_come_before() -> None:
    one = call(GONE, party("2003", since=15, heard_at=moment(15)), came())

    assert not moved(in_one_second(one, legs=(over(leg_of("2001", 12), 20),), ends_all=False))


@pytest.mark.parametrize(
    ("at", "heard", "expected"),
    [(20, 20.3, AFTER), (20, 20.4, AFTER), (20, 20.299, moment(20)), (19, 20.4, moment(19))],
)
def test_a_report_of_a_connection_of_that_second_is_of_after_it(at: float, heard: float, expected: Any) -> None:
    again = made(at, heard)
    work = holding(call(replace(GONE, repeats=(again,), again=again)), source={"has_fractions": False})
    found = apart(work, work.calls[1], moment(20), moment(20.3), ()).parties["2001"]

    assert found.again is not None
    assert [one.at for one in (*found.repeats, found.again)] == [expected] * 2


def test_a_phone_that_is_connected_again_in_that_second_is_a_newcomer() -> None:
    one = call(party(since=12, again=made(20, 20.3)), facts={"caller_name": (value(20, "Ada", 20.3),)})

    assert in_one_second(one).calls[1].facts["caller_name"][0].at == AFTER


@pytest.mark.parametrize(
    ("waits", "heard", "expected"), [(20, 20.3, AFTER), (19, 20.3, moment(19)), (20, None, moment(20))]
)
def test_a_wait_of_that_second_began_after_it(waits: float, heard: float | None, expected: Any) -> None:
    one = call(GONE, waits_since=waits, waits_at="5000", waits_heard_at=heard)

    assert in_one_second(one).calls[1].waits_since == expected


@pytest.mark.parametrize(("heard", "expected"), [(20.3, AFTER), (20.2, moment(20))])
def test_a_wait_is_after_the_second_where_it_was_heard_since_the_first_who_came(heard: float, expected: Any) -> None:
    one = call(GONE, came(), waits_since=20, waits_at="5000", waits_heard_at=heard)
    known = in_one_second(one, "2001", legs=(leg_of("2001", 20, 20.15),)).calls[1]

    assert (known.waits_since, known.parties["2002"].since) == (expected, AFTER)


@pytest.mark.parametrize(
    ("queue", "caller", "moves"),
    [
        (value(20, "Support", 20.3), value(20, "Ada", 20.4), True),
        (value(20, "Support", 20.3), value(20, "Ada", 20.3), True),
        (value(20, "Support", 20.3), value(20, "Ada", 20.1), False),  # Stated before the next one was queued.
        (value(20, "Support", 20.3), value(19, "Ada", 20.4), False),
        (value(20, "Support", 20.3), value(20, "Ada"), False),
        (value(19, "Support", 20.3), value(20, "Ada", 20.4), False),
        (value(20, "", 20.3), value(20, "Ada", 20.4), False),  # It left a queue.
        (value(20, "Support"), value(20, "Ada", 20.4), False),
    ],
)
def test_what_was_stated_since_a_queue_of_that_second_is_of_after_it(
    queue: TimedValue, caller: TimedValue, moves: bool
) -> None:
    one = call(GONE, facts={"queue_name": (value(10, "Sales", 10), queue), "caller_name": (caller,)})

    assert (in_one_second(one).calls[1].facts["caller_name"][0].at == AFTER) is moves


@pytest.mark.parametrize(
    ("one", "since", "until"),
    [
        (leg_of("2002", 20, 20.3, 2), AFTER, None),
        (over(leg_of("2002", 20, 20.3, 2), 20), AFTER, AFTER),
        (over(leg_of("2002", 20, 20.3, 2), 21), AFTER, moment(21)),
        (leg_of("2002", 20, 20.299, 2), moment(20), None),
        (leg_of("2002", 19, 20.3, 2), moment(19), None),
    ],
)
def test_a_leg_of_that_second_began_after_it(one: LegState, since: Any, until: Any) -> None:
    found = in_one_second(call(GONE, came()), legs=(one,)).legs[2]

    assert (found.connected_source_at, found.disconnected_source_at) == (since, until)


@pytest.mark.parametrize(
    ("ended", "base", "name"),
    [(20, WriteStatus.NONE, "Jo"), (20, WriteStatus.QUEUED, "Ada"), (19, WriteStatus.NONE, "Ada")],
)
def test_a_leg_that_ended_in_that_second_has_nothing_that_was_stated_after_it(
    ended: float, base: WriteStatus, name: str
) -> None:
    facts = {"caller_name": (value(12, "Jo", 12), value(20, "Ada", 20.4))}
    known = over(leg_of("2001", 12, facts=LegData(caller_name="Ada"), base=base), ended)

    assert in_one_second(call(GONE, came(), facts=facts), legs=(known,)).legs[1].facts.caller_name == name


@pytest.mark.parametrize(
    ("ringing", "own", "at", "whole", "may"),
    [
        ({}, {}, 20, True, True),
        ({}, {"connected_source_at": moment(21)}, 20, True, True),
        ({}, {"connected_source_at": moment(19)}, 20, True, False),
        ({}, {}, 20, False, False),
        ({"since": None}, {}, 20, True, False),
        ({"since": 20}, {}, 20, True, False),  # It rang in no earlier second.
        ({"has_dialled": True}, {}, 20, True, False),
        ({"is_vouched": True}, {}, 20, True, False),
        ({}, {"is_unconfirmed": True}, 20, True, False),
    ],
)
def test_the_end_of_a_leg_may_be_that_of_its_phones_ringing_in_an_earlier_second(
    ringing: dict[str, Any], own: dict[str, Any], at: float, whole: bool, may: bool
) -> None:
    phone = party(**{"since": 15, **ringing})
    work = holding(call(phone), source={"has_fractions": not whole})

    assert may_have_rung_out(work, phone, replace(leg_of("2001", 20), **own), moment(at)) is may


@pytest.mark.parametrize(
    ("stated", "whole", "vouched"),
    [
        ({"interactionId": "I1"}, True, True),
        ({"interactionId": "I2"}, True, False),
        ({"callingNumber": "+49301"}, True, True),
        ({"callingNumber": "+49302"}, True, False),
        ({"callingNumber": "+49302", "interactionId": "I1"}, True, True),
        ({}, True, False),
        ({"interactionId": "I1"}, False, False),
    ],
)
def test_an_event_that_states_what_its_call_was_known_by_before_is_of_that(
    stated: dict[str, Any], whole: bool, vouched: bool
) -> None:
    one = call(number="+49301", interaction="I1")
    work = holding(one, source={"has_fractions": not whole})

    assert is_vouched(work, one, event("Established", 20, "2002", **stated)) is vouched
    assert not is_vouched(work, one, event("Established", 0, "2002", **stated)), "nothing was known before"


# Without times of the source


@pytest.mark.parametrize(
    ("parties", "announced", "more", "since"),
    [
        ((came(since=20.2),), (), {}, 20.2),
        ((came(since=19.8),), (), {}, 19.8),
        ((came(since=19.799),), (), {}, None),
        ((came(since=20.2),), ("2002",), {}, None),
        ((came(since=20.2), came("2003", since=20.5)), ("2002",), {}, 20.5),
        ((came(since=20.2),), (), {"born_at": 20.2}, None),
        ((came(since=20.2),), (), {"born_at": 20.1}, 20.2),
        ((came(since=20.2),), (), {"main": 9, "joined_at": 19.8}, None),
        ((came(since=20.2),), (), {"main": 9, "joined_at": 19.7}, 20.2),
        ((), (), {"waits_since": 20.4, "waits_at": "5000"}, 20.4),
        ((party(since=12, again=made(20.3)),), (), {}, 20.3),
        ((party(since=19.3, again=made(20.3)),), (), {}, None),  # Within a second it is a repeat.
        ((party(since=12, again=made(20.9)),), (), {}, None),  # After the moment.
        ((party(since=12, again=made(19.7)),), (), {}, None),
    ],
)
def test_who_came_in_the_second_before_a_call_was_handed_on_may_be_of_the_next_one(
    parties: tuple[Party, ...], announced: tuple[str, ...], more: dict[str, Any], since: float | None
) -> None:
    one = call(*parties, **more)

    found = newcomers_before_leaving(holding(one, **NO_TIMES), one, moment(20.8), announced)

    assert found == (None if since is None else moment(since))


@pytest.mark.parametrize(
    ("began", "answered", "since"),
    [(15, 20.2, None), (15, 20.1, 20.2), (20.2, 20.4, None), (20.3, 20.4, 20.2), (None, None, 20.2)],
)
def test_an_outside_phone_that_rang_and_answered_as_an_extension_had_dialled_is_no_newcomer(
    began: float | None, answered: float | None, since: float | None
) -> None:
    """2003 dials and its leg opens at the answer of who is outside; then 2001 leaves."""
    legs = () if answered is None else (leg_of("2003", answered, number=2),)
    dials = party("2003", PartyState.NULL, since=began, has_dialled=True) if began else party("2003", PartyState.NULL)
    one = call(left(at=20.8), party("0301", since=20.2, outside=True), dials)

    found = newcomers_since(holding(one, legs=legs, **NO_TIMES), one, moment(20.8))

    assert found == (None if since is None else moment(since))


def test_an_outside_phone_of_which_no_beginning_is_known_is_passed_over() -> None:
    legs = (leg_of("2003", 20.1, number=2),)
    dials = party("2003", PartyState.NULL, since=15, has_dialled=True)
    one = call(left(at=20.8), party("0301", outside=True), dials, came(since=20.3))

    assert newcomers_since(holding(one, legs=legs, **NO_TIMES), one, moment(20.8)) == moment(20.3)


def test_who_left_and_came_back_has_not_left() -> None:
    back, other = party(since=20.9, had_leg=True, cleared_at=20.8), party("2003", since=5, had_leg=True)
    one = call(back, other)

    assert not queues_another(holding(one, **NO_TIMES), one, event("Queued", 21, "5000"))
    assert queues_another(holding(one, **NO_TIMES), call(left(at=20.8), other), event("Queued", 21, "5000"))


@pytest.mark.parametrize(
    ("phone", "since"),
    [
        (left(at=20.8, since=5, again=made(20.9)), 20.9),
        (left(at=20.8, since=5, again=made(20.8)), None),  # A repeat of the connection that ended.
        (left(at=20.8, since=5, again=made(20.1)), None),
        (party(since=5, had_leg=True, again=made(20.9), cleared_at=1), None),  # It talks since 5.
        (left(at=20.8, since=5), None),
    ],
)
def test_who_left_and_was_connected_again_came_by_the_second_connection(phone: Party, since: float | None) -> None:
    one = call(phone, left("2003", at=21, since=0))

    found = newcomers_since(holding(one, **NO_TIMES), one, moment(21))

    assert found == (None if since is None else moment(since))


@pytest.mark.parametrize(
    ("phone", "since"),
    [
        (party(since=20.5, had_leg=True, again=made(20.2), cleared_at=20.1), 20.5),
        (left(at=20.1, since=5, again=made(20.2)), 20.2),
    ],
)
def test_a_second_connection_of_who_is_in_the_call_is_no_other_beginning(phone: Party, since: float) -> None:
    one = call(phone, left("2003", at=20.8, since=0))

    assert newcomers_since(holding(one, **NO_TIMES), one, moment(20.8)) == moment(since)
