"""The end of a connection that is heard before its beginning, of a device that had been in the call before."""

from datetime import datetime

from msgspec.structs import replace

from calls.core.call_end import connect_again, divide_where_empty, expire_when_over, without_again
from calls.core.clocks import GRACE
from calls.core.connections import end_of_return
from calls.core.left_outside import end_outside_parties
from calls.core.legs import clear_party, put_party
from calls.core.state import CallState, Party
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent, ConnectionCleared, Established


def note_end_of_absent(work: UnitOfWork, call: CallState, party: Party | None, event: ConnectionCleared) -> None:
    """Remember the end of a device that has left: that it had come again may be heard after it.

    Without times of the source, another monitor reports the end that is known within a second.
    """
    if party is None or party.is_here or party.cleared_at is None:
        return
    if event.time > (party.cleared_at if work.site.has_source_times else party.cleared_at + GRACE):
        put_party(work, call, replace(party, left_again=event.time))


def end_of_unheard(work: UnitOfWork, call: CallState, device_id: str, event: Established) -> datetime | None:
    """Return when the connection ended that is reported now, where that was heard first."""
    party = call.parties.get(device_id)
    if party is None or party.is_here:
        return None
    if work.site.has_source_times:
        return end_of_return(work, call, party, event.time)
    left_at = party.left_again
    return left_at if left_at is not None and event.time <= left_at + GRACE else None


def end_at(work: UnitOfWork, incarnation: int, device_id: str, left_at: datetime, event: Established) -> None:
    """End a connection, as it is heard of, at its end that was heard first."""
    how = f"Extension {device_id} had disconnected already; the events came out of order."
    clear_party(work, work.calls[incarnation], device_id, max(left_at, event.time), event.at, how)
    divide_where_empty(work, incarnation, max(left_at, event.time), event.at)
    expire_when_over(work, incarnation, event.at)


def end_as_heard(work: UnitOfWork, call: CallState, device_id: str, event: Established) -> None:
    """End a connection at its end that was heard first, where that was kept with a later one in the id's next call."""
    party = call.parties.get(device_id)
    for other in work.incarnations_of(call.call_id) if work.site.has_source_times else ():
        later = other.parties.get(device_id)
        left_at = later.left_before if later is not None and other.incarnation != call.incarnation else None
        if later is None or left_at is None or event.time >= left_at or party is None or party.since != event.time:
            continue
        put_party(work, other, replace(later, left_before=None))
        end_at(work, call.incarnation, device_id, left_at, event)
        return


def connect_as_heard(work: UnitOfWork, incarnation: int, device_id: str, event: CallEvent) -> None:
    """Connect a device in a call that goes on, where that was heard before the end of its connection before.

    Example: 2001 hands the call on at 49.8, and is connected in it again at 50.6; the transfer is heard last.
    """
    call = work.calls[incarnation]
    party = call.parties.get(device_id)
    if party is None or party.is_here or call.is_over:
        return
    reports = party.reported_after(event.time)
    if reports:
        put_party(work, call, without_again(party, event.time))
        connect_again(work, incarnation, party, reports)


def connect_after_end(work: UnitOfWork, incarnation: int, device_id: str, event: ConnectionCleared) -> None:
    """Connect a device again that was heard to be before its end, unless the call was over with that.

    So it was where only outside parties were left: that the device is connected is then of the id's next call.
    """
    end_outside_parties(work, work.calls[incarnation], event.time, event.at)
    connect_as_heard(work, incarnation, device_id, event)
