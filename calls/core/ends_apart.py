"""An end that is heard just after its id was used again, where times do not say what was before what.

``newcomers`` says when that is so. The call is divided, and neither part gets what was stated of the other.
"""

from datetime import datetime

from msgspec.structs import replace

from calls.core.call_end import divide, divide_where_empty, expire_when_over
from calls.core.clocks import TICK
from calls.core.consultation import part
from calls.core.legs import put_party
from calls.core.newcomers import (
    SOON,
    apart,
    doubtful_from,
    is_handed_on,
    may_have_rung_out,
    newcomers_before_leaving,
    reported_again,
    set_apart,
)
from calls.core.origins import Origin, origin_of
from calls.core.outside_parties import is_queue
from calls.core.state import CallState, LegPhase, LegState, Party, TimedValue
from calls.core.unit_of_work import UnitOfWork
from calls.core.unreported_consultations import announced_by
from cti.events import CallCleared, CallEvent, ConnectionCleared


def divide_before(work: UnitOfWork, incarnation: int, since: datetime | None, event: CallEvent) -> None:
    """Divide a call before those who are not safely of it came, if there are any: what the end itself states is of it.

    Example: 2001 talks in C1, the trunk T1 is reported at 20.2, and the end of 2001, at 20.8, is the first event to
    state the interaction. But where 2001 dialled, and both ends of its call answered less than a second before it
    left, the part with 2001 is the later one.
    """
    if since is None:
        return
    if _ends_former(work, incarnation, since, event):
        _keep_stated(work, incarnation, since - TICK, event)
    divide(work, incarnation, since - TICK, event.at)


def _ends_former(work: UnitOfWork, incarnation: int, since: datetime, event: CallEvent) -> bool:
    """Say whether who leaves, or anybody in a call that is cleared, had a leg before a moment, or has none."""
    device_id = event.data.device_id
    legs = [leg for leg in work.legs_in(incarnation) if device_id is None or leg.device_id == device_id]
    return not legs or any(leg.connected_source_at < since for leg in legs)


def _keep_stated(work: UnitOfWork, incarnation: int, until: datetime, event: CallEvent) -> None:
    """Let what the end of a call states have been known in it at a moment."""
    call, own = work.calls[incarnation], origin_of(event)
    if any(one.origin == own and one.at > until for known in call.facts.values() for one in known):
        facts = {name: tuple(_until(one, own, until) for one in known) for name, known in call.facts.items()}
        facts = {name: tuple(sorted(known, key=lambda one: one.at)) for name, known in facts.items()}
        work.put_call(replace(call, facts=facts))


def _until(value: TimedValue, own: Origin, until: datetime) -> TimedValue:
    return replace(value, at=until) if value.origin == own and value.at > until else value


def divide_where_cleared(work: UnitOfWork, call: CallState, event: CallCleared) -> bool:
    """Divide a call where it was cleared; say whether somebody came in the second of that, of whole ones."""
    own = origin_of(event) if _ends_former(work, call.incarnation, event.time, event) else None
    found = set_apart(work, call, event.time, own=own)
    divide(work, call.incarnation, event.time, event.at)
    return found is not call


def divide_where_rung(
    work: UnitOfWork, call: CallState, party: Party | None, leg: LegState | None, event: ConnectionCleared
) -> None:
    """Give a leg nothing of before it, where its end may be that of its phone's ringing in a call before."""
    if party is None or leg is None or not may_have_rung_out(work, party, leg, event.time):
        return
    if is_handed_on(call, event.time) or (call.waits_since == event.time and not call.waits_at):
        return  # The transfer that is heard before the end names its phone as connected, or the phone parked the call.
    left, heard_at = call.parties[party.device_id], leg.connected_gateway_at
    call = put_party(work, call, replace(left, since=leg.connected_source_at, heard_at=heard_at))
    apart(work, call, event.time, heard_at, ())
    divide(work, call.incarnation, event.time, event.at)


def end_before_again(work: UnitOfWork, call: CallState, party: Party, event: ConnectionCleared) -> bool:
    """End the first of two connections of a device, where the second was heard of just before; say whether it was."""
    again = reported_again(work, party, event.time) if party.is_here else None
    if again is None:
        return False
    ended = event.time if work.site.has_source_times else again.at - TICK
    if work.site.has_source_times:
        apart(work, call, ended, again.gateway_at, [party.device_id], origin_of(event))
    _keep_stated(work, call.incarnation, ended, event)
    how = f"Extension {party.device_id} disconnected."
    part(work, work.calls[call.incarnation], party.device_id, ended, event.at, how)
    others = [one for one in call.parties.values() if one.device_id != party.device_id and one.is_here]
    if not any(one.since is not None and one.since <= ended for one in others):
        divide(work, call.incarnation, ended, event.at)
    divide_where_empty(work, call.incarnation, ended, event.at)
    expire_when_over(work, call.incarnation, event.at)
    return True


def divide_where_handed_on(work: UnitOfWork, call: CallState, event: CallEvent) -> CallState:
    """Divide a call where a transfer or conference moved it: who came before, and is not named by that, is apart."""
    announced = announced_by(event)
    call = set_apart(work, call, event.time, announced)
    since = newcomers_before_leaving(work, call, event.time, announced)
    divide(work, call.incarnation, event.time if since is None else since - TICK, event.at)
    return work.calls[call.incarnation]


def leave_queue(work: UnitOfWork, call: CallState, device_id: str, event: CallEvent) -> CallState:
    """Divide a call whose caller left its queue, as is heard just after a device had come into it.

    That device is not safely of the call: it may be in the next one. A queue that reports its end as it is answered
    does so at once.
    """
    earliest = doubtful_from(work, event.time)
    talking = [leg for leg in work.legs_in(call.incarnation) if leg.phase is LegPhase.OPEN]
    if earliest is None or not is_queue(work, device_id) or not talking or call.moved_to is not None:
        return call
    first = min(talking, key=lambda leg: leg.connected_gateway_at)
    if first.connected_source_at < earliest or event.at - first.connected_gateway_at <= SOON:
        return call
    since = newcomers_before_leaving(work, call, event.time, ())
    set_apart(work, call, event.time, own=origin_of(event))
    if since is None:
        divide(work, call.incarnation, event.time, event.at)
    divide_before(work, call.incarnation, since, event)
    return work.calls[call.incarnation]
