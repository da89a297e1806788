"""Handle the events that bring a device or a queue into a call, and data about a call."""

from datetime import datetime

from msgspec.structs import replace

from calls.core.answer_supervision import UNSUPERVISED, confirm
from calls.core.call_end import divide, divide_at_next_end, divide_before_leg
from calls.core.call_evidence import queue_of
from calls.core.call_facts import learn
from calls.core.clocks import GRACE, TICK, has_whole_seconds, heard_order
from calls.core.commands import NameQueue
from calls.core.connections import connect_device, connection_of, end_of_unheard_before, is_late
from calls.core.consultation import inherit, part
from calls.core.dispatch import apply
from calls.core.ends_apart import leave_queue
from calls.core.ends_heard_first import connect_as_heard
from calls.core.idle_calls import doubt_from
from calls.core.known_calls import known_call, located
from calls.core.left_outside import is_extension_in
from calls.core.legs import note_stalled_end, put_party
from calls.core.newcomers import is_vouched, reported_again
from calls.core.origins import OriginRule, origin_of
from calls.core.outcome_rules import concluded
from calls.core.outside_parties import is_outside_number
from calls.core.ringing import has_rung_out, rung_out
from calls.core.state import CallState, Party, PartyState
from calls.core.unit_of_work import UnitOfWork
from calls.core.wrap_ups import as_of_talk, note_wrapped_up, origin_in, states_of_its_call, wrapped_up
from cti.events import (
    PARKED,
    QUEUE_CLEARED,
    CallEvent,
    CallInformation,
    Delivered,
    Diverted,
    NetworkReached,
    Originated,
    Queued,
    ServiceInitiated,
)


def _enter(work: UnitOfWork, event: CallEvent, state: PartyState) -> tuple[CallState, Party] | None:
    """Bring a device into a call, alerting or dialling; None when the event comes late and the device is further."""
    call, device_id = located(work, event)
    call = _with_its_leg(work, event, call)
    party = call.parties.get(device_id)
    if state is PartyState.ALERTING and has_rung_out(work, call, party, event):
        return None
    if party is not None and (party.is_talking or is_late(work, call, party, connection_of(event, device_id))):
        return None
    if state is PartyState.INITIATED and party is not None and party.is_here and party.state is not state:
        return None  # It dialled already; or it rings and is lifted to answer, which is no consultation.
    ordinal, since = (party.ordinal, _since(party, event)) if party else (0, event.time)
    is_known = party is not None and party.is_here
    heard_at = party.heard_at if party is not None and is_known else heard_order(work, event.at)
    has_dialled = state is PartyState.ORIGINATED
    left_before = end_of_unheard_before(party) if party is not None else None
    party = Party(
        device_id=device_id,
        state=state,
        outside=event.data.outside,
        ordinal=ordinal,
        since=since,
        heard_at=heard_at,
        has_dialled=has_dialled,
        left_before=left_before,
    )
    if call.cleared_at is not None and event.time <= call.cleared_at:
        left = replace(party, state=PartyState.NULL, cleared_at=call.cleared_at, cleared_gateway_at=event.at)
        put_party(work, call, left)  # Everybody has left since.
        return None
    call = put_party(work, call, party)
    if call.waits_since is not None and not call.waits_at:
        call = work.put_call(replace(call, waits_since=None))
    return call, party


def _with_its_leg(work: UnitOfWork, event: CallEvent, call: CallState) -> CallState:
    """Return a call that begins where a device rings or dials, with the leg of it that was taken for the former call's.

    Example: 2001 rings at 19.5, and is connected at 20.3; that it rang at 20.2 for another interaction is heard last.
    """
    device_id = event.data.device_id or ""
    former = [one for one in work.incarnations_of(call.call_id) if one.superseded_at == event.time == call.born_at]
    for one in former:
        party = one.parties.get(device_id)
        leg = work.legs.get(party.leg) if party is not None and party.leg is not None else None
        if party is None or leg is None or leg.connected_source_at < event.time:
            continue
        if party.since is not None and party.since < event.time:
            divide_before_leg(work, one, party, leg, event.time - TICK, event.at)
        else:
            divide(work, one.incarnation, event.time - TICK, event.at)
        call = work.put_call(replace(work.calls[call.incarnation], waits_since=None))
    return work.calls[call.incarnation]


