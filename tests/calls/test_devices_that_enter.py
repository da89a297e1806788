"""Who comes into a call, where it waits and where it is led, condition by condition. 2001 to 2005 are extensions.

C1 began at 0. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.arrivals import _moved
from calls.core.commands import NameQueue
from calls.core.connections import connect_device
from calls.core.former_ids import _went_on_in
from calls.core.handlers.call_events import (
    _enter,
    _name_queue,
    _was_answered_since,
    _with_its_leg,
    handle_diverted,
    handle_network_reached,
    handle_originated,
    handle_queued,
)
from calls.core.known_calls import known_call
from calls.core.origins import Origin, OriginRule
from calls.core.state import CallState, LegPhase, LegState, Party, PartyState, TimedValue
from cti.events import CallEvent, Diverted, NetworkReached, Originated, Queued
from tests.calls.call_states import (
    DIALS,
    NO_TIMES,
    ORIGINATES,
    RINGS,
    WHOLE,
    A,
    call,
    event,
    handed,
    holding,
    left,
    made,
    other,
    party,
    second,
    snapshot,
)
from tests.calls.leg_states import HOLDER, at, leg, over
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core


def queued(at: float, device: str | None = "5000", heard: float | None = None, **data: Any) -> Queued:
    said = event("Queued", at, device, heard=heard, **data)
    assert isinstance(said, Queued)
    return said


def diverted(at: float, device: str = "2001", **data: Any) -> Diverted:
    said = event("Diverted", at, device, **data)
    assert isinstance(said, Diverted)
    return said


# --- who comes in ---


@pytest.mark.parametrize(
    ("one", "state", "is_in"),
    [
        (None, RINGS, True),
        (party(), RINGS, False),
        (party(state=PartyState.HOLD), RINGS, False),
        (party(state=RINGS), RINGS, True),
        (party(state=RINGS), DIALS, False),
        (party(state=DIALS), DIALS, True),
        (party(state=ORIGINATES), DIALS, False),
        (party(state=PartyState.NULL), DIALS, True),
        (party(state=RINGS), ORIGINATES, True),
        (left(at=30, cleared_gateway_at=moment(30)), RINGS, False),
        (left(at=3, cleared_gateway_at=moment(3)), RINGS, True),
    ],
)
def test_a_device_comes_into_a_call_unless_it_is_further_already(
    one: Party | None, state: PartyState, is_in: bool
) -> None:
    held = holding(call(*([one] if one else []), party("2003"), entered_at=0))

    assert (_enter(held, event("Delivered", 5, "2001"), state) is not None) is is_in


@pytest.mark.parametrize(
    ("one", "since", "heard", "ordinal"),
    [
        (None, 5, 5.5, 0),
        (party(state=RINGS, since=4.5, heard_at=moment(4.6), ordinal=2), 4.5, 4.6, 2),
        (party(state=RINGS, since=9, heard_at=moment(4)), 5, 4, 0),
        (party(state=RINGS, since=None), 5, None, 0),
        (left(at=3, since=1, heard_at=1, ordinal=2, cleared_gateway_at=moment(3)), 5, 5.5, 2),
    ],
)
def test_who_comes_in_has_the_beginning_of_its_connection_and_its_former_legs(
    one: Party | None, since: float, heard: float | None, ordinal: int
) -> None:
    held = holding(call(*([one] if one else []), party("2003"), entered_at=0), source=WHOLE)
    for state in (RINGS, ORIGINATES):
        entered = _enter(held, event("Delivered", 5, "2001", heard=5.5), state)
        assert entered is not None
        assert entered[1] == Party(
            device_id="2001", state=state, since=moment(since), heard_at=at(heard), ordinal=ordinal,
            has_dialled=state is ORIGINATES,
        )  # fmt: skip
        held = holding(call(*([one] if one else []), party("2003"), entered_at=0), source=WHOLE)
    outside = _enter(holding(call(entered_at=0)), event("Delivered", 5, "2009", outside=True), RINGS)
    assert outside is not None
    assert outside[1].outside


@pytest.mark.parametrize(("waits_at", "waits"), [("5000", True), ("", False)])
def test_a_call_that_is_on_its_way_has_come_where_a_phone_rings_and_one_in_a_queue_waits_on(
    waits_at: str, waits: bool
) -> None:
    held = holding(call(waits_since=0, waits_at=waits_at, entered_at=0))
    _enter(held, event("Delivered", 5, "2001"), RINGS)

    assert (held.calls[1].waits_since is not None) is waits


def test_who_dials_where_another_talks_already_is_connected() -> None:
    said = event("Originated", 0.5, "2001", agentId="9001")
    assert isinstance(said, Originated)
    answered = holding(call(party("2002"), entered_at=0))
    handle_originated(said, answered)
    alone = holding(call(party("2002", RINGS), entered_at=0))
    handle_originated(said, alone)

    assert [two.device_id for two in answered.legs.values()] == ["2001"]
    assert answered.legs[1].connected_source_at == moment(0.5)
    assert alone.legs == {}
    assert alone.calls[1].parties["2001"].has_dialled


@pytest.mark.parametrize(
    ("one", "superseded", "connected", "number", "stays"),
    [
        (party(since=19.5, leg=1), 20, 20.3, 2, True),
        (party(since=20, leg=1), 20, 20.3, 2, False),
        (party(since=19.5, leg=1), 20, 20, 2, True),
        (party(since=19.5, leg=1), 20, 19.999, 1, True),
        (party(since=19.5, leg=1), 19, 20.3, 1, True),
        (party("2002", since=19.5, leg=1), 20, 20.3, 1, False),
    ],
)
def test_a_leg_that_was_taken_for_the_former_calls_is_of_the_call_that_begins_where_its_device_rings(
    one: Party, superseded: float, connected: float, number: int, stays: bool
) -> None:
    former, new = call(one, superseded_at=superseded), second(waits_since=20)
    held = holding(former, new, legs=(leg(connected, incarnation=1, call_id="C1"),))
    now = _with_its_leg(held, event("Delivered", 20, "2001"), new)

    assert now is held.calls[2]
    assert held.legs[1].incarnation == number
    assert ("2001" in held.calls[1].parties) is stays
    assert (now.waits_since is None) is (number == 2)


# --- queues ---


@pytest.mark.parametrize(
    ("one", "at", "since", "place", "heard"),
    [
        (call(party("2003", RINGS), entered_at=0), 5, 5, "5000", 5.5),
        (call(waits_since=2, waits_at="6000", waits_heard_at=3, entered_at=0), 5, 2, "5000", 3),
        (call(waits_since=2, entered_at=0), 5, 5, "5000", 5.5),
        (call(party(had_leg=True, leg=1), entered_at=0), 5, 5, "5000", 5.5),
    ],
)
def test_a_call_waits_in_its_latest_queue_since_it_came_into_the_first(
    one: CallState, at: float, since: float, place: str, heard: float
) -> None:
    held = holding(one, legs=(leg(4, incarnation=1, call_id="C1"),) if "2001" in one.parties else (), source=WHOLE)
    handle_queued(queued(at, heard=5.5), held)
    now = held.calls[1]

    assert (now.waits_since, now.waits_at, now.waits_heard_at) == (moment(since), place, moment(heard))


def test_a_queue_without_a_name_is_known_by_its_device() -> None:
    held = holding(call(party("2003", RINGS), entered_at=0))
    said = queued(5)
    handle_queued(said, held)
    named = holding(call(party("2003", RINGS), entered_at=0))
    handle_queued(queued(5, queueName="Sales"), named)

    nowhere = holding(call(party("2003", RINGS), entered_at=0))
    handle_queued(queued(5, None), nowhere)

    assert "queue_name" not in nowhere.calls[1].facts
    assert nowhere.calls[1].waits_at == "?"
    by = Origin("Queued", said.id, moment(5), OriginRule.QUEUE_DEVICE)
    assert held.calls[1].facts["queue_name"] == (TimedValue(moment(5), "5000", by),)
    assert [one.value for one in named.calls[1].facts["queue_name"]] == ["Sales"]


def test_a_caller_is_known_to_wait_where_the_queue_states_the_number_of_before() -> None:
    known = call(party("2003", RINGS), number="+49301", entered_at=0)
    vouched, strange = holding(known, source=WHOLE), holding(known, source=WHOLE)
    handle_queued(queued(5, **A), vouched)
    handle_queued(queued(5), strange)
    moved = holding(replace(known, waits_since=moment(2), waits_at="6000", is_wait_vouched=True), source=WHOLE)
    handle_queued(queued(5), moved)

    assert vouched.calls[1].is_wait_vouched
    assert not strange.calls[1].is_wait_vouched
    assert moved.calls[1].is_wait_vouched


@pytest.mark.parametrize(
    ("one", "said", "source", "was_answered"),
    [
        (leg(5), queued(5), {}, True),
        (leg(5), queued(5.001), {}, False),
        (leg(5), queued(4), {}, True),
        (leg(5), diverted(5), {}, True),
        (leg(5), diverted(5), WHOLE, False),
        (leg(5), diverted(4), WHOLE, True),
        (leg(5), diverted(5, newDestination="2001"), WHOLE, True),
        (leg(5, device_id="2002"), diverted(5), WHOLE, True),
        (leg(5), queued(5, "2001"), WHOLE, True),
    ],
)
def test_an_extension_answered_since_a_call_was_queued_or_led_away(
    one: LegState, said: CallEvent, source: dict[str, Any], was_answered: bool
) -> None:
    held = holding(call(party(leg=1)), legs=(one,), source=source)

    assert _was_answered_since(held, held.calls[1], said) is was_answered


@pytest.mark.parametrize(
    ("known", "said", "is_named"),
    [
        ({}, queued(5, queueName="Sales"), True),
        ({"5000": "Sales"}, queued(5, queueName="Sales"), False),
        ({"5000": "Old", "6000": "Other"}, queued(5, queueName="Sales"), True),
        ({}, queued(5), False),
        ({}, queued(5, None, queueName="Sales"), False),
    ],
)
def test_a_queue_is_named_once(known: dict[str, str], said: Queued, is_named: bool) -> None:
    held = holding(source={"queue_names": known})
    _name_queue(held, said)

    assert held.commands == ([NameQueue("5000", "Sales", moment(5))] if is_named else [])
    assert held.source.queue_names == (known | {"5000": "Sales"} if is_named else known)


# --- led away ---


@pytest.mark.parametrize(
    ("one", "data", "waits", "is_gone"),
    [
        (call(party(state=RINGS), entered_at=0), {}, 5, True),
        (call(party(state=RINGS), party("2002", RINGS), entered_at=0), {}, None, True),
        (call(party(state=RINGS), waits_since=2, waits_at="5000", entered_at=0), {}, 2, True),
        (call(party(leg=1, had_leg=True), party("2002"), entered_at=0), {}, 5, False),
        (call(party(leg=1, had_leg=True), party("2002"), entered_at=0), {"cause": "park"}, 5, True),
        (call(party("2002", RINGS), entered_at=0), {}, None, True),
        (call(party(state=PartyState.NULL), entered_at=0), {}, None, True),
        (call(party(state=RINGS), moved_to=2, moved_at=4, entered_at=0), {}, None, True),
    ],
)
def test_a_call_that_is_led_away_waits_where_nobody_else_is_in_it(
    one: CallState, data: dict[str, Any], waits: float | None, is_gone: bool
) -> None:
    held = holding(one, legs=(leg(1, incarnation=1, call_id="C1"),))
    handle_diverted(diverted(5, **data), held)
    now = held.calls[1]

    assert now.waits_since == at(waits)
    there = now.parties.get("2001")
    assert (there is None or not there.is_here) is is_gone
    if data:
        assert held.legs[1].phase is LegPhase.CLOSED
        assert held.legs[1].disconnected_source_at == moment(5)


@pytest.mark.parametrize(
    ("waits_at", "to", "outside"),
    [("", "+49301", 5), ("5000", "+49301", 5), ("5000", "2002", None)],
)
def test_a_call_that_is_led_to_an_outside_number_is_outside_since_then(
    waits_at: str, to: str, outside: float | None
) -> None:
    held = holding(call(party(state=RINGS), waits_since=1, waits_at=waits_at, entered_at=0))
    handle_diverted(diverted(5, newDestination=to), held)

    assert held.calls[1].outside_since == at(outside)


def test_a_call_of_which_nothing_else_is_known_has_been_led_to_its_destination() -> None:
    held = holding(call())
    handle_diverted(diverted(1, newDestination="2002"), held)

    assert held.calls[1].handed_to == "2002"
    assert held.calls[1].rang_out == {"2001": moment(1)}
    over_ = holding(call(left(at=3), entered_at=0))
    handle_diverted(diverted(4.001, "2002"), over_)
    assert over_.calls[1].rang_out == {}
    late = holding(call(left(at=3), entered_at=0))
    handle_diverted(diverted(4, "2002"), late)
    assert late.calls[1].rang_out == {"2002": moment(4)}


@pytest.mark.parametrize(
    ("one", "device", "data", "is_reached"),
    [
        (call(party(state=ORIGINATES), entered_at=0), "T1", {"outside": True}, True),
        (call(party(state=ORIGINATES), party("2002"), entered_at=0), "T1", {"outside": True}, False),
        (call(party(state=ORIGINATES), party("T1", RINGS), entered_at=0), "T1", {"outside": True}, False),
        (call(party(state=ORIGINATES), entered_at=0), "2001", {}, True),
    ],
)
def test_a_call_has_reached_the_network_where_nobody_talks_and_the_trunk_says_nothing(
    one: CallState, device: str, data: dict[str, Any], is_reached: bool
) -> None:
    held = holding(one)
    said = event("NetworkReached", 5, device, heard=6, **data)
    assert isinstance(said, NetworkReached)
    handle_network_reached(said, held)
    now = held.calls[1]

    assert (now.reached_at, now.reached_gateway_at) == ((moment(5), moment(6)) if is_reached else (None, None))
    if is_reached:
        assert now.reached_origin == Origin("NetworkReached", said.id, moment(5), OriginRule.CONNECTED)
        assert now.due == moment(8)


# --- what else comes with that ---


def test_legs_of_a_snapshot_learn_what_their_call_knows_though_it_is_no_news() -> None:
    known = call(party(leg=1, since=0), number="+49301", entered_at=0)
    held = holding(known, legs=(leg(1),), source={"snapshot": snapshot(seen=(1,))})
    quiet = holding(known, legs=(leg(1),))
    for work in (held, quiet):
        known_call(work, event("Held", 5, "2001", **A), "C1")

    assert held.legs[1].facts.calling_number == "+49301"
    assert quiet.legs[1].facts.calling_number == ""


def test_a_leg_that_is_moved_to_another_id_is_in_that_call_by_the_transfer() -> None:
    said = handed()
    stays = leg(5, call_id="C1", call_origin=Origin("Established", "e", moment(5)))
    held = holding(call(), legs=(stays,))
    target = other(born=20)

    moved = _moved(held, stays, target, said)
    assert (moved.call_id, moved.incarnation) == ("C2", 2)
    assert moved.call_origin == Origin("Transferred", said.id, moment(20), OriginRule.MOVED)
    assert _moved(held, stays, second(), said).call_origin == stays.call_origin


@pytest.mark.parametrize(
    ("one", "target", "is_found"),
    [
        (leg(5, incarnation=2), {"former_ids": ("C1",)}, True),
        (leg(10, incarnation=2), {"former_ids": ("C1",)}, True),
        (leg(10.001, incarnation=2), {"former_ids": ("C1",)}, False),
        (leg(5, incarnation=2), {"former_ids": ("C9",)}, False),
        (over(leg(5, incarnation=2), 8), {"former_ids": ("C1",)}, False),
        (leg(5, incarnation=7), {"former_ids": ("C1",)}, False),
        (leg(5, incarnation=2, device_id="2002"), {"former_ids": ("C1",)}, False),
    ],
)
def test_an_extension_talks_in_the_call_that_had_an_id_before(
    one: LegState, target: dict[str, Any], is_found: bool
) -> None:
    ended = call(left(at=10), born_at=10)
    held = holding(ended, other(party(leg=1), born=0, **target), legs=(one,))

    assert (_went_on_in(held, ended, "2001") is not None) is is_found


@pytest.mark.parametrize(("again", "site", "is_taken"), [(12, {}, True), (14, {}, False), (12, NO_TIMES, False)])
def test_a_recording_that_began_with_a_further_report_of_a_connection_is_not_safely_the_legs(
    again: float, site: dict[str, Any], is_taken: bool
) -> None:
    one = replace(HOLDER, incarnation=1, recording_began=moment(12))
    held = holding(call(party(since=10, leg=1, had_leg=True)), legs=(one,), **site)
    connect_device(held, held.calls[1], "2001", made(again))

    assert (held.legs[1].guid == "") is is_taken
    assert held.legs[1].missed == ("repeat" if is_taken else "")
