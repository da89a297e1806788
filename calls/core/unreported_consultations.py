"""A consultation of which nothing was reported before its transfer or conference names it, under an id used again.

So it is where a call is handed on while the colleague rings, and the source reports answers and ends alone. What is
known of the id is then the call that had it before, which gives nothing to the one that goes on.
"""

from calls.core.clocks import CLOSE, GRACE
from calls.core.consultation import has_customer
from calls.core.former_ids import MAXIMUM_IDS
from calls.core.incarnations import call_at
from calls.core.left_outside import is_extension_in
from calls.core.state import CallState
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent


def names_unreported(work: UnitOfWork, event: CallEvent, call_id: str, named: list[str], host: str) -> bool:
    """Say whether an id that an event joins with another one names a call of which nothing was reported.

    The host is in the other one; what is known under this id is over, or goes on outside, and is not what is joined.
    ``named``: the ids that the event joins. Example: 2001 talks in 111 and dials 2002 in 106, which is not reported;
    2003 had left the call that had the id 106 before. As 2001 hands 111 on, 106 is not that call.
    """
    call = call_at(work, call_id, host, event.time)
    found = [call_at(work, name, host, event.time) for name in named if name != call_id]
    others = [one for one in found if one is not None and _is_host_in(one, host, event)]
    if call is None or not others or _may_be_missed(work, call) or _goes_on_with(work, call, host, others):
        return False
    if call.outside_since is not None and not is_extension_in(work, call):
        return event.time > call.outside_since
    return _is_over(work, call, event, host, others[0])


def announced_by(event: CallEvent) -> set[str]:
    """Return the devices that a transfer or conference names: they are of the calls that it joins."""
    data = event.data
    named = {data.transferring_device_id, data.transferred_to_device_id, data.conferencing_device_id, data.device_id}
    listed = {name for item in data.connections for name in (item.new.device_id, item.old and item.old.device_id)}
    return {name for name in named | listed | {data.added_party_id} if name}


def _is_host_in(call: CallState, host: str, event: CallEvent) -> bool:
    """Say whether the host is in a call that was not handed on, or left it within a second."""
    party = call.parties.get(host)
    if party is None or call.moved_to is not None:
        return False
    return party.is_here or (party.cleared_at is not None and event.time - party.cleared_at <= GRACE)


def _may_be_missed(work: UnitOfWork, call: CallState) -> bool:
    """Say whether a call may have begun under an id in a gap, after the one that is known."""
    missed = work.source.missed_gateway_at
    return missed is not None and call.touched_gateway_at <= missed


def _goes_on_with(work: UnitOfWork, call: CallState, host: str, others: list[CallState]) -> bool:
    """Say whether the host is in a call, or in one in which it went on, or it went on in one of others.

    Another report of the event may have joined them.
    """
    known = {one.incarnation for one in others}
    for _ in range(MAXIMUM_IDS):
        party = call.parties.get(host)
        if call.incarnation in known or (party is not None and party.is_here):
            return True
        if call.moved_to is None or call.moved_to not in work.calls:
            return False
        call = work.calls[call.moved_to]
    return True


def _is_over(work: UnitOfWork, call: CallState, event: CallEvent, host: str, other: CallState) -> bool:
    """Say whether a call had ended before an event, and not with it.

    1. By the source's own fractions of a second, well before.
    2. Else no device that the event names has been in it; or it was another customer's: not the one that the host hands
       on, whose end may be heard first.
    """
    ended_at, to = call.ended_at, announced_by(event) - {host}
    if ended_at is None:
        return False
    if work.site.has_source_times and work.source.has_fractions and ended_at < event.time - CLOSE:
        return True
    if not call.parties.keys() & (to | {host}):
        return True
    is_hosts = host in call.parties and (
        bool(to & other.parties.keys()) or not has_customer(work, other, host, besides=call)
    )
    return has_customer(work, call, host, besides=other) and not is_hosts
