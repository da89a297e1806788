"""The ids that a call had before transfers and conferences: some PBXs report ends under them."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from calls.core.call_end import divide_where_empty, expire_when_over, is_known_by_ends
from calls.core.clocks import GRACE
from calls.core.legs import clear_party
from calls.core.outcome_rules import traced
from calls.core.state import CallState, LegPhase, LegState, Party, PartyState, WriteStatus
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent

#: Maximum number of former ids of a call that are kept.
MAXIMUM_IDS = 8


def former_ids(olds: list[CallState], target: CallState) -> tuple[str, ...]:
    """Return the ids that a call and the calls joined in it had, but for its present one."""
    names = [*target.former_ids, *(name for call in olds for name in (*call.former_ids, call.call_id))]
    return tuple(name for name in dict.fromkeys(names) if name != target.call_id)[-MAXIMUM_IDS:]


def take_back_clearing(work: UnitOfWork, call: CallState, event: CallEvent) -> CallState:
    """Let those go on in a call whose id is given up by an event, and was cleared by that, as was heard before it."""
    cleared_at, earliest = call.clearing_at, event.time if work.site.has_source_times else event.time - GRACE
    if cleared_at is None or cleared_at < earliest:
        return call
    legs = {leg.device_id: leg for leg in work.legs_in(call.incarnation) if leg.disconnected_source_at == cleared_at}
    if any(leg.base is not WriteStatus.NONE for leg in legs.values()):
        return call
    parties = {name: _back(one, legs.get(name), cleared_at) for name, one in call.parties.items()}
    for leg in legs.values():
        open_again = replace(leg, phase=LegPhase.OPEN, disconnected_source_at=None, disconnected_gateway_at=None)
        open_again = traced(open_again, event.at, "reopened", "The call's id was cleared because the call was moved.")
        work.put_leg(replace(open_again, base_due=None, due=event.at + timedelta(hours=work.site.stale_hours)))
    return work.put_call(replace(call, parties=parties, cleared_at=None, clearing_at=None))


def _back(party: Party, leg: LegState | None, cleared_at: datetime) -> Party:
    """Return a party as it was before its call was cleared."""
    if party.is_here or party.cleared_at != cleared_at:
        return party
    if leg is not None or party.outside:
        state = PartyState.CONNECTED
    else:
        state = PartyState.ORIGINATED if party.has_dialled else PartyState.ALERTING
    number = leg.number if leg is not None else None
    return replace(party, state=state, leg=number, cleared_at=None, cleared_gateway_at=None)


def await_beginning(work: UnitOfWork, incarnation: int, device_id: str, gateway_at: datetime) -> None:
    """Wait a moment for the beginning of a call of which an end is heard, where the device came out of that id's call.

    Some PBXs report the ends of those who were handed on under the id that their call had before.
    """
    call = work.calls[incarnation]
    if is_known_by_ends(call) and _went_on_in(work, call, device_id) is not None:
        work.put_call(replace(call, due=gateway_at + GRACE))


def end_under_old_id(work: UnitOfWork, call: CallState, gateway_at: datetime) -> None:
    """End devices in the call that goes on, whose ends came under its former id, of no call that began under that."""
    if not call.parties or not is_known_by_ends(call):
        return
    for device_id, party in call.parties.items():
        target = _went_on_in(work, call, device_id)
        if target is None or party.cleared_at is None:
            continue
        how = f"Extension {device_id} disconnected, as was reported under the call's former id."
        clear_party(work, target, device_id, party.cleared_at, gateway_at, how)
        divide_where_empty(work, target.incarnation, party.cleared_at, gateway_at)
        expire_when_over(work, target.incarnation, gateway_at)
        expire_when_over(work, call.incarnation, gateway_at)


def _went_on_in(work: UnitOfWork, call: CallState, device_id: str) -> CallState | None:
    """Return the call in which an extension talks, where that had a call's id before it was moved; else None."""
    for leg in work.legs_at(device_id):
        target = work.calls.get(leg.incarnation)
        if target is None or leg.phase is not LegPhase.OPEN:
            continue
        if call.call_id in target.former_ids and leg.connected_source_at <= call.born_at:
            return target
    return None
