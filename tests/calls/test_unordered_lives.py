"""To which life of an id an event belongs where its time does not say so: each condition, and each limit at its edges.

C1 named one call from 0 on, and another one from 20 on. 2001 to 2005 are extensions. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.call_evidence import (
    _is_after_gap,
    _is_left,
    _states_another_than_inherited,
    _vouches,
    is_inside_again,
    is_of_before_loss,
    is_of_transfer,
)
from calls.core.call_facts import INHERITED
from calls.core.incarnations import (
    _former,
    _has_left_queue,
    _is_answer_of_moved,
    _is_dialling_of_moved,
    _is_handed_on_to,
    _is_of_led_away,
    _is_of_unknown_call,
    in_its_place,
    overtaken,
)
from calls.core.ringing import has_rung_out, rings_in_another
from calls.core.source_state import PartialGap, Snapshot
from calls.core.state import CallState, Party, PartyState, TimedValue
from cti.events import CallEvent, ConnectionCleared
from tests.calls.call_states import I1, I2, NO_TIMES, TALKS, A, B, call, event, holding, left, party
from tests.calls.leg_states import leg, pending
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

#: The smallest step of time.
TICK = 0.000001
WHOLE: dict[str, Any] = {"has_fractions": False}
RINGS, ORIGINATES = PartyState.ALERTING, PartyState.ORIGINATED


def second(*parties: Party, born: float = 20, **more: Any) -> CallState:
    """Return the id's second call."""
    return call(*parties, **{"incarnation": 2, "born_at": born, "touched_gateway_at": born, **more})


# --- calls that were handed on ---

HANDED = call(left(), moved_to=2, moved_at=10, handed_to="2003", number="+49301")
GOES_ON = second(party("2003", RINGS), number="+49301")


@pytest.mark.parametrize(
    ("one", "target", "said", "site", "is_answer"),
    [
        (HANDED, GOES_ON, event("Established", 11, "2003"), NO_TIMES, True),
        (HANDED, GOES_ON, event("Established", 11.001, "2003"), NO_TIMES, False),
        (HANDED, GOES_ON, event("Established", 11, "2003"), {}, False),
        (HANDED, GOES_ON, event("Delivered", 11, "2003"), NO_TIMES, False),
        (HANDED, GOES_ON, event("Established", 11, "2004"), NO_TIMES, False),
        (HANDED, GOES_ON, event("Established", 11, "2003", **A), NO_TIMES, True),
        (HANDED, GOES_ON, event("Established", 11, "2003", **B), NO_TIMES, False),
        (replace(HANDED, facts={}), GOES_ON, event("Established", 11, "2003", **B), NO_TIMES, False),
        (HANDED, replace(GOES_ON, facts={}), event("Established", 11, "2003", **B), NO_TIMES, False),
        (replace(HANDED, moved_to=None), GOES_ON, event("Established", 11, "2003"), NO_TIMES, False),
        (replace(HANDED, moved_to=3), GOES_ON, event("Established", 11, "2003"), NO_TIMES, False),
        (replace(HANDED, moved_at=None), GOES_ON, event("Established", 11, "2003"), NO_TIMES, False),
        (HANDED, second(party("2003")), event("Established", 11, "2003"), NO_TIMES, False),
        (HANDED, second(), event("Established", 11, "2003"), NO_TIMES, True),
        (HANDED, second(), event("Established", 11, "2004"), NO_TIMES, False),
        (replace(HANDED, handed_to=""), GOES_ON, event("Established", 11, "2003"), NO_TIMES, True),
    ],
)
def test_an_answer_is_awaited_in_the_call_that_goes_on_where_the_device_does_not_talk_yet(
    one: CallState, target: CallState, said: CallEvent, site: dict[str, Any], is_answer: bool
) -> None:
    assert _is_answer_of_moved(holding(one, target, **site), one, said) is is_answer


