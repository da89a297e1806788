"""Which calls a transfer or conference joins, as its reports say, each with what one monitored device knows."""

from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from calls.core.call_evidence import is_of_before_loss
from calls.core.call_facts import is_called_from, is_dialled_by, learn, reported_facts
from calls.core.clocks import GRACE
from calls.core.consultation import customers_first, has_consulted, has_customer
from calls.core.ends_apart import divide_where_handed_on
from calls.core.former_ids import take_back_clearing
from calls.core.incarnations import begin_call, call_at
from calls.core.origins import origin_of
from calls.core.state import CallState, LegPhase, LegState, PartyState
from calls.core.unit_of_work import UnitOfWork
from calls.core.unreported_consultations import names_unreported
from cti.events import CallEvent, Conferenced, Transferred

Joining = TypeVar("Joining", Transferred, Conferenced)


def old_calls(work: UnitOfWork, event: CallEvent, host: str) -> list[CallState]:
    """Return the calls that an event joins, the customer's first, following what is joined already.

    That is the primary one, where the event names both, as it does to the host, and that is no consultation; else the
    one in which the host was connected first. When a call was born is not known of one that a snapshot found, so it
    decides only where the host has no leg.
    """
    data = event.data
    named = [data.primary_old_call_id, data.secondary_old_call_id, *(i.old.call_id for i in data.connections if i.old)]
    ids = [name for name in dict.fromkeys(named) if name]
    unreported = [name for name in ids if names_unreported(work, event, name, ids, host)]
    ids.sort(key=lambda name: name in unreported)  # What was not reported is no customer's call.
    calls = [_known(work, event, name, host, is_another=name in unreported) for name in ids]
    if data.primary_old_call_id and data.secondary_old_call_id:
        return customers_first(work, calls, host)
    if len(calls) == 1:
        return _completed(work, event, calls[0], host)
    return sorted(calls, key=lambda call: _seniority(work, call, host))


def with_host(work: UnitOfWork, event: Joining) -> Joining:
    """Return an event that does not name the device that joins two calls with the only phone that is in both.

    Who hands one call on, and is not named, is not known: another phone may have been in it. Nor is it where a transfer
    names no destination, and the phone has dialled neither call: two callers may be joined.
    """
    data = event.data
    if data.transferring_device_id or data.conferencing_device_id or data.device_id:
        return event
    named = dict.fromkeys(name for name in (data.primary_old_call_id, data.secondary_old_call_id) if name)
    calls = [call for name in named if (call := call_at(work, name, "", event.time)) is not None]
    if len(calls) != 2:
        return event
    hosts = set.intersection(
        *({name for name in call.parties if _may_hand_on(work, call, name, event)} for call in calls)
    )
    hosts -= {data.transferred_to_device_id, data.added_party_id}
    if len(hosts) != 1:
        return event
    host = hosts.pop()
    if isinstance(event, Conferenced):
        return replace(event, data=replace(data, conferencing_device_id=host))
    if not data.transferred_to_device_id and not any(is_dialled_by(call, host) for call in calls):
        return event
    return replace(event, data=replace(data, transferring_device_id=host))


def _may_hand_on(work: UnitOfWork, call: CallState, device_id: str, event: Joining) -> bool:
    """Say whether a phone talks or dials in a call, or left it within a second: its end may be heard first."""
    party = call.parties[device_id]
    is_in = party.is_here and party.state is not PartyState.ALERTING
    has_left = party.had_leg and party.cleared_at is not None and event.time - party.cleared_at <= GRACE
    return (is_in or has_left) and not party.outside and work.site.is_extension(device_id)


def is_repeated(olds: list[CallState], new_id: str) -> bool:
    """Say whether an event is reported a second time: its calls are joined already."""
    has_moved = [call.moved_to is not None for call in olds]
    return any(has_moved) and all(call.moved_to is not None or call.call_id == new_id for call in olds)


def _seniority(work: UnitOfWork, call: CallState, host: str) -> tuple[bool, bool, datetime, datetime, str]:
    party = call.parties.get(host)
    leg = work.legs.get(party.leg) if party is not None and party.leg is not None else None
    is_found_on_hold = leg is not None and leg.is_joined_late and leg.is_held  # Its present party came after.
    since = leg.connected_source_at if leg else call.root
    return leg is None, not is_found_on_hold, since, call.root, call.call_id