def _since(party: Party, event: CallEvent) -> datetime:
    """Return when a device's connection began: with its first event since it last left."""
    return min(party.since, event.time) if party.since is not None and party.is_here else event.time


@apply.register
def handle_service_initiated(event: ServiceInitiated, work: UnitOfWork) -> None:
    """A device went off-hook."""
    entered = _enter(work, event, PartyState.INITIATED)
    if entered:
        origin = origin_of(event, OriginRule.CONSULTATION)
        inherit(work, entered[0].incarnation, event.data.device_id or "", origin, event.data.cause)


@apply.register
def handle_originated(event: Originated, work: UnitOfWork) -> None:
    """A device dials; when the far end was quicker, both are connected now."""
    entered = _enter(work, event, PartyState.ORIGINATED)
    if entered is None:
        return
    call, party = entered
    inherit(work, call.incarnation, party.device_id, origin_of(event, OriginRule.CONSULTATION), event.data.cause)
    partner = next((one for one in call.parties.values() if one.is_talking and one.device_id != party.device_id), None)
    if partner is not None:
        connect_device(work, work.calls[call.incarnation], party.device_id, connection_of(event, party.device_id))


@apply.register
def handle_delivered(event: Delivered, work: UnitOfWork) -> None:
    """A device rings: nothing is recorded yet. A trunk that rings has answer supervision."""
    call, _ = located(work, event)
    _enter(work, event, PartyState.ALERTING)
    confirm(work, call.incarnation)


@apply.register
def handle_queued(event: Queued, work: UnitOfWork) -> None:
    """A call waits in a queue."""
    _name_queue(work, event)
    call, _ = located(work, event)
    if event.data.queue_name is None and event.data.device_id:
        named, origin = {"queue_name": event.data.device_id}, origin_of(event, OriginRule.QUEUE_DEVICE)
        call = work.put_call(learn(call, named, origin, heard_order(work, event.at)))
    ended_at = call.ended_at
    if (ended_at is None or event.time > ended_at) and not _was_answered_since(work, call, event):
        since = event.time if call.waits_since is None or not call.waits_at else call.waits_since
        is_same = since == call.waits_since
        heard_at = call.waits_heard_at if is_same else heard_order(work, event.at)
        vouched = (is_same and call.is_wait_vouched) or is_vouched(work, call, event)
        stated = call.waits_interaction if is_same else event.data.interaction_id or ""
        call = replace(call, waits_since=since, waits_at=queue_of(event), waits_heard_at=heard_at)
        work.put_call(replace(call, waits_interaction=stated, is_wait_vouched=vouched))


