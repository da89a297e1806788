"""Decide which call an event belongs to. PBXs reuse call ids, so an id names a call only while that call lasts.

Each use of an id is an incarnation, with a ``CallState`` of its own. docs/call-identity.md has the full table of
evidence; its example is the one in ``tests/calls/test_incarnations.py``. The steps, the first that applies decides:

1. An end, a hold or a retrieve belongs to the call in which its device is.
2. Any other event belongs to the latest call of its id that had begun by the event's time, unless that had ended.
3. After that end, an event that brings in a device or a queue begins a new call; any other event is not attributed.
4. While the call lasts, an event that contradicts it (see ``is_of_another``) begins a new call too.
"""

from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from msgspec.structs import replace

from calls.core.call_evidence import (
    AT_DEVICE,
    ENTERING,
    OPENING,
    begins,
    contradicts,
    is_after,
    is_anybody_in,
    is_doubtful_for,
    is_of_after_doubt,
    is_of_another,
    is_of_before,
    is_of_later_life,
    states_another_interaction,
)
from calls.core.clocks import GRACE, TICK
from calls.core.gaps import is_missed
from calls.core.newcomers import doubtful_from
from calls.core.state import CallState, Party, PartyState
from calls.core.unit_of_work import UnitOfWork
from cti.events import (
    CallCleared,
    CallEvent,
    CallInformation,
    ConnectionCleared,
    Delivered,
    Diverted,
    Established,
    Held,
    Retrieved,
)

#: What ends a call, or a device's part in it.
ENDING = (CallCleared, ConnectionCleared, Diverted)
#: What happens to a device in a call, and is of another one where it states the interaction of that.
STATING = (ConnectionCleared, Held, Retrieved)


def attribute(work: UnitOfWork, event: CallEvent, call_id: str) -> CallState:
    """Return the call to which an event belongs; a new one if the event begins it or the id is unknown."""
    calls = work.incarnations_of(call_id)
    if not calls:
        return begin_call(work, event, call_id)
    call, following = _at(calls, event.time)
    found = _call_it_is_in(work, calls, event) if isinstance(event, AT_DEVICE) else None
    if is_of_later_life(work, found or call, event) and not _is_of_known_interaction(calls, event):
        return begin_call(work, event, call_id)
    if found is not None:
        return _unless_of_another(work, event, calls, found)
    if isinstance(event, ENDING) and (former := _former(work, calls, call, event)) is not None:
        return former
    if isinstance(event, ConnectionCleared) and _is_of_unknown_call(work, call, event):
        return _unless_of_another(work, event, calls, call)
    if isinstance(event, CallInformation) and states_another_interaction(call, event):
        own = _of_its_interaction(calls, event)
        if own or event.data.wrapup is not None:
            return own[-1] if own else call
    if isinstance(event, CallCleared) and states_another_interaction(call, event):
        own = _of_its_interaction(calls, event)
        return own[-1] if own else call
    if event.time < call.born_at:
        return begin_call(work, event, call_id, replaces=False) if is_of_before(work, call, event) else call
    return _by_time(work, event, call, following)


def _by_time(work: UnitOfWork, event: CallEvent, call: CallState, following: CallState | None) -> CallState:
    """Return the call that had begun by an event's time, the next one of the id, or a new one."""
    ended_at = call.ended_at
    if ended_at is not None and is_after(work, call, ended_at, event):
        is_of_move = following is None and (
            _is_answer_of_moved(work, call, event)
            or _is_dialling_of_moved(work, call, event)
            or _is_of_led_away(call, event)
        )
        return call if is_of_move else _after_end(work, event, call, following)
    if is_of_after_doubt(work, call, event):
        return following or begin_call(work, event, call.call_id, replaces=False)
    if following is not None:
        is_of_next = isinstance(event, ENTERING) and (
            states_another_interaction(call, event)
            or is_doubtful_for(call, event)
            or (call.superseded_at is not None and is_of_another(work, call, event))
        )
        return _begun_before(work, event, following) if is_of_next else call
    is_entering = isinstance(event, ENTERING) or (isinstance(event, CallInformation) and not is_anybody_in(call))
    is_entering = is_entering or (isinstance(event, Held | Retrieved) and is_missed(work, call, event))
    if ended_at is None and is_entering and is_of_another(work, call, event):
        return begin_call(work, event, call.call_id)
    return call


def _after_end(work: UnitOfWork, event: CallEvent, call: CallState, following: CallState | None) -> CallState:
    if not begins(work, event, call):
        return call
    cleared_at, left_at = call.next_cleared_at, call.doubtful_since
    if following is not None and cleared_at is not None and event.time <= cleared_at < following.born_at:
        return begin_call(work, event, call.call_id, replaces=False)  # Of what was cleared before the next call.
    if left_at is not None and _has_left_queue(event, left_at, following):
        begun = begin_call(work, event, call.call_id, replaces=following is None)
        return work.put_call(replace(begun, doubtful_since=left_at))
    if following is None:
        return begin_call(work, event, call.call_id)
    return _begun_before(work, event, following)


