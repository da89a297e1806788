"""When a report of a connection is late, is a repeat, or begins a leg earlier; and who is in a call that ends.

The call is C1, which began at 0; 2001 is an extension of it. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.call_end import expire_when_over, is_empty_at, remembered
from calls.core.connections import MAXIMUM_REPEATS, connect_device, connection_of, is_late, with_repeat
from calls.core.consultation import inherit
from calls.core.known_calls import located
from calls.core.origins import Origin
from calls.core.state import CallState, LegPhase, LegState, Party, PartyState, Reconnection, TimedValue
from calls.core.unit_of_work import LiveState, UnitOfWork
from tests.calls.call_states import NO_TIMES, call, event, holding, left, made, party, work
from tests.calls.switchboard import Switchboard, moment

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("one", "who", "report", "site", "late"),
    [
        (call(cleared_at=10), party(state=PartyState.NULL), made(10), {}, True),
        (call(cleared_at=10), party(state=PartyState.NULL), made(10.001), {}, False),
        (call(), left(cleared_gateway_at=10), made(10), {}, True),
        (call(), left(cleared_gateway_at=10), made(10.001), {}, False),
        (call(), party(state=PartyState.NULL), made(10), {}, False),
        (call(moved_to=2), left(cleared_gateway_at=10), made(30), {}, True),
        (call(moved_to=2), party(state=PartyState.NULL), made(30), {}, False),
        # Two monitors without times of their own: a second report within a second of both.
        (call(), left(since=9.5, cleared_gateway_at=10), made(10.5), NO_TIMES, True),
        (call(), left(since=9.5, cleared_gateway_at=10), made(10.501), NO_TIMES, False),
        (call(), left(since=9.8, cleared_gateway_at=10), made(10.8, 11), NO_TIMES, True),
        (call(), left(since=9.8, cleared_gateway_at=10), made(10.8, 11.001), NO_TIMES, False),
        (call(), left(since=9.8, cleared_gateway_at=10, had_leg=False), made(10.5), NO_TIMES, False),
        (call(), left(since=None, cleared_gateway_at=10), made(10.5), NO_TIMES, False),
        (call(), left(since=9.8, cleared_gateway_at=10), made(10.5), {}, False),
    ],
)
def test_a_connection_that_has_ended_since_is_reported_late(
    one: CallState, who: Party, report: Reconnection, site: dict[str, Any], late: bool
) -> None:
    who = replace(who, cleared_gateway_at=moment(10)) if who.cleared_gateway_at is not None else who

    assert is_late(work(**site), one, who, report) is late


def test_a_repeat_is_kept_once_and_with_the_end_that_is_known_of_it() -> None:
    one = with_repeat(with_repeat(party(), made(5, ended=6)), made(7))
    assert one.repeats == (made(5, ended=6), made(7))

    assert with_repeat(one, made(5)).repeats == (made(7), made(5, ended=6))
    assert with_repeat(one, made(7, heard=9)).repeats == (made(5, ended=6), made(7, heard=9))


def test_only_the_last_repeats_are_kept() -> None:
    one = party()
    for at in range(MAXIMUM_REPEATS + 1):
        one = with_repeat(one, made(at))

    assert [report.at for report in one.repeats] == [moment(at) for at in range(1, MAXIMUM_REPEATS + 1)]


def test_an_event_names_the_agent_of_its_own_device_only() -> None:
    said = event("Established", 5, "2001", heard=6, agentId="9101", interactionId="I1")

    mine, others = connection_of(said, "2001"), connection_of(said, "2002")
    assert (mine.at, mine.gateway_at, mine.agent_id, mine.interaction_id) == (moment(5), moment(6), "9101", "I1")
    assert others.agent_id == ""


@pytest.mark.parametrize(
    ("who", "since", "state"),
    [
        (party(state=PartyState.ALERTING, since=3), 3, PartyState.CONNECTED),
        (party(state=PartyState.ALERTING, since=7), 5, PartyState.CONNECTED),
        (party(state=PartyState.ALERTING), 5, PartyState.CONNECTED),
        (party(state=PartyState.HOLD, since=3), 3, PartyState.HOLD),
        (left(at=4, since=1, cleared_gateway_at=moment(4)), 5, PartyState.CONNECTED),
    ],
)
def test_a_device_is_in_a_call_since_it_rang_there(who: Party, since: float, state: PartyState) -> None:
    one = holding(call(who))
    connect_device(one, one.calls[1], "2001", made(5))

    after = one.calls[1].parties["2001"]
    assert (after.since, after.state, after.leg, after.had_leg) == (moment(since), state, 1, True)
    assert (after.cleared_at, after.cleared_gateway_at) == (None, None)


@pytest.mark.parametrize(("waits_since", "waits"), [(6, False), (6.001, True), (4, False)])
def test_a_call_waits_no_more_once_a_device_is_connected(waits_since: float, waits: bool) -> None:
    one = holding(call(waits_since=waits_since, waits_at="5000"))
    connect_device(one, one.calls[1], "2001", made(5))

    assert (one.calls[1].waits_since is not None, one.calls[1].waits_at) == (waits, "5000" if waits else "")


@pytest.mark.parametrize(
    ("device", "outside", "legs"), [("2001", False, 1), ("2009", False, 0), ("2001", True, 0), ("2009", True, 0)]
)
def test_only_an_extension_has_a_leg(device: str, outside: bool, legs: int) -> None:
    one = holding(call())
    connect_device(one, one.calls[1], device, made(5), outside=outside)

    assert len(one.legs) == legs
    assert one.calls[1].parties[device].outside is outside


# The end of a call


@pytest.mark.parametrize(
    ("one", "empty"),
    [
        (call(), True),
        (call(party(since=5)), False),
        (call(party(since=10)), False),
        (call(party(since=10.001)), True),
        (call(left(at=10)), True),
        (call(left(at=10.001)), False),
        (call(left(at=9), waits_since=10), False),
        (call(left(at=9), waits_since=10.001), True),
    ],
)
def test_nobody_is_in_a_call_at_its_end(one: CallState, empty: bool) -> None:
    assert is_empty_at(one, moment(10)) is empty


@pytest.mark.parametrize(("wait", "kept"), [(None, 60), (0.0, 60), (55.0, 60), (55.001, 60.001), (300.0, 305)])
def test_a_call_is_kept_a_minute_and_five_seconds_longer_than_its_wrap_up_is_awaited(
    wait: float | None, kept: float
) -> None:
    assert remembered(work(wrapup_wait_seconds=wait)).total_seconds() == kept


@pytest.mark.parametrize(
    ("one", "due"),
    [
        (call(left()), 80),
        (call(party(), due=5), 5),
        (call(left(), superseded_at=3, due=5), 5),
        (call(moved_to=2, moved_at=3), 80),
    ],
)
def test_a_call_that_is_over_is_forgotten_and_one_whose_id_was_used_again_at_its_own_time(
    one: CallState, due: float
) -> None:
    one = replace(one, due=moment(5)) if one.due is not None else one
    held = holding(one)
    expire_when_over(held, 1, moment(20))

    assert held.calls[1].due == moment(due)


def test_a_call_that_is_known_no_more_cannot_be_forgotten_again() -> None:
    held = holding()
    expire_when_over(held, 1, moment(20))

    assert held.calls == {}


# Where an event's connection is now


def moved(number: int, to: int | None, *parties: Party, at: float = 10) -> CallState:
    return call(
        *parties, incarnation=number, call_id=f"C{number}", moved_to=to, moved_at=None if to is None else moment(at)
    )


@pytest.mark.parametrize(("at", "place"), [(10, 2), (11, 2), (11.001, 3)])
def test_within_a_second_of_a_transfer_the_old_id_leads_to_the_call_that_goes_on(at: float, place: int) -> None:
    held = holding(moved(1, 2, left("2001")), moved(2, None, party("2002")))

    one, device = located(held, event("Retrieved", at, "2002"))
    assert (one.incarnation, device) == (place, "2002")


@pytest.mark.parametrize(
    ("calls", "place"),
    [
        ([moved(1, 2), moved(2, 3), moved(3, None)], 3),
        ([moved(1, 2), moved(2, 3, party("2002")), moved(3, None)], 2),
        ([moved(1, 2, left("2002")), moved(2, None)], 1),
        ([moved(1, 2)], 1),
        ([moved(1, 2), moved(2, 1)], 1),  # In a circle nobody is found, and the search ends.
    ],
)
def test_a_device_is_sought_along_the_transfers_until_it_is_found(calls: list[CallState], place: int) -> None:
    assert located(holding(*calls), event("Retrieved", 10, "2002"))[0].incarnation == place


# Consultations

HELD = LegState(
    number=1,
    call_id="C0",
    incarnation=5,
    device_id="2001",
    ordinal=1,
    connected_source_at=moment(0),
    connected_gateway_at=moment(0),
    is_held=True,
)


@pytest.mark.parametrize(
    ("dials", "held", "cause", "inherits"),
    [
        (party(state=PartyState.ORIGINATED), HELD, None, True),
        (party(state=PartyState.INITIATED), HELD, None, True),
        (party(has_dialled=True), HELD, None, True),
        (party(), HELD, None, False),
        (party(state=PartyState.ORIGINATED, outside=True), HELD, None, False),
        (party(state=PartyState.ORIGINATED), replace(HELD, is_held=False), None, False),
        (party(state=PartyState.ORIGINATED), replace(HELD, is_held=False), "consultation", True),
        (party(state=PartyState.ORIGINATED), replace(HELD, phase=LegPhase.CLOSED), None, False),
        (party(state=PartyState.ORIGINATED), replace(HELD, incarnation=1), None, False),
    ],
)
def test_the_device_that_holds_one_call_and_dials_another_consults(
    dials: Party, held: LegState, cause: str | None, inherits: bool
) -> None:
    known = replace(held, facts=replace(held.facts, interaction_id="I1"))
    live = LiveState(source=work().source, calls={1: call(dials)}, legs={1: known})
    one = UnitOfWork(live, work().context)
    inherit(one, 1, "2001", Origin("Originated", "e", moment(5)), cause)

    assert ("inherited" in one.calls[1].facts) is inherits
    assert one.legs[1].consulted == (1 if inherits else None)


@pytest.mark.parametrize("name", ["interaction_id", "inherited"])
def test_a_call_with_an_interaction_inherits_none(name: str) -> None:
    own = call(party(state=PartyState.ORIGINATED), facts={name: (TimedValue(moment(1), "I9"),)})
    known = replace(HELD, facts=replace(HELD.facts, interaction_id="I1"))
    one = UnitOfWork(LiveState(source=work().source, calls={1: own}, legs={1: known}), work().context)
    inherit(one, 1, "2001", Origin("Originated", "e", moment(5)))

    assert [value.value for value in one.calls[1].facts[name]] == ["I9"]
    assert one.legs[1].consulted is None


def test_a_device_with_two_calls_on_hold_consults_about_neither() -> None:
    board = Switchboard()
    for at, name in ((1, "C1"), (3, "C2")):
        board.call("Established", at, name, "2001", interactionId=f"I-{name}").call("Held", at + 1, name, "2001")
    board.call("Originated", 6, "C3", "2001").call("Established", 7, "C3", "2001")

    assert board.leg_of("C3").facts.interaction_id not in ("I-C1", "I-C2")
