"""Bring who is in a call that was handed on into the call that goes on."""

from datetime import datetime

from msgspec.structs import replace

from calls.core.attended_transfer import pending_of
from calls.core.clocks import CLOSE
from calls.core.leg_split import put_second_part
from calls.core.legs import clear_party, close_leg, put_party
from calls.core.origins import OriginRule, origin_of
from calls.core.state import CallState, LegState, Party
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent


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