@pytest.mark.parametrize(
    ("one", "said", "site", "is_of_moved"),
    [
        (HANDED, event("Originated", 11, "2001"), NO_TIMES, True),
        (HANDED, event("ServiceInitiated", 11, "2001"), NO_TIMES, True),
        (HANDED, event("Originated", 11.001, "2001"), NO_TIMES, False),
        (HANDED, event("Originated", 11, "2001"), {}, False),
        (HANDED, event("Delivered", 11, "2001"), NO_TIMES, False),
        (HANDED, event("Originated", 11, "2002"), NO_TIMES, False),
        (HANDED, event("Originated", 11, "2001", **B), NO_TIMES, False),
        (replace(HANDED, moved_at=None), event("Originated", 11, "2001"), NO_TIMES, False),
        (replace(HANDED, parties={"2001": left(had_leg=False)}), event("Originated", 11, "2001"), NO_TIMES, False),
        (call(left(), left("2002", has_dialled=True), moved_at=10), event("Originated", 11, "2001"), NO_TIMES, False),
    ],
)
def test_a_device_dialled_the_call_that_it_handed_on_where_nobody_else_was_heard_to(
    one: CallState, said: CallEvent, site: dict[str, Any], is_of_moved: bool
) -> None:
    assert _is_dialling_of_moved(holding(one, **site), one, said) is is_of_moved


LED_AWAY = call(handed_to="2002", number="+49301")


@pytest.mark.parametrize(
    ("one", "said", "is_there"),
    [
        (LED_AWAY, event("Delivered", 1, "2002"), True),
        (LED_AWAY, event("Established", 1, "2002"), True),
        (LED_AWAY, event("Delivered", 1.001, "2002"), False),
        (LED_AWAY, event("Originated", 1, "2002"), False),
        (LED_AWAY, event("Delivered", 1, "2003"), False),
        (LED_AWAY, event("Delivered", 1, "2002", **B), False),
        (replace(LED_AWAY, parties={"2001": left()}), event("Delivered", 1, "2002"), False),
        (replace(LED_AWAY, moved_to=2), event("Delivered", 1, "2002"), False),
        (replace(LED_AWAY, cleared_at=moment(1)), event("Delivered", 1, "2002"), False),
    ],
)
def test_a_phone_rings_in_the_call_that_was_led_to_it_of_which_nothing_else_is_known(
    one: CallState, said: CallEvent, is_there: bool
) -> None:
    assert _is_of_led_away(one, said) is is_there


@pytest.mark.parametrize(
    ("at", "following", "has_left"),
    [
        (14.999, None, True),
        (15, None, False),
        (15, second(), True),
        (15.001, second(), False),
        (14, second(born=15), False),
        (14, second(born=15.001), True),
    ],
)
def test_who_left_the_queue_before_the_ids_next_call_began_is_in_a_call_of_its_own(
    at: float, following: CallState | None, has_left: bool
) -> None:
    assert _has_left_queue(event("Delivered", at, "2001"), moment(15), following) is has_left


@pytest.mark.parametrize(
    ("said", "is_unknown"),
    [
        (event("ConnectionCleared", 5, "2002", **I2), True),
        (event("ConnectionCleared", 5, "2002", **I1), False),
        (event("ConnectionCleared", 5, "2002"), False),
        (event("ConnectionCleared", 5, "2009", **I2), False),
        (event("ConnectionCleared", 5, "2002", outside=True, **I2), False),
    ],
)
def test_an_extension_that_states_another_interaction_left_a_call_that_is_not_known(
    said: CallEvent, is_unknown: bool
) -> None:
    assert isinstance(said, ConnectionCleared)
    assert _is_of_unknown_call(holding(TALKS), TALKS, said) is is_unknown


# --- the call before one that began just now ---

BEFORE = call(party(had_leg=True), superseded_at=20, interaction="I1")


@pytest.mark.parametrize(
    ("calls", "at", "stated", "site", "is_former"),
    [
        ([BEFORE, second()], 21, {}, NO_TIMES, True),
        ([BEFORE, second()], 21, I1, NO_TIMES, True),
        ([BEFORE, second()], 21, I2, NO_TIMES, False),
        ([BEFORE, second()], 21.001, {}, NO_TIMES, False),
        ([replace(BEFORE, superseded_at=moment(20.5)), second(born=20)], 21.001, {}, NO_TIMES, False),
        ([BEFORE, second(born=20.5)], 21.001, {}, NO_TIMES, False),
        ([replace(BEFORE, superseded_at=None), second()], 21, {}, NO_TIMES, False),
        ([second()], 21, {}, NO_TIMES, False),
        ([BEFORE, second()], 21, {}, {}, False),
        ([BEFORE, second()], 20, {}, {**NO_TIMES, "settle_seconds": 0.0}, False),
    ],
)
def test_an_end_that_is_heard_just_after_a_call_began_may_be_that_of_the_ids_call_before(
    calls: list[CallState], at: float, stated: dict[str, Any], site: dict[str, Any], is_former: bool
) -> None:
    found = _former(holding(*calls, **site), calls, calls[-1], event("CallCleared", at, **stated))

    assert (found is not None) is is_former
    assert found is None or found is calls[0]


