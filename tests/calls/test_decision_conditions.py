"""What is asked as QMS answers after a transfer, time passes or a call fails, condition by condition.

Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.commands import CancelSearch
from calls.core.handlers.failures import _has_left, _is_inside
from calls.core.handlers.results import _after_transfer, _has_ended, _is_another, _is_answered, _may_have_ended
from calls.core.handlers.time_passed import _forget_or_wait, _may_go_on, _superseded_due
from calls.core.recording_ownership import _began_on_hold, _began_with_retrieved, _is_after_end
from calls.core.result_events import RecordingFound, RecordingMissed, TimePassed
from calls.core.state import CallState, LegPhase, LegState, Party, SearchStatus
from cti.events import Failed
from tests.calls.call_states import call, event, holding, left, party, second
from tests.calls.leg_states import HOLDER, at, found, leg, over, pending
from tests.calls.leg_states import work as works
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core


# --- what QMS answers after a transfer ---


def missed(why: str, asked: float | None, first: float | None = None) -> RecordingMissed:
    return RecordingMissed(
        leg=1, search=2, why=why, attempts=1, at=moment(30),
        asked_at=at(asked), first_asked_at=at(first),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("moved", "why", "asked", "more", "missing"),
    [
        (18, "none", 20, {}, "none"),
        (20, "none", 22, {}, "undecided"),
        (20, "unreachable", 22, {}, "undecided"),
        (18, "unreachable", 20, {}, "undecided"),
        (21.1, "none", 23, {}, None),
        (21.1, "unreachable", 23, {}, None),
        (18, "same", 20, {}, None),
        (18, "unreachable", 18.5, {}, "unreachable"),
        (18, "none", 18.5, {}, "undecided"),
        (18, "none", 20, {"is_conference": True}, "none"),
        (20, "none", 22, {"is_conference": True}, None),
        (20, "unreachable", 22, {"is_conference": True}, "undecided"),
        (21.1, "unreachable", 23, {"is_conference": True}, None),
        (18, "unreachable", 18.5, {"is_conference": True}, "unreachable"),
    ],
)
def test_a_leg_that_a_transfer_reached_goes_on_or_says_why_its_second_part_has_no_recording(
    moved: float, why: str, asked: float, more: dict[str, Any], missing: str | None
) -> None:
    """QMS named the recording that began at 10.1, and would name it until 20.1."""
    one = replace(HOLDER, pending_transfer=replace(pending(moved), **more), searches=2)
    held = holding(legs=(one,))
    _after_transfer(held, one, missed(why, asked, first=moved), why)

    first = held.legs[1]
    assert first.pending_transfer is None
    assert (len(held.legs) == 1) is (missing is None)
    if missing is not None:
        assert (held.legs[2].guid, held.legs[2].missed) == ("", missing)


def test_a_leg_without_a_transfer_is_not_decided() -> None:
    held = works(HOLDER)
    _after_transfer(held, HOLDER, missed("none", 20), "none")

    assert held.legs[1] is HOLDER


@pytest.mark.parametrize(
    ("one", "more", "began", "guid", "is_another"),
    [
        (HOLDER, {}, 20, "G2", True),
        (HOLDER, {}, 20, "G", False),
        (leg(), {}, 10.1, "G2", False),
        (leg(), {}, 20, "G2", True),
        (leg(), {"new_segment": True}, 18.999, "G2", False),
        (leg(), {"new_segment": True}, 19, "G2", True),
    ],
)
def test_another_recording_began_with_the_transfer(
    one: LegState, more: dict[str, Any], began: float, guid: str, is_another: bool
) -> None:
    reached = replace(one, pending_transfer=replace(pending(20), **more))

    assert _is_another(works(reached), reached, found(began=began, guid=guid)) is is_another
    assert not _is_another(works(one), one, found(began=20, guid="G2"))


@pytest.mark.parametrize(("lost", "may"), [(None, False), (19.999, False), (20, True), (25, True)])
def test_a_leg_may_have_ended_where_the_link_was_lost_since_the_transfer(lost: float | None, may: bool) -> None:
    assert _may_have_ended(holding(source={"lost_gateway_at": lost}), pending(20)) is may


def test_a_leg_may_have_ended_where_its_transfer_is_heard_after_the_loss() -> None:
    assert _may_have_ended(holding(source={"lost_gateway_at": 20.5}), pending(20, heard=21))
    assert not _may_have_ended(holding(source={"lost_gateway_at": 19.5}), pending(20, heard=21))


REACHED = replace(HOLDER, pending_transfer=pending(18), searches=2)


@pytest.mark.parametrize(
    ("one", "answer", "why", "source", "is_answered"),
    [
        (REACHED, missed("none", None), "none", {}, True),
        (REACHED, missed("unreachable", None), "unreachable", {}, False),
        (REACHED, missed("same", None), "same", {}, True),
        (REACHED, missed("none", 20), "none", {}, True),
        (REACHED, missed("unreachable", 20), "unreachable", {}, True),
        (REACHED, missed("late", 20), "late", {}, False),
        (REACHED, missed("none", 19), "none", {}, False),
        (REACHED, missed("none", 20), "none", {"lost_gateway_at": 19}, False),
        (over(REACHED, 25), missed("none", 20), "none", {"lost_gateway_at": 19}, True),
        (REACHED, missed("same", 20), "same", {"lost_gateway_at": 19}, True),
        (REACHED, found(began=18, guid="G"), "found", {}, True),
        (REACHED, found(began=18, guid="G2"), "found", {}, False),
        (HOLDER, missed("same", 20), "same", {}, False),
    ],
)
def test_qms_answered_that_no_other_recording_began_at_the_transfer(
    one: LegState, answer: RecordingFound | RecordingMissed, why: str, source: dict[str, Any], is_answered: bool
) -> None:
    assert _is_answered(holding(legs=(one,), source=source), one, answer, why) is is_answered


@pytest.mark.parametrize(
    ("one", "moved", "answer", "has_ended"),
    [
        (HOLDER, 18, missed("none", 20), True),
        (HOLDER, 18.849, missed("none", 20), True),
        (HOLDER, 18.85, missed("none", 20), False),
        (replace(HOLDER, guid=""), 18, missed("none", 20), False),
        (replace(HOLDER, recording_began=None), 18, missed("none", 20), False),
        (over(HOLDER, 21), 18, missed("none", 20), True),
        (over(HOLDER, 20), 18, missed("none", 20), False),
        (over(HOLDER, 20), 18, missed("none", None), True),
        (over(HOLDER, 21), 18, found(began=18), False),
        (HOLDER, 18, found(began=18), True),
    ],
)
def test_a_recording_ended_at_the_transfer_where_qms_would_still_have_named_it(
    one: LegState, moved: float, answer: RecordingFound | RecordingMissed, has_ended: bool
) -> None:
    reached = replace(one, pending_transfer=pending(moved))

    assert _has_ended(works(reached), reached, answer) is has_ended
    assert not _has_ended(works(one), one, answer)


@pytest.mark.parametrize(
    ("more", "began", "is_on_hold"),
    [
        ({"held_gateway_at": moment(12)}, 12.251, True),
        ({"held_gateway_at": moment(12)}, 12.25, False),
        ({}, 13, False),
        ({"held_gateway_at": moment(12), "pending_transfer": pending(12)}, 13, False),
        ({"held_gateway_at": moment(12), "retrieved_gateway_at": moment(13)}, 12.999, True),
        ({"held_gateway_at": moment(12), "retrieved_gateway_at": moment(13)}, 13, False),
        ({"held_gateway_at": moment(12), "retrieved_gateway_at": moment(11.999)}, 14, True),
        ({"held_gateway_at": moment(12), "retrieved_gateway_at": moment(12)}, 14, False),
    ],
)
def test_a_recording_that_began_while_the_extension_held_the_call_is_anothers(
    more: dict[str, Any], began: float, is_on_hold: bool
) -> None:
    one = replace(leg(10), **more)

    assert _began_on_hold(works(one), one, found(began=began)) is is_on_hold


@pytest.mark.parametrize(
    ("own", "others", "began", "is_with"),
    [
        (None, (12,), 12, True),
        (None, (12,), 11.75, True),
        (None, (12,), 11.749, False),
        (None, (10,), 12, False),
        (None, (), 12, False),
        (11.9, (12,), 11.95, False),
        (13, (12,), 14, False),
        (None, (9, 12), 12.5, True),
    ],
)
def test_a_recording_that_began_as_another_call_was_retrieved_is_that_ones(
    own: float | None, others: tuple[float, ...], began: float, is_with: bool
) -> None:
    one = replace(leg(10), retrieved_gateway_at=at(own))
    retrieved = [
        replace(leg(3, number=number), retrieved_gateway_at=moment(time)) for number, time in enumerate(others, start=2)
    ]

    assert _began_with_retrieved(works(one, *retrieved), one, found(began=began)) is is_with


@pytest.mark.parametrize(
    ("one", "began", "asked", "is_after"),
    [
        (leg(10), 30, 31, False),
        (over(leg(10), 20), 20, 19, True),
        (over(leg(10), 20), 19.999, 19, False),
        (over(leg(10), 20), 11, 20.001, True),
        (over(leg(10), 20), 11, 20, False),
        (over(leg(10), 20), 11, None, False),
        (over(leg(10), 20, ended_since=moment(15)), 15, 16, True),
        (over(leg(10), 20, ended_since=moment(15)), 14.999, 16, False),
    ],
)
def test_a_recording_that_began_or_was_asked_for_when_its_leg_was_over_is_anothers(
    one: LegState, began: float, asked: float | None, is_after: bool
) -> None:
    assert _is_after_end(works(one), one, found(began=began, asked=asked)) is is_after


# --- time passes ---


@pytest.mark.parametrize(
    ("one", "time", "is_forgotten"),
    [
        (call(left()), 1, True),
        (call(party()), 7199, False),
        (call(party()), 7200, True),
        (call(party(), failed_gateway_at=0), 1, True),
        (call(party(), failed_gateway_at=5, touched_gateway_at=5), 10, True),
        (call(party(), failed_gateway_at=5, touched_gateway_at=5.001), 10, False),
        (call(party(), failed_gateway_at=5), 10, True),
    ],
)
def test_a_call_is_forgotten_where_it_is_over_has_failed_or_is_stale(
    one: CallState, time: float, is_forgotten: bool
) -> None:
    held = holding(one, stale_hours=2.0)
    _forget_or_wait(held, one, TimePassed(moment(time)))

    assert (1 not in held.calls) is is_forgotten
    if not is_forgotten:
        assert (held.calls[1].due - one.touched_gateway_at).total_seconds() == 7200  # type: ignore[operator]


@pytest.mark.parametrize(
    ("others", "may"),
    [
        ((leg(12, number=2, call_id="C2", incarnation=2),), True),
        ((over(leg(12, number=2, call_id="C2", incarnation=2), 15),), False),
        ((leg(12, number=2, call_id="C1", incarnation=2),), False),
        ((leg(12, number=2, call_id="C2", incarnation=2, device_id="2002"),), False),
        ((leg(12, number=2, call_id="C2", incarnation=1),), False),
        ((), False),
    ],
)
def test_a_call_may_go_on_where_a_device_of_it_talks_under_another_id(others: tuple[LegState, ...], may: bool) -> None:
    one = call(party(leg=1))

    assert _may_go_on(holding(one, legs=(leg(5), *others)), one) is may


@pytest.mark.parametrize(
    ("talks", "more", "reason"),
    [
        (True, {}, "end_unreported"),
        (True, {"guid": "", "search": SearchStatus.OPEN}, "end_unreported"),
        (True, {"guid": "", "search": SearchStatus.MISSED, "missed": "none"}, "none"),
        (False, {}, ""),
    ],
)
def test_what_is_left_of_a_call_whose_id_is_used_again_ends_with_that(
    talks: bool, more: dict[str, Any], reason: str
) -> None:
    one = call(party(leg=1), superseded_at=20, due=moment(21), entered_at=0)
    elsewhere = leg(12, number=2, call_id="C2", incarnation=3)
    legs = (replace(HOLDER, **more), *((elsewhere,) if talks else ()))
    held = holding(one, second(), legs=legs)
    _superseded_due(held, one, TimePassed(moment(21)))
    now = held.legs[1]

    assert (now.phase is LegPhase.OPEN, now.disconnected_source_at, now.is_end_unknown) == (False, moment(20), True)
    assert now.disconnected_gateway_at == moment(20)
    assert now.missed == reason
    assert (CancelSearch(1) in held.commands) is (reason == "end_unreported")
    assert held.calls[1].due == moment(81)
    undated = holding(replace(one, due=None), legs=legs)
    _superseded_due(undated, undated.calls[1], TimePassed(moment(21)))
    assert undated.calls[1].due is None
    alive = holding(replace(one, superseded_at=None), legs=(HOLDER,))
    _superseded_due(alive, alive.calls[1], TimePassed(moment(21)))
    assert alive.legs[1].phase is LegPhase.OPEN


# --- failures ---


@pytest.mark.parametrize(
    ("one", "is_inside"),
    [(party(), True), (left(), False), (party(outside=True), False), (party("2009"), False), (None, False)],
)
def test_an_extension_that_failed_was_in_the_call(one: Party | None, is_inside: bool) -> None:
    assert _is_inside(holding(), one) is is_inside


@pytest.mark.parametrize(
    ("one", "time", "has_left"),
    [
        (call(party(since=5)), 5, True),
        (call(party(since=5)), 4.999, False),
        (call(party(since=None)), 5, True),
        (call(left()), 5, False),
        (call(waits_since=5, waits_at="2001"), 5, True),
        (call(waits_since=5, waits_at="2001"), 4.999, False),
        (call(waits_since=5, waits_at="2002"), 6, False),
        (call(), 6, False),
    ],
)
def test_who_failed_has_left_where_it_was_there_by_then(one: CallState, time: float, has_left: bool) -> None:
    said = event("Failed", time, "2001")

    assert isinstance(said, Failed)
    assert _has_left(one, one.parties.get("2001"), said) is has_left
