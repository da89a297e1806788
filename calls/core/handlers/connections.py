"""Handle the events that connect, hold and release a device: Established to CallCleared."""

from datetime import datetime

from msgspec.structs import replace

from calls.core.answer_supervision import answer_after_all, confirm, connect_unsupervised
from calls.core.attended_transfer import hand_on
from calls.core.call_end import (
    divide_before_leg,
    divide_where_empty,
    end_earlier,
    expire_when_over,
    is_known_by_ends,
)
from calls.core.call_evidence import states_another_interaction
from calls.core.clocks import CLOSE, GRACE, TICK, has_whole_seconds, moments_of
from calls.core.connections import connect_device, connection_of, note_seen, open_before, wait_no_more
from calls.core.consultation import inherit, inherit_late, part
from calls.core.consulted_before import connect_who_consulted
from calls.core.dispatch import apply
from calls.core.ends_apart import (
    divide_before,
    divide_where_cleared,
    divide_where_rung,
    end_before_again,
    leave_queue,
)
from calls.core.ends_heard_first import connect_after_end, end_as_heard, end_at, end_of_unheard, note_end_of_absent
from calls.core.former_ids import await_beginning
from calls.core.gaps import may_have_had_others
from calls.core.idle_calls import stop_waiting
from calls.core.incarnations import call_at
from calls.core.known_calls import known_call, located
from calls.core.legs import note_stalled_end, put_party
from calls.core.newcomers import is_vouched, newcomers_before_clearing, newcomers_since, set_apart
from calls.core.origins import OriginRule, origin_of
from calls.core.outcome_rules import traced
from calls.core.state import CallState, LegState, Party, PartyState, Reconnection, SearchStatus
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallCleared, CallEvent, ConnectionCleared, Established, Held, Retrieved


@apply.register
def handle_established(event: Established, work: UnitOfWork) -> None:
    """A device answered: its leg opens, and those of all that were waiting for an answer in this call."""
    call, device_id = located(work, event)
    confirm(work, call.incarnation)
    answer_after_all(work, call.incarnation, event)
    if work.source.snapshot is not None and _is_new_here(work, call, device_id):
        put_party(work, work.calls[call.incarnation], _in_progress(call, event, PartyState.CONNECTED))
    left_at = end_of_unheard(work, work.calls[call.incarnation], device_id, event)
    if not _connect_before(work, work.calls[call.incarnation], device_id, event):
        made = replace(connection_of(event, device_id), is_vouched=is_vouched(work, call, event))
        connect_device(work, work.calls[call.incarnation], device_id, made, outside=event.data.outside)
    if left_at is not None:
        end_at(work, call.incarnation, device_id, left_at, event)
    end_as_heard(work, work.calls[call.incarnation], device_id, event)
    _hand_on_late(work, event, work.calls[call.incarnation], device_id)
    _answer_who_dialled(work, event, call.incarnation)
    connect_who_consulted(work, event, call.incarnation)
    origin = call_at(work, event.data.call_id or "", device_id, event.time) if call.main is not None else None
    if origin is not None and origin.moved_to is not None and origin.incarnation != call.incarnation:
        _answer_who_dialled(work, event, origin.incarnation)  # It has handed the call on since.
    _divide_where_over(work, event, work.calls[call.incarnation], device_id)


def _connect_before(work: UnitOfWork, call: CallState, device_id: str, event: Established) -> bool:
    """Connect a device from before an end that was heard first, although it rings or is connected since; say whether.

    Example: 2001 leaves at 15.75, and is connected under the id again at 16.0; that it was at 15.55 is heard last.
    """
    party = call.parties.get(device_id)
    left_at = party.left_before if party is not None and work.site.has_source_times else None
    if party is None or left_at is None or event.time >= left_at:
        return False
    later = [one for one in work.legs_in(call.incarnation) if one.device_id == device_id]
    later = [one for one in later if one.connected_source_at >= left_at]
    if not later and party.state is not PartyState.ALERTING:
        return False
    open_before(work, call, party, connection_of(event, device_id), left_at)
    wait_no_more(work, work.calls[call.incarnation], event.time)
    divide_where_empty(work, call.incarnation, left_at, event.at)
    return True


def _answer_who_dialled(work: UnitOfWork, event: Established, incarnation: int) -> None:
    """Connect those who waited in a call for the answer."""
    for party in list(work.calls[incarnation].parties.values()):
        if party.device_id != event.data.device_id and _was_dialling(party, event):
            inherit(work, incarnation, party.device_id, origin_of(event, OriginRule.CONSULTATION))
            if may_have_had_others(work, party.device_id):
                put_party(work, work.calls[incarnation], replace(party, is_joined_late=True))
            connect_device(work, work.calls[incarnation], party.device_id, connection_of(event, party.device_id))