NOW = second(party(since=20))
MIDDLE = call(left(at=20.5), incarnation=3, superseded_at=20.5)


@pytest.mark.parametrize(
    ("calls", "at", "number"),
    [
        ([BEFORE, NOW], 21, 1),
        ([BEFORE, NOW], 21.001, None),
        ([BEFORE, second()], 21, 1),
        ([BEFORE, second(born=19.999)], 21, None),
        ([BEFORE, second(party(since=None))], 21, None),
        ([BEFORE, second(party(since=19.999))], 21, None),
        ([replace(BEFORE, superseded_at=None), NOW], 21, None),
        ([replace(BEFORE, superseded_at=moment(19.999)), NOW], 21, None),
        ([replace(BEFORE, superseded_at=moment(21)), NOW], 21, 1),
        ([replace(BEFORE, superseded_at=moment(21.001)), NOW], 21, None),
        ([replace(BEFORE, parties={"2002": party("2002")}), NOW], 21, None),
        ([replace(BEFORE, parties={"2001": left(at=20)}), NOW], 21, 1),
        ([replace(BEFORE, parties={"2001": left(at=19.999)}), NOW], 21, None),
        ([replace(BEFORE, parties={"2001": left(at=20, had_leg=False)}), NOW], 21, None),
        ([BEFORE, MIDDLE, NOW], 21, 3),
        ([BEFORE, replace(MIDDLE, superseded_at=moment(20.6)), NOW], 21, None),
        ([BEFORE, replace(NOW, superseded_at=moment(20.5))], 21, 1),
    ],
)
def test_a_device_was_in_the_call_before_as_long_as_its_end_may_be_heard_late(
    calls: list[CallState], at: float, number: int | None
) -> None:
    found = overtaken(holding(*calls, **NO_TIMES), calls, calls[-1], "2001", moment(at))

    assert (found.incarnation if found else None) == number
    assert overtaken(holding(*calls), calls, calls[-1], "2001", moment(at)) is None


# --- whole seconds: what was set apart within one ---

APART = second(party(since=20 + TICK), born=20 + TICK)
LEFT_APART = second(left(at=20 + TICK), born=10)


@pytest.mark.parametrize(
    ("one", "said", "later"),
    [
        (APART, event("Established", 20, "2001"), TICK),
        (APART, event("Established", 20, "2002"), TICK),
        (second(born=20.1), event("Established", 20, "2002"), 0),
        (second(born=20.099), event("Established", 20, "2002"), 0.099),
        (second(born=20), event("Established", 20, "2002"), 0),
        (APART, event("ConnectionCleared", 20, "2001"), TICK),
        (APART, event("ConnectionCleared", 20, "2002"), 0),
        (APART, event("Held", 20, "2001"), TICK),
        (APART, event("CallCleared", 20), 0),
        (APART, event("Transferred", 20, primaryOldCallId="C1"), 0),
        # Who comes after an end that was set apart, by which all have left, comes after it.
        (LEFT_APART, event("Established", 20, "2002"), 2 * TICK),
        (LEFT_APART, event("Queued", 20, "5000"), 2 * TICK),
        (LEFT_APART, event("Established", 21, "2002"), 0),
        (LEFT_APART, event("CallInformation", 20), 0),
        (second(left(at=20 + TICK), party("2003"), born=10), event("Established", 20, "2002"), 0),
        (second(left(at=20 + TICK), party("2003", RINGS), born=10), event("Established", 20, "2002"), 2 * TICK),
        (second(left(at=15), born=10, cleared_at=20 + TICK), event("Established", 20, "2002"), 2 * TICK),
        (second(left(at=20), born=10, cleared_at=20), event("Established", 20, "2002"), 0),
        # A device to which the call was handed on in that second, as was heard before, was there.
        (second(party(), born=10, joined_at=20), event("ConnectionCleared", 20, "2001"), TICK),
        (second(party(), born=10, joined_at=20), event("Diverted", 20, "2001"), TICK),
        (second(party(), born=10, joined_at=20), event("CallCleared", 20), TICK),
        (second(party(), born=10, joined_at=20), event("ConnectionCleared", 20, "2002"), 0),
        (second(party(), born=10, joined_at=20), event("Held", 20, "2001"), 0),
        (second(party(), born=10, joined_at=19), event("ConnectionCleared", 20, "2001"), 0),
        (second(left(), born=10, joined_at=20), event("ConnectionCleared", 20, "2001"), 0),
        (second(party(), born=10, joined_at=20), event("Transferred", 20, "2001", primaryOldCallId="C1"), TICK),
        (
            second(party(), born=10, joined_at=20),
            event("Transferred", 20, "2002", primaryOldCallId="C1", transferringDeviceId="2001"),
            TICK,
        ),
    ],
)
def test_an_event_of_whole_seconds_takes_its_place_beside_what_was_set_apart_in_its_second(
    one: CallState, said: CallEvent, later: float
) -> None:
    placed = in_its_place(holding(one, source=WHOLE), said)

    assert (placed.time - said.time).total_seconds() == pytest.approx(later, abs=TICK / 10)
    assert in_its_place(holding(one), said) is said
    assert in_its_place(holding(source=WHOLE), said) is said


