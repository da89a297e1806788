"""What is asked as a call is handed on, condition by condition.

C1 began at 0. 2001 to 2005 are extensions. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.handlers.transfer_conference import (
    _are_apart,
    _consult_ids,
    _copy,
    _doubt_after,
    _goes_on,
    _has_come_and_gone,
    _is_followed,
    _is_of_before,
    _joined,
    _last,
    _lasted_until,
    _may_be_missing,
    _move,
    _off_hold,
    _renamed,
    _ringing,
)
from calls.core.state import CallState, Party, PartyState
from cti.events import Conferenced
from tests.calls.call_states import NO_TIMES, RINGS, WHOLE, call, event, handed, holding, left, other, party
from tests.calls.leg_states import at, leg, over
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

# --- which call goes on ---


def to(device: str) -> dict[str, Any]:
    return {"transferredToDeviceId": device}


QUEUED = other(born=20.001, waits_since=20.001, waits_at="5000")


@pytest.mark.parametrize(
    ("one", "old", "data", "goes_on"),
    [
        (other(party("2002"), born=20), call(party()), {}, True),
        (other(left("2002", at=19.999), born=19.5), call(party()), {}, False),
        (other(left("2002", at=20), born=20), call(party()), {}, True),
        (other(party("2002"), born=20, doubtful_since=19), call(party()), {}, False),
        (other(party("2002"), born=20, interaction="I2"), call(party(), interaction="I1"), {}, False),
        (other(party("2002"), born=20, interaction="I1"), call(party(), interaction="I1"), {}, True),
        # Queued since an extension has the call.
        (QUEUED, call(party()), to("2002"), False),
        (other(born=20, waits_since=20, waits_at="5000"), call(party()), to("2002"), True),
        (QUEUED, call(party()), to("5000"), True),
        (QUEUED, call(party()), to("6000"), True),
        # It began before.
        (other(party(), party("2002"), born=19), call(party()), {}, True),
        (other(party(), party("2002"), born=18.999), call(party()), {}, False),
        (other(party(), party("2002"), born=5), call(party()), to("2002"), True),
        (other(party(), party("2002"), born=5), call(party(), party("2002")), to("2002"), False),
        (other(party(), party("2002"), born=5), call(party(), left("2002")), to("2002"), True),
        (other(party(), left("2002"), born=5), call(party()), to("2002"), False),
        (
            other(party(), party("2002"), born=5),
            call(party()),
            {"connections": [{"new": {"callId": "C2", "deviceId": "2002"}}]},
            True,
        ),
        (other(party(), born=5), call(left()), {"transferringDeviceId": "2001"}, True),
    ],
)
def test_a_call_under_the_resulting_id_goes_on_where_it_is_new_or_has_who_is_to_come(
    one: CallState, old: CallState, data: dict[str, Any], goes_on: bool
) -> None:
    assert _goes_on(holding(old, one), one, handed(**data), [old]) is goes_on


@pytest.mark.parametrize(
    ("one", "device", "source", "site", "is_before"),
    [
        (other(born=19.749), "2001", {}, {}, True),
        (other(born=19.75), "2001", {}, {}, False),
        (other(party(), born=5), "2001", {}, {}, False),
        (other(born=5), None, {}, {}, False),
        (other(born=19.749), "2001", WHOLE, {}, False),
        (other(born=18.999), "2001", WHOLE, {}, True),
        (other(born=19), "2001", {}, NO_TIMES, False),
        (other(born=18.999), "2001", {}, NO_TIMES, True),
    ],
)
def test_a_call_that_began_before_the_move_without_its_host_had_the_id_before(
    one: CallState, device: str | None, source: dict[str, Any], site: dict[str, Any], is_before: bool
) -> None:
    assert _is_of_before(holding(one, source=source, **site), one, handed(device=device)) is is_before
    by = handed(device="2009", transferringDeviceId=device or "2001")
    assert _is_of_before(holding(one, source=source, **site), one, by) is (is_before or device is None)


def test_calls_are_apart_where_they_have_no_interaction_in_common() -> None:
    first, second, none = call(interaction="I1"), call(interaction="I2"), call()

    assert _are_apart(first, second)
    assert not _are_apart(first, first)
    assert not _are_apart(first, none)
    assert not _are_apart(none, second)


@pytest.mark.parametrize(("since", "kept"), [(None, None), (19, None), (20.25, None), (20.250001, 20.250001), (30, 30)])
def test_what_was_in_doubt_before_a_move_is_not_after_it(since: float | None, kept: float | None) -> None:
    assert _doubt_after(call(doubtful_since=since), moment(20)) == at(kept)


def test_a_call_goes_on_in_the_last_one_to_which_it_was_moved() -> None:
    one, two = call(moved_to=2), other(born=20, moved_to=3)
    held = holding(one, two, call(incarnation=3))

    assert _last(held, one).incarnation == 3
    assert _last(holding(one, two), one).incarnation == 2


def test_what_came_under_the_resulting_id_since_the_transfer_goes_on_in_the_call_that_begins() -> None:
    main, before = call(party(), interaction="I1"), other(left("2003", at=15), party("2002", since=20), born=10)
    begun = _copy(holding(main, before), handed(resultingCallId="C2"), main, "C2")

    assert (begun.incarnation, begun.call_id, begun.waits_since) == (3, "C2", None)
    assert set(begun.parties) == {"2002"}
    assert (begun.rooted_at, begun.own_interaction) == (main.root, main.own_interaction)


@pytest.mark.parametrize(("main", "consulted", "root"), [(0, 10, 0), (10, 0, 0), (10, 10, 10)])
def test_a_call_that_goes_on_in_an_id_began_with_the_oldest_of_those_that_are_joined(
    main: float, consulted: float, root: float
) -> None:
    olds = [call(party(), born_at=main), other(party(), party("2002"), born=consulted)]
    said = event("Conferenced", 20, "2001", primaryOldCallId="C1", secondaryOldCallId="C2", resultingCallId="C2")
    joined = _joined(holding(*olds), said, olds, "C2", None)

    assert (joined.root, joined.born_at) == (moment(root), moment(consulted))


@pytest.mark.parametrize(
    ("one", "is_ringing", "has_come"),
    [
        (call(party(state=RINGS)), False, False),
        (call(party("2002", RINGS)), True, False),
        (call(party("2002")), False, False),
        (call(left("2002", at=20)), False, True),
        (call(left("2002", at=19.999)), False, False),
        (call(left(at=20)), False, False),
        (call(left("2002", at=20, outside=True)), False, False),
    ],
)
def test_the_destination_rings_or_has_come_and_gone(one: CallState, is_ringing: bool, has_come: bool) -> None:
    assert bool(_ringing(one, "2001")) is is_ringing
    assert _has_come_and_gone(one, "2001", moment(20)) is has_come


def test_a_call_is_followed_by_one_that_began_later_under_its_id() -> None:
    one = call()

    assert _is_followed(holding(one, other(call_id="C1", born=20.001)), one, moment(20))
    assert not _is_followed(holding(one, other(call_id="C1", born=20)), one, moment(20))
    assert not _is_followed(holding(one, other(born=20.001)), one, moment(20))
    late = call(born_at=25)
    assert not _is_followed(holding(late), late, moment(20))


def test_a_call_lasted_until_the_last_end_of_the_legs_that_the_move_reached() -> None:
    legs = (over(leg(5, incarnation=1), 22), over(leg(5, number=2, incarnation=1), 24), leg(5, number=3, incarnation=1))
    held = holding(call(), legs=legs)

    assert _lasted_until(held, 1, [1, 3], moment(20)) == moment(22)
    assert _lasted_until(held, 1, [1, 2], moment(20)) == moment(24)
    assert _lasted_until(held, 1, [3], moment(20)) == moment(20)
    assert _lasted_until(held, 1, [1], moment(23)) == moment(23)


def test_the_legs_of_all_but_the_customers_call_are_consulted_unless_it_was_moved() -> None:
    legs = (leg(5, incarnation=1), leg(12, number=2, incarnation=2), leg(12, number=3, incarnation=3))
    calls = [call(), other(born=20), replace(call(incarnation=3), moved_to=9)]
    held = holding(*calls, legs=legs)

    assert _consult_ids(held, calls) == {2: (calls[1], None)}


@pytest.mark.parametrize(
    ("born", "missed", "is_missing"),
    [(20, None, True), (19, None, False), (19, 19, True), (19, 18.999, False), (5, 30, True)],
)
def test_who_is_in_a_call_may_be_missing_where_that_is_new_or_events_were_missed_since(
    born: float, missed: float | None, is_missing: bool
) -> None:
    held = holding(source={"missed_gateway_at": None if missed is None else moment(missed)})
    said = event("Conferenced", 20, "2001", primaryOldCallId="C1")

    assert isinstance(said, Conferenced)
    assert _may_be_missing(held, call(born_at=born), said) is is_missing


def test_a_device_has_the_name_that_a_connection_gives_it_in_the_resulting_call() -> None:
    both = {"old": {"callId": "C1", "deviceId": "T1"}, "new": {"callId": "C3", "deviceId": "T9"}}
    alone = {"new": {"callId": "C3", "deviceId": "T8"}}

    assert _renamed(handed(connections=[both, alone])) == {("C1", "T1"): "T9"}


def test_who_left_stays_behind_and_the_others_go_on_in_the_resulting_call() -> None:
    old = call(party(leg=1), party("2002"), left("2003"), waits_since=5, waits_at="5000")
    target = other(born=20)
    held = holding(old, target, legs=(leg(5),))
    _move(held, old, 2, {("C1", "2002"): "2004"}, "2009", handed(transferredToDeviceId="2002"))
    moved = held.calls[1]

    assert (moved.moved_to, moved.moved_at, moved.handed_to) == (2, moment(20), "2002")
    assert (moved.waits_since, moved.waits_at) == (None, "")
    assert set(moved.parties) == {"2003", "2009"}
    assert moved.parties["2009"] == Party(
        device_id="2009", state=PartyState.NULL, cleared_at=moment(20), cleared_gateway_at=moment(20)
    )
    assert set(held.calls[2].parties) == {"2001", "2004"}
    assert moved.due == moment(80)


@pytest.mark.parametrize(
    ("new", "moved_to", "is_moved"), [(1, None, False), (2, 3, False), (2, 2, True), (2, None, True)]
)
def test_a_call_is_moved_to_another_and_only_to_one(new: int, moved_to: int | None, is_moved: bool) -> None:
    old = call(party(), moved_to=moved_to, moved_at=None if moved_to is None else 19)
    held = holding(old, other(born=20))
    _move(held, old, new, {}, None, event("Conferenced", 20, "2001", primaryOldCallId="C1", addedPartyId="2005"))

    assert (held.calls[1].parties == {}) is is_moved
    if is_moved:
        assert held.calls[1].moved_at == moment(20 if moved_to is None else 19)
        assert held.calls[1].handed_to == "2005"


def test_a_conference_takes_its_parties_and_their_legs_off_hold() -> None:
    one = call(party(state=PartyState.HOLD, leg=1), party("2009", PartyState.HOLD))
    held = holding(one, legs=(leg(5, is_held=True),))
    for device in ("2001", "2009"):
        _off_hold(held, one, one.parties[device])

    assert {two.state for two in held.calls[1].parties.values()} == {PartyState.CONNECTED}
    assert not held.legs[1].is_held
