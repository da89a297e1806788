"""Whether a leg's recording may be another call's, one that is known or one that a late link has yet to report."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from agents.core.matching import MatchKind
from calls.core.clocks import APART, CLOSE, STALL, began_with_later, clocks_agree, is_on_time, moments_of
from calls.core.commands import CancelSearch
from calls.core.gaps import is_heard_after_loss
from calls.core.outcome_rules import concluded, without_recording
from calls.core.state import (
    LegState,
    SearchStatus,
    WriteStatus,
)
from calls.core.unit_of_work import UnitOfWork


def is_wanted(work: UnitOfWork, leg: LegState) -> bool:
    """Say whether a leg's recording is to be sought at all."""
    if leg.is_joined_late or leg.match is not MatchKind.MATCHED or not leg.services:
        return False
    return leg.is_canary or bool(leg.agent_id) or not work.site.agents_calls_only


def is_sure(work: UnitOfWork, holder: LegState, leg: LegState) -> bool:
    """Say whether a recording is its holder's without a doubt, though another leg of the extension is heard of.

    That one was considered as QMS named the recording; or it was connected after QMS was asked, and the recording had
    not begun with it while the holder was on hold.
    """
    if holder.sure_at is None or leg.number < holder.number:
        return holder.sure_at is not None
    is_after = holder.sure_at < leg.connected_gateway_at and is_on_time(work, leg)
    return is_after and not _began_instead(work, holder, leg)


def _began_instead(work: UnitOfWork, holder: LegState, leg: LegState) -> bool:
    """Say whether a recording began with a later leg, after its holder had been put on hold.

    Example: 2001 is connected in 100 at 13.5, holds it at 13.6, and is connected in 101 at 13.85. What began at 13.65
    may be of either.
    """
    began, held = holder.recording_began, holder.held_gateway_at
    if began is None or held is None or began <= held:
        return False
    return began >= moments_of(work, leg.connected_source_at, leg.connected_gateway_at)[0] - CLOSE


def may_have_begun(work: UnitOfWork, other: LegState, holder: LegState, began: datetime) -> bool:
    """Say whether the holder's recording may have begun with another leg, which a stalled link reports late."""
    if is_connected_after(work, other, began):
        return False
    return began - APART <= other.connected_gateway_at <= began + (APART if is_close(work, holder, began) else STALL)


def is_connected_after(work: UnitOfWork, leg: LegState, began: datetime) -> bool:
    """Say whether a leg was connected over a second after a recording had begun, by the source's own times of it.

    However late its Connected is heard, a recording does not begin before it; so the clocks must be known to agree.
    """
    heard = leg.connected_gateway_at
    return clocks_agree(work, heard) and began < moments_of(work, leg.connected_source_at, heard)[0] - APART


def is_close(work: UnitOfWork, leg: LegState, began: datetime) -> bool:
    """Say whether a recording began just when we heard that the leg was connected, and not by chance in a stall."""
    return _are_close(work, leg.connected_gateway_at, began)


def _are_close(work: UnitOfWork, heard: datetime, began: datetime) -> bool:
    stalled = work.source.stalled_gateway_at
    is_stalled = stalled is not None and abs(stalled - heard) <= STALL
    return not is_stalled and abs(began - heard) <= CLOSE


def may_be_lost(work: UnitOfWork, at: datetime, heard: datetime, began: datetime) -> bool:
    """Say whether a recording may have begun with a call that was under way on the link when that was lost.

    ``at``, ``heard``: when its leg was connected, or the call handed on, and when we heard of that; a beginning just
    then means nothing where it was late. A listener that died sent its last events after its last sign of life.
    """
    lost = work.source.lost_gateway_at
    is_near = lost is not None and heard - APART <= lost <= began + STALL
    is_close_to_it = _are_close(work, min(heard, moments_of(work, at, heard)[1]), began)
    return is_heard_after_loss(work, at, heard) or (is_near and not is_close_to_it)


def give_up_what_may_be_lost(work: UnitOfWork, at: datetime) -> None:
    """Take from each leg a recording, not written to yet, that may be of a call which the link was about to tell."""
    text = "The link was lost so soon that the recording may be that of a call which it did not tell of any more."
    for leg in list(work.legs.values()):
        began, lost = leg.recording_began, work.source.lost_gateway_at
        is_sure_of_it = leg.sure_at is not None and lost is not None and lost > leg.sure_at + CLOSE
        if is_sure_of_it or began is None or not _is_unwritten(leg):
            continue
        if may_be_lost(work, leg.connected_source_at, leg.connected_gateway_at, began):
            given_up = work.put_leg(concluded(work, without_recording(leg, at, text), at))
            decide_contests(work, given_up, at)