@pytest.mark.parametrize(
    ("more", "device", "is_handed_on"),
    [
        ({"pending_transfer": pending(20)}, "2001", True),
        ({"pending_transfer": pending(20)}, None, True),
        ({"pending_transfer": pending(20)}, "2002", False),
        ({"pending_transfer": pending(19)}, "2001", False),
        ({"agent_source_at": 5}, "2001", True),
        ({"agent_source_at": 5, "at": 19}, "2001", False),
        ({}, "2001", False),
    ],
)
def test_a_call_was_handed_on_to_a_leg_in_the_moment_of_the_transfer_or_of_its_second_part(
    more: dict[str, Any], device: str | None, is_handed_on: bool
) -> None:
    one = leg(number=2, **{"at": 20, **more})
    held = holding(second(party(leg=2), born=10), legs=(one,), source=WHOLE)

    said = event("ConnectionCleared", 20, device) if device else event("CallCleared", 20)
    assert _is_handed_on_to(held, held.calls[2], said) is is_handed_on


# --- signs of another call ---

CONSULTS = call(party(), facts={INHERITED: (TimedValue(moment(0), "I1"),)})


@pytest.mark.parametrize(
    ("one", "stated", "is_other"),
    [
        (CONSULTS, I2, True),
        (CONSULTS, I1, False),
        (CONSULTS, {}, False),
        (TALKS, I2, False),
        (replace(CONSULTS, facts={**CONSULTS.facts, **TALKS.facts}), I2, False),
    ],
)
def test_a_consultation_that_states_an_interaction_has_that_of_the_call_that_it_was_about(
    one: CallState, stated: dict[str, Any], is_other: bool
) -> None:
    assert _states_another_than_inherited(one, event("Delivered", 5, "2002", **stated)) is is_other


def snapshot(began: float) -> Snapshot:
    return Snapshot(began_at=moment(began), began_gateway_at=moment(began))


def gap(*devices: str, began: float = 3) -> PartialGap:
    return PartialGap(began_at=moment(began), devices=frozenset(devices))


@pytest.mark.parametrize(
    ("source", "is_after"),
    [
        ({}, False),
        ({"snapshot": snapshot(0.001)}, True),
        ({"snapshot": snapshot(0)}, False),
        ({"lost_gateway_at": 0.001}, True),
        ({"lost_gateway_at": 0}, False),
        ({"partial": (gap("2002"),)}, True),
        ({"partial": (gap("2001"),)}, False),
    ],
)
def test_nothing_was_heard_of_a_call_since_a_gap(source: dict[str, Any], is_after: bool) -> None:
    assert _is_after_gap(holding(TALKS, source=source), TALKS, event("Delivered", 5, "2002")) is is_after


UNHEARD: dict[str, Any] = {"lost_gateway_at": 1}
MISSED: dict[str, Any] = {"partial": (gap("2001"),)}


