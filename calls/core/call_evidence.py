"""What shows that an event is not of the call that its id last named."""

from datetime import datetime, timedelta

from calls.core.call_facts import INHERITED, is_contradicted, is_named_otherwise, names_another, states_its_number
from calls.core.clocks import GRACE, has_whole_seconds
from calls.core.gaps import before_snapshot, is_missed, missed_since
from calls.core.left_outside import is_left_by_extensions, left_at
from calls.core.newcomers import queues_another
from calls.core.outside_parties import is_of_outside, is_outside
from calls.core.ringing import rings_in_another
from calls.core.state import CallState, Party, PartyState
from calls.core.unit_of_work import UnitOfWork
from cti.events import (
    CallCleared,
    CallEvent,
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

#: Maximum silence of a call that waits, in a queue, parked or handed on; after it the id is taken to name a new call.
SILENCE = timedelta(minutes=15)
#: Maximum time for which a phone rings in a call of which nothing else is heard.
RINGING = timedelta(minutes=5)
#: A device dials: only at the beginning of a call.
OPENING = (ServiceInitiated, Originated)
#: A device or a queue joins a call.
ENTERING = (*OPENING, Queued, Delivered, Established, NetworkReached)
#: What happens to a device that is in a call.
AT_DEVICE = (ConnectionCleared, Diverted, Failed, Held, Retrieved)


def is_of_before(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an event from before an id's earliest known call belongs to an older call that is reported late.

    An event that brings in a device or a queue is the known call's own beginning, with three exceptions: it contradicts
    that call (but not by the caller of the consultation that it was), it connects a device that connected later in that
    call and has left, or it queues a call in which a device dialled later. An end, hold or retrieve of a device that is
    not in the known call belongs to the older one.
    """
    if isinstance(event, CallCleared):
        return work.site.has_source_times
    if not isinstance(event, ENTERING):
        return begins(work, event, call)
    party = call.parties.get(event.data.device_id or "")
    has_left = party is not None and party.had_leg and not party.is_here
    is_earlier = has_left and isinstance(event, Established) and work.site.has_source_times
    is_other = contradicts(call, event) and not _is_of_consultation(work, call, event)
    return is_earlier or is_other or _is_queued_before_dialled(work, call, event)


def _is_of_consultation(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an event of before a call was joined under its id is of the consultation that the id named then.

    It states as caller a device of the two calls; or it connects one, which was in no other call of the id that is
    known, and states no number.
    """
    main, number, device_id = work.calls.get(call.main or 0), event.data.calling_number or "", event.data.device_id
    if main is None or main.incarnation == call.incarnation or call.joined_at is None or event.time > call.joined_at:
        return False
    ours = {name for one in (main, call) for name, party in one.parties.items() if not party.outside}
    others = [one for one in work.incarnations_of(call.call_id) if one.incarnation != call.incarnation]
    is_new = device_id in ours | {main.handed_to} and all(device_id not in one.parties for one in others)
    return (number in ours if number else is_new) and not states_another_interaction(call, event)


def _is_queued_before_dialled(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether a call was queued before a device dialled, by the source's own times: a device dials first."""
    if not isinstance(event, Queued) or not work.site.has_source_times:
        return False
    dialling = (PartyState.INITIATED, PartyState.ORIGINATED)
    dialled = [one.since for one in call.parties.values() if one.has_dialled or one.state in dialling]
    return any(since is not None and event.time < since for since in dialled)


def contradicts(call: CallState, event: CallEvent) -> bool:
    """Say whether an event states an interaction, number or name that a call never had."""
    return (
        states_another_interaction(call, event) or is_contradicted(call, event.data) or names_another(call, event.data)
    )


def is_after(work: UnitOfWork, call: CallState, ended_at: datetime, event: CallEvent) -> bool:
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
    if call.moved_at is None and (party is None or party.had_leg or contradicts(call, event)):
        return True
    if isinstance(event, OPENING) and any(one.has_dialled for one in call.parties.values() if one is not party):
        return True  # A call is dialled by one device.
    if isinstance(event, OPENING) and has_whole_seconds(work) and "queue_name" in call.facts:
        return True  # A device dials before its call is queued.
    has_rung = party is not None and party.since is not None and party.since < ended_at
    # With times in whole seconds, or of the receipt, the order of arrival decides between equal ones.
    return (not work.source.has_fractions or not work.site.has_source_times) and (party is None or has_rung)


def states_another_interaction(call: CallState, event: CallEvent) -> bool:
    """Say whether an event states an interaction that a call never had."""
    stated, history = event.data.interaction_id, call.facts.get("interaction_id", ())
    if not stated or not history or history[-1].value == stated:  # Nearly always: this is asked several times an event.
        return False
    return all(fact.value != stated for fact in history)


def _states_another_than_inherited(call: CallState, event: CallEvent) -> bool:
    """Say whether an event states another interaction than that of the call about which a consultation was."""
    stated, inherited = event.data.interaction_id, call.facts.get(INHERITED, ())
    if not stated or not inherited or "interaction_id" in call.facts:
        return False
    return all(fact.value != stated for fact in inherited)


def _is_after_gap(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether nothing was heard of a call since a gap: the link was lost, or a snapshot of some devices began."""
    snapshot = work.source.snapshot
    is_found = snapshot is not None and call.touched_gateway_at < snapshot.began_gateway_at
    return is_found or is_unheard_since_loss(work, call) or missed_since(work, event.data.device_id or "") is not None


def is_unheard_since_loss(work: UnitOfWork, call: CallState) -> bool:
    """Say whether nothing was heard of a call since the link was lost: its id may name another one by now."""
    lost = work.source.lost_gateway_at
    return lost is not None and call.touched_gateway_at < lost


def is_of_before_loss(work: UnitOfWork, call: CallState, event: CallEvent, host: str) -> bool:
    """Say whether an id that is handed on names another call than before: its host was not in that, or it states one.

    One such sign is enough where nothing was heard of the call since the link was lost; else it takes both. So is
    another interaction where the host's events are missed.
    """
    is_other = states_another_interaction(call, event)
    signs = [bool(host) and host not in call.parties, is_other]
    if is_other and missed_since(work, host) is not None and _is_interaction_of_none(work, event):
        return True
    return any(signs) if is_unheard_since_loss(work, call) else all(signs)


def _is_interaction_of_none(work: UnitOfWork, event: CallEvent) -> bool:
    """Say whether an event states an interaction that none of the calls has that its ids name."""
    named = (event.data.primary_old_call_id, event.data.secondary_old_call_id)
    calls = [one for name in named if name for one in work.incarnations_of(name)[-1:]]
    return all(states_another_interaction(one, event) for one in calls)


def is_of_later_life(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an event of another interaction shows that an id names another call by now.

    So it does if nothing was heard of the call since the link was lost, or if it is of an extension not in the call.
    """
    if event.time < call.born_at or call.ended_at is not None:
        return False
    if isinstance(event, ENTERING) and _states_another_than_inherited(call, event) and _is_after_gap(work, call, event):
        return True
    if not states_another_interaction(call, event):
        return False
    device_id = event.data.device_id or ""
    is_stranger = device_id not in call.parties and not event.data.outside and work.site.is_extension(device_id)
    is_of_stranger = isinstance(event, AT_DEVICE) and bool(device_id) and is_stranger
    return is_of_stranger or is_unheard_since_loss(work, call)


def begins(work: UnitOfWork, event: CallEvent, call: CallState) -> bool:
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
    if call.failed_gateway_at is None or party is None:
        return False
    return not party.had_leg or party.cleared_gateway_at == call.failed_gateway_at


def _is_end_of_unheard(call: CallState, event: ConnectionCleared) -> bool:
    """Say whether another device left a call of which ends alone are known: its beginning is reported after them."""
    ended_at = call.ended_at
    is_near = ended_at is not None and event.time <= ended_at + GRACE
    return is_near and call.entered_at is None and (event.data.device_id or "") not in call.parties


def is_anybody_in(call: CallState) -> bool:
    """Say whether a device talks or dials in a call; one that only rings does not count."""
    idle = (PartyState.NULL, PartyState.ALERTING)
    return any(party.state not in idle for party in call.parties.values())


def is_inside_again(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether a queue or extension is stated in a call that was handed on to an outside party before."""
    since = call.outside_since
    return since is not None and event.time > since and isinstance(event, ENTERING) and not is_of_outside(work, event)


def is_of_another(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an event contradicts the call that its id still seems to name: the PBX has reused the id."""
    call = before_snapshot(work, call, event.data.device_id or "")
    if isinstance(event, OPENING) and _is_dialled_after_leaving(work, call, event):
        return True
    if event.data.interaction_id and "interaction_id" in call.facts:
        return states_another_interaction(call, event)
    if call.doubtful_since is not None and _is_after_doubt(call, call.doubtful_since, event):
        return is_doubtful_for(call, event)
    if is_inside_again(work, call, event):
        return not _vouches(work, call, event, call.outside_since)
    if is_missed(work, call, event):
        return not states_its_number(call, event)
    if isinstance(event, OPENING):
        return _opens_another(work, call, event)
    return _is_after_another(work, call, event)


def _vouches(work: UnitOfWork, call: CallState, event: CallEvent, until: datetime | None) -> bool:
    """Say whether an event states the number that a call had until a moment: no phone's of ours; and no other name."""
    number = event.data.calling_number or ""
    party = call.parties.get(number)
    is_ours = number in work.site.devices or (party is not None and not is_outside(work, call, party))
    return not is_ours and states_its_number(call, event, until) and not is_named_otherwise(call, event.data)


def _is_after_another(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say the same of an event that is not missed, by which nobody dials, of a call that is not in doubt."""
    party = call.parties.get(event.data.device_id or "")
    if party is not None and rings_in_another(work, call, party, event):
        return True
    if isinstance(event, Delivered | Established) and party is not None and party.is_talking:
        is_other = is_contradicted(call, event.data) or names_another(call, event.data)
        is_other = is_other or _is_found_in_another_queue(work, call, party, event)
        return is_other and not is_of_transfer(work, call, event)
    if queues_another(work, call, event):
        return True
    moment = left_at(work, call, event) if isinstance(event, ENTERING) else None
    if moment is not None and _is_after_leaving(work, call, moment, event):
        return not states_its_number(call, event) or is_named_otherwise(call, event.data)
    if event.time == call.born_at or (is_anybody_in(call) and not is_left_by_extensions(work, call)):
        return False
    is_silent = event.at - call.touched_gateway_at > (SILENCE if call.waits_since is not None else RINGING)
    if is_silent or (isinstance(event, Queued) and _queues_again(call, event)):
        return True
    return _is_of_other_caller(work, call, event)


def _is_after_leaving(work: UnitOfWork, call: CallState, moment: datetime, event: CallEvent) -> bool:
    """Say whether an event comes after all extensions left its call; in one whole second, if it is heard after that."""
    is_in_second = event.time == moment and has_whole_seconds(work)
    return event.time > moment or (is_in_second and _is_heard_after(work, call, moment, event))


def _is_of_other_caller(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an event states another number than that of a call in which nobody talks, or names another caller."""
    if isinstance(event, Queued | Delivered | Established) and call.main is None and names_another(call, event.data):
        return True
    return is_contradicted(call, event.data) and not is_of_transfer(work, call, event)


def _is_found_in_another_queue(work: UnitOfWork, call: CallState, party: Party, event: CallEvent) -> bool:
    """Say whether a snapshot finds a device, that talked before the gap, in a call of another queue than its own was.

    A call changes its queue only after its phones have left it.
    """
    snapshot, stated = work.source.snapshot, event.data.queue_name
    if snapshot is None or not stated or party.since is None or party.since >= snapshot.began_at:
        return False
    known = [fact.value for fact in call.facts.get("queue_name", ()) if fact.value]
    return bool(known) and stated not in known


def is_of_transfer(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an event states the transferring extension as calling number, as PBXs do after a transfer."""
    origin = work.calls.get(call.main) if call.main is not None else None
    devices = {*call.parties, *(origin.parties if origin is not None else ()), *work.site.devices}
    return call.main is not None and event.data.calling_number in devices


def is_doubtful_for(call: CallState, event: CallEvent) -> bool:
    """Say whether a call may be over for an event that states no interaction of it."""
    since = call.doubtful_since
    if since is None or not _is_after_doubt(call, since, event):
        return False
    is_same = bool(event.data.interaction_id) and "interaction_id" in call.facts
    return not is_same


def is_of_after_doubt(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an extension left that never was in a call which may be over: it was in another one."""
    if not isinstance(event, ConnectionCleared):
        return False
    device_id = event.data.device_id or ""
    is_extension = not event.data.outside and work.site.is_extension(device_id)
    return is_extension and device_id not in call.parties and is_doubtful_for(call, event)


def _is_after_doubt(call: CallState, since: datetime, event: CallEvent) -> bool:
    """Say whether an event comes after the moment from which its call may be over."""
    return event.time > since or (event.time == since and contradicts(call, event))


def _opens_another(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether a device dials in a call that began more than ``GRACE`` ago, and not because it went off-hook.

    A call in a queue was dialled before, so with the source's own times any later dialling counts.
    """
    party = call.parties.get(event.data.device_id or "")
    if party is None and is_contradicted(call, event.data):
        return True
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


def _is_dialled_after_leaving(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether a device dials in a call that all extensions have left: whatever it states, that is another call.

    Example: a further consultation states the interaction of the first. The call's own dialling may be heard late, in
    the whole second of its end or, without times, up to a second after it; but a call is dialled by one device.
    """
    moment = left_at(work, call, event)
    if moment is None or not _is_after_leaving(work, call, moment, event):
        return False
    latest = moment if work.site.has_source_times else moment + GRACE
    return event.time > latest or any(
        one.has_dialled for name, one in call.parties.items() if name != event.data.device_id
    )


def _queues_again(call: CallState, event: Queued) -> bool:
    """Say whether a call is queued again where it already waits: the caller gave up and the id was reused.

    Another queue is no such sign, because calls move from queue to queue; nor is the same queue with the same caller,
    nor within a second after nobody answered the phone at which the call rang, or after it came into the queue.
    """
    led_away_at = call.led_away_at
    if led_away_at is not None and led_away_at <= event.time <= led_away_at + GRACE:
        return False
    since = max(call.entered_at or call.born_at, call.waits_since or call.born_at)
    is_first = not call.waits_at or event.time <= since + GRACE
    is_same_queue = call.waits_at == queue_of(event)
    is_vouched_for = bool(event.data.calling_number) and "calling_number" in call.facts
    return not is_first and is_same_queue and not is_vouched_for


def queue_of(event: Queued) -> str:
    """Return the queue in which a call waits: its device, else its name; never empty."""
    return event.data.device_id or event.data.queue_name or "?"
