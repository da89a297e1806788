"""Who is outside, which data are of another call, and what a gap hides: each condition at its edges.

C1 began at 0. 2001 to 2005 are extensions. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from agents.core.matching import MatchKind
from calls.core.commands import CloseGap, LeaveGap, OpenGap
from calls.core.gaps import _is_missed_by_link, doubt_unwatched, forget_queues, lose_devices, regain_devices
from calls.core.known_calls import _is_foreign, _is_of_earlier, _leads_away, known_call
from calls.core.origins import Origin
from calls.core.outside_parties import (
    _is_nobody_of_ours,
    _is_outside_here,
    is_handed_outside,
    is_of_outside,
    is_outside,
    is_outside_number,
)
from calls.core.state import CallState, LegPhase, Party
from cti.events import CallEvent, LinkRestored
from tests.calls.call_states import (
    I1,
    I2,
    MISSED,
    RINGS,
    TALKS,
    call,
    event,
    gap,
    handed,
    history,
    holding,
    left,
    other,
    party,
    snapshot,
)
from tests.calls.leg_states import leg, over
from tests.calls.switchboard import event as any_event
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

# --- who is outside ---


@pytest.mark.parametrize(
    ("one", "site", "is_out"),
    [
        (party(), {}, False),
        (party(outside=True), {}, True),
        (party("2009"), {}, True),
        (party("2009", leg=1), {"devices": frozenset()}, False),
        (party("2009", leg=2), {"devices": frozenset()}, True),
        (party("+49301", leg=2), {"devices": frozenset()}, True),
        (party("2008", leg=2), {"devices": frozenset()}, False),
        (party("2001", leg=2), {}, False),
    ],
)
def test_a_party_is_outside_where_it_is_no_extension_or_has_no_user_and_is_a_number_of_the_call(
    one: Party, site: dict[str, Any], is_out: bool
) -> None:
    legs = (leg(5), leg(5, number=2, match=MatchKind.UNMATCHED))
    held = holding(call(one, number="2009"), legs=legs, **site)

    assert is_outside(held, held.calls[1], one) is is_out


@pytest.mark.parametrize(
    ("number", "is_number"),
    [
        ("+49301", True),
        ("0301234", True),
        ("030123", False),
        ("030123x", False),
        ("2001", False),
        ("5000000", False),
        ("6000000", False),
        ("7000000", False),
        ("", False),
    ],
)
def test_an_outside_number_is_international_or_long_and_nobody_of_ours(number: str, is_number: bool) -> None:
    held = holding(
        source={"queue_names": {"6000000": "Q"}}, queues=frozenset({"5000000"}), ignored=frozenset({"7000000"})
    )

    assert is_outside_number(held, number) is is_number


def test_where_no_devices_are_listed_who_has_a_user_is_of_ours() -> None:
    held = holding(devices=frozenset())

    assert not _is_nobody_of_ours(held, "2001")
    assert _is_nobody_of_ours(holding(), "2009")


OLD = call(party(had_leg=True))
FAR = {"calling_number": history((1, "+49302"))}
CALLED = call(party(had_leg=True), number="+49301")


@pytest.mark.parametrize(
    ("calls", "data", "is_out"),
    [
        ([OLD], {"transferredToDeviceId": "+49301"}, True),
        ([OLD], {"transferredToDeviceId": "2002"}, False),
        ([OLD], {}, False),
        ([call(party("2009"))], {"transferredToDeviceId": "2009"}, True),
        ([call(party("2009", RINGS))], {"transferredToDeviceId": "2009"}, False),
        ([call(party("2009", RINGS, outside=True))], {"transferredToDeviceId": "2009"}, True),
        ([call(left("2009", outside=True))], {"transferredToDeviceId": "2009"}, False),
        # Of two calls, who was consulted is outside.
        ([OLD, other(party("2009"))], {}, True),
        ([OLD, other(party("2009"), party("2002"))], {}, False),
        ([OLD, other(left("2002"), party("2009"))], {}, True),
        ([OLD, other(left("2009"))], {}, False),
        # It joins two callers: who handed on was called in both, and hands on to none of ours.
        ([OLD, other(party("2001", had_leg=True))], {"transferredToDeviceId": "77"}, True),
        ([OLD, other(party("2001", had_leg=True))], {"transferredToDeviceId": "2002"}, False),
        ([OLD, other(party("2001"))], {"transferredToDeviceId": "77"}, False),
        ([OLD, other(party("2001", had_leg=True, has_dialled=True))], {"transferredToDeviceId": "77"}, False),
        ([OLD, other(party("2001", had_leg=True), waits_since=5)], {"transferredToDeviceId": "77"}, False),
        ([OLD, other(party("2003", had_leg=True))], {"transferredToDeviceId": "77"}, False),
        (
            [OLD, other(party("2003", had_leg=True))],
            {"transferredToDeviceId": "77", "transferringDeviceId": "2003"},
            True,
        ),
        ([OLD], {"transferredToDeviceId": "77"}, False),
        # No destination is named: both calls state a number outside.
        ([CALLED, other(party("2001", had_leg=True), facts=FAR)], {}, True),
        ([CALLED, other(party("2001", had_leg=True), facts=FAR, waits_since=5)], {}, False),
        (
            [call(party(had_leg=True), facts=FAR, waits_since=5), other(party("2001", had_leg=True), facts=FAR)],
            {},
            False,
        ),
        ([CALLED, other(party("2001"), facts=FAR)], {}, False),
        ([CALLED, other(party("2001", had_leg=True))], {}, False),
        ([OLD, other(party("2001", had_leg=True), facts=FAR)], {}, False),
        ([CALLED, other(party("2001", had_leg=True), facts={"calling_number": history((1, "2002"))})], {}, False),
        ([CALLED, other(party("2001", had_leg=True, has_dialled=True), facts=FAR)], {}, False),
        (
            [
                CALLED,
                other(party("2001", had_leg=True, has_dialled=True), facts={"called_number": FAR["calling_number"]}),
            ],
            {},
            True,
        ),
    ],
)
def test_a_transfer_hands_a_call_outside(calls: list[CallState], data: dict[str, Any], is_out: bool) -> None:
    assert is_handed_outside(holding(*calls), calls, handed(**data)) is is_out


def test_who_talks_at_a_queue_is_not_outside() -> None:
    one = call(party("5000"))

    assert _is_outside_here(holding(one), one, "5000")
    assert not _is_outside_here(holding(one, queues=frozenset({"5000"})), one, "5000")
    assert not _is_outside_here(holding(one), one, "5001")


@pytest.mark.parametrize(
    ("said", "is_out"),
    [
        (event("Delivered", 5, "2001"), False),
        (event("Delivered", 5, "2001", outside=True), True),
        (event("Delivered", 5, "+49301"), True),
        (event("Delivered", 5, "2009"), True),
        (event("Delivered", 5, "5000"), False),
        (event("Queued", 5, "2009"), False),
    ],
)
def test_an_event_is_about_an_outside_party(said: CallEvent, is_out: bool) -> None:
    assert is_of_outside(holding(queues=frozenset({"5000"})), said) is is_out


# --- data of another call ---


@pytest.mark.parametrize(
    ("one", "said", "is_led"),
    [
        (call(party(state=RINGS)), event("Diverted", 5, "2001"), True),
        (call(party()), event("Diverted", 5, "2001"), False),
        (call(party("2002", RINGS)), event("Diverted", 5, "2001"), False),
        (call(party(state=RINGS)), event("ConnectionCleared", 5, "2001", cause="noAnswer"), True),
        (call(party(state=RINGS)), event("ConnectionCleared", 5, "2001"), False),
        (call(party(state=RINGS)), event("Held", 5, "2001", cause="noAnswer"), False),
    ],
)
def test_a_call_is_led_away_from_a_phone_that_rings(one: CallState, said: CallEvent, is_led: bool) -> None:
    assert _leads_away(one, said) is is_led


EARLIER = call(left(), interaction="I1")
LATER = other(party("2002"), call_id="C1", born=20)


@pytest.mark.parametrize(
    ("first", "second", "said", "is_earlier"),
    [
        (EARLIER, LATER, event("ConnectionCleared", 25, "2001"), True),
        (EARLIER, LATER, event("ConnectionCleared", 25, "2002"), False),
        (EARLIER, LATER, event("ConnectionCleared", 25, "2003"), False),
        (EARLIER, LATER, event("ConnectionCleared", 25, "2003", **I1), True),
        (EARLIER, LATER, event("ConnectionCleared", 25, "2003", **I2), False),
        (EARLIER, replace(LATER, facts=TALKS.facts), event("ConnectionCleared", 25, "2003", **I1), False),
        (call(left(had_leg=False)), LATER, event("ConnectionCleared", 25, "2001"), False),
        (EARLIER, LATER, event("CallInformation", 25, agentId="9001"), True),
        (EARLIER, LATER, event("CallInformation", 25, agentId="9002"), False),
        (EARLIER, LATER, event("CallInformation", 25, "2003", agentId="9001"), False),
        (EARLIER, replace(LATER, parties={"2001": party()}), event("CallInformation", 25, agentId="9001"), False),
    ],
)
def test_an_event_is_of_an_earlier_call_by_the_leg_of_its_device_or_agent_or_by_its_interaction(
    first: CallState, second: CallState, said: CallEvent, is_earlier: bool
) -> None:
    held = holding(first, second, legs=(over(leg(5, agent_id="9001"), 10),))

    assert _is_of_earlier(held, second, said) is is_earlier
    assert not _is_of_earlier(held, first, said)


@pytest.mark.parametrize(
    ("one", "said", "source", "is_foreign"),
    [
        (TALKS, event("CallInformation", 5, **I1), {}, False),
        (TALKS, event("CallInformation", 5, **I2), {}, False),
        (TALKS, event("CallInformation", 5, wrapup={"result": "sold"}, **I2), {}, True),
        (TALKS, event("CallInformation", 5, "2002", **I2), {}, True),
        (TALKS, event("CallInformation", 5, "2001", **I2), {}, False),
        (TALKS, event("ConnectionCleared", 5, "2001", **I2), {}, True),
        (TALKS, event("Delivered", 5, "2002", **I2), {}, False),
        (TALKS, event("CallCleared", 5), {}, False),
        (
            TALKS,
            event("Diverted", 5, "2002"),
            MISSED,
            True,
        ),
        (
            TALKS,
            event("Diverted", 5, "2002", **I1),
            MISSED,
            False,
        ),
        (
            TALKS,
            event("Failed", 5, "2002"),
            MISSED,
            False,
        ),
    ],
)
def test_an_event_of_a_call_that_is_not_known_says_nothing_of_this_one(
    one: CallState, said: CallEvent, source: dict[str, Any], is_foreign: bool
) -> None:
    assert _is_foreign(holding(one, source=source), one, said) is is_foreign


@pytest.mark.parametrize(
    ("at", "born", "is_kept"), [(15, 10, False), (15.001, 10, True), (14, 10, False), (15, 15, True)]
)
def test_what_a_consultation_stated_until_it_was_joined_is_no_more_known_after_that(
    at: float, born: float, is_kept: bool
) -> None:
    one = other(party("2002"), call_id="C2", born=born, main=1, joined_at=15)
    held = holding(call(left(), number="+49301"), one)
    said = any_event("Established", at, callId="C2", deviceId="2002", callerName="Ann")
    assert isinstance(said, CallEvent)
    known = known_call(held, said, "C2")

    assert (known.facts["caller_name"][-1].value == "Ann") is is_kept


# --- gaps ---


@pytest.mark.parametrize(
    ("lost_at", "lost", "at", "one", "is_forgotten"),
    [
        (5, 5, 8.001, call(entered_at=0, waits_since=0), True),
        (5, 5, 8, call(entered_at=0, waits_since=0), False),
        (None, 5, 20, call(entered_at=0, waits_since=0), False),
        (5, None, 20, call(entered_at=0, waits_since=0), False),
        (5, 5, 20, call(entered_at=0, waits_since=0, touched_gateway_at=5), False),
        (5, 5, 20, call(party()), False),
        (5, 5, 20, call(party(state=RINGS)), True),
        (5, 5, 20, call(left()), False),
    ],
)
def test_a_call_in_which_nobody_talked_forgets_its_queue_in_a_long_gap(
    lost_at: float | None, lost: float | None, at: float, one: CallState, is_forgotten: bool
) -> None:
    queued = replace(one, facts={"queue_name": history((0, "Sales"))})
    held = holding(queued, source={"lost_at": lost_at, "lost_gateway_at": lost})
    restored = any_event("Restored", at, family="link")
    assert isinstance(restored, LinkRestored)
    forget_queues(held, restored)

    known = held.calls[1].facts["queue_name"]
    assert (known[-1].value == "") is is_forgotten
    if is_forgotten:
        assert known[-1].origin == Origin("LinkRestored", restored.id, moment(at))


@pytest.mark.parametrize(
    ("more", "one", "back", "is_doubted"),
    [
        ({}, call(party(leg=1)), {"2001"}, True),
        ({"phase": LegPhase.CLOSED}, call(party(leg=1)), {"2001"}, False),
        ({"incarnation": 7}, call(party(leg=1)), {"2001"}, False),
        ({}, call(party(leg=1), party("2002")), {"2001"}, False),
        ({}, call(party(leg=1), party("2002")), {"2001", "2002"}, True),
        ({}, call(party(leg=1), party("2009")), {"2001"}, True),
        ({}, call(party(leg=1), party("2002", outside=True)), {"2001"}, True),
        ({}, call(party(leg=1), left("2002")), {"2001"}, True),
    ],
)
def test_a_call_whose_extensions_were_all_missed_may_be_over(
    more: dict[str, Any], one: CallState, back: set[str], is_doubted: bool
) -> None:
    held = holding(one, legs=(leg(1, **more),), source={"partial": (gap("2001", began=5),)})
    doubt_unwatched(held, back, moment(9))

    assert held.calls[1].doubtful_since == (moment(9) if is_doubted else None)
    watched = holding(one, legs=(leg(1, **more),))
    doubt_unwatched(watched, back, moment(9))
    assert watched.calls[1].doubtful_since is None


LOST: dict[str, Any] = {"lost_at": 5, "lost_gateway_at": 5}


@pytest.mark.parametrize(
    ("one", "said", "source", "is_missed"),
    [
        (call(party()), event("Delivered", 6, "2002"), {}, True),
        (call(party(leg=1)), event("Delivered", 6, "2001"), {}, True),
        (call(party(leg=1)), event("Held", 6, "2001"), {}, False),
        (call(party()), event("Delivered", 6, "2001"), {}, False),
        (call(party("2009")), event("Delivered", 8, "2002"), {}, False),
        (call(party("2009")), event("Delivered", 8.001, "2002"), {}, True),
        (call(party(state=RINGS)), event("Delivered", 8, "2001"), {}, False),
        (call(party(state=RINGS)), event("Delivered", 8.001, "2001"), {}, True),
        (call(party(), touched_gateway_at=5), event("Delivered", 6, "2002"), {}, False),
        (call(party()), event("Delivered", 5, "2002"), {}, False),
        (call(party()), event("Delivered", 6, "2002"), {"lost_gateway_at": None}, False),
        (
            call(party()),
            event("Delivered", 6, "2002"),
            {"snapshot": snapshot(5.5)},
            False,
        ),
    ],
)
def test_an_event_after_the_loss_may_be_of_another_call(
    one: CallState, said: CallEvent, source: dict[str, Any], is_missed: bool
) -> None:
    held = holding(one, legs=(leg(1),), source={**LOST, **source})
    inside = {name for name, two in one.parties.items() if name != "2009" and two.is_here}

    assert _is_missed_by_link(held, one, moment(5), said, inside) is is_missed


def test_a_gap_of_devices_is_opened_once_and_closed_with_the_last_of_them() -> None:
    held = holding()
    lose_devices(held, ["2001", "2002"], moment(5), "refused")
    lose_devices(held, ["2002"], moment(6), "refused")
    lose_devices(held, ["2003"], moment(7), "lost")
    regain_devices(held, ["2001"], moment(8))
    regain_devices(held, ["2002"], moment(9))
    regain_devices(held, None, moment(10))
    regain_devices(held, None, moment(11))

    first, second = [
        CloseGap(moment(began), moment(end), legs_saved=0, legs_lost=0) for began, end in ((5, 9), (7, 10))
    ]
    assert held.commands == [
        OpenGap(moment(5), "refused", frozenset({"2001", "2002"})),
        OpenGap(moment(7), "lost", frozenset({"2003"})),
        LeaveGap(moment(5), moment(8), frozenset({"2001"})),
        first,
        second,
    ]
    for source, is_open in (({"lost_at": 1}, False), ({"lost_at": 1, "is_restored": True}, True)):
        down = holding(source=source)
        lose_devices(down, ["2001"], moment(5), "refused")
        assert bool(down.source.partial) is is_open
