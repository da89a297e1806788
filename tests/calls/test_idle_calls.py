"""Calls in which nobody talks as somebody leaves at 20: whether they are over, and what came since."""

from typing import Any

import pytest

from calls.core.clocks import TICK
from calls.core.idle_calls import doubt_from, may_go_on_without, rang_only
from calls.core.state import CallState, LegState, Party, PartyState, TimedValue
from calls.core.unit_of_work import UnitOfWork
from cti.events import ConnectionCleared
from tests.calls.call_states import NO_TIMES, call, event, holding, left, party
from tests.calls.leg_states import leg
from tests.calls.switchboard import Switchboard, moment

pytestmark = pytest.mark.core

HOUR = 3600

RINGS = party("2002", PartyState.ALERTING, since=15)


def leaves(device: str = "0301") -> ConnectionCleared:
    said = event("ConnectionCleared", 20, device)
    assert isinstance(said, ConnectionCleared)
    return said


def leg_of(device: str, at: float, **more: Any) -> LegState:
    return leg(at, device_id=device, call_id="C1", incarnation=1, **more)


@pytest.mark.parametrize(
    ("parties", "at", "site", "expected"),
    [
        ((RINGS,), None, {}, True),
        ((RINGS, party("2003", PartyState.ALERTING)), None, {}, True),
        ((RINGS, party("2003")), None, {}, False),
        ((party("2003", PartyState.ORIGINATED),), None, {}, False),
        ((party("2002", leg=1),), 20.5, {}, True),
        ((party("2002", leg=1),), 20, {}, False),
        ((party("2002", leg=1),), 15, {}, False),
        ((RINGS, party("2002", leg=1)), 20.5, {}, True),
        ((party("2002", leg=1),), 20.5, NO_TIMES, False),
        ((RINGS, party("2002", leg=1)), 20.5, NO_TIMES, False),
        ((RINGS,), None, NO_TIMES, True),
        ((), None, {}, True),
    ],
)
def test_a_call_only_rang_where_its_phones_rang_or_were_connected_later_by_the_sources_times(
    parties: tuple[Party, ...], at: float | None, site: dict[str, Any], expected: bool
) -> None:
    legs = () if at is None else (leg_of("2002", at),)

    assert rang_only(holding(call(*parties), legs=legs, **site), list(parties), leaves()) is expected


def queue_of(*names: tuple[float, str]) -> dict[str, Any]:
    return {"facts": {"queue_name": tuple(TimedValue(moment(at), name) for at, name in names)}}


@pytest.mark.parametrize(
    ("device", "phone", "more", "held", "goes_on"),
    [
        ("0301", None, {}, False, False),
        ("0301", party("0301", PartyState.ALERTING), {}, False, True),
        ("0301", party("0301"), {}, False, False),
        ("5000", None, {"waits_at": "5001"}, False, True),
        ("5000", None, {"waits_at": "5000"}, False, False),
        ("5000", None, {"waits_at": ""}, False, False),
        ("2003", None, {"waits_at": "5001"}, False, False),  # No queue.
        ("5000", None, {"waits_at": "5001", **queue_of((20.1, "Sales"))}, False, False),
        ("5000", None, {"waits_at": "5001", **queue_of((20, "Sales"))}, False, True),
        ("5000", None, {"waits_at": "5001", **queue_of((20.1, "Sales"), (19, "Support"))}, False, True),
        ("2001", None, {}, True, True),
        ("2001", None, {}, False, False),
    ],
)
def test_a_ringing_call_goes_on_without_another_phone_that_rang_a_queue_it_left_and_who_may_have_handed_it_on(
    device: str, phone: Party | None, more: dict[str, Any], held: bool, goes_on: bool
) -> None:
    one = call(RINGS, **more)
    legs = (leg(5, number=1, call_id="C9", incarnation=9, is_held=held),)
    work = holding(one, legs=legs, queues=frozenset({"5000", "5001"}))

    assert may_go_on_without(work, one, phone, leaves(device)) is goes_on


