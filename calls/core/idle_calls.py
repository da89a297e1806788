"""Calls in which nobody talks and that may be over: their caller gave up, or they go on."""

from datetime import datetime

from msgspec.structs import replace

from calls.core.call_end import divide, divide_before_leg
from calls.core.clocks import TICK, has_whole_seconds
from calls.core.incarnations import has_come_after
from calls.core.outside_parties import is_outside
from calls.core.state import CallState, Party, PartyState
from calls.core.unit_of_work import UnitOfWork
from cti.events import ConnectionCleared


def doubt_from(work: UnitOfWork, call: CallState, moment: datetime, gateway_at: datetime) -> None:
    """Doubt a call that left its queue for no destination that is named, or that its caller left while phones rang.

    What comes under its id is another call's, unless it states the same interaction; so is what came since, where that
    is heard late.
    """
    if any(_talked_at(work, party, moment) for party in call.parties.values()):
        return
    if work.site.has_source_times and not _goes_on(work, call, moment):
        for party in list(call.parties.values()):
            _divide_who_rang(work, call.incarnation, party, moment, gateway_at)
        divide(work, call.incarnation, moment, gateway_at)
        call = work.calls[call.incarnation]
    if not any(party.is_talking and not is_outside(work, call, party) for party in call.parties.values()):
        in_order = has_whole_seconds(work)  # What is heard later, of the same second, is after it.
        work.put_call(replace(call, doubtful_since=moment - TICK if in_order else moment))


def stop_waiting(work: UnitOfWork, call: CallState, party: Party | None, event: ConnectionCleared) -> None:
    """End a waiting call when its caller, its queue or who it was handed on to leaves it; no other extension ends it.

    While phones ring, whose end need not be reported, it may be over: the caller gave up, or is led to one of them.
    """
    here = [one for one in call.parties.values() if one.is_here]
    if not (here or call.waits_since is not None) or not _is_caller_or_queue(work, call, party, event):
        return
    if not here:
        work.put_call(replace(call, waits_since=None, waits_at="", cleared_at=event.time))
    elif rang_only(work, here, event) and not may_go_on_without(work, call, party, event):
        doubt_from(work, call, event.time, event.at)
    elif _left_far_end_alone(work, call, event):
        call = work.put_call(replace(call, waits_since=None, waits_at="") if call.waits_at else call)
        doubt_from(work, call, event.time, event.at)
    elif event.data.device_id == call.awaited_at:
        work.put_call(replace(call, waits_since=None))  # Outside parties do not keep it (left_outside).


def _left_far_end_alone(work: UnitOfWork, call: CallState, event: ConnectionCleared) -> bool:
    """Say whether a queue left outside parties alone in a call, whose end need not be reported: its caller gave up.

    Example: a dialler's customer is connected, waits in a queue, and hangs up there.
    """
    device_id = event.data.device_id or ""
    there = [party for party in call.parties.values() if party.was_here(event.time) and party.device_id != device_id]
    is_queue = bool(device_id) and (device_id == call.waits_at or device_id in work.site.queues)
    return is_queue and bool(there) and all(is_outside(work, call, party) for party in there)


def _is_caller_or_queue(work: UnitOfWork, call: CallState, party: Party | None, event: ConnectionCleared) -> bool:
    device_id = event.data.device_id or ""
    if device_id and device_id == call.awaited_at:
        return True
    if party is not None and not event.data.outside:
        has_dialled = party.state in (PartyState.INITIATED, PartyState.ORIGINATED)
        return has_dialled or is_outside(work, call, party)
    is_queue = device_id == call.waits_at or device_id in work.site.queues
    return is_queue or event.data.outside or device_id not in work.site.devices


def rang_only(work: UnitOfWork, parties: list[Party], event: ConnectionCleared) -> bool:
    """Say whether those who are in a call only rang as a device left, or came later, by the source's own times."""
    legs = [(one, work.legs.get(one.leg) if one.leg is not None else None) for one in parties]
    is_later = [leg is not None and leg.connected_source_at > event.time for _, leg in legs]
    if any(is_later) and not work.site.has_source_times:
        return False
    return all(later or one.state is PartyState.ALERTING for (one, _), later in zip(legs, is_later, strict=True))


def may_go_on_without(work: UnitOfWork, call: CallState, party: Party | None, event: ConnectionCleared) -> bool:
    """Say whether a call in which phones ring goes on without a device that left.

    It does where another outside phone rang beside them, where it left one queue for another, and where an agent may
    have handed it on.
    """
    device_id = event.data.device_id or ""
    has_rung = party is not None and party.state is PartyState.ALERTING
    names = call.facts.get("queue_name", ())
    is_queued_later = bool(names) and names[-1].at > event.time
    is_other_queue = device_id in work.site.queues and call.waits_at not in ("", device_id) and not is_queued_later
    return has_rung or is_other_queue or any(leg.is_held for leg in work.legs_at(device_id))


def _divide_who_rang(work: UnitOfWork, incarnation: int, party: Party, moment: datetime, gateway_at: datetime) -> None:
    """Divide a call before the leg of a phone that rang at a moment and was connected later."""
    leg = work.legs.get(party.leg) if party.leg is not None else None
    if leg is not None and party.since is not None and party.since <= moment < leg.connected_source_at:
        divide_before_leg(work, work.calls[incarnation], party, leg, moment, gateway_at)


def _talked_at(work: UnitOfWork, party: Party, moment: datetime) -> bool:
    """Say whether an extension talked in a call at a moment."""
    leg = work.legs.get(party.leg) if party.leg is not None else None
    since = leg.connected_source_at if leg is not None else party.since
    return party.had_leg and since is not None and since <= moment and party.was_here(moment)


def _goes_on(work: UnitOfWork, call: CallState, moment: datetime) -> bool:
    """Say whether a device that was connected in a call after a moment stated the call's interaction."""
    known = {fact.value for fact in call.facts.get("interaction_id", ())}
    here = (one for one in call.parties.values() if one.is_here or has_come_after(one, moment))
    return any(one.interaction_id in known and not is_outside(work, call, one) for one in here)
