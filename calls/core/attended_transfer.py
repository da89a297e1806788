"""A call is handed on to an extension that talks already: its recording goes on, or another begins."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec.structs import replace

from calls.core.call_facts import as_of
from calls.core.clocks import (
    APART,
    CLOSE,
    STALL,
    WHOLE_SECOND,
    began_with_later,
    has_whole_seconds,
    is_on_time,
    moments_of,
)
from calls.core.commands import CancelSearch
from calls.core.doubts import is_wanted
from calls.core.leg_split import put_first_part, put_second_part, split
from calls.core.legs import start_search
from calls.core.origins import Origin, OriginRule
from calls.core.result_events import ASKED_BY, LATE, NONE_BEGAN, RecordingFound
from calls.core.state import CallState, LegPhase, LegState, PendingTransfer, SearchStatus
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent


class Part(StrEnum):
    """With which part of a leg a recording began: as its extension was connected, or as the call was handed on."""

    FIRST = "first"
    SECOND = "second"
    EITHER = "either"


def part_of(work: UnitOfWork, leg: LegState, began: datetime) -> Part:
    """Return with which part of a leg that a transfer reached a recording began.

    How long the first part was, the source's own times say, however late they are; a clock of whole seconds may leave
    open with which of them it began, and so does a recording that began just before the transfer. One that QMS had
    named by then is the first part's.
    """
    pending = leg.pending_transfer
    if pending is None:
        return Part.FIRST
    if pending.gateway_at - pending.at > STALL and is_on_time(work, leg):  # Only its own time says when it was.
        moved = leg.connected_gateway_at + (pending.at - leg.connected_source_at)
        return _of_two(work, leg, began, leg.connected_gateway_at, moved)
    first, last = moments_of(work, pending.at, pending.gateway_at)
    part = _of_two(work, leg, began, first - (pending.at - leg.connected_source_at), first)
    if first == last:
        return part
    connected = moments_of(work, leg.connected_source_at, leg.connected_gateway_at)[1]
    return part if part is _of_two(work, leg, began, connected, last) else Part.EITHER


def _of_two(work: UnitOfWork, leg: LegState, began: datetime, connected: datetime, moved: datetime) -> Part:
    """Return with which of two moments a recording began. ``leg``: it has the recording, or none."""
    if not began_with_later(began, connected, moved):
        return Part.FIRST
    if began >= moved:
        return Part.SECOND
    pending, named = leg.pending_transfer, leg.sure_at or leg.found_gateway_at
    is_named = bool(leg.guid) and named is not None and pending is not None and named <= earliest(work, leg, pending)
    return Part.FIRST if is_named else Part.EITHER


def pending_of(
    leg: LegState,
    before: CallState,
    at: datetime,
    gateway_at: datetime,
    *,
    new_segment: bool = False,
    call_origin: Origin | None,
) -> PendingTransfer:
    """Return a transfer that reached a leg. ``before``: the call that the leg was in, since ``call_origin``."""
    return PendingTransfer(
        at=at,
        gateway_at=gateway_at,
        call_id=before.call_id,
        incarnation=before.incarnation,
        facts=as_of(before, at),
        search=leg.searches + 1,
        new_segment=new_segment,
        call_origin=call_origin,
    )


def note_other_part(work: UnitOfWork, leg: LegState, pending: PendingTransfer) -> None:
    """Put a leg for the part that has no flags, where a transfer is heard of when those of the leg are under way.

    The leg's recording began with the transfer: what was recorded before it, QMS had not named in time. Else nobody
    knows whether another recording began with the transfer: QMS was not asked.
    """
    is_over = leg.disconnected_source_at is not None and leg.disconnected_source_at > pending.at
    moved = leg.connected_gateway_at + (pending.at - leg.connected_source_at)
    began = leg.recording_began
    if not is_over or began is None:
        return
    if began_with_later(began, leg.connected_gateway_at, moved):
        put_first_part(work, leg, pending)
    elif leg.guid:
        put_second_part(work, leg, pending)


def hand_on(
    work: UnitOfWork,
    leg: LegState,
    before: CallState,
    at: datetime,
    gateway_at: datetime,
    *,
    new_segment: bool,
    call_origin: Origin | None,
    held_since: datetime | None,
    is_conference: bool = False,
) -> None:
    """Ask QMS again for a leg that a call was handed on to: the same recording is one leg, another begins a second.

    ``before``: the call that it was in, since ``call_origin``. Where the recording that the leg has began with the
    transfer, it is the second part's, and nothing is asked.
    """
    pending = pending_of(leg, before, at, gateway_at, new_segment=new_segment, call_origin=call_origin)
    pending = replace(pending, held_since=held_since, is_conference=is_conference, received_at=work.received_at)
    pending = replace(pending, earlier=_undecided(leg, gateway_at))
    leg = replace(leg, pending_transfer=pending)
    if not is_wanted(work, leg):
        if new_segment:
            split(work, leg, gateway_at)
        return
    if leg.search is SearchStatus.OPEN:
        work.do(CancelSearch(leg.number))
    found = _answer(leg)
    if found is not None and part_of(work, leg, found.started_at) is Part.SECOND:
        split(work, replace(leg, guid="", service=None), gateway_at, found=found)
        return
    work.put_leg(start_search(work, leg, gateway_at))


def _undecided(leg: LegState, gateway_at: datetime) -> PendingTransfer | None:
    """Return a transfer that reached a leg before another one does, where it is not known whether the leg goes on.

    A conference's host goes on where QMS has named no other recording by now.
    """
    pending = leg.pending_transfer
    if pending is None:
        return None
    was_asked = gateway_at >= pending.gateway_at + ASKED_BY
    goes_on = pending.is_of_host and not pending.is_moved_on_hold and was_asked
    return None if goes_on else replace(pending, earlier=None)


def pending_of_host(work: UnitOfWork, olds: list[CallState], host: str, event: CallEvent) -> dict[int, PendingTransfer]:
    """Return what a conference is to its host's leg with the customer, where it joins a consultation to that call."""
    legs = [leg for leg in work.legs_in(olds[0].incarnation) if leg.device_id == host] if len(olds) > 1 else []
    made = {leg.number: pending_of(leg, olds[0], event.time, event.at, call_origin=leg.call_origin) for leg in legs}
    return {
        number: replace(
            one,
            held_since=event.heldsince,
            is_conference=True,
            is_of_host=True,
            is_moved_on_hold=_was_moved_on_hold(work, work.legs[number]),
            received_at=work.received_at,
        )
        for number, one in made.items()
    }