def _known(work: UnitOfWork, event: CallEvent, call_id: str, host: str, *, is_another: bool = False) -> CallState:
    """Return the call that an old id named when the event happened; what came later under the id is another call.

    Other monitors report the event within a second of it. ``is_another``: what was reported under the id is not it.
    """
    call = call_at(work, call_id, host, event.time)
    is_over = is_another or (call is not None and call.ended_at is not None and call.ended_at < event.time - GRACE)
    if call is None or is_over or (not _is_moved_now(work, call, event) and is_of_before_loss(work, call, event, host)):
        call = begin_call(work, event, call_id)
    if call_id != resulting_id(event) and call.moved_to is None:
        call = take_back_clearing(work, call, event)
        call = divide_where_handed_on(work, call, event)
    return work.put_call(replace(call, touched_gateway_at=max(call.touched_gateway_at, event.at)))


def _is_moved_now(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether a call was moved to the resulting id just now: the event is reported again, perhaps after a loss."""
    target = work.calls.get(call.moved_to) if call.moved_to is not None else None
    if target is None or call.moved_at is None or target.call_id != resulting_id(event):
        return False
    return event.time <= call.moved_at + GRACE


def resulting_id(event: CallEvent) -> str:
    data, listed = event.data, next((item.new.call_id for item in event.data.connections), "")
    return data.resulting_call_id or listed or data.primary_old_call_id or ""


def _completed(work: UnitOfWork, event: CallEvent, named: CallState, host: str) -> list[CallState]:
    """Return the calls that are joined, the customer's first, where a report names one of them alone.

    A device names only the call that it was in: who is consulted does not know the customer's. Where a host holds a
    call, and hands one on to who is in a call with it alone already, it joins both: no call is handed on to who is in
    it. Example: 2001 holds call 100 and talks with 2002 in 200. What 2002 reports names 200 alone. A call with another
    customer is no consultation: who is heard of in it before is handed that one.
    """
    others = _others_of(work, named, host, event.time) or _dialled_unheard(work, named, host, event)
    if len(others) != 1 or named.moved_to is not None or _is_joined_now(named, event.time):
        return [named]
    other = _known(work, event, others[0].call_id, host)
    stated = learn(named, reported_facts(event.data), origin_of(event))
    if _is_with(work, named, host, event):
        return [named] if has_customer(work, stated, host, besides=other) else [other, named]
    is_held = any(leg.is_held and leg.device_id == host for leg in work.legs_in(named.incarnation))
    is_held = is_held or has_consulted(work, other, named, host)  # A phone that dials has put its call on hold.
    if not is_held or has_customer(work, other, host, besides=stated):
        return [named]
    return [named, other] if _is_with(work, other, host, event) else [named]


def _others_of(work: UnitOfWork, named: CallState, host: str, moment: datetime) -> list[CallState]:
    """Return the other calls in which a host talked at a moment, or which it held.

    One that was cleared after the moment, by the source's own times, lasted then: that may be heard before the event.
    """
    legs = [leg for leg in work.legs_at(host) if leg.incarnation != named.incarnation and _lasted(work, leg, moment)]
    return [work.calls[leg.incarnation] for leg in legs]


def _dialled_unheard(work: UnitOfWork, named: CallState, host: str, event: CallEvent) -> list[CallState]:
    """Return the calls of which it was missed that a host dialled them: who is handed on to is there, called by it."""
    to = event.data.transferred_to_device_id or event.data.added_party_id or ""
    legs = [leg for leg in work.legs_at(to) if leg.phase is LegPhase.OPEN and leg.incarnation != named.incarnation]
    calls = [work.calls[leg.incarnation] for leg in legs if leg.incarnation in work.calls]
    return [call for call in calls if call.ended_at is None and is_called_from(call, host)]


def _lasted(work: UnitOfWork, leg: LegState, moment: datetime) -> bool:
    """Say whether a leg and its call lasted at a moment."""
    call, ended_at = work.calls.get(leg.incarnation), leg.disconnected_source_at
    if call is None:
        return False
    if leg.phase is LegPhase.OPEN and call.ended_at is None:
        return True
    is_after = ended_at is not None and leg.connected_source_at < moment < ended_at
    return work.site.has_source_times and is_after and call.cleared_at is not None and moment < call.cleared_at


def _is_joined_now(call: CallState, moment: datetime) -> bool:
    """Say whether a call began, or was joined, just now: another report may be of the same transfer or conference."""
    return moment - GRACE <= (call.joined_at or call.born_at)


def _is_with(work: UnitOfWork, call: CallState, host: str, event: CallEvent) -> bool:
    """Say whether a call is one of its host with the device alone to which it hands another one on.

    That was in it before, by the source's own times; without them for longer than events take: a device to which the
    call itself is handed on may be heard of before.
    """
    to = event.data.transferred_to_device_id or event.data.added_party_id or ""
    here = {name: one for name, one in call.parties.items() if one.is_here}
    since = here[to].since if to != host and here.keys() - {host} == {to} else None
    latest = event.time if work.site.has_source_times else event.time - GRACE
    return since is not None and since < latest
