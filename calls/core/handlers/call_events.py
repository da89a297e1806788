"""The rules of a call's own events, ServiceInitiated to CallInformation."""

from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from msgspec.structs import replace

from calls.core.answer_supervision import UNSUPERVISED, answer_after_all, confirm, connect_unsupervised
from calls.core.call_facts import as_of, learn, told
from calls.core.commands import NameQueue
from calls.core.dispatch import apply
from calls.core.gaps import may_have_had_others
from calls.core.legs import GRACE, clear_party, close_leg, open_leg, put_party, refresh_facts, traced
from calls.core.outcome_rules import concluded
from calls.core.state import CallState, LegPhase, LegState, Party, PartyState, WriteStatus
from calls.core.unit_of_work import UnitOfWork
from cti.events import (
    CallCleared,
    CallEvent,
    CallInformation,
    ConnectionCleared,
    Delivered,
    Diverted,
    Established,
    Failed,
    Held,
    NetworkReached,
    Originated,
    Queued,
    Retrieved,
    ServiceInitiated,
)

#: A call that is over is remembered this long, for what comes late under its id.
REMEMBERED = timedelta(seconds=60)


def known_call(draft: UnitOfWork, event: CallEvent, call_id: str) -> CallState:
    """Return the call of an event, new when it is not known, having learnt what the event says."""
    call = draft.calls.get(call_id)
    if call is None:
        own = str(uuid5(NAMESPACE_URL, f"{event.source}/{call_id}/{event.id}"))
        call = CallState(
            call_id=call_id,
            born_at=event.time,
            touched_gateway_at=event.at,
            own_interaction=own,
            due=event.at + timedelta(hours=draft.site.stale_hours),
        )
    call = replace(
        call, born_at=min(call.born_at, event.time), touched_gateway_at=max(call.touched_gateway_at, event.at)
    )
    call = draft.put_call(_learn(draft, call, event))
    refresh_facts(draft, call, event.at)
    return call


def _learn(draft: UnitOfWork, call: CallState, event: CallEvent) -> CallState:
    facts = told(event.data)
    target = draft.calls.get(call.moved_to) if call.moved_to else None
    if target is not None and facts:
        is_main = target.main == call.call_id
        wanted = facts if is_main else {name: value for name, value in facts.items() if name not in target.facts}
        target = draft.put_call(learn(target, wanted, event.time))
        refresh_facts(draft, target, event.at)
    return learn(call, facts, event.time)


def located(draft: UnitOfWork, event: CallEvent) -> tuple[CallState, str]:
    """Return the call in which the event's connection is now, and the device.

    An id of before a transfer or conference leads to the call that goes on, unless the device left at that moment.
    """
    device_id = event.data.device_id or ""
    call = known_call(draft, event, event.data.call_id or "")
    hops = 0
    while call.moved_to and device_id not in call.parties and call.moved_to in draft.calls and hops < 8:
        call, hops = draft.calls[call.moved_to], hops + 1
    return call, device_id


def _reborn(draft: UnitOfWork, event: CallEvent, call: CallState) -> CallState:
    """Begin a new call under a known id when all who talked have left the old one: call ids are used again."""
    if not _has_ended(call, event) or call.moved_to in draft.calls:
        return call
    ordinals = {d: Party(device_id=d, state=PartyState.NULL, ordinal=p.ordinal) for d, p in call.parties.items()}
    own = str(uuid5(NAMESPACE_URL, f"{event.source}/{call.call_id}/{event.id}"))
    new = CallState(
        call_id=call.call_id,
        born_at=event.time,
        touched_gateway_at=event.at,
        own_interaction=own,
        parties=ordinals,
        due=event.at + timedelta(hours=draft.site.stale_hours),
    )
    return draft.put_call(learn(new, told(event.data), event.time))


def _has_ended(call: CallState, event: CallEvent) -> bool:
    ends = [party.cleared_gateway_at for party in call.parties.values() if party.cleared_gateway_at]
    had_talk = any(party.had_leg for party in call.parties.values())
    if not call.is_over or not had_talk or not ends or event.at - max(ends) <= GRACE:
        return False
    same = event.data.interaction_id
    return same is None or as_of(call, max(ends)).interaction_id != same


