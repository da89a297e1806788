"""Bring who is in a call that was handed on into the call that goes on."""

from datetime import datetime

from msgspec.structs import replace

from calls.core.attended_transfer import pending_of
from calls.core.call_facts import AFTER, stated_since
from calls.core.clocks import CLOSE, GRACE, TICK
from calls.core.consulted_before import with_consultation
from calls.core.leg_split import put_second_part
from calls.core.legs import clear_party, close_leg, put_party, refresh_facts
from calls.core.origins import OriginRule, origin_of
from calls.core.state import CallState, LegState, Party, WriteStatus
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent, Transferred


def _note_between(work: UnitOfWork, target: CallState, leg: LegState, following: LegState, event: CallEvent) -> None:
    """Put a leg for the time from a transfer to the extension's next connection, where there is any.

    Example: handed on at 30, gone at 30.1, connected under the id again at 30.4, and the transfer is heard last.
    """
    until = following.connected_source_at
    if until - event.time > CLOSE and leg.guid:
        pending = pending_of(leg, target, event.time, event.at, call_origin=leg.call_origin)
        part = replace(leg, call_id=target.call_id, incarnation=target.incarnation, disconnected_source_at=until)
        put_second_part(work, part, pending)


def arrive(work: UnitOfWork, target: CallState, party: Party, event: CallEvent) -> None:
    """Move a party of a call that was handed on into the resulting one, in which it may be known already."""
    there = target.parties.get(party.device_id) or _left_before(work, target, party.device_id, event.time)
    if there is not None and there.leg is not None:
        if party.leg in (None, there.leg):
            return
        if _has_left_before(work, there, event):
            _leave_before(work, target, party, there, event)
            return
        how = "The call was transferred; its next segment was reported before."
        first = close_leg(work, work.legs[party.leg], event.time, event.at, how)
        _note_between(work, target, first, work.legs[there.leg], event)
        put_party(work, target, replace(there, since=min(there.since or event.time, event.time)))
        return
    ordinal = max(party.ordinal, there.ordinal if there else 0)
    party = with_consultation(party, there)
    target = put_party(work, target, replace(party, ordinal=ordinal))
    if party.leg is not None:
        _moved(work, work.legs[party.leg], target, event)
    if there is not None and there.cleared_at is not None and there.cleared_at > event.time:
        how = "The extension had left already; the events came out of order."
        clear_party(work, target, party.device_id, there.cleared_at, there.cleared_gateway_at or event.at, how)


def _has_left_before(work: UnitOfWork, there: Party, event: CallEvent) -> bool:
    """Say whether a device left the resulting call before it was connected under its id again, as was heard first."""
    return work.site.has_source_times and there.left_before is not None and event.time <= there.left_before


def _leave_before(work: UnitOfWork, target: CallState, party: Party, there: Party, event: CallEvent) -> None:
    """End the leg of a device that is handed on at its end that was heard first: its later connection is another.

    Example: 2001 is handed on at 29.8 and leaves at 29.9; the id is used again and 2001 is connected at 30.15; the
    transfer is heard last.
    """
    leg = _moved(work, work.legs[party.leg or 0], target, event)
    put_party(work, target, replace(there, ordinal=max(there.ordinal, leg.ordinal), left_before=None))
    how = "The extension had left already; the events came out of order."
    close_leg(work, leg, there.left_before or event.time, event.at, how)


def _left_before(work: UnitOfWork, target: CallState, device_id: str, moment: datetime) -> Party | None:
    """Return a party of the resulting call whose end was heard before the transfer: it seemed to be of a later call."""
    for call in work.incarnations_of(target.call_id):
        party = call.parties.get(device_id)
        is_later = call.incarnation != target.incarnation and call.born_at >= moment
        if is_later and party is not None and not party.is_here and not party.had_leg:
            return party
    return None


def _moved(work: UnitOfWork, leg: LegState, target: CallState, event: CallEvent) -> LegState:
    origin = origin_of(event, OriginRule.MOVED) if leg.call_id != target.call_id else leg.call_origin
    return work.put_leg(replace(leg, call_id=target.call_id, incarnation=target.incarnation, call_origin=origin))


