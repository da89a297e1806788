"""Who in a call is an outside party, whose end a PBX need not report."""

from agents.core.matching import MatchKind
from calls.core.call_facts import is_dialled_by, is_number_of
from calls.core.state import CallState, Party, PartyState
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent, Queued

#: Minimum length of an outside number without +; park slots and feature codes are shorter.
_OUTSIDE_DIGITS = 7


def is_outside(work: UnitOfWork, call: CallState, party: Party) -> bool:
    """Say whether a party of a call is taken for one outside when it is asked whether the call goes on.

    So is the trunk on which the call left; and, of a source that does not list its devices, one whose extension no QMS
    user has, and that is a number of the call or an international one. Its leg stays: no flag can be written to that.
    """
    if party.outside or party.device_id == call.reached_by or not work.site.is_extension(party.device_id):
        return True
    leg = work.legs.get(party.leg) if party.leg is not None and not work.site.devices else None
    if leg is None or leg.match is not MatchKind.UNMATCHED:
        return False
    return party.device_id.startswith("+") or is_number_of(call, party.device_id)


def is_outside_number(work: UnitOfWork, number: str) -> bool:
    """Say whether a number is one outside: of no device and no queue, and international or long."""
    is_long = number.isdigit() and len(number) >= _OUTSIDE_DIGITS
    return (number.startswith("+") or is_long) and _is_nobody_of_ours(work, number)


def is_handed_outside(work: UnitOfWork, calls: list[CallState], event: CallEvent) -> bool:
    """Say whether a transfer leaves only outside parties in a call: it hands it to a number, or to who was consulted.

    So it does where it joins two callers. ``calls``: those that it joins, the customer's first.
    """
    to, olds = event.data.transferred_to_device_id or "", [work.calls[one.incarnation] for one in calls]
    if to and (is_outside_number(work, to) or any(_is_outside_here(work, call, to) for call in olds)):
        return True
    if _joins_callers(work, calls, olds, event):
        return True
    consulted = [(call, name) for call in olds[1:] for name, party in call.parties.items() if party.is_here]
    return bool(consulted) and all(_is_outside_here(work, call, name) for call, name in consulted)


def _joins_callers(work: UnitOfWork, befores: list[CallState], calls: list[CallState], event: CallEvent) -> bool:
    """Say whether a transfer joins two calls with the second of which its device was connected, and had not dialled it.

    So it was where it rang before the transfer: the answer is heard later. ``befores``: the calls as they were then.
    Who called is at the other end of each, and outside where no phone of ours is named: one that is known there talks
    in the resulting call, so that nobody is awaited. Where no destination is named, the numbers of both show it.
    """
    data = event.data
    host, to = data.transferring_device_id or data.device_id or "", data.transferred_to_device_id or ""
    if len(calls) != 2 or calls[1].waits_since is not None:
        return False
    if not to:
        return all(_talks_outside(work, call, host) for call in calls)
    if not _is_nobody_of_ours(work, to):
        return False
    joined, before = calls[1].parties.get(host), befores[1].parties.get(host)
    has_answered = before is not None and before.state is PartyState.ALERTING
    return joined is not None and (joined.had_leg or has_answered) and not is_dialled_by(calls[1], host)


def _talks_outside(work: UnitOfWork, call: CallState, host: str) -> bool:
    """Say whether a device talked in a call with a number outside: the one that it had dialled, or that called."""
    party, name = call.parties.get(host), "called_number" if is_dialled_by(call, host) else "calling_number"
    numbers = [one.value for one in call.facts.get(name, ()) if one.value]
    is_outside_there = bool(numbers) and all(is_outside_number(work, number) for number in numbers)
    return is_outside_there and party is not None and party.had_leg and call.waits_since is None


def _is_nobody_of_ours(work: UnitOfWork, device_id: str) -> bool:
    """Say whether a device is no queue and no phone: none that is listed, or that a QMS user has where none are."""
    if is_queue(work, device_id) or device_id in work.site.ignored or device_id in work.site.devices:
        return False
    return bool(work.site.devices) or work.context.verdict(device_id).kind is MatchKind.UNMATCHED


def is_queue(work: UnitOfWork, device_id: str) -> bool:
    """Say whether a device is a queue: one of the site's, or one whose name an event stated."""
    return device_id in work.site.queues or device_id in work.source.queue_names


def _is_outside_here(work: UnitOfWork, call: CallState, device_id: str) -> bool:
    """Say whether an outside party is in a call; so is who talks at a device that is no phone and no queue of ours.

    One at which it only rings may be a group's number, which leads the call to a phone of ours.
    """
    party = call.parties.get(device_id)
    if party is None or not party.is_here:
        return False
    return party.outside or (party.is_talking and not is_queue(work, device_id) and is_outside(work, call, party))


def is_of_outside(work: UnitOfWork, event: CallEvent) -> bool:
    """Say whether an event is about an outside party, and not about an extension or a queue."""
    device_id = event.data.device_id or ""
    if event.data.outside or is_outside_number(work, device_id):
        return True
    is_of_queue = isinstance(event, Queued) or is_queue(work, device_id)
    return not is_of_queue and not work.site.is_extension(device_id)