def _enter(draft: UnitOfWork, event: CallEvent, state: PartyState) -> tuple[CallState, Party] | None:
    """Bring a device into a call, alerting or dialling; None when the event comes late and the device is further."""
    call, device_id = located(draft, event)
    call = _reborn(draft, event, call)
    party = call.parties.get(device_id)
    if party is not None and (party.is_talking or _is_late(call, party, event)):
        return None
    if party is not None and party.state is PartyState.ORIGINATED and state is PartyState.INITIATED:
        return None
    ordinal = party.ordinal if party else 0
    party = Party(device_id=device_id, state=state, outside=event.data.outside, ordinal=ordinal)
    return put_party(draft, call, party), party


def _is_late(call: CallState, party: Party, event: CallEvent) -> bool:
    """Say whether an event speaks of a connection that has ended since: it came late, or twice."""
    if party.cleared_at is None or party.cleared_gateway_at is None:
        return False
    if call.moved_to is not None or event.time <= party.cleared_at:
        return True
    return party.had_leg and event.at - party.cleared_gateway_at <= GRACE


def _inherit(draft: UnitOfWork, event: CallEvent, call: CallState) -> None:
    """Let a consultation belong to the interaction of the call that its device has on hold."""
    if "interaction_id" in call.facts:
        return
    others = [leg for leg in draft.legs_at(event.data.device_id or "") if leg.call_id != call.call_id]
    held = [leg for leg in others if leg.phase is LegPhase.OPEN]
    if held and (event.data.cause == "consultation" or held[-1].is_held):
        draft.put_call(replace(draft.calls[call.call_id], own_interaction=held[-1].facts.interaction_id))


@apply.register
def handle_service_initiated(event: ServiceInitiated, draft: UnitOfWork) -> None:
    """A device went off-hook."""
    entered = _enter(draft, event, PartyState.INITIATED)
    if entered:
        _inherit(draft, event, entered[0])


@apply.register
def handle_originated(event: Originated, draft: UnitOfWork) -> None:
    """A device dials; when the far end was quicker, both are connected now."""
    entered = _enter(draft, event, PartyState.ORIGINATED)
    if entered is None:
        return
    call, party = entered
    _inherit(draft, event, call)
    partner = next((one for one in call.parties.values() if one.is_talking and one.device_id != party.device_id), None)
    if partner is not None:
        _connect(draft, draft.calls[call.call_id], party.device_id, event)


@apply.register
def handle_delivered(event: Delivered, draft: UnitOfWork) -> None:
    """A device rings: nothing is recorded yet. A trunk that rings has answer supervision."""
    call, device_id = located(draft, event)
    if device_id in draft.site.queues:
        _name_queue(draft, event)
        return
    _enter(draft, event, PartyState.ALERTING)
    confirm(draft, call.call_id)


@apply.register
def handle_queued(event: Queued, draft: UnitOfWork) -> None:
    """A call waits in a queue."""
    _name_queue(draft, event)
    call = known_call(draft, event, event.data.call_id or "")
    if event.data.queue_name is None and event.data.device_id:
        draft.put_call(learn(call, {"queue_name": event.data.device_id}, event.time))


def _name_queue(draft: UnitOfWork, event: CallEvent) -> None:
    """Remember what a queue is called: recordings keep the name that they were flagged with."""
    device_id, name = event.data.device_id or "", event.data.queue_name or ""
    known = draft.source.queue_names
    if device_id and name and known.get(device_id) != name:
        draft.source = replace(draft.source, queue_names={**known, device_id: name})
        draft.do(NameQueue(device_id, name, event.time))


@apply.register
def handle_diverted(event: Diverted, draft: UnitOfWork) -> None:
    """A device rang and was passed over: no leg."""
    call, device_id = located(draft, event)
    party = call.parties.get(device_id)
    if party is not None and not party.is_talking and party.cleared_gateway_at is None:
        put_party(draft, call, replace(party, state=PartyState.NULL))


@apply.register
def handle_established(event: Established, draft: UnitOfWork) -> None:
    """A device answered: its leg opens, and those of all that were waiting for an answer in this call."""
    call, device_id = located(draft, event)
    confirm(draft, call.call_id)
    answer_after_all(draft, call.call_id, event)
    if draft.source.snapshot is not None and _is_new_here(draft, call, device_id):
        put_party(draft, draft.calls[call.call_id], _in_progress(call, event, PartyState.CONNECTED))
    _connect(draft, draft.calls[call.call_id], device_id, event)
    for party in list(draft.calls[call.call_id].parties.values()):
        if party.state is PartyState.ORIGINATED and party.device_id != device_id:
            if may_have_had_others(draft, party.device_id):
                put_party(draft, draft.calls[call.call_id], replace(party, is_joined_late=True))
            _connect(draft, draft.calls[call.call_id], party.device_id, event)


