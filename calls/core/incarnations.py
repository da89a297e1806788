"""Decide which call an event belongs to. PBXs reuse call ids, so an id names a call only while that call lasts.

Each use of an id is an incarnation, with a ``CallState`` of its own. docs/call-identity.md has the full table of
evidence; its example is the one in ``tests/calls/test_incarnations.py``. The steps, the first that applies decides:

1. An end, a hold or a retrieve belongs to the call in which its device is.
2. Any other event belongs to the latest call of its id that had begun by the event's time, unless that had ended.
3. After that end, an event that brings in a device or a queue begins a new call; any other event is not attributed.
4. While the call lasts, an event that contradicts it (see ``_is_of_another``) begins a new call too.
"""

from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from msgspec.structs import replace

from calls.core.call_facts import is_contradicted, names_another
from calls.core.newcomers import queues_another
from calls.core.state import CallState, Party, PartyState
from calls.core.unit_of_work import UnitOfWork
from cti.events import (
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

#: Maximum difference in arrival between events of different monitors; within it their order means nothing.
GRACE = timedelta(seconds=1)
#: Maximum silence of a call that only waits in a queue; after it the id is taken to name a new call.
SILENCE = timedelta(minutes=15)

#: The smallest step of time.
TICK = timedelta(microseconds=1)

#: A device dials: only at the beginning of a call.
_OPENING = (ServiceInitiated, Originated)
#: A device or a queue joins a call.
ENTERING = (*_OPENING, Queued, Delivered, Established, NetworkReached)
#: What happens to a device that is in a call.
_AT_DEVICE = (ConnectionCleared, Diverted, Failed, Held, Retrieved)


def attribute(work: UnitOfWork, event: CallEvent, call_id: str) -> CallState:
    """Return the call to which an event belongs; a new one if the event begins it or the id is unknown."""
    calls = work.incarnations_of(call_id)
    if not calls:
        return begin_call(work, event, call_id)
    if isinstance(event, _AT_DEVICE) and (found := _call_it_is_in(work, calls, event)):
        return _unless_of_another(work, event, calls, found)
    call, following = _at(calls, event.time)
    if isinstance(event, ConnectionCleared) and _is_of_unknown_call(work, call, event):
        return _unless_of_another(work, event, calls, call)
    if isinstance(event, CallInformation) and states_another_interaction(call, event):
        own = _of_its_interaction(calls, event)
        if own or event.data.wrapup is not None:
            return own[-1] if own else call
    if event.time < call.born_at:
        return begin_call(work, event, call_id, replaces=False) if _is_of_before(work, call, event) else call
    return _by_time(work, event, call, following)


def _by_time(work: UnitOfWork, event: CallEvent, call: CallState, following: CallState | None) -> CallState:
    """Return the call that had begun by an event's time, the next one of the id, or a new one."""
    ended_at = call.ended_at
    if ended_at is not None and _is_after(work, call, ended_at, event):
        return _after_end(work, event, call, following)
    if call.doubtful_since is not None and _is_of_after_doubt(work, call, event):
        return following or begin_call(work, event, call.call_id, replaces=False)
    if following is not None:
        is_of_next = isinstance(event, ENTERING) and (
            states_another_interaction(call, event) or _is_doubtful_for(call, event)
        )
        return _begun_before(work, event, following) if is_of_next else call
    is_entering = isinstance(event, ENTERING) or (isinstance(event, CallInformation) and not _is_anybody_in(call))
    if ended_at is None and is_entering and _is_of_another(work, call, event):
        return begin_call(work, event, call.call_id)
    return call


def _after_end(work: UnitOfWork, event: CallEvent, call: CallState, following: CallState | None) -> CallState:
    if not _begins(work, event, call):
        return call
    if following is None:
        return begin_call(work, event, call.call_id)
    if call.doubtful_since is not None and event.time <= call.doubtful_since < following.born_at:
        begun = begin_call(work, event, call.call_id, replaces=False)  # Its caller left the queue before the next call.
        return work.put_call(replace(begun, doubtful_since=call.doubtful_since))
    return _begun_before(work, event, following)


def _unless_of_another(work: UnitOfWork, event: CallEvent, calls: list[CallState], found: CallState) -> CallState:
    """Return the call in which the device is, unless the event is an end that states another call's interaction."""
    is_end = isinstance(event, ConnectionCleared) and work.site.has_source_times
    if not is_end or not states_another_interaction(found, event):
        return found
    own = _of_its_interaction(calls, event)
    return own[-1] if own else begin_call(work, event, found.call_id, replaces=False)


def _of_its_interaction(calls: list[CallState], event: CallEvent) -> list[CallState]:
    return [one for one in calls if "interaction_id" in one.facts and not states_another_interaction(one, event)]


def _is_of_unknown_call(work: UnitOfWork, call: CallState, event: ConnectionCleared) -> bool:
    """Say whether an extension left a call that is not known: the event states another interaction."""
    is_extension = not event.data.outside and work.site.is_extension(event.data.device_id or "")
    return is_extension and states_another_interaction(call, event)


def _call_it_is_in(work: UnitOfWork, calls: list[CallState], event: CallEvent) -> CallState | None:
    """Return the call in which an event's device is, unless that had lost its id by then, as the source's times say."""
    found = call_of_device(calls, event.data.device_id or "", event.time)
    superseded_at = found.superseded_at if found is not None and work.site.has_source_times else None
    return found if superseded_at is None or event.time <= superseded_at else None


def call_of_device(calls: list[CallState], device_id: str, at: datetime) -> CallState | None:
    """Return the latest call of an id in which a device is and already was at a moment; None if there is none."""
    for call in reversed(calls):
        party = call.parties.get(device_id)
        if party is not None and party.is_here and (party.since is None or party.since <= at):
            return call
    return None


def call_at(work: UnitOfWork, call_id: str, device_id: str, at: datetime) -> CallState | None:
    """Return the call that an id named at a moment, preferring the one with the device; None if none is known."""
    calls = work.incarnations_of(call_id)
    if not calls:
        return None
    found = call_of_device(calls, device_id, at)
    is_current = found is not None and (found.superseded_at is None or at < found.superseded_at)
    return found if is_current else _at(calls, at)[0]


def _at(calls: list[CallState], at: datetime) -> tuple[CallState, CallState | None]:
    """Return the latest call that had begun by a moment (else the earliest), and the one after it."""
    if calls[-1].born_at <= at:
        return calls[-1], None
    for place in range(len(calls) - 2, -1, -1):
        if calls[place].born_at <= at:
            return calls[place], calls[place + 1]
    return calls[0], calls[1] if len(calls) > 1 else None


def _begun_before(work: UnitOfWork, event: CallEvent, following: CallState) -> CallState:
    """Return the id's next call if an event from before its beginning belongs to it, else a new one."""
    is_its_beginning = isinstance(event, ENTERING) and not _is_of_before(work, following, event)
    return following if is_its_beginning else begin_call(work, event, following.call_id, replaces=False)


def _is_of_before(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an event from before an id's earliest known call belongs to an older call that is reported late.

    An event that brings in a device or a queue is the known call's own beginning, with three exceptions: it contradicts
    that call, it connects a device that connected later in that call and has left, or it queues a call in which a
    device dialled later. An end, hold or retrieve of a device that is not in the known call belongs to the older one.
    """
    if not isinstance(event, ENTERING):
        return _begins(work, event, call)
    party = call.parties.get(event.data.device_id or "")
    has_left = party is not None and party.had_leg and not party.is_here
    is_earlier = has_left and isinstance(event, Established) and work.site.has_source_times
    return is_earlier or _is_queued_before_dialled(work, call, event) or _contradicts(call, event)


def _is_queued_before_dialled(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether a call was queued before a device dialled, by the source's own times: a device dials first."""
    if not isinstance(event, Queued) or not work.site.has_source_times:
        return False
    dialling = (PartyState.INITIATED, PartyState.ORIGINATED)
    dialled = [one.since for one in call.parties.values() if one.has_dialled or one.state in dialling]
    return any(since is not None and event.time < since for since in dialled)


def _contradicts(call: CallState, event: CallEvent) -> bool:
    """Say whether an event states an interaction, number or name that a call never had."""
    return (
        states_another_interaction(call, event) or is_contradicted(call, event.data) or names_another(call, event.data)
    )


def _is_after(work: UnitOfWork, call: CallState, ended_at: datetime, event: CallEvent) -> bool:
    """Say whether an event comes after the end of a call, by its time or because it states another interaction.

    Times may be in whole seconds. An event with the time of the end still belongs to the call if its device left
    without a leg: then the beginning is reported after the end.
    """
    if event.time > ended_at:
        return True
    if not isinstance(event, ENTERING):
        return False
    if event.time == ended_at and _is_heard_after(work, call, ended_at, event):
        return True
    return event.time >= call.born_at and states_another_interaction(call, event)


def _is_heard_after(work: UnitOfWork, call: CallState, ended_at: datetime, event: CallEvent) -> bool:
    """Say whether an event with the same time as a call's end belongs to the next call."""
    party = call.parties.get(event.data.device_id or "")
    if call.moved_at is None and (party is None or party.had_leg or _contradicts(call, event)):
        return True
    has_rung = party is not None and party.since is not None and party.since < ended_at
    # With times in whole seconds, the order of arrival decides within a second.
    return not work.source.has_fractions and (party is None or has_rung)


def states_another_interaction(call: CallState, event: CallEvent) -> bool:
    """Say whether an event states an interaction that a call never had."""
    stated, history = event.data.interaction_id, call.facts.get("interaction_id", ())
    return bool(stated and history) and all(fact.value != stated for fact in history)


def _begins(work: UnitOfWork, event: CallEvent, call: CallState) -> bool:
    """Say whether an event after the end of its id's last call belongs to a new one.

    Other monitors report a transfer up to a second late; those events still belong to the call that was moved. The end
    of an extension may be reported before its beginning.
    """
    if isinstance(event, ENTERING):
        return True
    if call.moved_at is not None and event.time <= call.moved_at + GRACE:
        return False
    if isinstance(event, ConnectionCleared) and (_is_end_of_unheard(call, event) or _has_failed(call, event)):
        return False
    is_extension = not event.data.outside and work.site.is_extension(event.data.device_id or "")
    return isinstance(event, Held | Retrieved) or (isinstance(event, ConnectionCleared) and is_extension)


def _has_failed(call: CallState, event: ConnectionCleared) -> bool:
    """Say whether a device left a call that had failed at it before."""
    party = call.parties.get(event.data.device_id or "")
    return call.failed_gateway_at is not None and party is not None and not party.had_leg


def _is_end_of_unheard(call: CallState, event: ConnectionCleared) -> bool:
    """Say whether another device left a call of which ends alone are known: its beginning is reported after them."""
    ended_at = call.ended_at
    is_near = ended_at is not None and event.time <= ended_at + GRACE
    return is_near and call.entered_at is None and (event.data.device_id or "") not in call.parties


def _is_anybody_in(call: CallState) -> bool:
    """Say whether a device talks or dials in a call; one that only rings does not count."""
    idle = (PartyState.NULL, PartyState.ALERTING)
    return any(party.state not in idle for party in call.parties.values())


def _is_of_another(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an event contradicts the call that its id still seems to name: the PBX has reused the id."""
    if event.data.interaction_id and "interaction_id" in call.facts:
        return states_another_interaction(call, event)
    if call.doubtful_since is not None and _is_after_doubt(call, call.doubtful_since, event):
        return _is_doubtful_for(call, event)
    if isinstance(event, _OPENING):
        return _opens_another(work, call, event)
    party = call.parties.get(event.data.device_id or "")
    if party is not None and _rings_where_it_dials(work, party, event):
        return True
    if isinstance(event, Delivered | Established) and party is not None and party.is_talking:
        is_other = is_contradicted(call, event.data) or names_another(call, event.data)
        return is_other and not _is_of_transfer(work, call, event)
    if queues_another(work, call, event):
        return True
    if event.time == call.born_at or _is_anybody_in(call):
        return False
    is_silent = event.at - call.touched_gateway_at > SILENCE
    if is_silent or (isinstance(event, Queued) and _queues_again(call, event)):
        return True
    return is_contradicted(call, event.data) and not _is_of_transfer(work, call, event)


def _rings_where_it_dials(work: UnitOfWork, party: Party, event: CallEvent) -> bool:
    """Say whether a device rings that dials in the call, by the source's own times: it is in another call by now."""
    is_later = party.since is not None and event.time > party.since
    return (
        isinstance(event, Delivered)
        and party.state is PartyState.ORIGINATED
        and work.site.has_source_times
        and is_later
    )


def _is_of_transfer(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an event states the transferring extension as calling number, as PBXs do after a transfer."""
    origin = work.calls.get(call.main) if call.main is not None else None
    devices = {*call.parties, *(origin.parties if origin is not None else ()), *work.site.devices}
    return call.main is not None and event.data.calling_number in devices


def _is_doubtful_for(call: CallState, event: CallEvent) -> bool:
    """Say whether a call may be over for an event that states no interaction of it."""
    since = call.doubtful_since
    if since is None or not _is_after_doubt(call, since, event):
        return False
    is_same = bool(event.data.interaction_id) and "interaction_id" in call.facts
    return not is_same


def _is_of_after_doubt(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an extension left that never was in a call which may be over: it was in another one."""
    if not isinstance(event, ConnectionCleared):
        return False
    device_id = event.data.device_id or ""
    is_extension = not event.data.outside and work.site.is_extension(device_id)
    return is_extension and device_id not in call.parties and _is_doubtful_for(call, event)


def _is_after_doubt(call: CallState, since: datetime, event: CallEvent) -> bool:
    """Say whether an event comes after the moment from which its call may be over."""
    return event.time > since or (event.time == since and _contradicts(call, event))


def _opens_another(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether a device dials in a call that began more than ``GRACE`` ago, and not because it went off-hook.

    A call in a queue was dialled before, so with the source's own times any later dialling counts.
    """
    party = call.parties.get(event.data.device_id or "")
    leg = work.legs.get(party.leg) if party is not None and party.leg is not None else None
    if leg is not None and work.site.has_source_times and not leg.is_unconfirmed:
        return event.time > leg.connected_source_at
    if party is not None and party.is_here:
        known = party.since or call.born_at
        is_ringing = party.state is PartyState.ALERTING and isinstance(event, Originated)
        if is_ringing and work.site.has_source_times:
            return event.time > known
        return party.state is not PartyState.INITIATED and event.time > known + GRACE
    if not work.site.has_source_times or not call.waits_at:
        return event.time > call.born_at + GRACE
    # Of whole seconds, the order in which they are heard says what came first within one.
    return event.time > call.born_at or (event.time == call.born_at and not work.source.has_fractions)


def _queues_again(call: CallState, event: Queued) -> bool:
    """Say whether a call is queued again where it already waits: the caller gave up and the id was reused.

    Another queue is no such sign, because calls move from queue to queue; nor is the same queue with the same caller.
    """
    is_first = not call.waits_at or event.time <= (call.entered_at or call.born_at) + GRACE
    is_same_queue = call.waits_at == queue_of(event)
    is_vouched_for = bool(event.data.calling_number) and "calling_number" in call.facts
    return not is_first and is_same_queue and not is_vouched_for


def queue_of(event: Queued) -> str:
    """Return the queue in which a call waits: its device, else its name; never empty."""
    return event.data.device_id or event.data.queue_name or "?"


def begin_call(work: UnitOfWork, event: CallEvent, call_id: str, *, replaces: bool = True) -> CallState:
    """Begin a call under an id. The call that the id named before is over, even if its end is never reported.

    ``replaces`` False: earlier calls of the id may go on, as when a snapshot names the id.
    """
    others = work.incarnations_of(call_id)
    for call in others if replaces else ():
        if not call.is_over and call.born_at < event.time:
            work.put_call(replace(call, superseded_at=event.time, due=event.at + GRACE))
    number = work.next_incarnation()
    cleared_at = _cleared_before_heard(others, event) if others else None
    return work.put_call(
        CallState(
            incarnation=number,
            call_id=call_id,
            born_at=event.time,
            touched_gateway_at=event.at,
            own_interaction=own_interaction(work, call_id, number, event.time),
            waits_since=None if isinstance(event, _AT_DEVICE) or cleared_at is not None else event.time,
            cleared_at=cleared_at,
            due=event.at + timedelta(hours=work.site.stale_hours),
        )
    )


def _cleared_before_heard(others: list[CallState], event: CallEvent) -> datetime | None:
    """Return when a call was cleared of which nothing had been heard then, if an event of before that is its first."""
    strays = [call.next_cleared_at for call in others if call.born_at <= event.time]
    return next((at for at in strays if at is not None and event.time <= at), None)


def own_interaction(work: UnitOfWork, call_id: str, incarnation: int, born_at: datetime) -> str:
    """Return the interaction id of a call for which the source states none; the same again when it is folded again."""
    return str(uuid5(NAMESPACE_URL, f"{work.source.slug}/{call_id}/{incarnation}/{born_at.isoformat()}"))


def later_parties(call: CallState, moment: datetime) -> dict[str, Party]:
    """Return the parties that joined a call after a moment; one of which only its end is known was there before it."""
    return {name: party for name, party in call.parties.items() if _has_come_after(party, moment)}


def _has_come_after(party: Party, moment: datetime) -> bool:
    if party.since is None or party.since <= moment:
        return False
    return party.cleared_at != party.since or party.had_leg or party.since > moment + TICK
