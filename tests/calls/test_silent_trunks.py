"""Calls on trunks that say nothing, and what the loss of the link shows: each condition at its edges.

C1 began at 0. 2001 to 2005 are extensions. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.answer_supervision import (
    _is_link_lost,
    _is_waiting,
    answer_after_all,
    confirm,
    connect_unsupervised,
    from_answer,
    take_answer_back,
)
from calls.core.commands import CancelSearch, CloseGap, OpenGap
from calls.core.handlers.link_events import (
    _divide_at_gap,
    _doubt_idle,
    _is_concerned,
    _lost_gateway_at,
    _vanish,
    forget_abandoned_snapshot,
    handle_link_lost,
    handle_link_restored,
)
from calls.core.origins import Origin, OriginRule
from calls.core.result_events import LATE
from calls.core.source_state import PartialGap, Snapshot
from calls.core.state import CallState, LegPhase, LegState, Party, PartyState, SearchStatus, WriteStatus
from cti.events import LinkLost, LinkRestored
from tests.calls.call_states import ORIGINATES, RINGS, call, event, gap, holding, left, made, party, snapshot
from tests.calls.leg_states import HOLDER, leg, over
from tests.calls.switchboard import event as any_event
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

REACHED = Origin("NetworkReached", "e", moment(5), OriginRule.CONNECTED)
DIALLED = call(party(state=ORIGINATES), reached_at=5, reached_gateway_at=6, reached_origin=REACHED)


# --- trunks that say nothing ---


def test_a_trunk_that_speaks_is_awaited() -> None:
    held = holding(DIALLED)
    confirm(held, 1)
    confirm(held, 2)

    now = held.calls[1]
    assert (now.reached_at, now.reached_gateway_at, now.reached_origin) == (None, None, None)
    assert held.calls[1] == replace(DIALLED, reached_at=None, reached_gateway_at=None, reached_origin=None)


@pytest.mark.parametrize(
    ("one", "partial", "is_waiting"),
    [
        (party(state=ORIGINATES), (), True),
        (party(state=ORIGINATES, outside=True), (), False),
        (party("2009", ORIGINATES), (), False),
        (party(state=RINGS), (), False),
        (party(), (), False),
        (party(state=ORIGINATES), (gap("2001"),), False),
        (party(state=ORIGINATES), (gap("2002"),), True),
    ],
)
def test_an_extension_that_dialled_and_is_not_missed_is_connected_by_silence(
    one: Party, partial: tuple[PartialGap, ...], is_waiting: bool
) -> None:
    assert _is_waiting(holding(source={"partial": partial}), one) is is_waiting


@pytest.mark.parametrize(
    ("lost_at", "lost", "is_lost"), [(5, 7.999, True), (5, 8, False), (None, 5, False), (5, None, False)]
)
def test_the_silence_of_a_link_that_was_lost_says_nothing(lost_at: float, lost: float, is_lost: bool) -> None:
    held = holding(DIALLED, source={"lost_at": lost_at, "lost_gateway_at": lost})

    assert _is_link_lost(held, moment(8)) is is_lost
    connect_unsupervised(held, DIALLED, moment(9))
    assert (held.legs == {}) is is_lost
    assert held.calls[1].reached_gateway_at is None


@pytest.mark.parametrize(("noticed", "heard"), [(7, 7), (8, 8), (30, 8)])
def test_a_call_on_a_silent_trunk_is_connected_since_it_reached_the_network(noticed: float, heard: float) -> None:
    held = holding(DIALLED)
    connect_unsupervised(held, DIALLED, moment(noticed))
    one = held.legs[1]

    assert (one.connected_source_at, one.connected_gateway_at) == (moment(5), moment(heard))
    assert (one.call_origin, one.is_unconfirmed) == (REACHED, True)
    assert one.trace[0].text.startswith("The call left on a trunk")
    assert (held.calls[1].parties["2001"].state, held.calls[1].parties["2001"].leg) == (PartyState.CONNECTED, 1)
    unknown = replace(DIALLED, reached_at=None, reached_gateway_at=None)
    again = holding(unknown)
    connect_unsupervised(again, unknown, moment(9))
    assert (again.legs[1].connected_source_at, again.legs[1].connected_gateway_at) == (moment(0), moment(9))


UNCONFIRMED = replace(HOLDER, is_unconfirmed=True, unconfirmed_began=moment(10.1), recording_began=None)


@pytest.mark.parametrize(
    ("one", "time", "device", "data", "is_answered"),
    [
        (UNCONFIRMED, 12, "2009", {"outside": True}, True),
        (UNCONFIRMED, 10, "2009", {"outside": True}, True),
        (UNCONFIRMED, 9.999, "2009", {"outside": True}, False),
        (UNCONFIRMED, 12, "2002", {"outside": True}, True),
        (UNCONFIRMED, 12, "2002", {}, False),
        (UNCONFIRMED, 12, "2009", {}, True),
        (UNCONFIRMED, 10, "+49301", {}, True),
        (UNCONFIRMED, 9.999, "+49301", {}, False),
        (replace(UNCONFIRMED, held_gateway_at=moment(12)), 12, "+49301", {}, True),
        (replace(UNCONFIRMED, held_gateway_at=moment(11.999)), 12, "+49301", {}, False),
        (HOLDER, 12, "2009", {"outside": True}, False),
        (over(UNCONFIRMED, 15), 12, "2009", {"outside": True}, False),
    ],
)
def test_a_leg_that_was_taken_as_connected_begins_at_the_answer_of_the_far_end(
    one: LegState, time: float, device: str, data: dict[str, Any], is_answered: bool
) -> None:
    held = holding(call(party(leg=1)), legs=(one,))
    said = event("Established", time, device, **data)
    answer_after_all(held, 1, said)

    now = held.legs[1]
    if is_answered:
        assert (now.connected_source_at, now.is_unconfirmed) == (moment(time), False)
        assert now.call_origin == Origin("Established", said.id, moment(time), OriginRule.CONNECTED)
    else:
        assert now is one


@pytest.mark.parametrize(
    ("one", "time", "is_back"),
    [(UNCONFIRMED, 12, True), (UNCONFIRMED, 10, True), (UNCONFIRMED, 9.999, False), (HOLDER, 12, False)],
)
def test_who_was_taken_as_connected_dials_still_where_the_far_end_failed(
    one: LegState, time: float, is_back: bool
) -> None:
    held = holding(call(party(leg=1), party("2009")), legs=(one,))
    take_answer_back(held, 1, event("Failed", time, "2009"))

    now = held.calls[1].parties["2001"]
    assert (now.state, now.leg) == ((ORIGINATES, None) if is_back else (PartyState.CONNECTED, 1))
    assert (held.legs[1].disconnected_source_at == moment(time)) is is_back
    assert held.calls[1].parties["2009"] == party("2009")


@pytest.mark.parametrize(
    ("named", "more", "is_kept"),
    [
        (12, {}, True),
        (13, {}, True),
        (13 + LATE.total_seconds(), {}, True),
        (13.001 + LATE.total_seconds(), {}, False),
        (20, {"base": WriteStatus.QUEUED}, True),
    ],
)
def test_a_recording_that_was_named_long_after_the_answer_is_not_that_legs(
    named: float, more: dict[str, Any], is_kept: bool
) -> None:
    one = replace(UNCONFIRMED, found_gateway_at=moment(named), **more)
    held = holding(call(party(leg=1)), legs=(one,))
    now = from_answer(held, one, made(13, heard=13.5))

    assert (now.guid == "G") is is_kept
    assert now.recording_began == (moment(10.1) if is_kept else None)
    assert (now.is_unconfirmed, now.unconfirmed_began) == (False, None)
    assert (now.connected_source_at, now.connected_gateway_at) == (moment(13), moment(13.5))
    assert (now.search, now.searches) == ((SearchStatus.FOUND, 1) if is_kept else (SearchStatus.OPEN, 2))
    assert CancelSearch(1) not in held.commands


def test_another_search_begins_at_the_answer_beside_one_that_is_under_way() -> None:
    one = replace(UNCONFIRMED, guid="", service=None, search=SearchStatus.OPEN, missed="none", recording_began=None)
    held = holding(call(party(leg=1)), legs=(one,))
    now = from_answer(held, one, made(13))

    assert CancelSearch(1) not in held.commands
    assert (now.searches, now.missed, now.search) == (2, "", SearchStatus.OPEN)
    late = replace(one, is_joined_late=True)
    assert from_answer(holding(call(party(leg=1)), legs=(late,)), late, made(13)).searches == 1


# --- the loss of the link ---


def lost(at: float, heard: float | None = None, **data: Any) -> LinkLost:
    said = any_event("Lost", at, family="link", **data)
    assert isinstance(said, LinkLost)
    return said if heard is None else replace(said, gatewaytime=moment(heard))


@pytest.mark.parametrize(
    ("lost_at", "known", "now"), [(None, None, 20), (None, 30, 20), (5, 10, 20), (5, 30, 30), (5, None, 20)]
)
def test_a_link_that_is_lost_already_was_not_lost_before_that(
    lost_at: float | None, known: float | None, now: float
) -> None:
    held = holding(source={"lost_at": lost_at, "lost_gateway_at": known})

    assert _lost_gateway_at(held, lost(20)) == moment(now)


@pytest.mark.parametrize(
    ("source", "opened", "since"),
    [
        ({}, True, 20),
        ({"lost_at": 5}, False, 5),
        ({"lost_at": 5, "is_restored": True}, True, 20),
    ],
)
def test_a_loss_opens_one_gap_and_ends_the_snapshot(source: dict[str, Any], opened: bool, since: float) -> None:
    held = holding(source={"snapshot": snapshot(4), **source})
    handle_link_lost(lost(20, heard=21, reason="No answer."), held)
    now = held.source

    assert held.commands == ([OpenGap(moment(20), "No answer.")] if opened else [])
    assert (now.lost_at, now.is_restored, now.snapshot) == (moment(since), False, None)
    assert (now.missed_gateway_at, now.lost_gateway_at) == (moment(21), moment(21))


def test_a_loss_of_devices_leaves_the_link_standing() -> None:
    held = holding()
    handle_link_lost(lost(20, devices=["2001"]), held)

    assert held.commands == [OpenGap(moment(20), "The link was lost.", frozenset({"2001"}))]
    assert (held.source.lost_at, held.source.lost_gateway_at) == (None, None)
    assert held.source.missed_gateway_at == moment(20)
    assert [two.devices for two in held.source.partial] == [frozenset({"2001"})]
    handle_link_lost(lost(25), held)
    assert held.source.partial == ()


def test_a_restored_link_closes_its_gap_until_a_snapshot_says_more() -> None:
    said = any_event("Restored", 9, family="link")
    assert isinstance(said, LinkRestored)
    held = holding(source={"lost_at": 5, "lost_gateway_at": 5})
    handle_link_restored(said, held)
    standing = holding()
    handle_link_restored(said, standing)

    assert held.commands == [CloseGap(moment(5), moment(9), legs_saved=0, legs_lost=0)]
    assert (held.source.is_restored, held.source.missed_gateway_at) == (True, moment(9))
    assert standing.commands == []
    assert not standing.source.is_restored


@pytest.mark.parametrize(("now", "is_kept"), [(310, True), (310.000001, False)])
def test_a_snapshot_that_takes_longer_than_five_minutes_is_abandoned(now: float, is_kept: bool) -> None:
    held = holding(source={"snapshot": snapshot(10)})
    forget_abandoned_snapshot(held, moment(now))

    assert (held.source.snapshot is not None) is is_kept


@pytest.mark.parametrize(
    ("one", "devices", "is_concerned"),
    [
        (leg(5), (), True),
        (leg(10), (), True),
        (leg(10.001), (), False),
        (leg(5), ("2001",), True),
        (leg(5), ("2002",), False),
    ],
)
def test_a_snapshot_concerns_the_legs_that_it_could_see(
    one: LegState, devices: tuple[str, ...], is_concerned: bool
) -> None:
    assert _is_concerned(one, snapshot(10, *devices)) is is_concerned


@pytest.mark.parametrize(
    ("source", "ended"),
    [({}, 10), ({"lost_at": 7}, 7), ({"partial": (gap("2001"),)}, 3), ({"partial": (gap("2002"),)}, 10)],
)
def test_a_leg_that_a_snapshot_does_not_name_ended_with_the_gap(source: dict[str, Any], ended: float) -> None:
    held = holding(call(party(leg=1)), legs=(leg(1),), source=source)
    _vanish(held, held.legs[1], snapshot(10))
    now = held.legs[1]

    assert (now.disconnected_source_at, now.disconnected_gateway_at) == (moment(ended), moment(10))
    assert (now.phase, now.is_end_unknown) == (LegPhase.CLOSED, True)
    assert held.calls[1].parties["2001"].cleared_at == moment(ended)
    strange = holding(call(party("2002")), legs=(leg(1),))
    _vanish(strange, strange.legs[1], snapshot(10))
    assert set(strange.calls[1].parties) == {"2002"}


@pytest.mark.parametrize(
    ("parties", "is_divided"),
    [
        ((left(at=8), party("2002", since=10)), True),
        ((left(at=8), party("2002", since=9.999)), False),
        ((left(at=8), party("2002", since=None)), False),
        ((left(at=8), party("2002", since=11), party("2003", since=5)), False),
        ((left(at=8), party("2002", since=11), party("2009", since=5, outside=True)), True),
        ((left(at=8), party("2009", since=11, outside=True)), False),
        ((left(at=8),), False),
    ],
)
def test_who_is_found_alone_in_a_call_whose_talkers_left_in_the_gap_is_in_another(
    parties: tuple[Party, ...], is_divided: bool
) -> None:
    held = holding(call(*parties))
    _divide_at_gap(held, 1, snapshot(10))
    _divide_at_gap(held, 7, snapshot(10))

    assert (len(held.calls) == 2) is is_divided


@pytest.mark.parametrize(
    ("one", "taken", "source", "is_doubted"),
    [
        (call(waits_since=0), snapshot(10), {}, True),
        (call(party(state=RINGS)), snapshot(10), {}, True),
        (call(party()), snapshot(10), {}, False),
        (call(left()), snapshot(10), {}, False),
        (call(waits_since=0, touched_gateway_at=10), snapshot(10), {}, False),
        (call(party(state=RINGS)), snapshot(10, "2001"), {}, True),
        (call(party(state=RINGS)), snapshot(10, "2002"), {}, False),
        (call(party(state=RINGS)), snapshot(10, "2002"), {"lost_gateway_at": 5}, True),
        (call(waits_since=0, waits_at="5000"), snapshot(10, "5000"), {}, True),
        (call(waits_since=0, waits_at="5000"), snapshot(10, "5001"), {}, False),
    ],
)
def test_a_call_in_which_nobody_talked_before_the_gap_may_be_over(
    one: CallState, taken: Snapshot, source: dict[str, Any], is_doubted: bool
) -> None:
    held = holding(one, source=source)
    _doubt_idle(held, taken)
    after = holding(one, source={**source, "lost_at": 7})
    _doubt_idle(after, taken)

    assert held.calls[1].doubtful_since == (moment(10) if is_doubted else None)
    assert after.calls[1].doubtful_since == (moment(7) if is_doubted else None)
