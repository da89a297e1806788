"""The times by which a recording is a leg's or may be another's: each limit just before, at and just after it.

Leg 1 is that of 2001, which was connected at 10; leg 2 is another of 2001. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.dispatch import apply
from calls.core.doubts import began_with_following, noted_following
from calls.core.recording_ownership import (
    began_before,
    began_late,
    contest,
    contested_by,
    holder_now,
    note_refused,
    note_stall,
    ownership,
    recording_began,
    sure_at,
)
from calls.core.result_events import ANOTHERS, RecordingFound
from calls.core.source_state import PartialGap
from calls.core.state import LegPhase, LegState, SearchStatus, WriteStatus
from tests.calls.leg_states import HOLDER, SURE, at, found, leg, over, pending, work
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("one", "answer", "source", "sure"),
    [
        (leg(), found(), {}, 10.2),
        (leg(), found(asked=None), {}, None),
        (leg(), found(asked=10.1), {}, 10.1),
        (leg(), found(asked=10.099), {}, None),
        (leg(), found(began=9.75), {}, 10.2),
        (leg(), found(began=9.749), {}, None),
        (leg(), found(began=11.5, asked=12), {}, 12),
        (leg(), found(began=11.501, asked=12), {}, None),
        (leg(), found(began=9.9, asked=9.999), {}, None),  # It was asked before the leg was connected.
        (leg(), found(began=9.9, asked=10), {}, 10),
        (leg(10, 10.251), found(asked=11), {}, None),
        (leg(is_unconfirmed=True), found(), {}, None),
        (leg(pending_transfer=pending(11)), found(), {}, None),
        (over(leg(), 10.2), found(), {}, 10.2),
        (over(leg(), 10.199), found(), {}, None),
        (over(leg(), 10.1, 10.2), found(), {}, None),  # The recording began as the leg had ended.
        (over(leg(), 10.101, 10.2), found(), {}, 10.2),
        (leg(), found(), {"lost_gateway_at": 10.2}, None),
        (leg(), found(), {"lost_gateway_at": 10.201}, 10.2),
        (leg(), found(), {"lost_gateway_at": 9}, None),
        (leg(), found(), {"lost_gateway_at": 8.999}, 10.2),
        (leg(), found(), {"partial": (PartialGap(began_at=moment(0), devices=frozenset({"2001"})),)}, None),
        (leg(), found(), {"partial": (PartialGap(began_at=moment(0), devices=frozenset({"2002"})),)}, 10.2),
    ],
)
def test_a_recording_is_a_legs_for_sure_where_it_began_with_it_and_qms_was_asked_while_it_lasted(
    one: LegState, answer: RecordingFound, source: dict[str, Any], sure: float | None
) -> None:
    assert sure_at(work(one, source=source), one, answer) == at(sure)


@pytest.mark.parametrize(
    ("other", "besides", "is_alone"),
    [
        (over(leg(5, number=2), 10), None, True),
        (over(leg(5, number=2), 10.001), None, False),
        (leg(5, number=2), None, False),
        (leg(5, number=2, guid="H"), None, True),
        (leg(10.201, number=2), None, True),
        (leg(10.2, number=2), None, False),
        (leg(11, 11.251, number=2), None, False),
        (leg(5, number=2), 2, True),
        (leg(5, number=2), 3, False),
        (leg(5, number=2, device_id="2002"), None, True),
    ],
)
def test_a_recording_is_sure_only_where_no_other_leg_was_connected_there(
    other: LegState, besides: int | None, is_alone: bool
) -> None:
    one = leg()

    assert (sure_at(work(one, other), one, found(), besides=besides) is not None) is is_alone


#: QMS was asked late or not at all: nothing is sure.
UNSURE = found(asked=None)


@pytest.mark.parametrize(
    ("one", "answer", "is_others"),
    [
        (leg(), UNSURE, False),
        (over(leg(), 10.1), UNSURE, True),
        (over(leg(), 10.101), UNSURE, False),
        (over(leg(), 20, 21), found(began=10.3, asked=21), False),
        (over(leg(), 20, 21), found(began=10.3, asked=21.001), True),
    ],
)
def test_what_began_or_was_asked_for_after_the_end_is_another_calls(
    one: LegState, answer: RecordingFound, is_others: bool
) -> None:
    assert (ownership(work(one), one, answer) == "next_call") is is_others


@pytest.mark.parametrize(
    ("one", "other", "answer", "may"),
    [
        # It began with this leg: another of within a second may have it, one that is over may not.
        (leg(), leg(11.1, number=2), UNSURE, True),
        (leg(), leg(11.101, number=2), UNSURE, False),
        (leg(number=3), leg(9.1, number=2), UNSURE, True),
        (leg(number=3), leg(9.099, number=2), UNSURE, False),
        (leg(number=3), over(leg(9.5, number=2), 10.09), UNSURE, False),
        (leg(number=3), over(leg(9.5, number=2), 10.11), UNSURE, True),
        (leg(number=3), over(leg(9.5, number=2), 10.11), found(asked=10.12), False),
        (leg(number=3), leg(9.5, number=2, guid="H"), UNSURE, False),
        (leg(number=3), leg(9.5, number=2, guid="G"), UNSURE, True),
        # It began over a second before we heard of this leg: it may be of any that was there.
        (leg(10, 12, number=3), leg(1, number=2), found(began=10.999, asked=None), True),
        (leg(10, 12, number=3), leg(1, number=2), found(began=11, asked=None), False),
        (leg(10, 12, number=3), over(leg(1, number=2), 10.99), found(began=10.999, asked=None), False),
        # It began over a second after that: it may be of one that came then.
        (leg(number=3), leg(9, number=2), found(began=11.001, asked=None), True),
        (leg(number=3), leg(8.999, number=2), found(began=11.001, asked=None), False),
        (leg(number=3), leg(4.9, number=2), found(began=11, asked=None), False),
        (leg(number=3), leg(11, number=2, device_id="2002"), UNSURE, False),
    ],
)
def test_a_recording_may_be_of_another_leg_by_when_we_heard_of_both(
    one: LegState, other: LegState, answer: RecordingFound, may: bool
) -> None:
    assert (ownership(work(one, other), one, answer) == "next_call") is may


@pytest.mark.parametrize(
    ("one", "late"),
    [
        (leg(8.499), True),
        (leg(8.5), False),
        (leg(8, is_unconfirmed=True), False),
        (leg(0, pending_transfer=pending(8.499)), True),
        (leg(0, pending_transfer=pending(8.5)), False),
        (leg(9.999, is_of_snapshot=True), True),
        (leg(10, is_of_snapshot=True), False),
        (leg(8, 14), False),
        (leg(8, 14.001), False),
    ],
)
def test_what_began_over_one_and_a_half_seconds_after_connected_may_be_of_a_call_not_heard_of(
    one: LegState, late: bool
) -> None:
    assert began_late(work(one), one, found(began=10)) is late


def test_of_a_very_late_connected_its_own_time_counts_where_the_clocks_agree() -> None:
    one = leg(8, 14.001)

    assert began_late(work(one, source={"agreed_gateway_at": 13}), one, found(began=10))
    assert not began_late(work(one, source={"agreed_gateway_at": 13}), leg(8.5, 14.6), found(began=10))
    assert not began_late(work(one, source={"agreed_gateway_at": 13}), leg(8.6, 14.6), found(began=10.1))


@pytest.mark.parametrize(
    ("one", "before"),
    [
        (leg(11.001), True),
        (leg(11), False),
        (leg(12, 12.251), False),
        (leg(12, is_unconfirmed=True), False),
        (leg(12, pending_transfer=pending(13)), False),
    ],
)
def test_what_began_over_a_second_before_a_connected_that_came_in_time_is_another_calls(
    one: LegState, before: bool
) -> None:
    assert began_before(work(one), one, found(began=10)) is before


SLOW: dict[str, Any] = {"has_source_times": False}


@pytest.mark.parametrize(
    ("one", "other", "site", "before"),
    [
        (leg(11.001, 11.5), leg(5, number=2, guid="H"), {}, True),
        (leg(11, 11.5), leg(5, number=2, guid="H"), {}, False),
        (leg(11.001, 11.5), leg(5, number=2, guid="H"), SLOW, False),
        (leg(11.001, 11.5), over(leg(5, number=2, guid="H"), 10), {}, True),
        (leg(11.001, 11.5), over(leg(5, number=2, guid="H"), 9.999), {}, False),
        (leg(11.001, 11.5), leg(10, number=2, guid="H"), {}, True),
        (leg(11.001, 11.5), leg(10.001, number=2, guid="H"), {}, False),
        (leg(11.001, 11.5, is_unconfirmed=True), leg(5, number=2, guid="H"), {}, False),
        # Whole seconds or a receipt: another leg had it named, and did not get it for this one's sake.
        (leg(11.001, refused_guid="G"), over(leg(5, number=2), 8), SLOW, True),
        (leg(11, refused_guid="G"), over(leg(5, number=2), 8), SLOW, False),
        (leg(11.001, refused_guid="H"), over(leg(5, number=2), 8), SLOW, False),
    ],
)
def test_what_began_before_a_leg_and_while_the_extension_talked_in_another_call_is_not_the_legs(
    one: LegState, other: LegState, site: dict[str, Any], before: bool
) -> None:
    assert began_before(work(one, other, **site), one, found(began=10)) is before


@pytest.mark.parametrize(
    ("one", "other", "refused"),
    [
        (leg(5), leg(11.001, number=2), "G"),
        (leg(5), leg(11, number=2), ""),
        (leg(12), leg(13, number=2), "G"),
        (leg(5), leg(11.001, number=2, search=SearchStatus.MISSED), ""),
        (leg(5), leg(11.001, number=2, refused_guid="H"), "H"),
        (over(leg(5), 10), leg(11.001, number=2), "G"),
        (over(leg(5), 9.999), leg(11.001, number=2), ""),
    ],
)
def test_what_a_leg_does_not_get_for_the_sake_of_one_that_came_later_is_not_that_ones_either(
    one: LegState, other: LegState, refused: str
) -> None:
    here = work(one, other, **SLOW)
    note_refused(here, one, found(began=10))

    assert (here.legs[2].refused_guid, here.legs[1].refused_guid) == (refused, "")


@pytest.mark.parametrize(("handed_on", "why"), [(9, "next_call"), (11.5, "next_call"), (None, "")])
def test_a_leg_that_a_call_is_handed_on_to_may_own_another_recording_than_it_has(
    handed_on: float | None, why: str
) -> None:
    moved = pending(handed_on) if handed_on is not None else None
    one, other = leg(12), leg(5, number=2, guid="H", pending_transfer=moved)

    assert ownership(work(one, other, **SLOW), one, found(began=10, asked=12.2)) == why


@pytest.mark.parametrize(
    ("one", "other", "source", "stalled"),
    [
        (leg(10, 11.101), None, {}, 11.101),
        (leg(10, 11.1), None, {}, None),
        (leg(10, 12, is_unconfirmed=True), None, {}, None),
        (leg(10, 12, searches=2), None, {}, None),
        (leg(10, 12), leg(9, number=2), {}, None),
        (leg(10, 12), over(leg(9, number=2), 10.09), {}, 12),
        (leg(10, 12), over(leg(9, number=2), 10.1), {}, None),
        (leg(10, 12), leg(9, number=2, device_id="2002"), {}, 12),
        (leg(10, 12), None, {"stalled_gateway_at": 13}, 13),
        (leg(10, 12), None, {"stalled_gateway_at": 11}, 12),
    ],
)
def test_the_link_stalls_where_qms_knew_of_a_leg_over_a_second_before_us(
    one: LegState, other: LegState | None, source: dict[str, Any], stalled: float | None
) -> None:
    board = work(*[leg_ for leg_ in (one, other) if leg_ is not None], source=source)
    note_stall(board, one, found(began=10.1))

    assert board.source.stalled_gateway_at == at(stalled)


def test_a_beginning_is_kept_where_connected_shows_when_it_should_have_been() -> None:
    assert recording_began(leg(), found()) == moment(10.1)
    assert recording_began(leg(is_unconfirmed=True), found()) is None
    assert recording_began(leg(pending_transfer=pending(11)), found()) is None


@pytest.mark.parametrize(
    ("other", "number"),
    [
        (leg(12, number=2), 2),
        (leg(12, number=2, search=SearchStatus.FOUND), None),
        (leg(12, number=0), None),
        (leg(16.101, number=2), None),
        (leg(12, number=2, device_id="2002"), None),
    ],
)
def test_a_recording_is_contested_by_the_next_leg_that_is_still_sought_for(other: LegState, number: int | None) -> None:
    assert contested_by(work(HOLDER, other), HOLDER) == number


@pytest.mark.parametrize(
    ("holder", "asking", "answer", "is_asking_legs", "holder_keeps"),
    [
        # The holder is over while the recording goes on.
        (over(HOLDER, 10.09), leg(10, number=2), UNSURE, True, False),
        (over(HOLDER, 15), leg(10, number=2), found(asked=15.001), True, False),
        (over(HOLDER, 15), leg(10, number=2), found(asked=15), False, False),
        # Both were connected as it began.
        (HOLDER, leg(11.1, number=2), UNSURE, False, False),
        (HOLDER, leg(11.101, number=2), UNSURE, False, True),
        (HOLDER, leg(9.1, number=2), UNSURE, False, False),
        (HOLDER, leg(9.099, number=2), UNSURE, False, True),
        # Only the asking leg was connected as it began.
        (replace(HOLDER, connected_gateway_at=moment(9.099)), leg(10, number=2), UNSURE, True, False),
        (replace(HOLDER, connected_gateway_at=moment(9.1)), leg(10, number=2), UNSURE, False, False),
        (replace(HOLDER, connected_gateway_at=moment(11.101)), leg(10, number=2), UNSURE, False, True),
        # Nothing is taken from a leg that is written to, sure, or of another extension, nor for a transfer.
        (over(HOLDER, 10.09, base=WriteStatus.QUEUED), leg(10, number=2), UNSURE, False, True),
        (over(HOLDER, 10.09, device_id="2002"), leg(10, number=2), UNSURE, False, True),
        (replace(SURE, sure_at=moment(9.9)), leg(10, number=2), UNSURE, False, True),
        (HOLDER, leg(10, number=2, pending_transfer=pending(11)), UNSURE, False, True),
    ],
)
def test_a_recording_that_another_leg_has_is_taken_where_it_cannot_be_that_ones(
    holder: LegState, asking: LegState, answer: RecordingFound, is_asking_legs: bool, holder_keeps: bool
) -> None:
    board = work(holder, asking)

    assert contest(board, holder.number, asking, answer) is is_asking_legs
    after = board.legs[holder.number]
    assert (after.guid == "G") is holder_keeps
    if not holder_keeps:
        assert (after.search, after.missed, after.service) == (SearchStatus.MISSED, "next_call", None)


def test_a_recording_of_a_leg_that_is_known_no_more_is_taken_from_nobody() -> None:
    assert not contest(work(leg(number=2)), 1, leg(number=2), UNSURE)


@pytest.mark.parametrize("phase", [LegPhase.DELIVERING, LegPhase.SETTLED])
def test_a_leg_that_is_over_keeps_its_recording_also_in_the_batch_in_which_it_came_to_that(phase: LegPhase) -> None:
    holder = over(HOLDER, 10.09)

    assert not contest(work(replace(holder, phase=phase)), 1, leg(number=2), UNSURE)
    assert contest(work(holder), 1, leg(number=2), UNSURE)


@pytest.mark.parametrize(
    ("legs", "saved", "number"),
    [
        ([HOLDER], None, 1),
        ([HOLDER], 1, 1),
        ([], 1, 1),
        ([], ANOTHERS, ANOTHERS),
        # It was another's as the batch was read, and has passed on or was lost since.
        ([replace(HOLDER, guid=""), replace(HOLDER, number=3)], 1, 3),
        ([replace(HOLDER, guid="")], 1, None),
        ([], None, None),
    ],
)
def test_who_has_a_recording_is_known_by_the_batch_before_the_database(
    legs: list[LegState], saved: int | None, number: int | None
) -> None:
    assert holder_now(work(*legs), replace(found(), holder=saved)) == number


@pytest.mark.parametrize(
    ("first", "next_at", "noted"),
    [
        (leg(), 11.001, 11.001),
        (leg(), 11, None),
        (leg(search=SearchStatus.FOUND), 12, None),
        (leg(number=3), 12, None),
        (leg(followed_source_at=11.5), 12, 11.5),
        (leg(followed_source_at=12.5), 12, 12),
    ],
)
def test_a_leg_remembers_the_next_one_while_it_is_sought_for(
    first: LegState, next_at: float, noted: float | None
) -> None:
    board = work(first)
    following = leg(next_at, number=2)

    assert noted_following(board, first, following).followed_source_at == at(noted)
    assert board.legs[first.number].followed_source_at == at(noted)


@pytest.mark.parametrize(("began", "is_the_next_ones"), [(10.999, False), (11, True)])
def test_what_began_within_a_second_of_the_next_leg_may_be_that_ones(began: float, is_the_next_ones: bool) -> None:
    """The first leg was heard of half a second late; so was the other, as far as is known."""
    first = leg(10, 10.5, followed_source_at=11.5)

    assert began_with_following(first, moment(began)) is is_the_next_ones
    assert not began_with_following(leg(10, 10.5), moment(began))


@pytest.mark.parametrize(("holder", "searches", "missed"), [(9, 2, ""), (ANOTHERS, 1, "same")])
def test_a_recording_of_a_leg_that_is_being_delivered_or_settled_is_asked_past(
    holder: int, searches: int, missed: str
) -> None:
    """QMS names it for a moment more. Whether another source's leg is over is not known here."""
    board = work(leg())

    apply(replace(found(), holder=holder), board)

    assert (board.legs[1].searches, board.legs[1].missed) == (searches, missed)