def _is_answer_of_moved(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an answer, heard after its call was handed on to the device, may be of before that: no time says so.

    It is the device's answer in the call that goes on, where it does not talk yet.
    """
    earliest, moved_at, device_id = doubtful_from(work, event.time), call.moved_at, event.data.device_id or ""
    target = work.calls.get(call.moved_to) if call.moved_to is not None else None
    if not isinstance(event, Established) or earliest is None or target is None or moved_at is None:
        return False
    party = target.parties.get(device_id)
    is_awaited = party.state is PartyState.ALERTING if party is not None else device_id == call.handed_to
    return is_awaited and moved_at >= earliest and not any(contradicts(one, event) for one in (call, target))


def _is_dialling_of_moved(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether a device is heard to dial in a call that was handed on, in which it has talked: no time says so.

    In that call nobody was heard to dial before. It dials as the call begins; without times that is heard up to a
    second after it came into it.
    """
    earliest, party = doubtful_from(work, event.time), call.parties.get(event.data.device_id or "")
    if not isinstance(event, OPENING) or earliest is None or call.moved_at is None or party is None:
        return False
    came_at = call.born_at if work.site.has_source_times else (party.since or call.born_at) + GRACE
    if event.time > came_at:
        return False
    is_unheard = party.had_leg and not any(one.has_dialled for one in call.parties.values())
    return is_unheard and call.moved_at >= earliest and not contradicts(call, event)


def _is_of_led_away(call: CallState, event: CallEvent) -> bool:
    """Say whether a phone rings, or answers, to which a call was led just before, of which nothing else is known.

    Its beginning is heard late. Example: a caller is queued at 1.0, which is heard at 1.8; that the queue led the call
    to 2002 at 1.5, where it rang, is heard before.
    """
    is_unknown = not call.parties and call.moved_to is None and call.cleared_at is None
    is_there = isinstance(event, Delivered | Established) and event.data.device_id == call.handed_to
    return is_unknown and is_there and event.time <= call.born_at + GRACE and not contradicts(call, event)


def _has_left_queue(event: CallEvent, left_at: datetime, following: CallState | None) -> bool:
    """Say whether an event is of a call whose caller left the queue, as was heard first, before the id's next call.

    What has the time of that is of the next call where none is known: the times may be in whole seconds.
    """
    if following is None:
        return event.time < left_at
    return event.time <= left_at < following.born_at


def _unless_of_another(work: UnitOfWork, event: CallEvent, calls: list[CallState], found: CallState) -> CallState:
    """Return the call in which the device is, unless the event states another call's interaction.

    Then it is of the call of the id that has it. Where none has: a hold or a retrieve is of a new call; an end is of
    one that is not known, or without times of the source, where that of the call before may be missed, of this one.
    """
    if not isinstance(event, STATING) or not states_another_interaction(found, event):
        return found
    own = _of_its_interaction(calls, event)
    if own:
        return own[-1]
    if isinstance(event, ConnectionCleared):
        is_certain = work.site.has_source_times
        return begin_call(work, event, found.call_id, replaces=False) if is_certain else found
    return begin_call(work, event, found.call_id, replaces=found.superseded_at is None)


def _is_of_known_interaction(calls: list[CallState], event: CallEvent) -> bool:
    """Say whether data came for a call of an id that is known: by its interaction, or a wrap-up that is sought."""
    is_data = isinstance(event, CallInformation)
    return is_data and (event.data.wrapup is not None or bool(_of_its_interaction(calls, event)))


def _of_its_interaction(calls: list[CallState], event: CallEvent) -> list[CallState]:
    return [one for one in calls if "interaction_id" in one.facts and not states_another_interaction(one, event)]


def _is_of_unknown_call(work: UnitOfWork, call: CallState, event: ConnectionCleared) -> bool:
    """Say whether an extension left a call that is not known: the event states another interaction."""
    is_extension = not event.data.outside and work.site.is_extension(event.data.device_id or "")
    return is_extension and states_another_interaction(call, event)


def _call_it_is_in(work: UnitOfWork, calls: list[CallState], event: CallEvent) -> CallState | None:
    """Return the call in which an event's device is, unless that had lost its id by then, as the source's times say."""
    found = call_of_device(calls, event.data.device_id or "", event.time)
    former = overtaken(work, calls, found, event.data.device_id or "", event.time) if found is not None else None
    if former is not None and not states_another_interaction(former, event):
        return former
    superseded_at = found.superseded_at if found is not None and work.site.has_source_times else None
    return found if superseded_at is None or event.time <= superseded_at else None


def call_of_device(calls: list[CallState], device_id: str, at: datetime) -> CallState | None:
    """Return the latest call of an id in which a device is and already was at a moment; None if there is none."""
    for call in reversed(calls):
        party = call.parties.get(device_id)
        if party is not None and party.is_here and (party.since is None or party.since <= at):
            return call
    return None


def _former(work: UnitOfWork, calls: list[CallState], call: CallState, event: CallEvent) -> CallState | None:
    """Return the call before one that began just now, whose end is heard only now: the times do not say which it is.

    Where a snapshot found a call waiting, and stated no interaction, it is that of before the gap, and ends.
    """
    earliest, place = doubtful_from(work, event.time), calls.index(call)
    if earliest is None or call.born_at < earliest or place == 0 or states_another_interaction(calls[place - 1], event):
        return None
    former = calls[place - 1]
    is_missed_since = former.doubtful_since is not None and former.touched_gateway_at < former.doubtful_since
    if is_missed_since and call.waits_since is not None and "interaction_id" not in call.facts:
        return None
    return former if former.superseded_at is not None and former.superseded_at >= earliest else None


def overtaken(
    work: UnitOfWork, calls: list[CallState], found: CallState, device_id: str, at: datetime
) -> CallState | None:
    """Return the call in which a device was before it came into another one of the id, whose end is heard only now.

    So it is where the device came into that just now, and the times do not say what was before what; not where it may
    be over for longer than an end takes to be heard, since a gap for one.
    """
    earliest, party = doubtful_from(work, at), found.parties.get(device_id)
    since = party.since if party is not None else found.born_at
    if earliest is None or since is None or since < earliest:
        return None
    for call in reversed(calls):
        one = call.parties.get(device_id)
        is_former = call.superseded_at is not None and earliest <= call.superseded_at <= at
        if call.incarnation != found.incarnation and is_former and one is not None:
            return call if _may_be_leaving(call, one, at) else None
    return None


def _may_be_leaving(call: CallState, party: Party, at: datetime) -> bool:
    """Say whether a device is in a call whose id was used again, or left it with that: its end may be still to come."""
    if call.doubtful_since is not None and call.doubtful_since < at - GRACE:
        return False
    return party.is_here or (party.had_leg and party.cleared_at == call.superseded_at)


def call_at(work: UnitOfWork, call_id: str, device_id: str, at: datetime) -> CallState | None:
    """Return the call that an id named at a moment, preferring the one with the device; None if none is known."""
    calls = work.incarnations_of(call_id)
    if not calls:
        return None
    found = call_of_device(calls, device_id, at)
    former = overtaken(work, calls, found or _at(calls, at)[0], device_id, at) or _just_left(work, calls, device_id, at)
    if former is not None:
        return former
    earliest = doubtful_from(work, at)
    ended_at = found.superseded_at if found is not None else None
    is_current = found is not None and (
        ended_at is None or at < ended_at or (earliest is not None and ended_at >= earliest)
    )
    return found if is_current else _at(calls, at)[0]


def _just_left(work: UnitOfWork, calls: list[CallState], device_id: str, at: datetime) -> CallState | None:
    """Return the call that a device had just left, where its id's next call has begun since, without the device."""
    following, before = calls[-1], calls[-2] if len(calls) > 1 else None
    party = before.parties.get(device_id) if before is not None else None
    if party is None or work.site.has_source_times or device_id in following.parties or not party.had_leg:
        return None
    is_now = party.cleared_at is not None and at - GRACE <= party.cleared_at <= following.born_at <= at
    return before if is_now else None


def _at(calls: list[CallState], at: datetime) -> tuple[CallState, CallState | None]:
    """Return the latest call that had begun by a moment, and the one after it; else the earliest alone."""
    if calls[-1].born_at <= at:
        return calls[-1], None
    for place in range(len(calls) - 2, -1, -1):
        if calls[place].born_at <= at:
            return calls[place], calls[place + 1]
    return calls[0], None


def _begun_before(work: UnitOfWork, event: CallEvent, following: CallState) -> CallState:
    """Return the id's next call if an event from before its beginning belongs to it, else a new one."""
    is_its_beginning = isinstance(event, ENTERING) and not is_of_before(work, following, event)
    return following if is_its_beginning else begin_call(work, event, following.call_id, replaces=False)


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
            waits_since=None if isinstance(event, AT_DEVICE) or cleared_at is not None else event.time,
            cleared_at=cleared_at,
            due=event.at + timedelta(hours=work.site.stale_hours),
        )
    )