def may_be_of_repeat(work: UnitOfWork, leg: LegState, began: datetime) -> bool:
    """Say whether a recording began with a later report of its leg's connection: the id may have been used again.

    Example: connected at 10.25, and again at 10.6, when the recording began. That the extension had left at 10.35 may
    still be reported. Without times of the source a late end would not show that it is older.
    """
    call = work.calls.get(leg.incarnation)
    party = call.parties.get(leg.device_id) if call is not None else None
    if party is None or not work.site.has_source_times:
        return False
    connected, ended = leg.connected_source_at, leg.disconnected_source_at
    reports = [one for one in party.reported_after(connected) if ended is None or one.at < ended]
    first = moments_of(work, connected, leg.connected_gateway_at)[1]
    return any(began_with_later(began, first, moments_of(work, one.at, one.gateway_at)[0]) for one in reports)


def give_up_what_may_be_of_repeat(work: UnitOfWork, incarnation: int, device_id: str, at: datetime) -> None:
    """Take a recording, not written to yet, that began with a later report of the connection, heard of now."""
    for leg in work.legs_in(incarnation):
        began = leg.recording_began if leg.device_id == device_id and _is_unwritten(leg) else None
        if began is not None and may_be_of_repeat(work, leg, began):
            text = f"Recording {leg.guid} began as the extension was reported as connected again."
            overtake(work, leg, at, text, "repeat")


def is_doubtful(work: UnitOfWork, other: LegState, leg: LegState) -> bool:
    """Say whether a leg's recording, which is not written to yet, may be that of one that is heard of now."""
    began = other.recording_began
    if began is None or not _is_unwritten(other) or is_sure(work, other, leg):
        return False
    return may_have_begun(work, leg, other, began)


def _is_unwritten(leg: LegState) -> bool:
    return bool(leg.guid) and leg.base is WriteStatus.NONE


def may_contest(work: UnitOfWork, leg: LegState, holder: LegState) -> bool:
    """Say whether the holder's recording may be that of a leg heard of within a stall's time.

    It began just as we heard of the holder; where the link stalls that is chance. QMS knows: where the other leg has a
    recording of its own, this one is the holder's.
    """
    began = holder.recording_began
    if began is None or not _is_unwritten(holder) or not is_wanted(work, leg) or is_sure(work, holder, leg):
        return False
    return began < leg.connected_gateway_at <= began + STALL and not is_connected_after(work, leg, began)


def noted_following(work: UnitOfWork, leg: LegState, following: LegState) -> LegState:
    """Note at a leg whose recording is sought for when the extension's next one was connected; return the leg."""
    at, known = following.connected_source_at, leg.followed_source_at
    is_next = leg.search is SearchStatus.OPEN and leg.number < following.number
    if not is_next or at - leg.connected_source_at <= APART or (known is not None and known <= at):
        return leg
    return work.put_leg(replace(leg, followed_source_at=at))


def began_with_following(leg: LegState, began: datetime) -> bool:
    """Say whether a recording may have begun with the extension's next leg, which another search finds it for."""
    at = leg.followed_source_at
    return at is not None and began >= leg.connected_gateway_at + (at - leg.connected_source_at) - APART


def decide_contests(work: UnitOfWork, leg: LegState, at: datetime, *, named: str = "") -> None:
    """Let the end of a leg's search decide whose the recordings are that may be its own.

    ``named``: the recording that QMS named for it, which it does not get, as another call's may be. If that is what
    began with a conference at a host, the host's recording from before it is contested no more.
    """
    for other in work.legs_at(leg.device_id):
        if other.contested_by == leg.number:
            is_other = named not in ("", other.guid) and _is_asked_as_host(other)
            decided = replace(other, contested_by=None) if is_other else uncontested(work, other, at)
            work.put_leg(concluded(work, decided, at))


def _is_asked_as_host(leg: LegState) -> bool:
    return leg.pending_transfer is not None and leg.pending_transfer.is_of_host


def uncontested(work: UnitOfWork, leg: LegState, at: datetime) -> LegState:
    """Decide a contest where the other leg's search is over: keep the recording, or give it up."""
    contender = work.legs.get(leg.contested_by or 0)
    if contender is not None and contender.search is SearchStatus.OPEN:
        return leg
    if leg.base is not WriteStatus.NONE or (contender is not None and contender.guid not in ("", leg.guid)):
        return replace(leg, contested_by=None)
    text = f"Recording {leg.guid} may be that of this extension's next call, for which QMS has no other."
    return without_recording(leg, at, text)


def base_due(work: UnitOfWork, leg: LegState, ended_gateway_at: datetime | None) -> datetime | None:
    """Return when the base flags of a leg that ended may be written: when late events and calls had their time."""
    if ended_gateway_at is None:
        return leg.base_due
    due = ended_gateway_at + timedelta(seconds=work.site.settle_seconds)
    began = leg.recording_began
    is_settled = began is None or leg.sure_at is not None or is_close(work, leg, began)
    return due if is_settled or began is None else max(due, began + STALL + APART)


def overtake(work: UnitOfWork, leg: LegState, at: datetime, text: str, missed: str = "next_call") -> None:
    """End a leg's search without a recording, also where it has one."""
    work.do(CancelSearch(leg.number))
    leg = work.put_leg(concluded(work, without_recording(leg, at, text, missed), at))
    decide_contests(work, leg, at)
