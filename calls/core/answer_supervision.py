"""Calls on trunks that may never say whether the far end answered."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from calls.core.clocks import STALL, moments_of
from calls.core.doubts import is_wanted
from calls.core.legs import close_leg, identified_again, open_leg, put_party, start_search
from calls.core.origins import OriginRule, origin_of
from calls.core.outcome_rules import concluded, traced
from calls.core.outside_parties import is_of_outside
from calls.core.result_events import LATE
from calls.core.state import CallState, LegPhase, LegState, Party, PartyState, Reconnection, SearchStatus, WriteStatus
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent

#: A trunk that has said nothing for this long after NetworkReached has no answer supervision: the call is connected.
UNSUPERVISED = timedelta(seconds=2)


def confirm(work: UnitOfWork, incarnation: int) -> None:
    """Note that a call's trunk speaks: its answer will be reported."""
    call = work.calls.get(incarnation)
    if call is not None and call.reached_gateway_at is not None:
        work.put_call(replace(call, reached_at=None, reached_gateway_at=None, reached_origin=None))


def connect_unsupervised(work: UnitOfWork, call: CallState, gateway_at: datetime) -> None:
    """Take a call on a trunk without answer supervision as connected since it reached the network.

    ``gateway_at``: when that is noticed. It counts from the end of the silence, however late that is: what is recorded
    by then may be another call. The silence of a link that was lost, or of a device whose events are missed, says
    nothing; the snapshot will.
    """
    at = call.reached_at or call.born_at
    gateway_at = min(gateway_at, (call.reached_gateway_at or gateway_at) + UNSUPERVISED)
    made = Reconnection(at=at, gateway_at=gateway_at, origin=call.reached_origin)
    call = work.put_call(replace(call, reached_at=None, reached_gateway_at=None, reached_origin=None))
    if _is_link_lost(work, gateway_at):
        return
    for party in list(call.parties.values()):
        if _is_waiting(work, party):
            call = work.calls[call.incarnation]
            connected = replace(party, state=PartyState.CONNECTED)
            how = "The call left on a trunk without answer supervision; the answer is not confirmed."
            leg = open_leg(work, call, connected, made, how=how)
            work.put_leg(replace(leg, is_unconfirmed=True))


def _is_link_lost(work: UnitOfWork, gateway_at: datetime) -> bool:
    source = work.source
    return source.lost_at is not None and source.lost_gateway_at is not None and source.lost_gateway_at < gateway_at


def _is_waiting(work: UnitOfWork, party: Party) -> bool:
    """Say whether an extension has dialled, and its silence means that it is connected."""
    is_missed = any(party.device_id in gap.devices for gap in work.source.partial)
    is_extension = not party.outside and work.site.is_extension(party.device_id)
    return party.state is PartyState.ORIGINATED and is_extension and not is_missed


def answer_after_all(work: UnitOfWork, incarnation: int, event: CallEvent) -> None:
    """Let the legs that were taken as connected begin at the answer, when the far end is reported to answer."""
    call = work.calls[incarnation]
    if not _may_be_far_end(work, call, event):
        return
    for leg in work.legs_in(incarnation):
        if leg.phase is LegPhase.OPEN and leg.is_unconfirmed and _begins_with(work, leg, event):
            made = Reconnection(at=event.time, gateway_at=event.at, origin=origin_of(event, OriginRule.CONNECTED))
            work.put_leg(concluded(work, from_answer(work, leg, made), event.at))


def _may_be_far_end(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether who answers in a call may be its far end: of what the source says that it is outside, always.

    Where it does not say so, a number of no device and no queue is, and so is the trunk that reached the network. What
    a snapshot finds connected may have answered before, and who comes into a call that was joined, or in which others
    talk, is a further party.
    """
    if event.data.outside:
        return True
    is_trunk = bool(call.reached_by) and event.data.device_id == call.reached_by
    is_far = is_trunk or is_of_outside(work, event)
    if not is_far or work.source.snapshot is not None or call.joined_at is not None:
        return False
    ours = {leg.device_id for leg in work.legs_in(call.incarnation) if leg.is_unconfirmed}
    return all(one.device_id in ours for one in call.parties.values() if one.is_talking)


def _begins_with(work: UnitOfWork, leg: LegState, event: CallEvent) -> bool:
    """Say whether a leg may begin with an answer: not before it dialled, nor after it held what was answered then."""
    if event.time < leg.connected_source_at:
        return False
    held = leg.held_gateway_at
    return event.data.outside or held is None or moments_of(work, event.time, event.at)[1] <= held


def take_answer_back(work: UnitOfWork, incarnation: int, event: CallEvent) -> None:
    """End the legs that were taken as connected, where the far end failed: their extensions dial still.

    The call may go out on another trunk.
    """
    how = "The far end had not answered: the call could not be completed."
    for party in list(work.calls[incarnation].parties.values()):
        leg = work.legs.get(party.leg) if party.leg is not None else None
        if leg is None or not leg.is_unconfirmed or event.time < leg.connected_source_at:
            continue
        put_party(work, work.calls[incarnation], replace(party, state=PartyState.ORIGINATED, leg=None))
        close_leg(work, leg, event.time, event.at, how)


def from_answer(work: UnitOfWork, leg: LegState, made: Reconnection) -> LegState:
    """Begin a leg at the answer; ask again for its recording, unless one is known that had begun by then.

    A search that is going on goes on beside: an answer that is under way may name what no later one does any more.
    """
    latest = moments_of(work, made.at, made.gateway_at)[1] if made.gateway_at - made.at <= STALL else made.at
    if leg.found_gateway_at is not None and leg.found_gateway_at > latest + LATE and leg.base is WriteStatus.NONE:
        leg = replace(leg, guid="", service=None, found_gateway_at=None, search=SearchStatus.MISSED)
    leg = replace(
        leg,
        is_unconfirmed=False,
        recording_began=leg.unconfirmed_began if leg.guid else None,
        unconfirmed_began=None,
        connected_source_at=made.at,
        connected_gateway_at=made.gateway_at,
        received_at=work.received_at,
        call_origin=made.origin,
    )
    leg = traced(leg, made.gateway_at, "connected", "The far end answered only now; the leg begins here.")
    leg = identified_again(work, leg, made.agent_id)
    if leg.guid or not is_wanted(work, leg):
        return leg
    return start_search(work, replace(leg, missed=""), made.gateway_at)
