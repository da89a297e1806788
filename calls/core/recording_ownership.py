"""Decide which leg owns a recording when several legs of an extension match. An ambiguous recording is dropped."""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from calls.core.clocks import APART, CLOSE, STALL, began_with_later, clocks_agree, ended_at, is_on_time, moments_of
from calls.core.doubts import is_close, is_sure, may_be_lost, may_be_of_repeat, may_contest, may_have_begun
from calls.core.outcome_rules import concluded, traced
from calls.core.result_events import LATE, WHY, RecordingAssigned, RecordingFound
from calls.core.state import LIVE, LegState, SearchStatus, WriteStatus
from calls.core.unit_of_work import UnitOfWork


def ownership(work: UnitOfWork, leg: LegState, event: RecordingFound) -> str:
    """Return why a recording that no other leg has is not given to the asking leg: a reason of ``WHY``; empty: it is.

    The first row of ``ROWS`` that applies decides; they are those of the table in docs/call-identity.md.
    """
    return next((why for applies, why in ROWS if applies(work, leg, event)), "")


def sure_at(work: UnitOfWork, leg: LegState, event: RecordingFound, *, besides: int | None = None) -> datetime | None:
    """Return when QMS was asked, where a recording is the leg's without a doubt; else None.

    1. The leg was connected as QMS was asked, and the recording began with it.
    2. What the source reports is not late: the leg's Connected was received when it happened. Nothing is missed.
    3. No other leg of the extension was connected from the recording's beginning to the question.
    4. The leg was not on hold as it began, unless it began within ``CLOSE`` of the leg's Connected.

    Example: connected at 5.0, the recording began at 5.1, QMS was asked at 5.2, and the next call came at 5.6: the
    recording is the first call's. ``besides``: the leg that this one was split from.
    """
    asked, began = event.asked_at, event.started_at
    if asked is None or leg.pending_transfer is not None or leg.is_unconfirmed or not is_on_time(work, leg):
        return None
    if _was_on_hold(leg, began) and began > leg.connected_gateway_at + CLOSE:
        return None
    if _may_be_incomplete(work, leg, asked):
        return None
    ended = leg.disconnected_gateway_at
    is_connected = leg.connected_gateway_at <= asked and (ended is None or asked <= ended)
    is_fitting = leg.connected_gateway_at - CLOSE <= began <= min(leg.connected_gateway_at + LATE, asked)
    over = ended_at(work, leg)
    is_fitting = is_fitting and (over is None or began < over)
    others = (one for one in work.legs_at(leg.device_id) if one.number not in (leg.number, besides))
    since = min(began, leg.connected_gateway_at)
    is_alone = all(_is_apart(work, one, since, asked) or _gave_way(one, leg, began) for one in others)
    return asked if is_connected and is_fitting and is_alone else None


