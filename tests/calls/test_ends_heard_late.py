"""Where a call ends, and who goes on in the next one, condition by condition. Seconds after noon."""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.call_end import _connect_as_reported, _further, _was_connected, _with_stated, without_again
from calls.core.call_evidence import is_of_before_loss
from calls.core.handlers.connections import handle_call_cleared
from calls.core.incarnations import call_at
from calls.core.state import CallState, LegPhase, LegState
from cti.events import CallCleared
from tests.calls.call_states import (
    I2,
    NO_TIMES,
    TALKS,
    call,
    event,
    gap,
    handed,
    history,
    holding,
    left,
    made,
    other,
    party,
)
from tests.calls.leg_states import leg, over
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

# --- ends ---


@pytest.mark.parametrize(
    ("one", "at", "is_cleared"),
    [
        (call(party(leg=1)), 10, True),
        (call(party(leg=1)), 0, True),
        (call(party(leg=1)), -0.001, False),
        (call(party(leg=1), moved_to=2), 10, False),
        (call(party(leg=1), superseded_at=20), 10, False),
    ],
)
def test_a_clearing_ends_the_call_that_goes_on_and_had_begun_by_then(
    one: CallState, at: float, is_cleared: bool
) -> None:
    held = holding(one, legs=(leg(0, heard=0),))
    said = event("CallCleared", at)
    assert isinstance(said, CallCleared)
    handle_call_cleared(said, held)

    now = held.calls[1]
    assert (now.cleared_at, now.clearing_at) == ((moment(at), moment(at)) if is_cleared else (None, None))
    assert (held.legs[1].phase is LegPhase.CLOSED) is is_cleared


def test_of_two_reports_the_earlier_is_the_beginning_and_who_had_a_leg_is_kept() -> None:
    rang, talked = party(since=5), party(since=7, had_leg=True)

    assert _further(rang, talked) == replace(talked, since=moment(5))
    assert _further(replace(rang, since=moment(8)), talked) == talked
    assert _further(rang, None) is rang
    both = replace(rang, had_leg=True)
    assert _further(both, talked) is both
    assert _further(rang, replace(talked, had_leg=False)) is rang
    assert _further(replace(rang, since=None), talked).since is None
    assert without_again(party(again=made(5), repeats=(made(3), made(6))), moment(5)) == party(
        again=made(5), repeats=(made(3),)
    )
    assert without_again(party(again=made(5.001)), moment(5)).again is None


@pytest.mark.parametrize(
    ("at", "end", "was_there"), [(5, None, True), (4.999, None, False), (8, 9, True), (9, 9, False)]
)
def test_a_leg_was_connected_from_its_beginning_until_just_before_its_end(
    at: float, end: float | None, was_there: bool
) -> None:
    assert _was_connected(leg(5) if end is None else over(leg(5), end), moment(at)) is was_there


def test_who_came_later_with_the_interaction_that_was_known_brings_it_along() -> None:
    known = {"interaction_id": history((1, "I1"), (2, "I2")), "queue_name": history((1, "Q"))}
    came = {"2001": party(since=12, interaction_id="I1"), "2002": party("2002", since=11, interaction_id="I9")}

    assert _with_stated(call(), known, came, moment(10)) == {"interaction_id": history((11, "I1"))}
    assert _with_stated(call(), known, {"2002": came["2002"]}, moment(10)) == {}
    assert _with_stated(call(), {}, came, moment(10)) == {}
    assert _with_stated(call(), known, {"2001": party(interaction_id="I2")}, moment(10)) == {
        "interaction_id": history((10, "I2"))
    }


@pytest.mark.parametrize(("since", "queue", "is_brought"), [(11, "5000", True), (10, "5000", False), (11, "", False)])
def test_so_does_who_was_queued_later_with_it(since: float, queue: str, is_brought: bool) -> None:
    waits = call(waits_since=since, waits_at=queue, waits_interaction="I1")

    stated = _with_stated(waits, {"interaction_id": history((1, "I1"))}, {}, moment(10))
    assert stated == ({"interaction_id": history((since, "I1"))} if is_brought else {})


@pytest.mark.parametrize(
    ("repeats", "own", "connected"),
    [
        ((made(8), made(6), made(12)), (), 6),
        ((made(10), made(12)), (), 10),
        ((made(10.001),), (), None),
        ((), (), None),
        ((made(6),), (over(leg(5, number=5), 6),), None),
        ((made(6),), (over(leg(5, number=5, device_id="2002"), 6),), 6),
    ],
)
def test_who_is_in_the_next_call_now_was_connected_in_this_one_by_an_earlier_report(
    repeats: tuple[Any, ...], own: tuple[LegState, ...], connected: float | None
) -> None:
    moved = leg(12, number=2, incarnation=2)
    gone = left(at=11, repeats=repeats, cleared_gateway_at=moment(11))
    held = holding(
        call(gone), other(party(leg=2), call_id="C1"), legs=(moved, *(replace(one, incarnation=1) for one in own))
    )
    _connect_as_reported(held, 1, moved, moment(10))

    begun = [one for one in held.legs.values() if one.number > 5 or (not own and one.number > 2)]
    assert [one.connected_source_at for one in begun] == ([] if connected is None else [moment(connected)])
    if connected is not None:
        assert begun[0].disconnected_source_at == moment(10)
        rest = tuple(one for one in repeats if one.at != moment(connected))
        assert held.calls[1].parties["2001"].repeats == rest


@pytest.mark.parametrize(
    ("superseded", "at", "site", "number"),
    [
        (None, 30, {}, 1),
        (20, 19.999, {}, 1),
        (22, 21, {}, 1),
        (22, 22, {}, 2),
        (20, 20, {}, 2),
        (20, 21, NO_TIMES, 1),
        (20, 21.001, NO_TIMES, 2),
    ],
)
def test_an_id_names_the_call_in_which_the_device_is_as_long_as_that_had_it(
    superseded: float | None, at: float, site: dict[str, Any], number: int
) -> None:
    held = holding(call(party(), superseded_at=superseded), other(call_id="C1", born=20), **site)
    found = call_at(held, "C1", "2001", moment(at))

    assert (found.incarnation if found else None) == number


def test_an_id_that_is_handed_on_with_the_interaction_of_its_second_call_is_the_same() -> None:
    held = holding(TALKS, other(party("2002"), interaction="I2"), source={"partial": (gap("2001", began=5),)})
    said = handed(secondaryOldCallId="C2", **I2)

    assert not is_of_before_loss(held, TALKS, said, "2001")
    assert is_of_before_loss(held, TALKS, handed(**I2), "2001")
