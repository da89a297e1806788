"""The end of a call: what came later under its id is another call, also where the end is reported late."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from calls.core.call_facts import divided
from calls.core.clocks import CLOSE, GRACE, TICK
from calls.core.connections import connect_device
from calls.core.consultation import disinherit, inherit_again
from calls.core.incarnations import has_come_after, later_parties, own_interaction
from calls.core.left_outside import end_outside_parties
from calls.core.leg_data import data_of
from calls.core.legs import clear_party, correct_end, put_party, refresh_facts
from calls.core.state import CallState, LegState, Party, PartyState, Reconnection, TimedValue, WriteStatus
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


def is_known_by_ends(call: CallState) -> bool:
    """Say whether only ends were heard of a call so far: who was in it when is shown by their beginnings."""
    is_ended = (party.since == party.cleared_at and not party.had_leg for party in call.parties.values())
    return call.entered_at is None and all(is_ended)


def divide_where_empty(work: UnitOfWork, incarnation: int, since: datetime, gateway_at: datetime) -> None:
    """Divide a call at the first end from a moment on after which nobody was left in it.

    Ends are reported in any order. Example: 2002 leaves at 20.6, and the id is used again at 20.8; that 2001 had left
    at 20.3 is heard only then. The call ended at 20.6.
    """
    call = end_outside_parties(work, work.calls[incarnation], since, gateway_at)
    if is_empty_at(call, since):
        divide(work, incarnation, since, gateway_at)
    else:
        divide_at_next_end(work, incarnation, since, gateway_at)


def divide_at_next_end(work: UnitOfWork, incarnation: int, since: datetime, gateway_at: datetime) -> None:
    """Divide a call at the first end after a moment that left nobody in it.

    Example: 2001 rings, 2002 picks the call up at 4.5 and leaves at 4.8, and the id is used again at 5.0; that the call
    had been led away from 2001 is heard last.
    """
    call = work.calls[incarnation]
    later = {party.cleared_at for party in call.parties.values() if party.cleared_at and party.cleared_at > since}
    ended = next((moment for moment in sorted(later) if is_empty_at(call, moment)), None) if later else None
    if ended is not None:
        divide(work, incarnation, ended, gateway_at)


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
    after = _with_stated(call, until, later, moment) | after
    again = {name: party.reported_after(moment) for name, party in call.parties.items()}
    again = {name: reports for name, reports in again.items() if reports and name not in later}
    new = _next_call(work, call, moment, gateway_at)
    parties = {**later, **{name: _further(party, later.get(name)) for name, party in new.parties.items()}}
    born_at = min([new.born_at, *_moments(call, moment)])
    new = work.put_call(replace(new, born_at=born_at, facts={**after, **new.facts}, parties=parties))
    kept = {name: without_again(party, moment) for name, party in call.parties.items() if name not in later}
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
    moved = [leg for leg in work.legs_in(incarnation) if leg.connected_source_at > moment]
    for leg in moved:
        work.put_leg(replace(leg, call_id=new.call_id, incarnation=new.incarnation))
        _connect_as_reported(work, incarnation, leg, moment)
    for name, reports in again.items():
        connect_again(work, new.incarnation, call.parties[name], reports)
    refresh_facts(work, old, gateway_at)
    refresh_facts(work, work.calls[new.incarnation], gateway_at)
    for leg in moved:
        inherit_again(work, work.legs[leg.number], leg.facts.interaction_id, gateway_at)
    _await_repeats(work, new.incarnation, gateway_at)
    expire_when_over(work, new.incarnation, gateway_at)
    _divide_where_dialled(work, new.incarnation, gateway_at)
    _divide_after_leg(work, new.incarnation, gateway_at)


def _connect_as_reported(work: UnitOfWork, incarnation: int, moved: LegState, moment: datetime) -> None:
    """Connect a device whose leg was the next call's by a report from before, which was taken for that one's repeat."""
    call = work.calls[incarnation]
    party = call.parties.get(moved.device_id)
    made = (
        min((one for one in party.repeats if one.at <= moment), key=lambda one: one.at, default=None) if party else None
    )
    if party is None or made is None or any(leg.device_id == moved.device_id for leg in work.legs_in(incarnation)):
        return
    ended = min(party.cleared_at or moment, moment)
    party = replace(party, had_leg=False, repeats=tuple(one for one in party.repeats if one != made), cleared_at=ended)
    connect_device(work, put_party(work, call, party), party.device_id, made)


def _divide_where_dialled(work: UnitOfWork, incarnation: int, gateway_at: datetime) -> None:
    """Divide a call that was queued before a device dialled in it: a device dials first, so two calls were moved."""
    call = work.calls[incarnation]
    queued = [one.at for one in call.facts.get("queue_name", ())]
    dialled = [one.since for one in call.parties.values() if one.has_dialled and one.since is not None]
    if work.site.has_source_times and queued and dialled and min(queued) < min(dialled):
        divide(work, incarnation, min(dialled) - TICK, gateway_at)


def _await_repeats(work: UnitOfWork, incarnation: int, gateway_at: datetime) -> None:
    """Look at a call again when it is known whether a second report of a connection, moved to it, was a repeat."""
    call = work.calls[incarnation]
    reports = [party.again.gateway_at for party in call.parties.values() if party.again is not None]
    if reports:
        due = max(min(reports) + GRACE, gateway_at)
        work.put_call(replace(call, due=due if call.due is None else min(due, call.due)))


def _divide_after_leg(work: UnitOfWork, incarnation: int, gateway_at: datetime) -> None:
    """Divide a call at the end of its first leg after which nobody was in it, until another connection was made."""
    legs = work.legs_in(incarnation)
    for ended in sorted(leg.disconnected_source_at for leg in legs if leg.disconnected_source_at is not None):
        is_over = not any(_was_connected(leg, ended) for leg in legs)
        if is_over and is_empty_at(work.calls[incarnation], ended):
            divide(work, incarnation, ended, gateway_at)
            return


def _was_connected(leg: LegState, moment: datetime) -> bool:
    ended = leg.disconnected_source_at
    return leg.connected_source_at <= moment and (ended is None or ended > moment)


def _with_stated(
    call: CallState, until: dict[str, tuple[TimedValue, ...]], later: dict[str, Party], moment: datetime
) -> dict[str, tuple[TimedValue, ...]]:
    """Return a call's interaction where one came later, or it was queued, with that, so that it was no news then."""
    comings = [(party.interaction_id, party.since) for party in later.values()]
    if call.waits_since is not None and call.waits_at and call.waits_since > moment:
        comings.append((call.waits_interaction, call.waits_since))
    stated = [one for one in until.get("interaction_id", ()) if any(name == one.value for name, _ in comings)]
    came = min((since for _, since in comings if since is not None), default=moment)
    return {"interaction_id": (replace(stated[-1], at=came),)} if stated else {}