def _was_answered_since(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an extension answered since a call was queued or led away: the event is reported late.

    In whole seconds the phone from which it is led away had answered before, as it was heard: it parked the call.
    """
    legs = [leg for leg in work.legs_in(call.incarnation) if leg.connected_source_at >= event.time]
    is_in_order = has_whole_seconds(work) and isinstance(event, Diverted)
    own = event.data.device_id if is_in_order and event.data.new_destination != event.data.device_id else ""
    return any(leg.device_id != own or leg.connected_source_at > event.time for leg in legs)


def _name_queue(work: UnitOfWork, event: CallEvent) -> None:
    """Remember what a queue is called: recordings keep the name that they were flagged with."""
    device_id, name = event.data.device_id or "", event.data.queue_name or ""
    known = work.source.queue_names
    if device_id and name and known.get(device_id) != name:
        work.source = replace(work.source, queue_names={**known, device_id: name})
        work.do(NameQueue(device_id, name, event.time))


@apply.register
def handle_diverted(event: Diverted, work: UnitOfWork) -> None:
    """A call was led away from a device that rang, or that parked it: no leg, and the call goes on without it."""
    call, device_id = located(work, event)
    is_of_queue = event.data.cause == QUEUE_CLEARED and not event.data.new_destination
    if call.ended_at is not None and event.time > call.ended_at + GRACE and not is_of_queue:
        return  # It is of no call that is known.
    party = call.parties.get(device_id)
    is_repeated = party is not None and not party.is_here and party.cleared_gateway_at is None
    if party is None or not party.is_talking:
        call = rung_out(work, call, event)
    if party is not None and not party.is_talking and party.cleared_gateway_at is None:
        call = put_party(work, call, replace(party, state=PartyState.NULL))
        divide_at_next_end(work, call.incarnation, event.time, event.at)
        call = work.calls[call.incarnation]
    if is_of_queue:
        doubt_from(work, leave_queue(work, call, device_id, event), event.time, event.at)
        return
    if call.entered_at is None and not call.parties:
        work.put_call(replace(call, handed_to=event.data.new_destination or ""))
        return
    is_ended = call.moved_to is not None or call.superseded_at is not None or call.cleared_at is not None
    if is_ended or is_repeated or _had_left(work, party, event) or _was_answered_since(work, call, event):
        return
    if party is None and not is_outside_number(work, event.data.new_destination or ""):
        return
    is_talking = party is not None and party.is_talking
    if is_talking or not (is_extension_in(work, call) or _was_talked_then(work, call, event)):
        to = event.data.new_destination or ""
        is_outside = to != call.waits_at and is_outside_number(work, to)  # A queue's number may be long.
        since = event.time if is_outside else call.outside_since
        call = replace(call, waits_since=call.waits_since or event.time, outside_since=since, handed_to=to)
        call = work.put_call(call)
    if party is not None and party.is_talking and event.data.cause == PARKED:
        _park(work, call, party, event)


def _was_talked_then(work: UnitOfWork, call: CallState, event: Diverted) -> bool:
    """Say whether a phone that has left since talked in a call as it was led away from another one, heard late."""
    talked = (one for one in call.parties.values() if one.had_leg and not one.outside)
    return work.site.has_source_times and any(one.was_here(event.time) for one in talked)


def _had_left(work: UnitOfWork, party: Party | None, event: Diverted) -> bool:
    """Say whether a phone had talked in a call and left it by the source's times: it rang in another since."""
    if party is None or not work.site.has_source_times or not party.had_leg or party.is_here:
        return False
    return party.cleared_at is not None and event.time > party.cleared_at


def _park(work: UnitOfWork, call: CallState, party: Party, event: Diverted) -> None:
    """Let a phone leave the call that it parks; one that is reported as connected again has it back since then.

    Example: 2001 parks its call at 94.3 and picks it up at 95.1; that it parked it is heard last.
    """
    again = reported_again(work, party, event.time)
    left = event if again is None or again.at > event.time else replace(event, time=again.at - TICK)
    part(work, call, party.device_id, left.time, left.at, "The call was parked.")
    note_stalled_end(work, party.leg, event)
    connect_as_heard(work, call.incarnation, party.device_id, left)


@apply.register
def handle_network_reached(event: NetworkReached, work: UnitOfWork) -> None:
    """A call left on a trunk: connected, if the trunk never says more."""
    call, device_id = located(work, event)
    if any(party.is_talking for party in call.parties.values()) or (device_id in call.parties and event.data.outside):
        return
    due = event.at + UNSUPERVISED
    reached = origin_of(event, OriginRule.CONNECTED)
    call = replace(call, reached_at=event.time, reached_gateway_at=event.at, reached_origin=reached, due=due)
    work.put_call(replace(call, reached_by=device_id))


@apply.register
def handle_call_information(event: CallInformation, work: UnitOfWork) -> None:
    """Data about a call came: query data for the call, a wrap-up for the leg that it is of."""
    is_known = bool(work.incarnations_of(event.data.call_id or ""))
    if event.data.wrapup is None or not event.data.wrapup.result:
        known_call(work, event, event.data.call_id or "")
        return
    if is_known and states_of_its_call(work, event):
        known_call(work, as_of_talk(work, event), event.data.call_id or "")
    leg = wrapped_up(work, event)
    if leg is not None and not leg.wrapup_result:
        wrapup = event.data.wrapup
        leg = replace(
            leg, wrapup_template=wrapup.template or "", wrapup_result=wrapup.result, wrapup_origin=origin_in(leg, event)
        )
        work.put_leg(concluded(work, leg, event.at))
        note_wrapped_up(work, leg, event.time)