def _cleared_before_heard(others: list[CallState], event: CallEvent) -> datetime | None:
    """Return when a call was cleared of which nothing had been heard then, if an event of before that is its first."""
    strays = [call.next_cleared_at for call in others if call.born_at <= event.time]
    cleared_at = next((at for at in strays if at is not None and event.time <= at), None)
    is_anothers = cleared_at is not None and any(event.time < call.born_at <= cleared_at for call in others)
    return None if is_anothers else cleared_at


def own_interaction(work: UnitOfWork, call_id: str, incarnation: int, born_at: datetime) -> str:
    """Return the interaction id of a call for which the source states none; the same again when it is folded again."""
    return str(uuid5(NAMESPACE_URL, f"{work.source.slug}/{call_id}/{incarnation}/{born_at.isoformat()}"))


def later_parties(call: CallState, moment: datetime) -> dict[str, Party]:
    """Return the parties that joined a call after a moment; one of which only its end is known was there before it."""
    return {name: party for name, party in call.parties.items() if has_come_after(party, moment)}


def has_come_after(party: Party, moment: datetime) -> bool:
    """Say whether a party joined its call after a moment."""
    if party.since is None or party.since <= moment:
        return False
    return party.cleared_at != party.since or party.had_leg or party.since > moment + TICK