def _hand_on_late(work: UnitOfWork, event: Established, call: CallState, device_id: str) -> None:
    """Take a leg that is reported only after its call was joined to the customer's as what it was before that."""
    party = call.parties.get(device_id)
    leg = work.legs.get(party.leg) if party is not None and party.leg is not None else None
    origin = call_at(work, event.data.call_id or "", device_id, event.time) if call.main is not None else None
    if leg is None or origin is None or origin.incarnation == call.main:
        return
    joined_at = call.joined_at if origin.incarnation == call.incarnation else origin.moved_at
    is_first = leg.pending_transfer is None and leg.searches <= 1  # A repeat of the report finds it handed on.
    if joined_at is not None and leg.connected_source_at == event.time < joined_at and is_first:
        at = max(event.at, origin.touched_gateway_at)
        hand_on(
            work,
            leg,
            origin,
            joined_at,
            at,
            new_segment=event.data.new_segment,
            call_origin=leg.call_origin,
            held_since=event.heldsince,
        )


def _divide_where_over(work: UnitOfWork, event: Established, call: CallState, device_id: str) -> None:
    """Divide a call at the end of a connection whose beginning is reported only after it."""
    party = call.parties.get(device_id)
    if party is None or party.is_here or party.cleared_at is None or party.cleared_at < event.time:
        return
    divide_where_empty(work, call.incarnation, party.cleared_at, event.at)


def _was_dialling(party: Party, event: Established) -> bool:
    """Say whether a party waited for the answer: it waits still, or it left since and the answer is reported late."""
    if party.state is PartyState.ORIGINATED:
        return True
    has_waited = party.has_dialled and not party.had_leg and not party.is_here
    return has_waited and party.was_here(event.time)


def _is_new_here(work: UnitOfWork, call: CallState, device_id: str) -> bool:
    party = call.parties.get(device_id)
    if party is None and _rang_before_gap(work, call, device_id):
        return False
    if party is None or (party.state is PartyState.ALERTING and may_have_had_others(work, device_id)):
        return True
    return party.leg is None and not party.had_leg and party.state is not PartyState.ALERTING


def _rang_before_gap(work: UnitOfWork, call: CallState, device_id: str) -> bool:
    """Say whether a device rang under the id before a short gap: its leg is not older, whichever call it is in."""
    others = [one.parties.get(device_id) for one in work.incarnations_of(call.call_id)]
    is_ringing = any(one is not None and one.is_here and not one.is_talking for one in others)
    return is_ringing and not may_have_had_others(work, device_id)


def _in_progress(call: CallState, event: CallEvent, state: PartyState) -> Party:
    """Return a party that is connected already when it is first seen."""
    device_id = event.data.device_id or ""
    known = call.parties.get(device_id)
    ordinal = known.ordinal if known else 0
    return Party(device_id=device_id, state=state, outside=event.data.outside, is_joined_late=True, ordinal=ordinal)


@apply.register
def handle_held(event: Held, work: UnitOfWork) -> None:
    """A device put its connection on hold: the leg goes on."""
    _hold(work, event, PartyState.HOLD)


@apply.register
def handle_retrieved(event: Retrieved, work: UnitOfWork) -> None:
    """A device took its connection back: the leg goes on."""
    _hold(work, event, PartyState.CONNECTED)


def _hold(work: UnitOfWork, event: CallEvent, state: PartyState) -> None:
    call, device_id = located(work, event)
    party = call.parties.get(device_id)
    if party is not None and party.cleared_gateway_at is not None:
        return
    ended_at = call.ended_at if call.moved_to is None else None
    if party is None and ended_at is not None and event.time > ended_at:
        return  # It states the interaction of a call that is over.
    if work.source.snapshot is not None and (party is None or not party.is_talking or party.unconfirmed_since):
        put_party(work, call, _in_progress(call, event, state))
        connect_device(work, work.calls[call.incarnation], device_id, connection_of(event, device_id))
        return
    if party is None or not party.is_talking:
        _doubt(work, call, event, state)
        return
    put_party(work, call, replace(party, state=state))
    if party.leg is not None:
        leg = work.legs[party.leg]
        what = "held" if state is PartyState.HOLD else "retrieved"
        if leg.is_held != (state is PartyState.HOLD):
            leg = traced(leg, event.at, what, f"The call was {what}.")
        leg = work.put_leg(_held_or_retrieved(leg, state, moments_of(work, event.time, event.at)[1]))
        if leg.is_held:
            inherit_late(work, leg, event.time)
        note_seen(work, leg)