def _is_new_here(draft: UnitOfWork, call: CallState, device_id: str) -> bool:
    party = call.parties.get(device_id)
    if party is None or (party.state is PartyState.ALERTING and may_have_had_others(draft, device_id)):
        return True
    return party.leg is None and not party.had_leg and party.state is not PartyState.ALERTING


def _in_progress(call: CallState, event: CallEvent, state: PartyState) -> Party:
    """Return a party that is connected already when it is first seen."""
    device_id = event.data.device_id or ""
    known = call.parties.get(device_id)
    ordinal = known.ordinal if known else 0
    return Party(device_id=device_id, state=state, outside=event.data.outside, is_joined_late=True, ordinal=ordinal)


def _connect(draft: UnitOfWork, call: CallState, device_id: str, event: CallEvent) -> None:
    """Connect a device: open its leg where it is an extension; what comes late or twice changes nothing."""
    party = call.parties.get(device_id) or Party(device_id=device_id, state=PartyState.NULL, outside=event.data.outside)
    if party.leg is not None:
        _connected_earlier(draft, draft.legs[party.leg], event)
        return
    if _is_late(call, party, event):
        _late_connect(draft, call, party, event)
        return
    state = PartyState.HOLD if party.state is PartyState.HOLD else PartyState.CONNECTED
    if party.unconfirmed_since is not None:
        party = replace(party, is_joined_late=False, unconfirmed_since=None)  # The Established came after all.
    party = replace(party, state=state, had_leg=False, cleared_at=None, cleared_gateway_at=None)
    call = draft.put_call(replace(put_party(draft, call, party), is_in_transit=False))
    if not party.outside and draft.site.is_extension(device_id):
        is_own = device_id == event.data.device_id
        _seen(draft, open_leg(draft, call, party, event.time, event.at, (event.data.agent_id or "") if is_own else ""))


def _seen(draft: UnitOfWork, leg: LegState) -> None:
    snapshot = draft.source.snapshot
    if snapshot is not None:
        is_found = (
            leg.is_joined_late
            and leg.number not in snapshot.seen
            and leg.connected_gateway_at >= snapshot.began_gateway_at
        )
        late = (*snapshot.found_late, leg.device_id) if is_found else snapshot.found_late
        snapshot = replace(snapshot, seen=(*snapshot.seen, leg.number), found_late=late)
        draft.source = replace(draft.source, snapshot=snapshot)


def _connected_earlier(draft: UnitOfWork, leg: LegState, event: CallEvent) -> None:
    if draft.source.snapshot is not None:
        _seen(draft, leg)
    elif event.time < leg.connected_source_at and event.at - leg.connected_gateway_at <= GRACE:
        draft.put_leg(replace(leg, connected_source_at=event.time))


def _late_connect(draft: UnitOfWork, call: CallState, party: Party, event: CallEvent) -> None:
    """Open and close a leg whose end was told before its beginning."""
    if party.had_leg or party.outside or not draft.site.is_extension(party.device_id):
        return
    ended, gateway_at = party.cleared_at or event.time, event.at
    at = min(event.time, ended)
    leg = open_leg(draft, call, replace(party, state=PartyState.CONNECTED), at, gateway_at, event.data.agent_id or "")
    cleared = draft.calls[call.call_id].parties[party.device_id]
    put_party(draft, call, replace(cleared, state=PartyState.NULL, leg=None))
    close_leg(draft, leg, ended, gateway_at, "The extension had left already; the events came out of order.")


@apply.register
def handle_held(event: Held, draft: UnitOfWork) -> None:
    """A device put its connection on hold: the leg goes on."""
    _hold(draft, event, PartyState.HOLD)


@apply.register
def handle_retrieved(event: Retrieved, draft: UnitOfWork) -> None:
    """A device took its connection back: the leg goes on."""
    _hold(draft, event, PartyState.CONNECTED)


def _hold(draft: UnitOfWork, event: CallEvent, state: PartyState) -> None:
    call, device_id = located(draft, event)
    party = call.parties.get(device_id)
    if party is not None and party.cleared_gateway_at is not None:
        return
    if draft.source.snapshot is not None and (party is None or not party.is_talking or party.unconfirmed_since):
        put_party(draft, call, _in_progress(call, event, state))
        _connect(draft, draft.calls[call.call_id], device_id, event)
        return
    if party is None or not party.is_talking:
        _doubt(draft, call, event, state)
        return
    put_party(draft, call, replace(party, state=state))
    if party.leg is not None:
        leg = draft.legs[party.leg]
        what = "held" if state is PartyState.HOLD else "retrieved"
        if leg.is_held != (state is PartyState.HOLD):
            leg = traced(leg, event.at, what, f"The call was {what}.")
        draft.put_leg(replace(leg, is_held=state is PartyState.HOLD))
        _seen(draft, leg)


