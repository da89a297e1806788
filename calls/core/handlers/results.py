"""Handle what QMS answered to searches and flag writes."""

from datetime import timedelta

from msgspec.structs import replace

from calls.core.attended_transfer import (
    Part,
    ask_with_name,
    began_at_host,
    decides,
    divide_leg,
    give_to_second,
    is_asked_late,
    is_conclusive,
    may_be_of_later,
    may_go_on,
    may_have_ended,
    named_as_it_moved,
    part_of,
    was_on_hold,
    was_over_when_asked,
    without_decided,
)
from calls.core.canary import may_be_recorded_as
from calls.core.clocks import APART, CLOSE, moments_of, was_over_when_heard, was_received_late
from calls.core.commands import CancelSearch
from calls.core.dispatch import apply
from calls.core.doubts import base_due, began_with_following, decide_contests
from calls.core.gaps import is_heard_after_loss
from calls.core.leg_split import split
from calls.core.legs import EARLY, start_search
from calls.core.outcome_rules import concluded, traced
from calls.core.recording_ownership import (
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
from calls.core.result_events import (
    ANOTHERS,
    ASKED_BY,
    LATE,
    NONE_BEGAN,
    WHY,
    RecordingFound,
    RecordingMissed,
    WriteSettled,
    attempts_text,
)
from calls.core.state import (
    LegPhase,
    LegState,
    PendingTransfer,
    SearchStatus,
    WriteStatus,
)
from calls.core.unit_of_work import UnitOfWork

#: Until when after a transfer QMS was asked once a recording that began with it would have been there.
ASKED = LATE + CLOSE
#: Maximum searches of one leg while QMS still names the recording of the previous call.
MAXIMUM_SEARCHES = 5


@apply.register
def handle_recording_found(event: RecordingFound, work: UnitOfWork) -> None:
    """QMS named a recording: the leg's, unless it is another's."""
    leg = work.legs.get(event.leg)
    if leg is None or leg.base is not WriteStatus.NONE or leg.search is SearchStatus.MISSED:
        return
    note_stall(work, leg, event)
    if leg.is_canary and not (work.site.has_canary_recordings and may_be_recorded_as(leg.call_id, event.guid)):
        _miss(work, leg, event.search, "canary", event)
        return
    holder = holder_now(work, event)
    if began_late(work, leg, event):  # Whether its own leg is known already, or is in the same batch, must not count.
        _miss(work, leg, event.search, "began_late", event)
    elif event.search == 1 and began_with_following(leg, event.started_at):
        _miss(work, leg, event.search, "same", event)
    elif holder not in (None, leg.number) and not contest(work, holder or 0, leg, event):
        _not_its_own(work, holder or 0, leg, event)
    elif (why := ownership(work, leg, event)) == "stranger":
        _ask_on(work, leg, event, why)
    elif why:
        note_refused(work, leg, event)
        _miss(work, leg, event.search, why, event)
    else:
        _found(work, leg, event)


def _not_its_own(work: UnitOfWork, holder: int, leg: LegState, event: RecordingFound) -> None:
    """Miss a recording that another leg has, or ask on: QMS names one for a moment after its call.

    A leg that is not here is being delivered or settled, or another source's.
    """
    other = work.legs.get(holder)
    if holder != ANOTHERS and (other is None or other.phase is not LegPhase.OPEN):
        _ask_on(work, leg, event, "same")
    else:
        _miss(work, leg, event.search, "same", event)


def _ask_on(work: UnitOfWork, leg: LegState, event: RecordingFound, why: str) -> None:
    """Ask for another recording than the one that QMS still names, while the leg lasts; else miss it."""
    is_current = event.search == leg.searches and leg.pending_transfer is None and leg.phase is LegPhase.OPEN
    if is_current and leg.searches < MAXIMUM_SEARCHES:
        work.put_leg(start_search(work, leg, leg.connected_gateway_at, event.guid))
    else:
        _miss(work, leg, event.search, why, event)


def _found(work: UnitOfWork, leg: LegState, event: RecordingFound) -> None:
    took = (event.at - leg.connected_gateway_at).total_seconds()
    after = f"{took * 1000:.0f} ms" if took < 1 else f"{took:.1f} s"
    text = f"Recording {event.guid} found {after} after connect ({attempts_text(event.attempts)})."
    leg = traced(leg, event.at, "found", text)
    is_decision = decides(work, leg, event)
    if _may_ask_beside(leg, event, is_decision=is_decision):
        work.do(CancelSearch(leg.number))
    if is_decision and leg.guid not in ("", event.guid) and _says_nothing(work, leg, event):
        _after_transfer(work, leg, event, "same")
        return
    if is_decision and _is_another(work, leg, event):
        is_undecided = _is_undecided(work, leg, event)
        split(work, without_decided(work, leg, event), event.at, found=event, is_undecided=is_undecided)
        return
    is_unnamed = not leg.guid
    is_decision = is_decision and not (is_unnamed and named_as_it_moved(work, leg, event))
    pending_transfer = None if is_decision else leg.pending_transfer
    since = leg.found_gateway_at if leg.guid else event.at
    leg = replace(
        leg,
        guid=event.guid,
        service=event.service,
        search=SearchStatus.FOUND,
        pending_transfer=pending_transfer,
        found_gateway_at=since,
        recording_began=recording_began(leg, event),
        unconfirmed_began=event.started_at if leg.is_unconfirmed else None,
        sure_at=sure_at(work, leg, event),
    )
    leg = replace(leg, base_due=base_due(work, leg, leg.disconnected_gateway_at), contested_by=contested_by(work, leg))
    if is_unnamed and pending_transfer is not None:
        leg = ask_with_name(work, leg, pending_transfer)
    leg = work.put_leg(concluded(work, leg, event.at))
    decide_contests(work, leg, event.at)


def _says_nothing(work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    """Say whether another recording that QMS named began with something else than the transfer or conference."""
    is_hosts = leg.pending_transfer is not None and leg.pending_transfer.is_of_host
    return not began_at_host(work, leg, event) if is_hosts else _was_answered_before(work, leg, event)


def _may_ask_beside(leg: LegState, event: RecordingFound, *, is_decision: bool) -> bool:
    """Say whether another search of a leg may go on that an answer makes needless.

    At a transfer only what decides it ends the later one; without one, each does: at the answer of the far end a second
    search begins beside the first (``answer_supervision``).
    """
    return event.search < leg.searches if is_decision else leg.pending_transfer is None and leg.searches > 1


def _is_undecided(work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    """Say whether it is not known in which call the recording ended that a leg had before another one was named.

    1. What is named may have begun with a call that is not heard of yet: so may one whose host left.
    2. A host had the leg on hold while its call moved to another id: the recording may have ended at the hold.
    """
    pending = leg.pending_transfer
    has_left = pending is not None and pending.is_of_host and leg.phase is not LegPhase.OPEN
    is_moved = pending is not None and pending.is_moved_on_hold
    return has_left or is_moved or may_be_of_later(work, leg, event.started_at)


def _is_another(work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    """Say whether the transfer began another recording than the leg has, or than it had before and we never learnt."""
    if leg.pending_transfer is None or leg.guid == event.guid:
        return False
    if leg.guid:
        return True
    pending = leg.pending_transfer
    if pending.new_segment:
        return event.started_at >= moments_of(work, pending.at, pending.gateway_at)[0] - APART
    return part_of(work, leg, event.started_at) is not Part.FIRST


@apply.register
def handle_recording_missed(event: RecordingMissed, work: UnitOfWork) -> None:
    """The window is over without a recording."""
    leg = work.legs.get(event.leg)
    if leg is not None and leg.base is WriteStatus.NONE:
        _miss(work, leg, event.search, event.why, event)


def _miss(work: UnitOfWork, leg: LegState, search: int, why: str, event: RecordingFound | RecordingMissed) -> None:
    if search < leg.searches or leg.search is SearchStatus.MISSED:
        return
    error = f" {event.error}" if isinstance(event, RecordingMissed) and event.error else ""
    if leg.pending_transfer is not None:
        _after_transfer(work, leg, event, why)
        return
    if (why == "none" and was_over_when_heard(work, leg)) or (why == "late" and was_received_late(work, leg)):
        why = "heard_late"
    leg = traced(leg, event.at, "missed", f"{WHY[why]}{error} ({attempts_text(event.attempts)})")
    leg = replace(leg, search=SearchStatus.FOUND if leg.guid else SearchStatus.MISSED, missed=why)
    leg = work.put_leg(concluded(work, leg, event.at))
    named = event.guid if isinstance(event, RecordingFound) and why == "next_call" else ""
    decide_contests(work, leg, event.at, named=named)


def _after_transfer(work: UnitOfWork, leg: LegState, event: RecordingFound | RecordingMissed, why: str) -> None:
    """Decide what a leg is that a transfer reached, where QMS named no other recording that can be taken.

    1. QMS answered while another recording would have been there: the leg goes on, with its recording or without any.
       Without any, the PBX's own view stands: a new segment is a leg of its own.
       It named none though it would still name the leg's: that one ended, and the part after the transfer has none.
       If the transfer took place while it would have named it, but was heard of too late to ask, nobody knows either;
       a conference goes on unless QMS was asked too late or did not answer.
    2. QMS gave no such answer: nobody knows. The leg is divided; its first part keeps what is its own, the second has
       no recording. Example: a consultation from 25 to 30 with recording R2, the transfer at 30, and QMS away until 42:
       R2 gets the consultation's data, and the leg from 30 on says why it has none. Where the gateway itself asked too
       late, after a conference of which QMS says nothing, and where QMS had not named R2 before the transfer was heard,
       R2 gets what is the same for both parts alone.
    3. The leg of a conference's host with the customer goes on, whatever QMS answered.
    """
    pending = leg.pending_transfer
    if pending is None:
        return
    if pending.is_of_host:
        _go_on(work, leg, event)
        return
    is_answered = _is_answered(work, leg, event, why)
    said = _said(leg, event, why)
    has_ended = said == "none" and _has_ended(work, leg, event)
    is_known_silence = is_answered or was_on_hold(work, leg, pending, event.asked_at)
    is_late = is_asked_late(work, leg, event.first_asked_at, why, is_answered=is_known_silence)
    is_unknown = is_late or (pending.is_conference and said == "unreachable")  # It mostly goes on over a conference.
    goes_on = pending.is_conference and is_answered and not (has_ended or is_unknown)
    if is_answered and said in ("none", "unreachable") and not goes_on and may_have_ended(work, leg, pending):
        missed = "none" if has_ended else "undecided"
        divide_leg(work, leg, missed, event.at, is_unknown=is_unknown or said == "none")
        return
    if not is_answered or (not goes_on and not leg.guid and pending.new_segment):
        is_of_later = bool(leg.guid) and isinstance(event, RecordingFound)  # It says nothing of the leg's own.
        is_undecided = not is_answered and (why in ("none", "same") or is_of_later)
        is_known = said == "unreachable" or (said == "none" and _ended_at_join(work, leg, event))
        is_unknown = is_unknown or not is_known or may_go_on(leg, pending, event.first_asked_at, said)
        divide_leg(work, leg, "undecided" if is_undecided else why, event.at, is_unknown=is_unknown)
        return
    if give_to_second(work, leg, event.at):
        return
    _go_on(work, leg, event)


def _go_on(work: UnitOfWork, leg: LegState, event: RecordingFound | RecordingMissed) -> None:
    text = "After the transfer QMS still has the same recording: the leg goes on." if leg.guid else WHY["none"]
    status = SearchStatus.FOUND if leg.guid else SearchStatus.MISSED
    leg = replace(leg, pending_transfer=None, search=status, missed="" if leg.guid else "none")
    leg = work.put_leg(concluded(work, traced(leg, event.at, "transfer", text), event.at))
    decide_contests(work, leg, event.at)


def _said(leg: LegState, event: RecordingFound | RecordingMissed, why: str) -> str:
    """Return what QMS said of a leg's own recording after its transfer; another one says nothing of it."""
    said = event.why if isinstance(event, RecordingFound) and event.guid != leg.guid else why
    return "none" if said == NONE_BEGAN else said


def _has_ended(work: UnitOfWork, leg: LegState, event: RecordingFound | RecordingMissed) -> bool:
    """Say whether a leg's recording ended at the transfer: QMS would still name it, and does not.

    QMS names no recording once its call is over, nor when it is older than its window: that it named none counts only
    where it was asked before.
    """
    asked, ended = event.asked_at, leg.disconnected_gateway_at
    if ended is not None and (isinstance(event, RecordingFound) or (asked is not None and asked >= ended)):
        return False
    return _was_named(work, leg, event)


def _was_named(work: UnitOfWork, leg: LegState, event: RecordingFound | RecordingMissed) -> bool:
    """Say whether QMS, as it was first asked after a leg's transfer, would have named its recording if that went on."""
    connected = moments_of(work, leg.connected_source_at, leg.connected_gateway_at)[0]
    began, pending = leg.recording_began or connected - EARLY, leg.pending_transfer
    if not leg.guid or leg.is_unconfirmed or pending is None:
        return False
    if was_on_hold(work, leg, pending, event.first_asked_at):
        return False
    first, named_until = event.first_asked_at, began + timedelta(seconds=work.site.guid_window_seconds) - APART
    return pending.gateway_at + CLOSE < named_until and (first is None or first < named_until)


def _ended_at_join(work: UnitOfWork, leg: LegState, event: RecordingFound | RecordingMissed) -> bool:
    """Say whether a leg's recording ended at the transfer or conference, where QMS named none as it was first asked.

    A recording mostly goes on over a conference. Where a link stalls, that and the end of the leg are heard together,
    and the recording may have gone on until the end.
    """
    pending = leg.pending_transfer
    if pending is not None and pending.is_conference and was_over_when_asked(work, leg, event.first_asked_at):
        return False
    return _was_named(work, leg, event)


def _is_answered(work: UnitOfWork, leg: LegState, event: RecordingFound | RecordingMissed, why: str) -> bool:
    """Say whether QMS answered that no other recording began at the transfer.

    It named the leg's recording after the transfer; or it named none, though it was asked when another one would have
    been there. A search that QMS left unanswered at first needs an answer of while the leg was connected.
    """
    pending = leg.pending_transfer
    if pending is None:
        return False
    if isinstance(event, RecordingFound):
        return event.guid == leg.guid or _was_answered_before(work, leg, event)
    if why == "same" or (why == "none" and event.asked_at is None):
        return True
    if leg.phase is LegPhase.OPEN and _may_have_ended(work, pending):
        return False
    return why in ("none", "unreachable") and is_conclusive(work, leg, pending, event.asked_at)


def _may_have_ended(work: UnitOfWork, pending: PendingTransfer) -> bool:
    """Say whether the link was lost since a transfer, so that the leg may be over by now."""
    lost = work.source.lost_gateway_at
    return (lost is not None and lost >= pending.gateway_at) or is_heard_after_loss(
        work, pending.at, pending.gateway_at
    )


def _was_answered_before(work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    """Say whether QMS had answered while the leg lasted, before it named a later call's recording."""
    ended, pending = leg.disconnected_gateway_at, leg.pending_transfer
    if pending is not None and event.why == "same" and event.started_at > pending.gateway_at + CLOSE:
        return True  # It still named the leg's recording; what began since then is of something else.
    if pending is not None and _named_none_before(work, leg, pending, event):
        return True
    if ended is None or pending is None or event.started_at < ended:
        return False
    is_silent = event.why in ("none", NONE_BEGAN) and is_conclusive(work, leg, pending, pending.gateway_at + ASKED)
    return event.why == "same" or is_silent


def _named_none_before(work: UnitOfWork, leg: LegState, pending: PendingTransfer, event: RecordingFound) -> bool:
    """Say whether QMS had named none that began with a leg's transfer before it named one that began well after it."""
    is_later = event.started_at > pending.gateway_at + LATE and not _may_have_ended(work, pending)
    return is_later and event.why == NONE_BEGAN and is_conclusive(work, leg, pending, pending.gateway_at + ASKED_BY)


@apply.register
def handle_write_settled(event: WriteSettled, work: UnitOfWork) -> None:
    """Note that a part of a leg's flags is settled in QMS."""
    leg = work.legs.get(event.leg)
    if leg is None:
        return
    text = f"The {'flags' if event.part == 'base' else 'wrap-up'}: {event.status.value}. {event.error}".strip()
    leg = traced(leg, event.at, event.status.value, text)
    if event.part == "base":
        flagged = event.at if event.status is WriteStatus.WRITTEN else None
        leg = replace(
            leg, base=event.status, base_error=event.error, base_code=event.error_code, flagged_gateway_at=flagged
        )
    else:
        leg = replace(leg, wrapup=event.status, wrapup_error=event.error)
    work.put_leg(concluded(work, leg, event.at))