def doubted(one: CallState, *legs: LegState, whole: bool = False, **site: Any) -> UnitOfWork:
    work = holding(one, legs=legs, source={"has_fractions": not whole}, **site)
    doubt_from(work, one, moment(20), moment(21))
    return work


@pytest.mark.parametrize(
    ("phone", "legs", "site", "calls", "doubtful"),
    [
        (RINGS, (), {}, 1, True),
        (party("2002", since=15, leg=1, had_leg=True), (leg_of("2002", 15),), {}, 1, False),  # It talks.
        (party("2002", since=15, leg=1, had_leg=True), (leg_of("2002", 20),), {}, 1, False),
        (party("2002", since=15, leg=1, had_leg=True), (leg_of("2002", 20.6),), {}, 2, True),
        (party("2002", since=20, leg=1, had_leg=True), (leg_of("2002", 20.6),), {}, 2, True),
        (party("2002", since=20.6, leg=1, had_leg=True), (leg_of("2002", 20.6),), {}, 2, True),
        (party("2002", since=15, leg=1, had_leg=True), (leg_of("2002", 20.6),), NO_TIMES, 1, False),
        (left("2002", at=20.5, since=15), (), {}, 1, False),
        (left("2002", at=20, since=15), (), {}, 1, True),
        (left("2002", at=20.5, since=20), (), {}, 1, False),
        (left("2002", at=20.5, since=20.1), (), {}, 2, True),
        (left("2002", at=20.5, since=15, had_leg=False), (), {}, 1, True),
    ],
)
def test_a_call_in_which_nobody_talked_is_in_doubt_and_what_came_later_is_anothers(
    phone: Party, legs: tuple[LegState, ...], site: dict[str, Any], calls: int, doubtful: bool
) -> None:
    work = doubted(call(phone, entered_at=0), *legs, **site)

    assert len(work.calls) == calls
    assert work.calls[1].doubtful_since == (moment(20) if doubtful else None)
    assert [one.incarnation for one in work.legs_at("2002")] == [calls] * len(legs)


def test_of_a_phone_whose_ringing_was_not_heard_of_nothing_is_divided() -> None:
    work = doubted(call(party("2002", leg=1, had_leg=True), entered_at=0), leg_of("2002", 20.6))

    assert [one.incarnation for one in work.legs_at("2002")] == [1]
    assert work.calls[1].doubtful_since is None, "a phone talks"


def test_in_whole_seconds_what_is_heard_later_of_the_same_one_is_after_it() -> None:
    assert doubted(call(RINGS), whole=True).calls[1].doubtful_since == moment(20) - TICK


@pytest.mark.parametrize(
    ("phone", "goes_on"),
    [
        (party("2002", since=15, leg=1, had_leg=True, interaction_id="I1"), True),
        (party("2002", since=15, leg=1, had_leg=True, interaction_id="I2"), False),
        (party("2002", since=15, leg=1, had_leg=True), False),
    ],
)
def test_the_interaction_of_who_was_connected_later_shows_that_the_call_goes_on(phone: Party, goes_on: bool) -> None:
    work = doubted(call(phone, interaction="I1", entered_at=0), leg_of("2002", 20.6))

    assert len(work.calls) == (1 if goes_on else 2)


def test_a_device_of_which_nothing_came_for_hours_is_not_in_its_call_any_more_though_that_goes_on() -> None:
    """2002 came into 2001's call hours later; that 2001 is connected then is no repeat of what it was before."""
    board = Switchboard().call("Established", 5, "C1", "2001").call("Established", 6 * HOUR, "C1", "2002")
    board.waits(12 * HOUR + 6).call("Established", 12 * HOUR + 60, "C1", "2001")
    board.call("ConnectionCleared", 12 * HOUR + 90, "C1", "2001")

    spans = [span for span in board.spans() if span[0] == "2001"]
    assert spans == [("2001", 5, 5), ("2001", 12 * HOUR + 60, 12 * HOUR + 90)]
