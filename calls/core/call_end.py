"""The end of a call: what came later under its id is another call, also where the end is reported late."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from calls.core.call_facts import divided
from calls.core.connections import connect_device
from calls.core.incarnations import later_parties, own_interaction
from calls.core.legs import clear_party, correct_end, put_party, refresh_facts
from calls.core.state import CallState, Party, PartyState, WriteStatus
from calls.core.unit_of_work import UnitOfWork

#: Time for which a call that is over is kept, for what comes late under its id; longer where a wrap-up is awaited.
REMEMBERED = timedelta(seconds=60)
#: Margin beside the wait for a wrap-up.
MARGIN = timedelta(seconds=5)


def expire_when_over(work: UnitOfWork, incarnation: int, gateway_at: datetime) -> None:
    """Schedule a call to be forgotten some time after everybody has left it."""
    call = work.calls.get(incarnation)
    if call is not None and call.is_over and call.superseded_at is None:
        work.put_call(replace(call, due=gateway_at + remembered(work)))


def remembered(work: UnitOfWork) -> timedelta:
    """Return how long a call that is over is kept."""
    return max(REMEMBERED, timedelta(seconds=work.site.wrapup_wait_seconds or 0.0) + MARGIN)


def is_empty_at(call: CallState, moment: datetime) -> bool:
    """Say whether nobody was in a call at a moment, and it did not wait then: there it ended."""
    waits = call.waits_since is not None and call.waits_since <= moment
    return not waits and not any(party.was_here(moment) for party in call.parties.values())


def divide(work: UnitOfWork, incarnation: int, moment: datetime, gateway_at: datetime) -> None:
    """Move what came later than the end of a call to the call that its id has named since.

    The end was reported late: until now its id was taken to name the same call. Example: 2001 leaves at 20.0, which is
    reported at 20.9; at 20.3 the id was used again and 2002 connected. Then 2002's leg, and what was stated after 20.0,
    are moved.

    1. Nothing came later: nothing is done.
    2. The parties that came later move, with their legs; so do the values stated later, and the wait in a queue.
    3. A device that was connected again while its end was not known gets its leg there.
    """
    call = work.calls[incarnation]
    if call.born_at > moment or not _has_later(call, moment):
        return
    until, after = divided(call, moment)
    later = later_parties(call, moment)
    again = {name: party for name, party in call.parties.items() if party.again and party.again.at > moment}
    new = _next_call(work, call, moment, gateway_at)
    new = work.put_call(replace(new, facts={**after, **new.facts}, parties={**later, **new.parties}))
    kept = {name: replace(party, again=None) if name in again else party for name, party in call.parties.items()}
    kept = {name: party for name, party in kept.items() if name not in later}
    is_waiting = call.waits_since is not None and call.waits_since <= moment
    old = work.put_call(
        replace(
            call,
            facts=until,
            parties=kept,
            waits_since=call.waits_since if is_waiting else None,
            entered_at=min(call.entered_at or moment, moment),
            cleared_at=moment,
        )
    )
    for leg in work.legs_in(incarnation):
        if leg.connected_source_at > moment:
            work.put_leg(replace(leg, call_id=new.call_id, incarnation=new.incarnation))
    for name, party in again.items():
        _connect_again(work, new.incarnation, name, party)
    refresh_facts(work, old, gateway_at)
    refresh_facts(work, work.calls[new.incarnation], gateway_at)
    expire_when_over(work, new.incarnation, gateway_at)


def end_earlier(work: UnitOfWork, call: CallState, party: Party, moment: datetime, gateway_at: datetime) -> None:
    """Correct the end of a connection: a later one was heard of first, and is that of the id's next call.

    The next call's beginning is still to be heard of. What was written already stays.
    """
    later = party.cleared_at or moment
    for leg in work.legs_in(call.incarnation):
        is_its_own = leg.device_id == party.device_id and leg.disconnected_source_at == later
        if is_its_own and leg.base is WriteStatus.NONE:
            correct_end(work, leg, moment, gateway_at)
    call = put_party(work, call, replace(party, cleared_at=moment))
    if call.cleared_at == later:
        call = work.put_call(replace(call, cleared_at=moment))
    if is_empty_at(call, moment) and not [one for one in work.incarnations_of(call.call_id) if one.born_at > moment]:
        left = replace(party, since=later, had_leg=False, ordinal=0, has_dialled=False)
        next_call = _next_call(work, replace(call, waits_since=None), later, gateway_at)
        work.put_call(
            replace(next_call, parties={party.device_id: left}, waits_since=None, due=gateway_at + remembered(work))
        )


def _has_later(call: CallState, moment: datetime) -> bool:
    entered = [call.entered_at, call.waits_since, *(party.again.at for party in call.parties.values() if party.again)]
    is_later = any(one is not None and one > moment for one in entered)
    return is_later or bool(later_parties(call, moment))


def _next_call(work: UnitOfWork, call: CallState, moment: datetime, gateway_at: datetime) -> CallState:
    """Return the call that an id has named since the end of another; it may be known already."""
    following = [one for one in work.incarnations_of(call.call_id) if one.born_at > moment]
    if following:
        return following[0]
    number = work.next_incarnation()
    born_at = min(_moments(call, moment), default=moment)
    is_queued = call.waits_since is not None and call.waits_since > moment
    return CallState(
        incarnation=number,
        call_id=call.call_id,
        born_at=born_at,
        entered_at=call.entered_at,
        touched_gateway_at=gateway_at,
        own_interaction=own_interaction(work, call.call_id, number, born_at),
        waits_since=call.waits_since if is_queued else (None if later_parties(call, moment) else born_at),
        waits_at=call.waits_at if is_queued else "",
        due=gateway_at + timedelta(hours=work.site.stale_hours),
    )


def _moments(call: CallState, moment: datetime) -> list[datetime]:
    facts = [one.at for history in call.facts.values() for one in history]
    parties = [party.since for party in call.parties.values()]
    parties += [party.again.at for party in call.parties.values() if party.again is not None]
    return [one for one in (*facts, *parties, call.entered_at, call.waits_since) if one is not None and one > moment]


def _connect_again(work: UnitOfWork, incarnation: int, device_id: str, party: Party) -> None:
    again = party.again
    if again is None:
        return
    call = work.calls[incarnation]
    fresh = Party(device_id=device_id, state=PartyState.NULL, outside=party.outside)
    if device_id not in call.parties:
        call = work.put_call(replace(call, parties={**call.parties, device_id: fresh}))
    connect_device(work, call, device_id, again, outside=party.outside)
    if again.ended_at is not None:
        how = f"Extension {device_id} disconnected."
        clear_party(work, work.calls[incarnation], device_id, again.ended_at, again.gateway_at, how)