def rejoin(work: UnitOfWork, call: CallState, event: Transferred) -> CallState:
    """Take what seemed to be the id's next call for the same one, where it began at the destination of the transfer.

    Example: 2001 hands call 100 on to 2002 at 20.0 and leaves, and 2002 answers at 20.3 under the id 100; the transfer
    is heard last.
    """
    since = event.time if work.site.has_source_times else (call.superseded_at or event.time) - TICK
    following = next(
        (one for one in work.incarnations_of(call.call_id) if one.born_at > max(since, call.born_at)), None
    )
    if following is None or call.moved_to is not None or not _is_destination(work, call, following, event):
        return call
    if call.clearing_at is not None and call.clearing_at >= event.time:
        return call  # It was cleared after it had been handed on.
    legs = work.legs_in(following.incarnation)
    if any(leg.base is not WriteStatus.NONE for leg in legs):
        return call
    work.drop_call(following.incarnation)
    for leg in legs:
        work.put_leg(replace(leg, incarnation=call.incarnation))
    call = replace(
        work.calls[call.incarnation],
        facts=stated_since(call.facts, following.facts, event.time),
        parties={**call.parties, **following.parties},
        waits_since=following.waits_since,
        waits_at=following.waits_at,
        entered_at=following.entered_at,
        cleared_at=following.cleared_at,
        superseded_at=None,
        due=following.due,
    )
    refresh_facts(work, work.put_call(call), event.at)
    return call


def _is_destination(work: UnitOfWork, call: CallState, following: CallState, event: Transferred) -> bool:
    """Say whether a call began at the device that an event names as its destination, and is no other caller's."""
    to = event.data.transferred_to_device_id or ""
    first = min((one.since for one in following.parties.values() if one.since is not None), default=None)
    party = following.parties.get(to)
    is_queue = following.waits_at == to or not work.site.is_extension(to)
    began_there = is_queue and _began_in_queue(following) if party is None else party.since == first
    is_whole = following.moved_to is None and following.superseded_at is None and following.doubtful_since is None
    return bool(to) and began_there and is_whole and not _is_anothers(call, following)


def _began_in_queue(call: CallState) -> bool:
    """Say whether a call was queued before any device came into it."""
    queued = next(iter(call.facts.get("queue_name", ())), None)
    return (
        queued is not None
        and queued.at == call.born_at
        and all(one.since != queued.at for one in call.parties.values())
    )


def _is_anothers(call: CallState, following: CallState) -> bool:
    """Say whether two calls are known to have other interactions, or other callers."""
    for name in ("interaction_id", "calling_number"):
        first, second = ({one.value for one in state.facts.get(name, ()) if one.value} for state in (call, following))
        if first and second and not first & second:
            return True
    return False


def queued_by_transfer(work: UnitOfWork, incarnation: int, event: Transferred) -> None:
    """Let a queue that a call came into just before it was handed on be known only since: the transfer is heard late.

    Without times of the source. The one who handed it on has nothing of that queue.
    """
    call = work.calls[incarnation]
    since, names = call.waits_since, call.facts.get("queue_name", ())
    if work.site.has_source_times or since is None or not names or not event.time - GRACE <= since == names[-1].at:
        return
    is_where_to = call.waits_at == event.data.transferred_to_device_id
    if (len(names) > 1 or is_where_to) and any(one.had_leg and one.is_here for one in call.parties.values()):
        named = replace(names[-1], at=event.time + AFTER)
        work.put_call(replace(call, facts={**call.facts, "queue_name": (*names[:-1], named)}))


def end_as_cleared(work: UnitOfWork, call: CallState, event: CallEvent) -> CallState:
    """End a call at its clearing that was heard before the event that brought others into it."""
    known = [at for at in (call.clearing_at, call.next_cleared_at) if at is not None and at >= event.time]
    if not known or call.moved_to is not None:
        return call
    cleared_at = min(known)
    for device_id, party in call.parties.items():
        if party.is_here and (party.since is None or party.since <= cleared_at):
            clear_party(work, work.calls[call.incarnation], device_id, cleared_at, event.at, "The call was cleared.")
    call = replace(work.calls[call.incarnation], cleared_at=cleared_at, clearing_at=cleared_at, next_cleared_at=None)
    return work.put_call(replace(call, waits_since=None, waits_at=""))


def take_along(work: UnitOfWork, call: CallState, target: int, event: CallEvent, besides: str) -> None:
    """Bring those into the call that goes on whose ends came under the former id, and before the event was heard.

    They had been handed on by then, as the times say. ``besides``: the device that handed the call on, and left.
    """
    for device_id, party in call.parties.items():
        is_since = party.cleared_at is not None and party.cleared_at > event.time and party.had_leg
        if call.incarnation == target or device_id == besides or not is_since:
            continue
        if device_id not in work.calls[target].parties:
            put_party(work, work.calls[target], party)
            for leg in work.legs_in(call.incarnation):
                is_unwritten = leg.device_id == device_id and leg.base is WriteStatus.NONE
                if is_unwritten and leg.disconnected_source_at == party.cleared_at:
                    _moved(work, leg, work.calls[target], event)
