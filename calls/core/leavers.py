"""Who leaves a call as it is joined with another, or handed on."""

from calls.core.clocks import GRACE
from calls.core.legs import clear_party, correct_end, note_stalled_end
from calls.core.state import WriteStatus
from calls.core.unit_of_work import UnitOfWork
from cti.events import SINGLE_STEP, CallEvent, Transferred


def leave(work: UnitOfWork, incarnation: int, device_id: str, event: CallEvent, how: str) -> None:
    """Let a device leave a call that it joins with another, or hands on; a later end was heard first."""
    party = work.calls[incarnation].parties.get(device_id)
    clear_party(work, work.calls[incarnation], device_id, event.time, event.at, how)
    note_stalled_end(work, party.leg if party is not None else None, event)
    for leg in work.legs_in(incarnation):
        ended = leg.disconnected_source_at
        is_of_it = leg.device_id == device_id and leg.base is WriteStatus.NONE and leg.connected_source_at < event.time
        if is_of_it and ended is not None and ended > event.time:
            correct_end(work, leg, event.time, event.at)


def leave_before(work: UnitOfWork, incarnation: int, event: Transferred) -> None:
    """Let a phone leave a call that is handed on to it in a single step: it had left before, as is still to be heard.

    Example: 2001 hands a call on to 2002 that it had joined with it before, and 2002 had left at 29.9.
    """
    to = event.data.transferred_to_device_id or ""
    party = work.calls[incarnation].parties.get(to)
    leg = work.legs.get(party.leg) if party is not None and party.leg is not None else None
    if event.data.cause == SINGLE_STEP and leg is not None and leg.connected_source_at < event.time - GRACE:
        leave(work, incarnation, to, event, "The call is transferred to the extension: it had left before.")