def _further(party: Party, moved: Party | None) -> Party:
    """Return a party of which two reports are known: who has had a leg has rung before."""
    if moved is None or party.had_leg or not moved.had_leg or party.since is None or moved.since is None:
        return party
    return replace(moved, since=min(party.since, moved.since))


def divide_before_leg(
    work: UnitOfWork, call: CallState, party: Party, leg: LegState, moment: datetime, gateway_at: datetime
) -> None:
    """Divide a call at a device's end that is older than its leg: the leg belongs to the id's next call.

    Example: 2001 rings at 19.5, in one life of the id, and is connected at 20.3, in the next; its end at 20.0 is
    reported only then, and that it was connected before it still later.
    """
    put_party(work, call, replace(party, since=leg.connected_source_at))
    divide(work, call.incarnation, moment, gateway_at)
    left = Party(device_id=party.device_id, state=PartyState.NULL, since=party.since, outside=party.outside)
    left = replace(left, cleared_at=moment, cleared_gateway_at=gateway_at, has_dialled=party.has_dialled)
    if _is_by_anothers_answer(work, call, party, leg):
        _end_what_never_was(work, leg, gateway_at)
    call = put_party(work, work.calls[call.incarnation], left)
    if made := [one for one in party.repeats if one.at <= moment]:
        connect_device(work, call, party.device_id, made[0])  # It was taken for a repeat of the later connection.
    expire_when_over(work, call.incarnation, gateway_at)


def _is_by_anothers_answer(work: UnitOfWork, call: CallState, party: Party, leg: LegState) -> bool:
    """Say whether a leg was opened as another device answered, for one that had dialled and waited."""
    others = [other for name, other in call.parties.items() if name != party.device_id and other.had_leg]
    legs = [work.legs.get(one.leg) for one in others if one.leg is not None]
    moments = {one.since for one in others} | {one.connected_source_at for one in legs if one is not None}
    return party.has_dialled and leg.connected_source_at in moments


