"""What came first within one second, of a source of whole seconds, where the order in which it is heard says so."""

from msgspec.structs import replace

from calls.core.call_evidence import AT_DEVICE, ENTERING, is_anybody_in
from calls.core.clocks import TICK, has_whole_seconds
from calls.core.incarnations import ENDING
from calls.core.newcomers import SOON
from calls.core.state import CallState
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallCleared, CallEvent, CallInformation, Queued, Transferred


def in_its_place(work: UnitOfWork, event: CallEvent) -> CallEvent:
    """Return an event of whole seconds with the time of its id's latest call, where that was set apart in its second.

    See ``set_apart``. An end is of that call only if it is of one of its devices. That of a device to which the call
    was handed on in that second, as was heard before, or that it leads on, comes after that: it was there. So does a
    queue or data that is stated then. Who comes after such an end, by which all have left, comes after it too: the id
    is used again.
    """
    calls = work.incarnations_of(_place_of(event)[0]) if has_whole_seconds(work) else []
    if calls and _is_after_move(work, calls[-1], event):
        return replace(event, time=event.time + TICK)
    if calls and _is_after_moved_end(calls[-1], event):
        return replace(event, time=event.time + 2 * TICK)
    if not calls or isinstance(event, CallCleared | Transferred):
        return event
    if not event.time < calls[-1].born_at < event.time + SOON:
        return event
    is_of_device = isinstance(event, AT_DEVICE)
    if is_of_device and (event.data.device_id or "") not in calls[-1].parties:
        return event
    return replace(event, time=calls[-1].born_at)


def _is_after_move(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an event is heard after the transfer or conference of its second, and is of the call that goes on.

    So is what follows a queue that came after that. Example: 2001 hands the call on to a queue, which names itself, and
    2001 has the call again, all in one second.
    """
    if isinstance(event, (*ENDING, Transferred)) and _is_handed_on_to(work, call, event):
        return True
    is_later = isinstance(event, Queued | CallInformation) or call.entered_at == event.time + TICK
    return call.joined_at == event.time and is_later and _is_of_present(call, event)


def _is_of_present(call: CallState, event: CallEvent) -> bool:
    """Say whether an event brings somebody into a call, or is of who is in it, of its queue or of nobody."""
    device_id = _place_of(event)[1]
    party = call.parties.get(device_id)
    return isinstance(event, ENTERING) or device_id in ("", call.waits_at) or (party is not None and party.is_here)


def _place_of(event: CallEvent) -> tuple[str, str]:
    """Return the id and the device that an event is about: of a transfer, who hands on which call."""
    data = event.data
    if isinstance(event, Transferred):
        return data.primary_old_call_id or "", data.transferring_device_id or data.device_id or ""
    return data.call_id or "", data.device_id or ""


def _is_handed_on_to(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether a call was joined, or handed on to a leg, in the moment of an event, with its device or any."""
    device_id = _place_of(event)[1]
    party = call.parties.get(device_id)
    if call.joined_at == event.time and (party is None or party.is_here):
        return party is not None or not device_id
    legs = [leg for leg in work.legs_in(call.incarnation) if device_id in (leg.device_id, "")]
    pending = [leg.pending_transfer.at for leg in legs if leg.pending_transfer is not None]
    second_parts = [leg.connected_source_at for leg in legs if leg.agent_source_at is not None]
    return event.time in (*pending, *second_parts)


def _is_after_moved_end(call: CallState, event: CallEvent) -> bool:
    """Say whether a device or queue is stated in a call that all have left, by an end of that second set after it."""
    if not isinstance(event, ENTERING) or is_anybody_in(call):
        return False
    ended = event.time + TICK
    return call.cleared_at == ended or any(party.cleared_at == ended for party in call.parties.values())
