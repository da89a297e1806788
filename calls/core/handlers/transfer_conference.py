"""The rules of events that make one call of two, or hand a call on: Transferred and Conferenced."""

from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from msgspec.structs import replace

from calls.core.call_facts import as_of, learn, merged, told
from calls.core.commands import CancelSearch
from calls.core.dispatch import apply
from calls.core.handlers.call_events import REMEMBERED
from calls.core.leg_split import split
from calls.core.legs import clear_party, close_leg, is_wanted, open_leg, put_party, refresh_facts, start_search
from calls.core.state import CallState, LegPhase, LegState, Party, PartyState, PendingTransfer, SearchStatus
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent, Conferenced, Transferred


@apply.register
def handle_transferred(event: Transferred, draft: UnitOfWork) -> None:
    """The extension that hands the call on leaves; the others go on in the resulting call and inherit its data."""
    leaver = event.data.transferring_device_id or event.data.device_id or ""
    olds, new_id = _old_calls(draft, event, leaver), _resulting_id(event)
    for call in olds:
        clear_party(draft, draft.calls[call.call_id], leaver, event.time, event.at, "The call was transferred.")
    consult = _consult_ids(draft, olds)
    new = _joined(draft, event, olds, new_id, leaver)
    draft.put_call(replace(draft.calls[new.call_id], is_in_transit=not _is_anybody_talking(draft.calls[new.call_id])))
    for leg in draft.legs_in(new.call_id):
        if leg.phase is LegPhase.OPEN and consult.get(leg.number) is not None:
            _mark(draft, leg, consult[leg.number], event)


@apply.register
def handle_conferenced(event: Conferenced, draft: UnitOfWork) -> None:
    """All go on in the resulting call; of two legs of the conferencing extension the older goes on."""
    host = event.data.conferencing_device_id or event.data.device_id or ""
    olds, new_id = _old_calls(draft, event, host), _resulting_id(event)
    for call in olds[1:]:
        if host in call.parties or host in olds[0].parties:
            how = "The consultation became part of a conference."
            clear_party(draft, draft.calls[call.call_id], host, event.time, event.at, how)
    new = _joined(draft, event, olds, new_id, None)
    for party in list(draft.calls[new.call_id].parties.values()):
        if party.state is PartyState.HOLD:
            _off_hold(draft, draft.calls[new.call_id], party)
    _join_listed(draft, event, draft.calls[new.call_id])


def _old_calls(draft: UnitOfWork, event: CallEvent, host: str) -> list[CallState]:
    """Return the calls that an event joins, the customer's first, following what is joined already.

    That is the primary one, where the event names both, as it does to the host; else the one in which the host was
    connected first. When a call was born is not known of one that a snapshot found, so it decides only where the host
    has no leg.
    """
    data = event.data
    named = [data.primary_old_call_id, data.secondary_old_call_id, *(i.old.call_id for i in data.connections if i.old)]
    calls = [_known(draft, event, name) for name in dict.fromkeys(named) if name]
    if data.primary_old_call_id and data.secondary_old_call_id:
        return calls
    return sorted(calls, key=lambda call: _seniority(draft, call, host))


def _seniority(draft: UnitOfWork, call: CallState, host: str) -> tuple[bool, bool, datetime, datetime, str]:
    party = call.parties.get(host)
    leg = draft.legs.get(party.leg) if party is not None and party.leg is not None else None
    is_found_on_hold = leg is not None and leg.is_joined_late and leg.is_held  # Whom it talks to now came after.
    since = leg.connected_source_at if leg else call.born_at
    return leg is None, not is_found_on_hold, since, call.born_at, call.call_id


def _known(draft: UnitOfWork, event: CallEvent, call_id: str) -> CallState:
    call = draft.calls.get(call_id)
    if call is None:
        own = str(uuid5(NAMESPACE_URL, f"{event.source}/{call_id}/{event.id}"))
        call = CallState(call_id=call_id, born_at=event.time, touched_gateway_at=event.at, own_interaction=own)
    return draft.put_call(replace(call, touched_gateway_at=max(call.touched_gateway_at, event.at)))


def _resulting_id(event: CallEvent) -> str:
    data = event.data
    listed = [item.new.call_id for item in data.connections]
    return data.resulting_call_id or (listed[0] if listed else "") or data.primary_old_call_id or ""


def _consult_ids(draft: UnitOfWork, olds: list[CallState]) -> dict[int, CallState]:
    """Return the open legs that are not in the customer's call, with the call that they are in."""
    found: dict[int, CallState] = {}
    for call in olds[1:]:
        if call.moved_to is None:
            found |= {leg.number: draft.calls[call.call_id] for leg in draft.legs_in(call.call_id)}
    return found