@pytest.mark.parametrize(
    ("host", "stated", "source", "is_before"),
    [
        ("2002", {}, UNHEARD, True),
        ("2001", I2, UNHEARD, True),
        ("2001", I1, UNHEARD, False),
        ("", {}, UNHEARD, False),
        ("2002", {}, {}, False),
        ("2001", I2, {}, False),
        ("2002", I2, {}, True),
        ("2001", I2, MISSED, True),
        ("2001", I1, MISSED, False),
        ("2001", I2, {"partial": (gap("2003"),)}, False),
    ],
)
def test_an_id_that_is_handed_on_names_another_call_where_one_sign_after_the_loss_or_both_say_so(
    host: str, stated: dict[str, Any], source: dict[str, Any], is_before: bool
) -> None:
    said = event("Transferred", 20, host or None, primaryOldCallId="C1", **stated)

    assert is_of_before_loss(holding(TALKS, source=source), TALKS, said, host) is is_before


LEFT = call(left(), entered_at=0)


@pytest.mark.parametrize(
    ("one", "at", "is_left"),
    [
        (LEFT, 10.001, True),
        (LEFT, 10, False),
        (replace(LEFT, waits_since=moment(5)), 11, False),
        (call(left(had_leg=False)), 11, False),
        (replace(LEFT, joined_at=moment(10)), 11, False),
        (replace(LEFT, joined_at=moment(9.999)), 11, True),
        (call(left(), party("2003")), 11, False),
        (call(left(), party("2009")), 11, True),
        (call(left(), party("2003", outside=True)), 11, True),
        (call(left(), party("2003", RINGS, since=9.999)), 11, True),
        (call(left(), party("2003", RINGS, since=10)), 11, False),
        (call(left(), party("2003", RINGS, since=None)), 11, False),
        (call(left(), party("2003", ORIGINATES, since=9)), 11, False),
        (call(left(), left("2003", at=12)), 12, False),
        (call(left(), left("2003", at=12)), 12.001, True),
        (call(left(), left("2003", at=12, had_leg=False)), 11, True),
        (call(left("2003", outside=True)), 11, False),
        (call(left(), party("2002", outside=True)), 11, False),
    ],
)
def test_a_call_is_left_where_all_extensions_that_talked_are_gone_and_nobody_waits_or_was_joined(
    one: CallState, at: float, is_left: bool
) -> None:
    assert _is_left(holding(one), one, event("Delivered", at, "2002")) is is_left


@pytest.mark.parametrize(
    ("since", "said", "is_inside"),
    [
        (4, event("Delivered", 5, "2002"), True),
        (5, event("Delivered", 5, "2002"), False),
        (None, event("Delivered", 5, "2002"), False),
        (4, event("Held", 5, "2002"), False),
        (4, event("Queued", 5, "5000"), True),
        (4, event("Delivered", 5, "2009"), False),
        (4, event("Delivered", 5, "2002", outside=True), False),
    ],
)
def test_a_phone_or_queue_is_stated_again_in_a_call_that_was_handed_outside(
    since: float | None, said: CallEvent, is_inside: bool
) -> None:
    one = call(party("2009", outside=True), outside_since=since)

    assert is_inside_again(holding(one), one, said) is is_inside


def called_from(number: str, since: float) -> CallState:
    return call(facts={"calling_number": (TimedValue(moment(since), number),)})


@pytest.mark.parametrize(
    ("one", "said", "is_vouched"),
    [
        (TALKS, event("Delivered", 5, "2002", **A), True),
        (TALKS, event("Delivered", 5, "2002", **B), False),
        (TALKS, event("Delivered", 5, "2002"), False),
        (call(number="2003"), event("Delivered", 5, "2002", callingNumber="2003"), False),
        (call(party("2009"), number="2009"), event("Delivered", 5, "2002", callingNumber="2009"), True),
        (call(number="2009"), event("Delivered", 5, "2002", callingNumber="2009"), True),
        (
            call(facts={"calling_number": (TimedValue(moment(4.001), "+49301"),)}),
            event("Delivered", 5, "2002", **A),
            False,
        ),
        (call(facts={"calling_number": (TimedValue(moment(4), "+49301"),)}), event("Delivered", 5, "2002", **A), True),
    ],
)
def test_the_number_that_a_call_had_before_vouches_for_it_where_it_is_no_phones_of_ours(
    one: CallState, said: CallEvent, is_vouched: bool
) -> None:
    assert _vouches(holding(one), one, said, moment(4)) is is_vouched