def _held_or_retrieved(leg: LegState, state: PartyState, at: datetime) -> LegState:
    """Return a leg with its connection's state, and since when it is so by our clock."""
    if state is PartyState.HOLD:
        return replace(leg, is_held=True, held_gateway_at=leg.held_gateway_at if leg.is_held else at)
    return replace(leg, is_held=False, retrieved_gateway_at=at if leg.is_held else leg.retrieved_gateway_at)


def _doubt(work: UnitOfWork, call: CallState, event: CallEvent, state: PartyState) -> None:
    """Wait a moment for the Established that must have come before; without it the call was joined late."""
    device_id = event.data.device_id or ""
    known = call.parties.get(device_id)
    party = replace(_in_progress(call, event, state), unconfirmed_since=event.at, is_joined_late=known is None)
    call = put_party(work, call, party)
    work.put_call(replace(call, due=event.at + GRACE))


@apply.register
def handle_connection_cleared(event: ConnectionCleared, work: UnitOfWork) -> None:
    """A device left: its leg closes. A far-end clear is not the end."""
    call, device_id = located(work, event)
    party = call.parties.get(device_id)
    if _is_of_no_call(call, party, event):
        return
    if call.reached_gateway_at is not None and party is not None and party.state is PartyState.ORIGINATED:
        connect_unsupervised(work, call, event.at)
        call = work.calls[call.incarnation]
        party = call.parties[device_id]
    if party is not None and end_before_again(work, call, party, event):
        return
    if party is not None and party.again is not None and party.again.at <= event.time:
        put_party(work, call, _with_end_again(party, party.again, event))
        _doubt_after_end_again(work, call, party.again, event.time)
        return
    if party is not None and _has_left_later(work, party, event.time):
        end_earlier(work, call, party, event.time, event.at)
        return
    note_end_of_absent(work, call, party, event)
    if party is not None and _has_left_before(party, event.time):
        return
    leg = _later_leg(work, party, event) if party is not None else None
    if party is not None and leg is not None:
        _end_before_leg(work, call, party, leg, event)
        return
    _return_leg(work, party, event)
    leg = work.legs.get(party.leg) if party is not None and party.leg is not None else None
    part(work, call, device_id, event.time, event.at, f"Extension {device_id} disconnected.")
    note_stalled_end(work, party.leg if party is not None else None, event)
    connect_after_end(work, call.incarnation, device_id, event)
    leave_queue(work, work.calls[call.incarnation], device_id, event)
    divide_where_rung(work, work.calls[call.incarnation], party, leg, event)
    divide_before(work, call.incarnation, newcomers_since(work, work.calls[call.incarnation], event.time), event)
    set_apart(work, work.calls[call.incarnation], event.time, [device_id], ends_all=False, own=origin_of(event))
    stop_waiting(work, work.calls[call.incarnation], party, event)
    if not is_known_by_ends(work.calls[call.incarnation]):
        divide_where_empty(work, call.incarnation, event.time, event.at)
    expire_when_over(work, call.incarnation, event.at)
    await_beginning(work, call.incarnation, device_id, event.at)


def _end_before_leg(work: UnitOfWork, call: CallState, party: Party, leg: LegState, event: ConnectionCleared) -> None:
    """End a device's part in a call that it left before its leg began; if it had dialled, the call may be over."""
    divide_before_leg(work, call, party, leg, event.time, event.at)
    if party.has_dialled:
        stop_waiting(work, work.calls[call.incarnation], replace(party, state=PartyState.ORIGINATED), event)


def _is_of_no_call(call: CallState, party: Party | None, event: ConnectionCleared) -> bool:
    """Say whether an end belongs to a call that is not known; ends are kept for one whose beginning is yet to come."""
    is_after = call.ended_at is not None and event.time > call.ended_at
    return is_after and (party is None or not party.is_here) and call.entered_at is not None


def _doubt_after_end_again(work: UnitOfWork, call: CallState, again: Reconnection, ended_at: datetime) -> None:
    """Doubt a call of whose device a further end is reported: whatever the id named in between is over then, too."""
    if work.site.has_source_times and again.ended_at is not None and ended_at > again.ended_at + CLOSE:
        work.put_call(replace(work.calls[call.incarnation], doubtful_since=ended_at))


def _with_end_again(party: Party, again: Reconnection, event: ConnectionCleared) -> Party:
    """Keep an end with the last report of a connection before it: the first end is still to come, or there is one."""
    reports = [one for one in (*party.repeats, again) if one.at <= event.time]
    last = max(reports, key=lambda one: one.at)
    ended = replace(last, ended_at=last.ended_at or event.time)
    if last is again:
        return replace(party, again=ended)
    return replace(party, repeats=tuple(ended if one is last else one for one in party.repeats))