def _doubt(draft: UnitOfWork, call: CallState, event: CallEvent, state: PartyState) -> None:
    """Wait a moment for the Established that must have come before; without it the call was joined late."""
    device_id = event.data.device_id or ""
    known = call.parties.get(device_id)
    party = replace(_in_progress(call, event, state), unconfirmed_since=event.at, is_joined_late=known is None)
    call = put_party(draft, call, party)
    draft.put_call(replace(call, due=event.at + GRACE))


@apply.register
def handle_connection_cleared(event: ConnectionCleared, draft: UnitOfWork) -> None:
    """A device left: its leg closes. A far-end clear is not the end."""
    call, device_id = located(draft, event)
    party = call.parties.get(device_id)
    if call.reached_gateway_at is not None and party is not None and party.state is PartyState.ORIGINATED:
        connect_unsupervised(draft, call, event.at)
        call = draft.calls[call.call_id]
    clear_party(draft, call, device_id, event.time, event.at, f"Extension {device_id} disconnected.")
    expire_when_over(draft, call.call_id, event.at)


def expire_when_over(draft: UnitOfWork, call_id: str, gateway_at: datetime) -> None:
    """Let a call be forgotten some time after everybody has left it."""
    call = draft.calls.get(call_id)
    if call is not None and call.is_over:
        draft.put_call(replace(call, due=gateway_at + REMEMBERED))


@apply.register
def handle_call_cleared(event: CallCleared, draft: UnitOfWork) -> None:
    """A call ended for all who are left in it."""
    call = draft.put_call(replace(known_call(draft, event, event.data.call_id or ""), is_in_transit=False))
    for device_id, party in list(call.parties.items()):
        if party.cleared_gateway_at is None:
            clear_party(draft, draft.calls[call.call_id], device_id, event.time, event.at, "The call was cleared.")
    expire_when_over(draft, call.call_id, event.at)


@apply.register
def handle_failed(event: Failed, draft: UnitOfWork) -> None:
    """A call could not be completed: nobody was connected by it."""
    call, device_id = located(draft, event)
    confirm(draft, call.call_id)
    party = call.parties.get(device_id)
    if party is not None and not party.is_talking and party.cleared_gateway_at is None:
        clear_party(draft, draft.calls[call.call_id], device_id, event.time, event.at, "")


@apply.register
def handle_network_reached(event: NetworkReached, draft: UnitOfWork) -> None:
    """A call left on a trunk: connected, if the trunk never says more."""
    call, device_id = located(draft, event)
    if any(party.is_talking for party in call.parties.values()) or (device_id in call.parties and event.data.outside):
        return
    due = event.at + UNSUPERVISED
    draft.put_call(replace(call, reached_at=event.time, reached_gateway_at=event.at, due=due))


@apply.register
def handle_call_information(event: CallInformation, draft: UnitOfWork) -> None:
    """Data about a call came: query data for the call, a wrap-up for the leg that it is of."""
    call = known_call(draft, event, event.data.call_id or "")
    if event.data.wrapup is None or not event.data.wrapup.result:
        return
    leg = _wrapped_up(draft, call, event)
    if leg is not None and not leg.wrapup_result:
        wrapup = event.data.wrapup
        leg = replace(leg, wrapup_template=wrapup.template or "", wrapup_result=wrapup.result)
        draft.put_leg(concluded(draft, leg, event.at))


def _wrapped_up(draft: UnitOfWork, call: CallState, event: CallInformation) -> LegState | None:
    """Find the leg that a wrap-up is of: by extension, by agent, else the only one; never a guess."""
    data = event.data
    legs = draft.legs_in(call.call_id) or (draft.legs_in(call.moved_to) if call.moved_to else [])
    legs = [leg for leg in legs if leg.wrapup is WriteStatus.NONE]
    if data.device_id:
        legs = [leg for leg in legs if leg.device_id == data.device_id]
    elif data.agent_id:
        legs = [leg for leg in legs if leg.agent_id == data.agent_id]
    elif len(legs) > 1:
        return None
    return legs[-1] if legs else None