def _joined(draft: UnitOfWork, event: CallEvent, olds: list[CallState], new_id: str, leaver: str | None) -> CallState:
    """Move the parties of the old calls into the resulting one, with what the customer's call knew."""
    main, names = olds[0], _renamed(event)
    target = draft.calls.get(new_id) or replace(
        main, call_id=new_id, parties={}, facts={}, moved_to=None, touched_gateway_at=event.at
    )
    for call in [draft.calls[one.call_id] for one in reversed(olds)]:
        if call.call_id != new_id and call.moved_to is None:
            known = merged(call, target) if call.call_id == main.call_id else merged(target, call)
            target = replace(target, facts=known, own_interaction=main.own_interaction)
    target = draft.put_call(
        replace(
            target,
            main=target.main or main.call_id,
            born_at=min(target.born_at, main.born_at),
            due=event.at + timedelta(hours=draft.site.stale_hours),
        )
    )
    for call in olds:
        _move(draft, draft.calls[call.call_id], target.call_id, names, leaver, event)
    target = draft.put_call(learn(draft.calls[target.call_id], told(event.data), event.time))
    refresh_facts(draft, target, event.at)
    return target


def _renamed(event: CallEvent) -> dict[tuple[str, str], str]:
    items = [item for item in event.data.connections if item.old is not None]
    return {(item.old.call_id, item.old.device_id): item.new.device_id for item in items if item.old is not None}


def _move(
    draft: UnitOfWork,
    call: CallState,
    new_id: str,
    names: dict[tuple[str, str], str],
    leaver: str | None,
    event: CallEvent,
) -> None:
    """Move who is left in a call to the resulting one; who left stays behind, for events that come late."""
    if call.call_id == new_id or (call.moved_to is not None and call.moved_to != new_id):
        return
    staying = {d: party for d, party in call.parties.items() if party.state is PartyState.NULL}
    for device_id, party in call.parties.items():
        if device_id not in staying:
            renamed = names.get((call.call_id, device_id), device_id)
            _arrive(draft, draft.calls[new_id], replace(party, device_id=renamed), event)
    if leaver and leaver not in staying:
        staying[leaver] = Party(
            device_id=leaver, state=PartyState.NULL, cleared_at=event.time, cleared_gateway_at=event.at
        )
    draft.put_call(replace(call, parties=staying, moved_to=new_id, due=event.at + REMEMBERED, is_in_transit=False))


def _arrive(draft: UnitOfWork, target: CallState, party: Party, event: CallEvent) -> None:
    there = target.parties.get(party.device_id)
    if there is not None and there.leg is not None:
        if party.leg not in (None, there.leg):
            how = "The call was transferred; its next segment was told before."
            close_leg(draft, draft.legs[party.leg], event.time, event.at, how)
        return
    ordinal = max(party.ordinal, there.ordinal if there else 0)
    target = put_party(draft, target, replace(party, ordinal=ordinal))
    leg = draft.legs.get(party.leg) if party.leg is not None else None
    if leg is not None:
        draft.put_leg(replace(leg, call_id=target.call_id))
    if there is not None and there.cleared_at is not None and there.cleared_at >= event.time:
        how = "The extension had left already; the events came out of order."
        clear_party(draft, target, party.device_id, there.cleared_at, there.cleared_gateway_at or event.at, how)


def _is_anybody_talking(call: CallState) -> bool:
    return any(party.is_talking and not party.outside for party in call.parties.values())


def _mark(draft: UnitOfWork, leg: LegState, before: CallState, event: CallEvent) -> None:
    """Ask QMS again for the leg that the call came to: the same recording is one leg, another begins a second."""
    pending_transfer = PendingTransfer(
        at=event.time,
        gateway_at=event.at,
        call_id=before.call_id,
        facts=as_of(before, event.time),
        search=leg.searches + 1,
        new_segment=event.data.new_segment,
    )
    if not is_wanted(draft, leg):
        if pending_transfer.new_segment:
            split(draft, replace(leg, pending_transfer=pending_transfer), event.at)
        return
    if leg.search is SearchStatus.OPEN:
        draft.do(CancelSearch(leg.number))
    draft.put_leg(start_search(draft, replace(leg, pending_transfer=pending_transfer), event.at))


def _off_hold(draft: UnitOfWork, call: CallState, party: Party) -> None:
    put_party(draft, call, replace(party, state=PartyState.CONNECTED))
    if party.leg is not None:
        draft.put_leg(replace(draft.legs[party.leg], is_held=False))


def _join_listed(draft: UnitOfWork, event: CallEvent, call: CallState) -> None:
    """Open a leg for an extension that the conference lists as connected and that was never seen to answer."""
    for item in event.data.connections:
        device_id = item.new.device_id
        party = draft.calls[call.call_id].parties.get(device_id)
        is_new = party is None or party.state is PartyState.ALERTING
        if is_new and item.old is None and device_id in draft.site.devices and draft.site.is_extension(device_id):
            party = Party(device_id=device_id, state=PartyState.CONNECTED, ordinal=party.ordinal if party else 0)
            open_leg(draft, draft.calls[call.call_id], party, event.time, event.at)