def _end_what_never_was(work: UnitOfWork, leg: LegState, gateway_at: datetime) -> None:
    """End a leg at its beginning: its extension had dialled in the call before, and left that before it began."""
    moved = work.legs[leg.number]
    how = f"Extension {leg.device_id} had left before; another call's answer was taken for the one that it waited for."
    clear_party(work, work.calls[moved.incarnation], leg.device_id, leg.connected_source_at, gateway_at, how)


def without_again(party: Party, moment: datetime) -> Party:
    """Return a party without the reports of a connection that are of after a moment."""
    again = party.again if party.again is not None and party.again.at <= moment else None
    return replace(party, again=again, repeats=tuple(one for one in party.repeats if one.at <= moment))


def end_earlier(work: UnitOfWork, call: CallState, party: Party, moment: datetime, gateway_at: datetime) -> None:
    """Correct the end of a connection: a later one was heard of first, and is that of the id's next call.

    The next call's beginning is still to be heard of, or was taken for a repeat. What was written already stays.
    """
    later = party.cleared_at or moment
    own = [leg for leg in work.legs_in(call.incarnation) if _is_of(leg, party.device_id, later)]
    if own and own[-1].connected_source_at > moment:
        divide_before_leg(work, call, party, own[-1], moment, gateway_at)
        return
    for leg in own:
        disinherit(work, leg, moment, gateway_at)
        correct_end(work, leg, moment, gateway_at)
    call = put_party(work, call, without_again(replace(party, cleared_at=moment), moment))
    if call.cleared_at == later:
        cleared_at = later if call.clearing_at == later else call.next_cleared_at
        call = work.put_call(replace(call, cleared_at=moment, next_cleared_at=cleared_at))
    if not is_empty_at(call, moment):
        return
    between = [one for one in work.incarnations_of(call.call_id) if moment < one.born_at <= later]
    if between:
        _end_between(work, between[0], party, party.reported_after(moment), gateway_at)
    else:
        _begin_between(work, call, party, party.reported_after(moment), gateway_at)
        _give_written(work, call, party.device_id, moment, later)


def _give_written(work: UnitOfWork, call: CallState, device_id: str, moment: datetime, later: datetime) -> None:
    """Let a leg that is written to be the one in which its recording began, where its connection was two.

    The leg that was opened for the second of them is then that of the first.
    """
    for leg in work.legs_in(call.incarnation):
        if leg.device_id != device_id or leg.disconnected_source_at != later or leg.recording_began is None:
            continue
        others = [one for one in work.legs_at(device_id) if one.call_id == call.call_id and one.number > leg.number]
        own = next((one for one in others if leg.recording_began >= one.connected_source_at - CLOSE), None)
        if own is None or not moment < own.connected_source_at <= later:
            continue
        began = leg.connected_source_at
        work.put_leg(replace(leg, connected_source_at=own.connected_source_at, incarnation=own.incarnation))
        own = replace(own, connected_source_at=began, disconnected_source_at=moment, incarnation=call.incarnation)
        work.put_leg(replace(own, facts=data_of(work, call, own)))


def _end_between(
    work: UnitOfWork, call: CallState, party: Party, reports: tuple[Reconnection, ...], gateway_at: datetime
) -> None:
    """Give the later end of a device, and its reports, to the call of the id that had begun by then.

    A leg that the device has there from after that end on belongs to the call that follows.
    """
    later, here = party.cleared_at or call.born_at, call.parties.get(party.device_id)
    legs = [leg for leg in work.legs_in(call.incarnation) if leg.device_id == party.device_id]
    if legs and legs[0].connected_source_at <= later:
        return
    if here is not None and legs:
        divide_before_leg(work, call, here, legs[0], later, gateway_at)
    if reports:
        ended = replace(reports[0], ended_at=reports[0].ended_at or later)
        connect_again(work, call.incarnation, party, (ended, *reports[1:]))


def _is_of(leg: LegState, device_id: str, ended: datetime) -> bool:
    """Say whether a leg is the one of a device that ended at a moment, and is not written to."""
    return leg.device_id == device_id and leg.disconnected_source_at == ended and leg.base is WriteStatus.NONE


