"""Handle the passing of time: what is due for legs and calls."""

from datetime import timedelta

from msgspec.structs import replace

from calls.core.answer_supervision import UNSUPERVISED, connect_unsupervised
from calls.core.call_end import divide, divide_where_empty, expire_when_over, remembered
from calls.core.clocks import GRACE, TICK
from calls.core.connections import with_repeat
from calls.core.consultation import part
from calls.core.dispatch import apply
from calls.core.doubts import overtake, uncontested
from calls.core.former_ids import end_under_old_id
from calls.core.handlers.link_events import forget_abandoned_snapshot
from calls.core.legs import clear_party, close_leg, open_leg, put_party
from calls.core.outcome_rules import concluded
from calls.core.result_events import WHY, TimePassed
from calls.core.state import CallState, LegPhase, LegState, Party, Reconnection, SearchStatus
from calls.core.unit_of_work import UnitOfWork


@apply.register
def handle_time_passed(event: TimePassed, work: UnitOfWork) -> None:
    """Do what is due, in the order of time: late connections, flags that waited, legs and calls that went stale."""
    forget_abandoned_snapshot(work, event.at)
    for due in work.take_due(event.at):
        moment = TimePassed(due.due or event.at)
        if isinstance(due, CallState):
            _call_due(work, due, moment)
        else:
            _leg_due(work, due, moment)


def _leg_due(work: UnitOfWork, leg: LegState, event: TimePassed) -> None:
    if leg.phase is not LegPhase.OPEN:
        leg = leg if leg.contested_by is None else uncontested(work, leg, event.at)
        work.put_leg(concluded(work, leg, event.at))
        return
    how = "No event for the leg came for many hours; its end is not known."
    close_leg(work, leg, leg.connected_source_at, event.at, how, is_end_unknown=True)
    call = work.calls.get(leg.incarnation)
    if call is not None and leg.device_id in call.parties:
        clear_party(work, call, leg.device_id, leg.connected_source_at, event.at, how)


def _call_due(work: UnitOfWork, call: CallState, event: TimePassed) -> None:
    if call.reached_gateway_at is not None and event.at - call.reached_gateway_at >= UNSUPERVISED:
        connect_unsupervised(work, call, event.at)
    for party in list(work.calls[call.incarnation].parties.values()):
        _doubt_due(work, work.calls[call.incarnation], party)
        _again_due(work, work.calls[call.incarnation], party.device_id, event)
    _superseded_due(work, work.calls[call.incarnation], event)
    end_under_old_id(work, work.calls[call.incarnation], event.at)
    call = work.calls[call.incarnation]
    if call.due is not None and call.due <= event.at:
        _forget_or_wait(work, call, event)


def _doubt_due(work: UnitOfWork, call: CallState, party: Party) -> None:
    if party.unconfirmed_since is None or party.outside or not work.site.is_extension(party.device_id):
        return
    how = "The call was first seen while the extension was already connected."
    made = Reconnection(at=call.born_at, gateway_at=party.unconfirmed_since)
    open_leg(work, call, replace(party, unconfirmed_since=None), made, how=how)
    call = work.calls[call.incarnation]
    if call.waits_since is not None and call.waits_since <= made.gateway_at:  # It talks, so it waits no more.
        work.put_call(replace(call, waits_since=None, waits_at=""))


def _again_due(work: UnitOfWork, call: CallState, device_id: str, event: TimePassed) -> None:
    """Drop a second report of a connection as a repeat: no end of the first came, so the end that came is the leg's."""
    party = call.parties.get(device_id)
    again = party.again if party is not None else None
    if party is None or again is None:
        return  # It may have moved to the id's next call as another party's end was decided.
    put_party(work, call, with_repeat(replace(party, again=None), again))
    ended_at = min((one.ended_at for one in (again, *party.repeats) if one.ended_at is not None), default=None)
    if ended_at is not None:
        how = f"Extension {device_id} disconnected."
        part(work, work.calls[call.incarnation], device_id, ended_at, event.at, how)
        divide_where_empty(work, call.incarnation, ended_at, event.at)
        expire_when_over(work, call.incarnation, event.at)


def _superseded_due(work: UnitOfWork, call: CallState, event: TimePassed) -> None:
    """Close what is left of a call whose end was never reported: its id has named another call for a while.

    It was over when that was heard of, so that a recording which began then is the other call's.
    """
    if call.superseded_at is None:
        return
    how = "The call's id was used again; its end was not reported."
    # What was taken for a repeat is the next one's, of which an earlier event may have been heard since.
    born = [one.born_at for one in work.incarnations_of(call.call_id) if one.born_at >= call.superseded_at - GRACE]
    begun_at = min([call.superseded_at, *(at for at in born if at > call.born_at)])
    divide(work, call.incarnation, begun_at - TICK, event.at)
    may_go_on = _may_go_on(work, call)
    for leg in work.legs_in(call.incarnation):
        if leg.phase is LegPhase.OPEN:
            if may_go_on and (leg.guid or leg.search is SearchStatus.OPEN):
                overtake(work, leg, event.at, WHY["end_unreported"], "end_unreported")
            at = max(call.superseded_at, leg.connected_source_at)
            close_leg(work, work.legs[leg.number], at, event.at - GRACE, how, is_end_unknown=True)
            clear_party(work, work.calls[call.incarnation], leg.device_id, at, event.at, how)
    if call.due is not None and call.due <= event.at:
        work.put_call(replace(work.calls[call.incarnation], due=event.at + remembered(work)))


def _may_go_on(work: UnitOfWork, call: CallState) -> bool:
    """Say whether a consultation with a call lasts: a transfer or conference, reported late, may have moved the call.

    Example: 2001 holds call 100 and talks in call 101; that both became a conference under 101 is heard after the PBX
    has used the id 100 again.
    """
    own = work.legs_in(call.incarnation)
    others = (leg for one in own for leg in work.legs_at(one.device_id) if leg.incarnation != call.incarnation)
    return any(leg.phase is LegPhase.OPEN and leg.call_id != call.call_id for leg in others)


def _forget_or_wait(work: UnitOfWork, call: CallState, event: TimePassed) -> None:
    stale = call.touched_gateway_at + timedelta(hours=work.site.stale_hours)
    has_failed = call.failed_gateway_at is not None and call.touched_gateway_at <= call.failed_gateway_at
    if call.is_over or has_failed or stale <= event.at:
        work.drop_call(call.incarnation)
    else:
        work.put_call(replace(call, due=stale))
