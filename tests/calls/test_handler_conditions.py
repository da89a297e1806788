"""What the handlers of devices ask before they act, condition by condition. 2001 to 2005 are extensions.

C1 began at 0. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.handlers.connections import (
    _connect_before,
    _doubt_after,
    _has_left_before,
    _has_left_later,
    _held_or_retrieved,
    _in_progress,
    _is_new_here,
    _is_of_no_call,
    _later_leg,
    _rang_before_gap,
    _return_leg,
    _was_dialling,
    _with_end_again,
    handle_held,
    handle_retrieved,
)
from calls.core.idle_calls import _is_caller_or_queue, stop_waiting
from calls.core.state import CallState, LegState, Party, PartyState, SearchStatus
from cti.events import ConnectionCleared, Established, Held, Retrieved
from tests.calls.call_states import (
    DIALS,
    NO_TIMES,
    ORIGINATES,
    RINGS,
    TICK,
    WHOLE,
    call,
    event,
    holding,
    left,
    made,
    other,
    party,
    second,
    snapshot,
)
from tests.calls.leg_states import HOLDER, leg, pending
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core


def gone(at: float, device: str = "2001", **data: Any) -> ConnectionCleared:
    said = event("ConnectionCleared", at, device, **data)
    assert isinstance(said, ConnectionCleared)
    return said


def answered(at: float, device: str = "2001", **data: Any) -> Established:
    said = event("Established", at, device, **data)
    assert isinstance(said, Established)
    return said


# --- answers ---


@pytest.mark.parametrize(
    ("one", "time", "has_waited"),
    [
        (party(state=ORIGINATES), 10, True),
        (party(state=DIALS), 10, False),
        (party(state=DIALS, has_dialled=True), 10, False),
        (left(has_dialled=True, had_leg=False), 9.999, True),
        (left(has_dialled=True, had_leg=False), 10, False),
        (left(has_dialled=True), 9, False),
        (left(had_leg=False), 9, False),
        (left(has_dialled=True, had_leg=False, since=5), 4.999, False),
    ],
)
def test_who_dialled_waited_for_an_answer_until_it_left(one: Party, time: float, has_waited: bool) -> None:
    assert _was_dialling(one, answered(time, "2002")) is has_waited


SHORT: dict[str, Any] = {"lost_at": 10, "snapshot": snapshot(13)}
LONG: dict[str, Any] = {"lost_at": 10, "snapshot": snapshot(13.001)}


@pytest.mark.parametrize(
    ("one", "before", "source", "is_new"),
    [
        (None, None, SHORT, True),
        (None, party(state=RINGS), SHORT, False),
        (None, party(state=RINGS), LONG, True),
        (None, party(), SHORT, True),
        (None, left(), SHORT, True),
        (party(state=RINGS), None, SHORT, False),
        (party(state=RINGS), None, LONG, True),
        (party(), None, SHORT, True),
        (party(leg=1), None, SHORT, False),
        (party(had_leg=True), None, SHORT, False),
        (party(state=ORIGINATES), None, LONG, True),
    ],
)
def test_a_device_that_a_snapshot_finds_is_new_where_it_did_not_ring_before_a_short_gap(
    one: Party | None, before: Party | None, source: dict[str, Any], is_new: bool
) -> None:
    now = second(*([one] if one else []), born=10)
    held = holding(call(*([before] if before else [])), now, source=source)

    assert _is_new_here(held, now, "2001") is is_new
    assert _rang_before_gap(held, now, "2001") is (
        source is SHORT and any(two is not None and two.state is RINGS for two in (one, before))
    )


def test_who_is_found_connected_keeps_how_many_legs_it_had_and_is_joined_late() -> None:
    said = answered(5, outside=True)

    assert _in_progress(call(party(ordinal=3)), said, PartyState.HOLD) == Party(
        device_id="2001", state=PartyState.HOLD, outside=True, is_joined_late=True, ordinal=3
    )
    assert _in_progress(call(), answered(5), PartyState.CONNECTED).ordinal == 0
    assert not _in_progress(call(), answered(5), PartyState.CONNECTED).outside


@pytest.mark.parametrize(
    ("time", "began", "site", "is_before"),
    [(14, 16, {}, True), (15, 16, {}, False), (14, 14.999, {}, False), (14, 15, {}, True), (14, 16, NO_TIMES, False)],
)
def test_a_device_was_connected_before_an_end_that_was_heard_first(
    time: float, began: float, site: dict[str, Any], is_before: bool
) -> None:
    one = call(party(leg=1, left_before=moment(15), ordinal=1), entered_at=0)
    held = holding(one, legs=(leg(began, incarnation=1, call_id="C1"),), **site)

    assert _connect_before(held, one, "2001", answered(time)) is is_before
    assert (len(held.legs) == 2) is is_before


# --- holds ---


@pytest.mark.parametrize(
    ("is_held", "state", "held_at", "retrieved_at"),
    [
        (False, PartyState.HOLD, 9, 4),
        (True, PartyState.HOLD, 3, 4),
        (True, PartyState.CONNECTED, 3, 9),
        (False, PartyState.CONNECTED, 3, 4),
    ],
)
def test_a_leg_knows_since_when_it_is_on_hold_or_retrieved(
    is_held: bool, state: PartyState, held_at: float, retrieved_at: float
) -> None:
    one = leg(1, is_held=is_held, held_gateway_at=moment(3), retrieved_gateway_at=moment(4))
    now = _held_or_retrieved(one, state, moment(9))

    assert now.is_held is (state is PartyState.HOLD)
    assert (now.held_gateway_at, now.retrieved_gateway_at) == (moment(held_at), moment(retrieved_at))


@pytest.mark.parametrize(
    ("one", "ended", "state", "is_doubtful"),
    [
        (party(leg=1), None, PartyState.HOLD, False),
        (left(cleared_gateway_at=moment(10)), None, PartyState.NULL, False),
        (party(state=RINGS), None, PartyState.HOLD, True),
        (None, None, PartyState.HOLD, True),
        (None, 8, None, False),
        (None, 12, PartyState.HOLD, True),
    ],
)
def test_a_hold_is_that_of_a_device_that_talks_else_its_answer_is_awaited(
    one: Party | None, ended: float | None, state: PartyState | None, is_doubtful: bool
) -> None:
    there = [one] if one else []
    if ended is None:
        there.append(party("2003"))
    held = holding(call(*there, cleared_at=ended, entered_at=0), legs=(leg(1),))
    said = event("Held", 12, "2001", heard=12.5)
    assert isinstance(said, Held)
    handle_held(said, held)
    now = held.calls[1].parties.get("2001")

    assert (now.state if now else None) is state
    assert (now is not None and now.unconfirmed_since == moment(12.5)) is is_doubtful
    if is_doubtful:
        assert now is not None
        assert now.is_joined_late is (one is None)
        assert held.calls[1].due == moment(13.5)
    back = event("Retrieved", 13, "2001")
    assert isinstance(back, Retrieved)
    handle_retrieved(back, held)
    if one is not None and one.leg:
        assert held.calls[1].parties["2001"].state is PartyState.CONNECTED
        assert not held.legs[1].is_held


def test_a_hold_that_states_the_interaction_of_a_call_that_is_over_is_of_none() -> None:
    held = holding(call(left("2003"), interaction="I1", entered_at=0), second(party(), born=10, interaction="I2"))
    said = event("Held", 25, "2001", interactionId="I1")
    assert isinstance(said, Held)
    handle_held(said, held)

    assert set(held.calls[1].parties) == {"2003"}
    assert held.calls[2].parties["2001"].state is PartyState.CONNECTED


# --- ends ---


@pytest.mark.parametrize(
    ("one", "of", "time", "is_of_none"),
    [
        (call(left(), entered_at=0), "2001", 10.001, True),
        (call(left(), entered_at=0), "2001", 10, False),
        (call(left(), entered_at=0), "2002", 10.001, True),
        (call(left()), "2001", 10.001, False),
        (call(party(), entered_at=0), "2001", 20, False),
        (call(party(), moved_to=2, moved_at=10, entered_at=0), "2001", 20, False),
        (call(party(), moved_to=2, moved_at=10, entered_at=0), "2002", 20, True),
    ],
)
def test_an_end_after_the_end_of_a_call_is_of_none_that_is_known(
    one: CallState, of: str, time: float, is_of_none: bool
) -> None:
    assert _is_of_no_call(one, one.parties.get(of), gone(time, of)) is is_of_none


def test_an_end_is_kept_once_with_the_last_report_before_it() -> None:
    again = made(10)
    one = party(again=again, repeats=(made(4), made(8), made(12)))

    assert _with_end_again(one, again, gone(11)).again == replace(again, ended_at=moment(11))
    earlier = _with_end_again(one, again, gone(9))
    assert earlier.again == again
    assert earlier.repeats == (made(4), made(8, ended=9), made(12))
    known = party(again=made(10, ended=10.5))
    assert known.again is not None
    assert _with_end_again(known, known.again, gone(11)).again == made(10, ended=10.5)
    assert _with_end_again(one, again, gone(12)).repeats[2] == made(12, ended=12)


@pytest.mark.parametrize(
    ("one", "of", "time", "source", "site", "is_later"),
    [
        (party(since=5, leg=1), leg(10), 7, {}, {}, True),
        (party(since=5, leg=1), leg(10), 10, {}, {}, False),
        (party(since=5, leg=1), leg(10), 9.999, {}, {}, True),
        (party(since=7, leg=1), leg(10), 7, {}, {}, True),
        (party(since=7.001, leg=1), leg(10), 7, {}, {}, False),
        (party(since=None, leg=1), leg(10), 7, {}, {}, False),
        (party(since=5), leg(10), 7, {}, {}, False),
        (party(since=5, leg=1), leg(10, is_unconfirmed=True), 7, {}, {}, False),
        (party(since=5, leg=1), leg(10), 7, {}, NO_TIMES, False),
        (party(since=5, leg=1), leg(7 + TICK), 7, WHOLE, {}, False),
        (party(since=5, leg=1), leg(7 + 2 * TICK), 7, WHOLE, {}, True),
        (party(since=5, leg=1), leg(7 + TICK), 7, {}, {}, True),
    ],
)
def test_a_device_that_rang_left_before_its_leg_began(
    one: Party, of: LegState, time: float, source: dict[str, Any], site: dict[str, Any], is_later: bool
) -> None:
    held = holding(call(one), legs=(of,), source=source, **site)

    assert (_later_leg(held, one, gone(time)) is not None) is is_later


@pytest.mark.parametrize(
    ("one", "time", "site", "is_earlier"),
    [
        (left(at=10), 9.999, {}, True),
        (left(at=10), 10, {}, False),
        (left(at=10), 9, NO_TIMES, False),
        (party(cleared_at=10), 9, {}, False),
        (party(state=PartyState.NULL), 9, {}, False),
        (left(at=10, since=9), 9, {}, True),
        (left(at=10, since=9.001), 9, {}, False),
        (left(at=10, since=None), 9, {}, True),
    ],
)
def test_an_end_that_is_earlier_than_the_one_that_was_heard_first_is_of_another_call(
    one: Party, time: float, site: dict[str, Any], is_earlier: bool
) -> None:
    assert _has_left_later(holding(call(one), **site), one, moment(time)) is is_earlier


@pytest.mark.parametrize(
    ("one", "time", "has_left"),
    [
        (left(at=10), 10, True),
        (left(at=10), 11, True),
        (left(at=10), 11.001, False),
        (left(at=10), 9.999, False),
        (left(at=10, had_leg=False), 10, False),
        (party(), 10, False),
    ],
)
def test_another_monitor_reports_the_same_end_within_a_second(one: Party, time: float, has_left: bool) -> None:
    assert _has_left_before(one, moment(time)) is has_left


@pytest.mark.parametrize(
    ("moved_at", "time", "guid", "is_returned"),
    [(20, 20, "G", True), (20, 19, "", True), (20, 20.001, "G", False), (None, 19, "G", False)],
)
def test_a_leg_that_was_left_by_the_moment_of_a_transfer_is_of_the_call_before(
    moved_at: float | None, time: float, guid: str, is_returned: bool
) -> None:
    origin = call(left("2002"), moved_to=2, moved_at=moved_at)
    target = other(party(leg=1), born_at=20)
    one = replace(
        HOLDER, guid=guid, call_id="C2", incarnation=2, pending_transfer=pending(20), search=SearchStatus.OPEN
    )
    held = holding(origin, target, legs=(one,))
    _return_leg(held, target.parties["2001"], gone(time))

    now = held.legs[1]
    assert (now.incarnation, now.call_id) == ((1, "C1") if is_returned else (2, "C2"))
    assert (now.pending_transfer is None) is is_returned
    assert now.search is (SearchStatus.FOUND if is_returned and guid else SearchStatus.OPEN)


@pytest.mark.parametrize(
    ("one", "device", "data", "is_it"),
    [
        (party(state=DIALS), "2001", {}, True),
        (party(state=ORIGINATES), "2001", {}, True),
        (party(state=RINGS), "2001", {}, False),
        (party(), "2001", {}, False),
        (party("2009"), "2009", {}, True),
        (party(), "2001", {"outside": True}, True),
        (None, "2001", {}, False),
        (None, "2001", {"outside": True}, True),
        (None, "2009", {}, True),
        (None, "5000", {}, True),
        (None, "2005", {}, True),
        (None, "2004", {}, True),
    ],
)
def test_the_caller_or_the_queue_left(one: Party | None, device: str, data: dict[str, Any], is_it: bool) -> None:
    waits = call(*([one] if one else []), waits_since=0, waits_at="2005")
    held = holding(waits, queues=frozenset({"5000", "2004"}))

    assert _is_caller_or_queue(held, waits, one, gone(10, device, **data)) is is_it


@pytest.mark.parametrize(
    ("one", "device", "is_over"),
    [
        (call(waits_since=0, waits_at="5000"), "5000", True),
        (call(waits_since=0, waits_at="5000"), "2001", False),
        (call(), "5000", False),
        (call(party(), waits_since=0, waits_at="5000"), "5000", False),
        (call(left(), waits_since=0, waits_at="5000"), "5000", True),
    ],
)
def test_a_call_that_only_waits_is_over_with_its_queue(one: CallState, device: str, is_over: bool) -> None:
    held = holding(one)
    stop_waiting(held, one, one.parties.get(device), gone(10, device))
    now = held.calls[1]

    assert (now.cleared_at == moment(10)) is is_over
    if is_over:
        assert (now.waits_since, now.waits_at) == (None, "")
    else:
        assert now.waits_since == one.waits_since


@pytest.mark.parametrize(
    ("born", "more", "is_doubted"),
    [
        (10, {}, True),
        (15, {}, True),
        (15.001, {}, False),
        (0, {}, False),
        (0.001, {}, True),
        (10, {"moved_to": 3, "moved_at": 11}, False),
    ],
)
def test_a_call_that_began_before_its_ids_call_was_cleared_may_be_over_with_it(
    born: float, more: dict[str, Any], is_doubted: bool
) -> None:
    held = holding(call(left()), second(party("2002"), born=10, born_at=born, **more))
    _doubt_after(held, held.calls[1], moment(15))

    assert held.calls[2].doubtful_since == (moment(15) if is_doubted else None)
    assert held.calls[1].doubtful_since is None
    same = holding(call(party(), born_at=0))
    _doubt_after(same, replace(same.calls[1], born_at=moment(-1)), moment(15))
    assert same.calls[1].doubtful_since is None