def _later_leg(work: UnitOfWork, party: Party, event: ConnectionCleared | CallCleared) -> LegState | None:
    """Return the leg of a device that left, having rung or dialled, before that leg began."""
    leg = work.legs.get(party.leg) if party.leg is not None else None
    if leg is None or leg.is_unconfirmed or not work.site.has_source_times or party.since is None:
        return None
    latest = event.time + TICK if has_whole_seconds(work) else event.time  # Heard later, in one second: it is later.
    return leg if party.since <= event.time and latest < leg.connected_source_at else None


def _has_left_later(work: UnitOfWork, party: Party, moment: datetime) -> bool:
    """Say whether an end of a moment is earlier than the one that was heard of first: that one is of another call."""
    if not work.site.has_source_times or party.cleared_at is None or party.is_here:
        return False
    return moment < party.cleared_at and (party.since is None or party.since <= moment)


def _has_left_before(party: Party, moment: datetime) -> bool:
    """Say whether a device with a leg has left already: another monitor reports the same end a little later."""
    if party.cleared_at is None or party.is_here or not party.had_leg:
        return False
    return party.cleared_at <= moment <= party.cleared_at + GRACE


def _return_leg(work: UnitOfWork, party: Party | None, event: ConnectionCleared) -> None:
    """Return a leg to the call before a transfer if the device had left it by then, which is reported late."""
    leg = work.legs.get(party.leg) if party is not None and party.leg is not None else None
    origin = call_at(work, event.data.call_id or "", "", event.time) if leg is not None else None
    if leg is None or origin is None or origin.moved_at is None or event.time > origin.moved_at:
        return
    search = SearchStatus.FOUND if leg.guid else leg.search
    work.put_leg(
        replace(leg, call_id=origin.call_id, incarnation=origin.incarnation, pending_transfer=None, search=search)
    )


def _doubt_after(work: UnitOfWork, call: CallState, cleared_at: datetime) -> None:
    """Doubt that those who came just before a call was cleared were in the next one: they may be over with it."""
    for one in work.incarnations_of(call.call_id):
        if one.incarnation != call.incarnation and call.born_at < one.born_at <= cleared_at and not one.is_over:
            work.put_call(replace(one, doubtful_since=cleared_at))


def _divide_where_cleared(work: UnitOfWork, call: CallState, event: CallCleared) -> CallState:
    since = newcomers_before_clearing(work, call, event.time)
    divide_before(work, call.incarnation, since, event)
    is_apart = divide_where_cleared(work, work.calls[call.incarnation], event)
    if since is not None or is_apart:
        _doubt_after(work, call, event.time + TICK if is_apart else event.time)
    return work.calls[call.incarnation]


def _states_its_interaction(call: CallState, event: CallCleared) -> bool:
    return any(fact.value == event.data.interaction_id for fact in call.facts.get("interaction_id", ()))


@apply.register
def handle_call_cleared(event: CallCleared, work: UnitOfWork) -> None:
    """A call ended for all who are left in it; who came into it later is in another call under its id."""
    call = known_call(work, event, event.data.call_id or "")
    ended_at = call.ended_at
    is_over = call.moved_to is not None or call.superseded_at is not None
    if is_over or event.time < call.born_at:
        return
    if states_another_interaction(call, event) or (ended_at is not None and event.time > ended_at):
        if work.site.has_source_times and call.failed_gateway_at is None and not _states_its_interaction(call, event):
            # It is of another call, of which nothing else is heard yet.
            work.put_call(replace(call, next_cleared_at=event.time))
        return
    for party in call.parties.values():
        if (leg := _later_leg(work, party, event)) is not None:
            divide_before_leg(work, work.calls[call.incarnation], party, leg, event.time, event.at)
        elif party.reported_after(event.time) and _has_left_later(work, party, event.time):
            end_earlier(work, work.calls[call.incarnation], party, event.time, event.at)
    call = work.calls[call.incarnation]
    call = _divide_where_cleared(work, call, event)
    for device_id, party in list(call.parties.items()):
        if party.cleared_gateway_at is None:
            call = work.calls[call.incarnation]
            part(work, call, device_id, event.time, event.at, "The call was cleared.")
            note_stalled_end(work, party.leg, event)
    call = work.calls[call.incarnation]
    cleared_at = max(call.cleared_at or event.time, event.time)
    work.put_call(replace(call, cleared_at=cleared_at, clearing_at=cleared_at, waits_since=None, waits_at=""))
    expire_when_over(work, call.incarnation, event.at)
