"""What shows that an event is of another call than its id seems to name: each condition, and each limit at its edges.

C1 began at 0. 2001 to 2005 are extensions. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.call_evidence import (
    _is_after_gap,
    _states_another_than_inherited,
    _vouches,
    is_inside_again,
    is_of_before_loss,
    is_of_transfer,
)
from calls.core.call_facts import INHERITED
from calls.core.left_outside import left_at
from calls.core.ringing import has_rung_out, rings_in_another
from calls.core.state import CallState, PartyState
from cti.events import CallEvent
from tests.calls.call_states import (
    I1,
    I2,
    MISSED,
    NO_TIMES,
    ORIGINATES,
    RINGS,
    TALKS,
    WHOLE,
    A,
    B,
    call,
    event,
    gap,
    handed,
    history,
    holding,
    left,
    party,
    second,
    snapshot,
)
from tests.calls.leg_states import leg
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

# --- signs of another call ---

CONSULTS = call(party(), facts={INHERITED: history((0, "I1"))})


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
    said = handed(device=host or None, **stated)

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
    found = left_at(holding(one), one, event("Delivered", at, "2002"))

    assert (found is not None and moment(at) > found) is is_left


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
            call(facts={"calling_number": history((4.001, "+49301"))}),
            event("Delivered", 5, "2002", **A),
            False,
        ),
        (call(facts={"calling_number": history((4, "+49301"))}), event("Delivered", 5, "2002", **A), True),
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

    assert has_rung_out(holding(rang, **site), rang, None, event("Delivered", at, device)) is has_rung
    assert has_rung_out(holding(rang, later, **site), later, None, event("Delivered", at, device)) is has_rung
    third = replace(later, incarnation=3, born_at=moment(40))
    assert not has_rung_out(holding(rang, later, third, **site), third, None, event("Delivered", at, device))