def _was_moved_on_hold(work: UnitOfWork, leg: LegState) -> bool:
    """Say whether a leg's call moved to another id while its extension had it on hold, or in the second of that."""
    origin, held, retrieved = leg.call_origin, leg.held_gateway_at, leg.retrieved_gateway_at
    if origin is None or origin.rule is not OriginRule.MOVED or held is None:
        return False
    moved = leg.connected_gateway_at + (origin.at - leg.connected_source_at)
    slack = WHOLE_SECOND if has_whole_seconds(work) else timedelta(0)
    return held < moved + slack and (leg.is_held or (retrieved is not None and moved < retrieved))


def ask_of_host(work: UnitOfWork, leg: LegState, pending: PendingTransfer) -> None:
    """Ask QMS at a conference whether another recording began at its host, whose leg with the customer goes on.

    Nothing is asked where the leg has no recording yet, is asked for already, or its call is not known to go on.
    """
    is_open = leg.phase is LegPhase.OPEN and leg.pending_transfer is None
    if is_open and leg.guid and leg.connected_source_at < pending.at and is_wanted(work, leg):
        work.put_leg(start_search(work, replace(leg, pending_transfer=pending), pending.gateway_at))


def began_at_host(work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    """Say whether a recording began with the conference at its host, or just before, and not with a later call."""
    is_before = part_of(work, replace(leg, guid=""), event.started_at) is Part.FIRST
    return not is_before and not may_be_of_later(work, leg, event.started_at)


def decides(work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    """Say whether an answer shows what became of a leg at its transfer: it was asked that, or names what began then."""
    pending = leg.pending_transfer
    if pending is None or event.search >= pending.search:
        return pending is not None
    return part_of(work, replace(leg, guid=""), event.started_at) is Part.SECOND


def without_decided(work: UnitOfWork, leg: LegState, event: RecordingFound) -> LegState:
    """Forget a transfer before the last one over which an answer shows the leg's recording to have gone on.

    The answer is to the question that was put for that one: QMS had still named the recording; or it had named none,
    though another that began there would have been there, and the leg's own was too old to be named.
    """
    pending = leg.pending_transfer
    earlier = pending.earlier if pending is not None else None
    if pending is None or earlier is None or not earlier.search <= event.search < pending.search:
        return leg
    is_silent = event.why == NONE_BEGAN and is_conclusive(work, leg, earlier, earlier.gateway_at + LATE)
    if event.why == "same" or (is_silent and not may_have_ended(work, leg, earlier)):
        return replace(leg, pending_transfer=replace(pending, earlier=None))
    return leg


def named_as_it_moved(work: UnitOfWork, leg: LegState, event: RecordingFound) -> bool:
    """Say whether QMS named a leg's recording for the first time just as a transfer was heard: it may end with that.

    A recorder that begins another one ends the first a moment later. What began after the transfer does not end so.
    """
    pending, asked = leg.pending_transfer, event.asked_at
    if pending is None or asked is None or event.search > pending.search or leg.phase is not LegPhase.OPEN:
        return False
    is_before = event.started_at < pending.gateway_at and part_of(work, leg, event.started_at) is Part.FIRST
    return is_before and asked <= pending.gateway_at + CLOSE


def may_go_on(leg: LegState, pending: PendingTransfer, first_asked_at: datetime | None, said: str) -> bool:
    """Say whether what QMS named only when a transfer had been heard may have gone on, though it names it no more.

    It did not answer; or it named none, but the leg was over within a second of the first question.
    """
    named, over = leg.found_gateway_at, leg.disconnected_gateway_at
    if not leg.guid or named is None or named < pending.gateway_at:
        return False
    is_over = over is not None and first_asked_at is not None and over - first_asked_at <= APART
    return said == "unreachable" or is_over


def ask_with_name(work: UnitOfWork, leg: LegState, pending: PendingTransfer) -> LegState:
    """Ask again what became of a leg's recording after a transfer: it was asked before the recording was known.

    Only where the question names it does QMS's "still the same" say that the leg goes on, whatever it names later.
    """
    work.do(CancelSearch(leg.number))
    return start_search(work, leg, pending.gateway_at)


def earliest(work: UnitOfWork, leg: LegState, pending: PendingTransfer) -> datetime:
    """Return when a transfer may have taken place at the earliest, by our clock.

    By the source's own times that is as much before its receipt as it was later than Connected had been. Else a link
    may have stalled: a little, or for longer where an answer of the PBX that was overdue shows it.
    """
    if not work.site.has_source_times:
        stalled = pending.gateway_at - STALL
        return min(stalled, pending.held_since or stalled)
    late = (pending.gateway_at - pending.at) - (leg.connected_gateway_at - leg.connected_source_at)
    return pending.gateway_at - max(late, timedelta(0))


def may_have_ended(work: UnitOfWork, leg: LegState, pending: PendingTransfer) -> bool:
    """Say whether QMS, asked in time, would have named the leg's recording after the transfer: its silence is a sign.

    Once a recording is older than that, it goes on unless another one began.
    """
    began = leg.recording_began
    if not leg.guid or began is None:
        return False
    moved = earliest(work, leg, pending) if work.site.has_source_times else pending.gateway_at
    return moved < began + timedelta(seconds=work.site.guid_window_seconds) + APART


def is_conclusive(work: UnitOfWork, leg: LegState, pending: PendingTransfer, asked: datetime | None) -> bool:
    """Say whether QMS, asked then, would have named a recording that began with a transfer: its silence is an answer.

    That is late enough for it to have begun, and soon enough for it to be named still: within its window, however late
    the transfer was heard of, and while the leg lasted and had not been on hold: a recording may end with that.
    """
    if asked is None or asked < pending.gateway_at + LATE or was_on_hold(work, leg, pending, asked):
        return False
    named_until = earliest(work, leg, pending) + timedelta(seconds=work.site.guid_window_seconds) - APART
    over = _over_at(work, leg)
    return asked <= named_until and (over is None or asked <= over)


def was_on_hold(work: UnitOfWork, leg: LegState, pending: PendingTransfer, asked: datetime | None) -> bool:
    """Say whether a leg was on hold after a transfer and before a question to QMS, by our clock."""
    held, retrieved = leg.held_gateway_at, leg.retrieved_gateway_at
    if held is None or asked is None or held > asked:
        return False
    since = earliest(work, leg, pending) if work.site.has_source_times else pending.gateway_at
    return leg.is_held or held > since or (retrieved is not None and retrieved > since)


def _over_at(work: UnitOfWork, leg: LegState) -> datetime | None:
    """Return when a leg may have been over at the earliest, by our clock: its end may be heard late."""
    at, heard = leg.disconnected_source_at, leg.disconnected_gateway_at
    if at is None or heard is None or leg.is_end_unknown:
        return heard
    if not work.site.has_source_times:
        return heard - APART
    late = (heard - at) - (leg.connected_gateway_at - leg.connected_source_at)
    return heard - max(late, timedelta(0))


def was_over_when_asked(work: UnitOfWork, leg: LegState, first_asked_at: datetime | None) -> bool:
    """Say whether a leg may have been over as QMS was first asked after its transfer: its end may be heard late."""
    over = _over_at(work, leg)
    return over is not None and first_asked_at is not None and first_asked_at > over


def divide_leg(work: UnitOfWork, leg: LegState, missed: str, at: datetime, *, is_unknown: bool = False) -> None:
    """Divide a leg at its pending transfer, where QMS named no recording of the second part, and ``missed`` says why.

    The first part keeps its recording, with its own data, unless that may have begun with the second. Where nothing was
    learnt of how far it went (``is_unknown``), it gets the flags that are the same for both parts alone.
    """
    found = _answer(leg)
    if found is not None and part_of(work, leg, found.started_at) is Part.EITHER:
        leg = replace(leg, guid="", service=None)
    split(work, replace(leg, missed=missed), at, is_undecided=is_unknown and missed != "none")


def is_asked_late(
    work: UnitOfWork, leg: LegState, first_asked_at: datetime | None, why: str, *, is_answered: bool
) -> bool:
    """Say whether QMS was asked too late after a leg's transfer, or never.

    Its first question came late, or when the leg was over; or it answered all that it was asked (``none``) and nothing
    is decided (``is_answered``), because no question was put late enough while a leg lasted that left time for it.
    Then it is not QMS that was silent, but the gateway or its link that was late.
    """
    pending = leg.pending_transfer
    if pending is None or first_asked_at is None:
        return pending is not None and why == "late"
    has_order = work.site.has_source_times and not has_whole_seconds(work)
    over = _over_at(work, leg) if has_order else leg.disconnected_gateway_at
    in_time = LATE + APART
    if over is not None and not leg.is_end_unknown and first_asked_at > over:
        return True
    if why == "none" and not is_answered and (over is None or over > pending.gateway_at + in_time):
        return True
    return first_asked_at > _known_earliest(work, leg, pending) + in_time


def may_be_of_later(work: UnitOfWork, leg: LegState, began: datetime) -> bool:
    """Say whether a recording that QMS names after a leg's transfer may have begun with a call that is not heard of.

    The transfer may have taken place long before it: the leg's own recording may have gone on and ended since.
    """
    pending = leg.pending_transfer
    if pending is None or pending.new_segment:
        return False
    return began > _known_earliest(work, leg, pending) + LATE


def _known_earliest(work: UnitOfWork, leg: LegState, pending: PendingTransfer) -> datetime:
    """Return when a transfer took place at the earliest, by our clock, as far as is known that it was heard late."""
    return earliest(work, leg, pending) if work.site.has_source_times else pending.held_since or pending.gateway_at


def give_to_second(work: UnitOfWork, leg: LegState, at: datetime) -> bool:
    """Divide a leg whose recording began just before the transfer, and goes on after it: the second part owns it.

    Another recording may have ended at the transfer, and the first part says why it has none. Say whether it was so.
    """
    found = _answer(leg)
    if found is None or has_whole_seconds(work) or part_of(work, leg, found.started_at) is not Part.EITHER:
        return False
    split(work, replace(leg, guid="", service=None), at, found=found)
    return True


def _answer(leg: LegState) -> RecordingFound | None:
    """Return the answer by which a leg got the recording that it has."""
    if not leg.guid or leg.service is None or leg.recording_began is None:
        return None
    return RecordingFound(
        leg=leg.number,
        search=leg.searches,
        guid=leg.guid,
        service=leg.service,
        started_at=leg.recording_began,
        attempts=1,
        at=leg.found_gateway_at or leg.connected_gateway_at,
    )
