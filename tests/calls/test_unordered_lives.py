"""To which life of an id an event belongs where its time does not say so: each condition, and each limit at its edges.

C1 named one call from 0 on, and another one from 20 on. 2001 to 2005 are extensions. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.incarnations import (
    _former,
    _has_left_queue,
    _is_answer_of_moved,
    _is_dialling_of_moved,
    _is_of_led_away,
    _is_of_unknown_call,
    overtaken,
)
from calls.core.state import CallState
from calls.core.within_a_second import _is_handed_on_to, in_its_place
from cti.events import CallEvent, ConnectionCleared
from tests.calls.call_states import (
    I1,
    I2,
    NO_TIMES,
    RINGS,
    TALKS,
    TICK,
    WHOLE,
    A,
    B,
    call,
    event,
    handed,
    holding,
    left,
    party,
    second,
)
from tests.calls.leg_states import leg, pending
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

# --- calls that were handed on ---

HANDED = call(left(), moved_to=2, moved_at=10, handed_to="2003", number="+49301")


def _came(since: float) -> CallState:
    return replace(HANDED, parties={"2001": left(since=since)})


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
        (_came(10), event("Originated", 11, "2001"), NO_TIMES, True),
        (_came(10), event("ServiceInitiated", 11, "2001"), NO_TIMES, True),
        (_came(9.999), event("Originated", 11, "2001"), NO_TIMES, False),
        (_came(10.5), event("Originated", 11.001, "2001"), NO_TIMES, False),
        (HANDED, event("Originated", 11, "2001"), {}, False),
        (
            replace(HANDED, born_at=moment(11), moved_at=moment(11)),
            event("Originated", 11, "2001"),
            {"source": WHOLE},
            True,
        ),
        (
            replace(HANDED, born_at=moment(10), moved_at=moment(11)),
            event("Originated", 11, "2001"),
            {"source": WHOLE},
            False,
        ),
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
        (APART, handed(device=None), 0),
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
        (second(party(), born=10, joined_at=20), handed(), TICK),
        (
            second(party(), born=10, joined_at=20),
            handed(device="2002", transferringDeviceId="2001"),
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


@pytest.mark.parametrize(("device", "is_handed_on"), [("2001", True), ("2002", False)])
def test_a_transfer_that_names_who_hands_on_as_its_device_alone_is_of_that_device(
    device: str, is_handed_on: bool
) -> None:
    one = leg(number=2, at=20, pending_transfer=pending(20))
    held = holding(second(party(leg=2), born=10), legs=(one,), source=WHOLE)

    assert _is_handed_on_to(held, held.calls[2], handed(20, device)) is is_handed_on