def _begin_between(
    work: UnitOfWork, call: CallState, party: Party, reports: tuple[Reconnection, ...], gateway_at: datetime
) -> None:
    """Begin the call between the end of one and the next end of its device, which was taken for the first one's."""
    later = party.cleared_at or call.born_at
    began = min([later, *(one.at for one in reports)])
    ended = min(later, reports[0].ended_at or later) if reports else later
    number = work.next_incarnation()
    left = Party(device_id=party.device_id, state=PartyState.NULL, since=began, outside=party.outside)
    left = replace(left, cleared_at=ended, cleared_gateway_at=party.cleared_gateway_at, repeats=reports[1:])
    new = CallState(
        incarnation=number,
        call_id=call.call_id,
        born_at=began,
        entered_at=call.entered_at,
        touched_gateway_at=gateway_at,
        own_interaction=own_interaction(work, call.call_id, number, began),
        parties={party.device_id: left},
        due=gateway_at + remembered(work),
    )
    new = work.put_call(new)
    if reports:
        connect_device(work, new, party.device_id, reports[0])
    if ended < later:
        left = replace(party, cleared_at=later)
        _begin_between(work, new, left, tuple(one for one in reports[1:] if one.at > ended), gateway_at)


def _has_later(call: CallState, moment: datetime) -> bool:
    if any(one is not None and one > moment for one in (call.entered_at, call.waits_since)):
        return True
    return any(party.reported_after(moment) or has_come_after(party, moment) for party in call.parties.values())


def _next_call(work: UnitOfWork, call: CallState, moment: datetime, gateway_at: datetime) -> CallState:
    """Return the call that an id has named since the end of another; it may be known already."""
    following = [one for one in work.incarnations_of(call.call_id) if one.born_at > moment]
    left = [party.cleared_at for party in later_parties(call, moment).values()]
    left += [one.ended_at for party in call.parties.values() for one in party.reported_after(moment)]
    is_between = bool(following) and _is_connected_twice(later_parties(call, moment), following[0])
    if following and not is_between and not any(end is not None and end <= following[0].born_at for end in left):
        return following[0]
    number = work.next_incarnation()
    connected = [one.connected_source_at for one in work.legs_in(call.incarnation) if one.connected_source_at > moment]
    born_at = min([*_moments(call, moment), *connected], default=moment)
    is_queued = call.waits_since is not None and call.waits_since > moment
    is_cleared = call.cleared_at is not None and call.cleared_at > born_at
    return CallState(
        incarnation=number,
        call_id=call.call_id,
        born_at=born_at,
        entered_at=call.entered_at,
        touched_gateway_at=gateway_at,
        own_interaction=own_interaction(work, call.call_id, number, born_at),
        waits_since=call.waits_since if is_queued else (None if is_cleared or later_parties(call, moment) else born_at),
        waits_at=call.waits_at if is_queued else "",
        waits_interaction=call.waits_interaction if is_queued else "",
        cleared_at=call.cleared_at if is_cleared else None,
        doubtful_since=call.doubtful_since if call.doubtful_since and call.doubtful_since > born_at else None,
        due=gateway_at + timedelta(hours=work.site.stale_hours),
    )


def _is_connected_twice(parties: dict[str, Party], following: CallState) -> bool:
    """Say whether a device was connected before an id's next call, and has a connection of its own in that."""
    there = ((party, following.parties.get(name)) for name, party in parties.items())
    return any(one.had_leg and other is not None and other.had_leg for one, other in there)


def _moments(call: CallState, moment: datetime) -> list[datetime]:
    facts = [one.at for history in call.facts.values() for one in history]
    parties = [party.since for party in call.parties.values()]
    parties += [one.at for party in call.parties.values() for one in party.reported_after(moment)]
    return [one for one in (*facts, *parties, call.entered_at, call.waits_since) if one is not None and one > moment]


def connect_again(work: UnitOfWork, incarnation: int, party: Party, reports: tuple[Reconnection, ...]) -> None:
    """Connect a device in the call that its id has named since, where that was taken for a repeat before."""
    device_id, again = party.device_id, reports[0]
    call = work.calls[incarnation]
    fresh = Party(device_id=device_id, state=PartyState.NULL, outside=party.outside)
    parties = call.parties if device_id in call.parties else {**call.parties, device_id: fresh}
    call = work.put_call(replace(call, born_at=min(call.born_at, again.at), parties=parties))
    connect_device(work, call, device_id, again, outside=party.outside)
    if reports[1:]:
        call = work.calls[incarnation]
        put_party(work, call, replace(call.parties[device_id], again=reports[1], repeats=reports[2:]))
    if again.ended_at is not None:
        how = f"Extension {device_id} disconnected."
        clear_party(work, work.calls[incarnation], device_id, again.ended_at, again.gateway_at, how)
        divide_where_empty(work, incarnation, again.ended_at, again.gateway_at)