@pytest.mark.parametrize(
    ("main", "number", "is_of_it"),
    [
        (3, "2001", True),
        (3, "2004", True),
        (3, "2006", True),
        (3, "+49301", False),
        (4, "2006", False),
        (4, "2001", True),
        (None, "2001", False),
    ],
)
def test_after_a_transfer_the_extension_that_handed_on_may_be_stated_as_calling_number(
    main: int | None, number: str, is_of_it: bool
) -> None:
    """That is a device of the call, of the one that it was made from, or any of the source's."""
    one, origin = call(party(), main=main), call(left("2006"), incarnation=3)

    said = event("Established", 5, "2001", callingNumber=number)
    assert is_of_transfer(holding(one, origin), one, said) is is_of_it


# --- a phone that rings ---

RUNG = call(party(state=RINGS, since=0), number="+49301", entered_at=0)
TALKING = party(since=0, leg=1)
LEG = leg(0)


@pytest.mark.parametrize(
    ("one", "at", "more", "source", "site", "is_other"),
    [
        (RUNG, 1.001, {}, {}, {}, True),
        (RUNG, 1, {}, {}, {}, False),
        (RUNG, 1.001, A, {}, {}, False),
        (RUNG, 1.001, B, {}, {}, True),
        (replace(RUNG, waits_at="5000"), 1.001, {}, {}, {}, False),
        (replace(RUNG, main=3), 1.001, {}, {}, {}, False),
        (call(party(state=RINGS, since=None)), 5, {}, {}, {}, False),
        (RUNG, 1.001, {}, {"snapshot": snapshot(1)}, {}, False),
        (RUNG, 1.001, {}, {"snapshot": snapshot(1), "lost_at": 0.5}, {}, True),
        (RUNG, 1.001, {}, {"snapshot": snapshot(1), "partial": (gap("2001"),)}, {}, True),
        # It talks there: after its answer, as the times or the order of arrival say.
        (call(TALKING), 0.101, {}, {}, {}, True),
        (call(TALKING), 0.1, {}, {}, {}, False),
        (call(replace(TALKING, state=PartyState.HOLD)), 5, {}, {}, {}, False),
        (call(replace(TALKING, leg=None)), 5, {}, {}, {}, False),
        (call(replace(TALKING, since=None)), 5, {}, {}, {}, False),
        (call(TALKING), 1.001, {}, {}, NO_TIMES, True),
        (call(TALKING), 1, {}, {}, NO_TIMES, False),
        (call(replace(TALKING, state=PartyState.HOLD)), 1.001, {}, {}, NO_TIMES, True),
        (call(TALKING), 1, {}, WHOLE, {}, True),
        (call(TALKING), 0, {}, WHOLE, {}, False),
        (call(TALKING), 5, {}, {}, {**NO_TIMES, "settle_seconds": 0.0}, False),
    ],
)
def test_a_phone_rings_where_it_rang_or_talks_already_as_it_can_in_another_call_alone(
    one: CallState, at: float, more: dict[str, Any], source: dict[str, Any], site: dict[str, Any], is_other: bool
) -> None:
    held = holding(one, legs=(LEG,), source=source, **site)

    assert rings_in_another(held, one, one.parties["2001"], event("Delivered", at, "2001", **more)) is is_other
    assert not rings_in_another(held, one, one.parties["2001"], event("Established", at, "2001", **more))


@pytest.mark.parametrize(
    ("at", "device", "site", "has_rung"),
    [
        (5, "2001", {}, True),
        (5.001, "2001", {}, False),
        (5, "2002", {}, False),
        (6, "2001", NO_TIMES, True),
        (6.001, "2001", NO_TIMES, False),
    ],
)
def test_a_phone_rang_out_before_its_ringing_is_heard(
    at: float, device: str, site: dict[str, Any], has_rung: bool
) -> None:
    ends = {"2001": moment(5)}
    rang, later = call(rang_out=ends), second()

    assert has_rung_out(holding(rang, **site), rang, event("Delivered", at, device)) is has_rung
    assert has_rung_out(holding(rang, later, **site), later, event("Delivered", at, device)) is has_rung
    third = replace(later, incarnation=3, born_at=moment(40))
    assert not has_rung_out(holding(rang, later, third, **site), third, event("Delivered", at, device))