def _is_certain(work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    return sure_at(work, leg, event) is not None


def _may_be_lost(work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    return may_be_lost(work, *_sought_since(leg), event.started_at)


def _began_with_repeat(work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    return may_be_of_repeat(work, leg, event.started_at)


def _may_be_of_another_leg(work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    others = (one for one in work.legs_at(leg.device_id) if one.number != leg.number)
    return any(_may_own(work, leg, one, event) for one in others)


def _may_be_incomplete(work: UnitOfWork, leg: LegState, asked: datetime) -> bool:
    """Say whether the link was lost before QMS was asked, or the extension's events are missed."""
    source = work.source
    lost = source.lost_gateway_at
    is_lost = lost is not None and leg.connected_gateway_at - APART <= lost <= asked
    return is_lost or any(leg.device_id in gap.devices for gap in source.partial)


def _is_apart(work: UnitOfWork, other: LegState, began: datetime, asked: datetime) -> bool:
    """Say whether another leg was over when a recording began, or was connected only after QMS was asked.

    One on hold counts as apart where it has a recording of its own.
    """
    ended = other.disconnected_gateway_at
    is_over = ended is not None and ended <= began
    return is_over or (other.connected_gateway_at > asked and is_on_time(work, other)) or bool(other.guid)


def _sought_since(leg: LegState) -> tuple[datetime, datetime]:
    """Return from when on the recording is sought, Connected or the transfer to be decided, and when we heard of it."""
    if leg.pending_transfer is not None:
        return leg.pending_transfer.at, leg.pending_transfer.gateway_at
    return leg.connected_source_at, leg.connected_gateway_at


def _may_own(work: UnitOfWork, leg: LegState, other: LegState, event: RecordingFound) -> bool:
    """Say whether the recording may be the other leg's, by when we heard of both. A link that stalls reports late."""
    began, mine, theirs = event.started_at, _sought_since(leg)[1], _sought_since(other)[1]
    if other.guid not in ("", event.guid) and other.pending_transfer is None:
        return False
    if _gave_way(other, leg, began):
        return False
    is_sure = (
        is_close(work, leg, began) or other.number < leg.number
    )  # One that came later, and is over, was reported late.
    if _was_over_before(other, began) or (is_sure and _was_over(work, leg, other, event)):
        return False
    if began < mine - APART:
        return True  # We heard of this leg late: the recording may have begun with any that was there.
    if began > mine + APART:
        return theirs >= mine - APART
    return may_have_begun(work, other, leg, began)


def note_stall(work: UnitOfWork, leg: LegState, event: RecordingFound) -> None:
    """Remember that QMS had known of a leg for long when we heard of it: what arrives now arrives late."""
    is_reported_late = event.started_at < leg.connected_gateway_at - APART and not (
        leg.is_unconfirmed or leg.searches > 1
    )
    others = [one for one in work.legs_at(leg.device_id) if one.number != leg.number]
    if is_reported_late and all(_was_over_before(one, event.started_at) for one in others):
        stalled = max(leg.connected_gateway_at, work.source.stalled_gateway_at or leg.connected_gateway_at)
        work.source = replace(work.source, stalled_gateway_at=stalled)


def recording_began(leg: LegState, event: RecordingFound) -> datetime | None:
    """Return the recording's beginning, where Connected shows when it should have been."""
    return None if leg.is_unconfirmed or leg.pending_transfer is not None else event.started_at


def contested_by(work: UnitOfWork, leg: LegState) -> int | None:
    """Return the extension's next leg, where it was heard of before the recording was found and is still sought for."""
    later = [one for one in work.legs_at(leg.device_id) if one.number > leg.number]
    sought = [one.number for one in later if one.search is SearchStatus.OPEN and may_contest(work, one, leg)]
    return sought[0] if sought else None


def _was_over(work: UnitOfWork, leg: LegState, other: LegState, event: RecordingFound) -> bool:
    """Say whether another leg had ended when the recording began, or while QMS still named it as live."""
    ended = other.disconnected_gateway_at
    if ended is None:
        return False
    is_named_since = event.asked_at is not None and event.asked_at > ended
    return ended < event.started_at or (is_named_since and not _goes_on_in(work, leg, other))


def _goes_on_in(work: UnitOfWork, leg: LegState, other: LegState) -> bool:
    """Say whether another leg ended as its call was joined with others while its extension went on in an older leg.

    After a conference a recorder may go on with the consultation's recording, so that this is named still.
    """
    call, ended = work.calls.get(other.incarnation), other.disconnected_source_at
    if call is None or ended is None or ended not in (call.moved_at, call.joined_at):
        return False
    is_here = leg.disconnected_source_at is None or leg.disconnected_source_at > ended
    return is_here and leg.number < other.number


def _was_over_before(other: LegState, began: datetime) -> bool:
    ended = other.disconnected_gateway_at
    return ended is not None and ended < began


def _fits(began: datetime, connected_gateway_at: datetime) -> bool:
    return abs(began - connected_gateway_at) <= APART


def _is_after_end(work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    """Say whether the recording began, or was asked for, when the leg was over: it is another call's."""
    ended, heard = ended_at(work, leg), leg.disconnected_gateway_at
    if ended is None or heard is None:
        return False
    is_held_back = leg.ended_since is not None and event.started_at >= leg.ended_since
    return is_held_back or event.started_at >= ended or (event.asked_at is not None and event.asked_at > heard)


def _began_with_retrieved(work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    """Say whether the recording began as the extension had retrieved another call: it talks in one call at a time.

    Example: 2001 answered call 101 at 16.4 and retrieved 100 at 16.9; a recording that began then is not that of 101,
    although the end of 101 is heard only at 17.5.
    """
    began = event.started_at
    connected = moments_of(work, leg.connected_source_at, leg.connected_gateway_at)[1]
    first = max(connected, leg.retrieved_gateway_at or connected)
    others = [one for one in work.legs_at(leg.device_id) if one.number != leg.number]
    later = [
        one.retrieved_gateway_at
        for one in others
        if one.retrieved_gateway_at is not None
        and one.retrieved_gateway_at > first
        and not _began_with_joining(work, leg, one, began)
    ]
    return any(began >= at or began_with_later(began, first, at) for at in later)


def _began_with_joining(work: UnitOfWork, leg: LegState, other: LegState, began: datetime) -> bool:
    """Say whether a recording began with a transfer or conference of a leg, by which another one was over.

    Example: 2001 holds 100, consults in 101, goes back to 100 and again to 101 at 35.3, and confers at 40. What began
    at 40.1 is not that of 101: the conference ended it, or made the two calls one.
    """
    pending, retrieved, ended = leg.pending_transfer, other.retrieved_gateway_at, other.disconnected_source_at
    if pending is None or retrieved is None or ended is None or ended > pending.at:
        return False
    return began_with_later(began, retrieved, moments_of(work, pending.at, pending.gateway_at)[0])


def _began_on_hold(_work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    """Say whether the recording began while the extension held the call: it talked in another one.

    Example: 2002 is connected in 102 at 12.05 and holds it at 12.23; a recording that began at 12.98, before 102 was
    retrieved at 13.2, is that of the consultation, although it is heard of later that 2002 had dialled.
    """
    began, held, retrieved = event.started_at, leg.held_gateway_at, leg.retrieved_gateway_at
    if held is None or leg.pending_transfer is not None or began <= held + CLOSE:
        return False
    return retrieved is None or retrieved < held or began < retrieved


def _was_on_hold(leg: LegState, began: datetime) -> bool:
    """Say whether a leg was on hold as a recording began: QMS's clock may be ahead, but it is not surely the leg's."""
    return leg.is_held and leg.held_gateway_at is not None and began > leg.held_gateway_at


def _gave_way(other: LegState, leg: LegState, began: datetime) -> bool:
    """Say whether a recording began with a leg whose extension had put the other one on hold for it.

    Example: 2001 is connected in 100 at 13.5, holds it at 13.9 and is connected in 101 at 14.1. What began at 14.12 is
    that of 101, though 2001 was connected in 100 within a second of it, too.
    """
    is_its_own = abs(began - leg.connected_gateway_at) <= CLOSE < began - other.connected_gateway_at
    return is_its_own and other.pending_transfer is None and _was_on_hold(other, began)


def began_late(work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    """Say whether the recording began long enough after Connected to be a call's we have not heard of yet.

    A leg that a snapshot found had begun before; one that is heard late had, too, where the clocks agree.
    """
    if leg.is_unconfirmed:
        return False
    if leg.pending_transfer is not None:
        return event.started_at > leg.pending_transfer.gateway_at + LATE
    if leg.is_of_snapshot:
        return event.started_at > leg.connected_gateway_at
    connected = leg.connected_gateway_at
    if connected - leg.connected_source_at > (APART if clocks_agree(work, connected) else STALL):
        connected = moments_of(work, leg.connected_source_at, connected)[1]
    return event.started_at > connected + LATE


def began_before(work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    """Say whether the recording began before the leg: it is another call's.

    1. We heard of the leg when it was connected.
    2. By the source's own times it was connected later, and another leg of the extension was there before.
    3. The recording was named for another leg that may own it, and that did not get it for this one's sake.
    """
    began = event.started_at
    if leg.is_unconfirmed or leg.pending_transfer is not None or began >= leg.connected_gateway_at - APART:
        return False
    if is_on_time(work, leg) or event.guid == leg.refused_guid:
        return True
    is_later = began < moments_of(work, leg.connected_source_at, leg.connected_gateway_at)[0] - APART
    return work.site.has_source_times and is_later and _was_another_there(work, leg, began)


def _was_another_there(work: UnitOfWork, leg: LegState, began: datetime) -> bool:
    others = [one for one in work.legs_at(leg.device_id) if one.number != leg.number]
    return any(one.connected_gateway_at <= began and not _was_over_before(one, began) for one in others)


def note_refused(work: UnitOfWork, leg: LegState, event: RecordingFound) -> None:
    """Note a recording that a leg does not get because it may be a later leg's, which it began before: it is neither's.

    Example, without times of the source: 2001 talks since 20.3 in a call that is handed on to it at 24.8, as a
    recording begins, and in the next call since 27.4. QMS names the recording at 28 for the first, when the next may
    have been connected before and heard late, and at 30, when the first is settled, for the next.
    """
    if _was_over_before(leg, event.started_at):
        return
    for one in work.legs_at(leg.device_id):
        is_later = one.number != leg.number and one.connected_gateway_at - APART > event.started_at
        if is_later and one.search is SearchStatus.OPEN and not one.refused_guid:
            work.put_leg(replace(one, refused_guid=event.guid))


#: What is observed, and why the recording is then not the leg's; empty: it is the leg's.
ROWS: tuple[tuple[Callable[[UnitOfWork, LegState, RecordingFound], bool], str], ...] = (
    (began_late, "began_late"),
    (began_before, "stranger"),
    (_began_with_repeat, "repeat"),
    (_began_with_retrieved, "next_call"),
    (_began_on_hold, "next_call"),
    (_is_certain, ""),
    (_is_after_end, "next_call"),
    (_may_be_lost, "next_call"),
    (_may_be_of_another_leg, "next_call"),
)


def holder_now(work: UnitOfWork, event: RecordingFound | RecordingAssigned) -> int | None:
    """Return which leg has a recording now: a leg of this batch may have taken or lost it since the batch was read."""
    now = work.holder_of(event.guid)
    return event.holder if now is None and event.holder not in work.legs else now


def contest(work: UnitOfWork, holder: int, leg: LegState, event: RecordingFound) -> bool:
    """Take a recording from a leg that cannot be shown to be its own; say whether it is the asking leg's now.

    The holder is over while the recording goes on: never its own. Both may have it by their times: neither gets it.
    A holder whose flags went to QMS, or of another extension, keeps what it has.
    """
    other = work.legs.get(holder)
    if other is None or other.phase not in LIVE or other.device_id != leg.device_id:
        return False  # What is settled stays, also in the batch that settled it.
    if other.base is not WriteStatus.NONE:
        return False
    if is_sure(work, other, leg):
        return False
    if _was_over(work, leg, other, event):
        _take(work, other, event, "goes on after the end of this leg")
        return True
    if not _fits(event.started_at, leg.connected_gateway_at) or leg.pending_transfer is not None:
        return False
    is_theirs_too = _fits(event.started_at, other.connected_gateway_at) and not _gave_way(other, leg, event.started_at)
    if is_theirs_too or event.started_at > other.connected_gateway_at:
        _take(work, other, event, "began as another call of the extension was connected")
    return event.started_at > other.connected_gateway_at and not is_theirs_too


def _take(work: UnitOfWork, other: LegState, event: RecordingFound, why: str) -> None:
    text = f"{WHY['next_call']} Recording {event.guid} {why}."
    other = traced(other, event.at, "missed", text)
    other = replace(
        other,
        guid="",
        service=None,
        pending_transfer=None,
        search=SearchStatus.MISSED,
        missed="next_call",
        contested_by=None,
    )
    work.put_leg(concluded(work, other, event.at))
