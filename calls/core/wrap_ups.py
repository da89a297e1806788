"""Find the leg that a wrap-up is of: it comes after the end of its call, when the id may name another one already."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from calls.core.call_end import MARGIN, is_known_by_ends, remembered
from calls.core.clocks import GRACE, TICK, moments_of
from calls.core.former_ids import MAXIMUM_IDS
from calls.core.gaps import SHORT
from calls.core.legs import may_be_joined, put_party
from calls.core.origins import Origin, origin_of
from calls.core.state import CallState, LegPhase, LegState, Party, PartyState, WriteStatus
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallInformation


def wrapped_up(work: UnitOfWork, event: CallInformation) -> LegState | None:
    """Find the leg that a wrap-up is of: by extension, by agent, else the only one; never a guess.

    1. The calls that the id named lately and that had a leg, at that extension where one is named; of these, those of
       the interaction that is stated, else of one that is not known. If they are several, it is the last, where the
       extension has left that and wrapped the others up; else it is not known of which the wrap-up is.
    2. The leg of that extension or agent in the call, or in the one in which it went on, the one that lasted last;
       without either, its only one.
    3. Where events were missed, none that may not be the last: another call may have had the id, or been joined.
    """
    data, calls = event.data, _calls_wrapped_up(work, event)
    if len(calls) != 1:
        return None
    call = calls[0]
    legs = _of_named(work.legs_in(call.incarnation), event)
    if not legs and call.moved_to is not None:
        own = [leg for leg in work.legs_in(call.moved_to) if not _left_with_another(call, leg)]
        legs, call = _of_named(own, event), work.calls.get(call.moved_to, call)
    if not (data.device_id or data.agent_id) and (_legs_ever(call) > 1 or len(legs) > 1):
        return None
    legs = [leg for leg in legs if not may_be_joined(work, leg)]
    if not data.interaction_id:
        legs = [leg for leg in legs if not _is_late(work, event) and not _may_be_hidden(work, leg, event)]
    elif "interaction_id" not in call.facts and _is_gap_recent(work, event):
        legs = [leg for leg in legs if _is_through(work, leg)]  # A call within the gap may have had the interaction.
    return _last_of(call, legs)


def _left_with_another(call: CallState, leg: LegState) -> bool:
    """Say whether an extension left a call that went on elsewhere, and had a leg there before that: of a consultation.

    Example: 2001 talks in 100, consults 2002 in 101 and hands 100 on as 101. What it wraps up under 100 is of its leg
    there, also where that is settled as it had no recording.
    """
    party, moved_at = call.parties.get(leg.device_id), call.moved_at
    if party is None or moved_at is None or party.cleared_at is None:
        return False
    return party.had_leg and party.cleared_at <= moved_at and leg.connected_source_at < moved_at


def origin_in(leg: LegState, event: CallInformation) -> Origin:
    """Return where a leg's wrap-up is from: what has the time of its transfer, and is heard after it, came later."""
    origin, pending = origin_of(event), leg.pending_transfer
    is_in_its_moment = pending is not None and pending.at == event.time
    return replace(origin, at=event.time + TICK) if is_in_its_moment else origin


def note_wrapped_up(work: UnitOfWork, leg: LegState, at: datetime) -> None:
    """Note in a leg's call that its extension wrapped it up: a further wrap-up under the id is of a later call."""
    call = work.calls.get(leg.incarnation)
    party = call.parties.get(leg.device_id) if call is not None else None
    if call is not None and party is not None:
        put_party(work, call, replace(party, wrapped_up_at=at))


def states_of_its_call(work: UnitOfWork, event: CallInformation) -> bool:
    """Say whether what a wrap-up states beside its result is of the call that the id names then.

    That is the call whose leg it is of, at the extension that is named, or the id's only one.
    """
    calls, known = _calls_wrapped_up(work, event), work.incarnations_of(event.data.call_id or "")
    latest = max((one.incarnation for one in known if one.born_at <= event.time), default=known[0].incarnation)
    if len(known) == 1:
        return True
    return [one.incarnation for one in calls] == [latest] and _has_talked(work, calls[0], event)


def as_of_talk(work: UnitOfWork, event: CallInformation) -> CallInformation:
    """Return a wrap-up as stated when its talk began, while that lasts: it says nothing of who came since.

    The talk's end may be heard after it. Example: 2001 talks with Uma from 3 to 4.7, and wraps up at 5.0; the id's next
    call was queued at 4.9, and that 2001 left is heard last. Uma's name, stated at 5.0, is not the next caller's.
    """
    calls, device_id = _calls_wrapped_up(work, event), event.data.device_id or ""
    legs = [leg for call in calls for leg in work.legs_in(call.incarnation) if leg.device_id == device_id]
    began = [leg.connected_source_at for leg in legs if leg.phase is LegPhase.OPEN]
    return replace(event, time=max(began)) if began and max(began) < event.time else event


def _has_talked(work: UnitOfWork, call: CallState, event: CallInformation) -> bool:
    """Say whether the extension that a wrap-up names is known to have talked in a call; or none is named."""
    named = event.data.device_id or ""
    party = call.parties.get(named)
    is_leg = any(leg.device_id == named for leg in work.legs_in(call.incarnation))
    return not named or is_leg or (party is not None and party.had_leg)


def _last_of(call: CallState, legs: list[LegState]) -> LegState | None:
    """Return the leg that lasts, or lasted last, of an extension: that is wrapped up, unless it has been.

    Example: 2001 consulted from 25 to 30, and talked with the customer from 5 on; a conference goes on under the
    consultation's id, and 2001 leaves it at 50. The wrap-up is that of the customer's leg.
    """
    if not legs:
        return None
    leg = max(legs, key=lambda one: (one.disconnected_source_at or datetime.max.replace(tzinfo=UTC), one.number))
    party, ended = call.parties.get(leg.device_id), leg.disconnected_source_at
    left_at = party.cleared_at if party is not None else None
    is_last = ended is None or left_at is None or ended >= left_at  # Else the last one is settled.
    return leg if is_last and leg.wrapup is WriteStatus.NONE else None


def _calls_wrapped_up(work: UnitOfWork, event: CallInformation) -> list[CallState]:
    """Return the calls of an id that a wrap-up may be of."""
    interaction_id = event.data.interaction_id
    calls = [call for call in work.incarnations_of(event.data.call_id or "") if call.born_at <= event.time]
    calls = _with_leg(work, _of_stated(calls, interaction_id) if interaction_id else calls, event)
    calls = [call for call in calls if not _is_back(work, call, calls, event)]
    if interaction_id:
        calls = [call for call in calls if _is_of_interaction(call, interaction_id)]
        calls = [call for call in calls if "interaction_id" in call.facts] or calls
        calls = _of_one_interaction(work, calls, event)
    return _not_wrapped_up(work, calls, event)


def _of_stated(calls: list[CallState], interaction_id: str) -> list[CallState]:
    """Return the calls of an id that are known to have an interaction; all where none is."""
    own = [call for call in calls if "interaction_id" in call.facts and _is_of_interaction(call, interaction_id)]
    return own or calls


def _with_leg(work: UnitOfWork, calls: list[CallState], event: CallInformation) -> list[CallState]:
    """Return the calls that may have had a leg; where none had, and all have the interaction, who handed them on.

    Example: 2001 hands 110 on to a queue as 129, where the caller gives up, and 129 is used again for another call of
    2001. The wrap-up of 2001 under 129, with the interaction of 110, is of 110.
    """
    found = [call for call in calls if _may_have_had_leg(work, call, event)]
    if found or not event.data.interaction_id or not all("interaction_id" in call.facts for call in calls):
        return found
    handed = {call.incarnation for call in calls}
    return [one for one in work.calls.values() if one.moved_to in handed and _had_leg(work, one, event)]


def _is_back(work: UnitOfWork, call: CallState, calls: list[CallState], event: CallInformation) -> bool:
    """Say whether a call went on in another one of its id, and its extension owes no wrap-up for any part before that.

    Example: 2001 hands 100 on to 2002 as 101, which hands it on to 2003 as 100 again: the wrap-up of 2003 under 100 is
    of the latter alone.
    """
    for _ in range(MAXIMUM_IDS):
        if _had_leg(work, call, event) and not _has_done(work, call, event.data.device_id or "", event.time):
            return False
        if call.moved_to is None or call.moved_to not in work.calls:
            return False
        call = work.calls[call.moved_to]
        if any(one.incarnation == call.incarnation for one in calls):
            return True
    return False


def _of_one_interaction(work: UnitOfWork, calls: list[CallState], event: CallInformation) -> list[CallState]:
    """Return the only call with such a leg where all state the wrap-up's interaction, and its extension is in no other.

    They are one call, which a snapshot without interactions parted.
    """
    known, named = [call for call in calls if _leads_to_leg(work, call, event)], event.data.device_id or ""
    if len(known) != 1 or not named or not all("interaction_id" in call.facts for call in calls):
        return calls
    is_in_other = any(named in call.parties for call in calls if call.incarnation != known[0].incarnation)
    return calls if is_in_other else known


def _not_wrapped_up(work: UnitOfWork, calls: list[CallState], event: CallInformation) -> list[CallState]:
    """Return the last of several calls, where the extension that a wrap-up names has left it and owes none for others.

    Example: 2001 had 100 from 10 to 19, wrapped that up at 21, and has the next call with the id 100 from 30 to 50. A
    wrap-up of 2001 at 52 is of the second; without that of 21 it may be of either.
    """
    named, last = event.data.device_id or "", max(calls, key=lambda one: one.born_at, default=None)
    party = last.parties.get(named) if last is not None else None
    if last is None or party is None or not _has_left(party, event.time):
        return calls
    others = [one for one in calls if one is not last]
    return [last] if all(_owes_none(work, one, named, event.time) for one in others) else calls


def _owes_none(work: UnitOfWork, call: CallState, device_id: str, at: datetime) -> bool:
    """Say whether a device owes a call no wrap-up, which was not handed on: else it may wrap up what went on."""
    return call.moved_to is None and _has_done(work, call, device_id, at)


def _has_done(work: UnitOfWork, call: CallState, device_id: str, at: datetime) -> bool:
    """Say whether a device has wrapped a call up that it had left, or does so no more: the wait for that is over."""
    party, wait = call.parties.get(device_id), work.site.wrapup_wait_seconds
    if party is None or party.cleared_at is None or not _has_left(party, at):
        return False
    is_done = party.wrapped_up_at is not None and (party.since is None or party.wrapped_up_at >= party.since)
    return is_done or (wait is not None and at > party.cleared_at + timedelta(seconds=wait) + GRACE)


def _has_left(party: Party, at: datetime) -> bool:
    return party.had_leg and not party.is_here and party.cleared_at is not None and party.cleared_at <= at


def _may_have_had_leg(work: UnitOfWork, call: CallState, event: CallInformation) -> bool:
    """Say whether a call had a leg, perhaps at an extension, or the one in which it went on; or may have had one.

    So may one that was waiting as the link was lost, unless its phone is known to have rung on.
    """
    is_doubtful = call.doubtful_since is not None and _is_gap_recent(work, event) and not _rang_on(work, call, event)
    return is_doubtful or _leads_to_leg(work, call, event)


def _rang_on(work: UnitOfWork, call: CallState, event: CallInformation) -> bool:
    """Say whether a phone that rang in a call before a short gap is known to ring after it, in what followed the call.

    It has not answered within the gap. So must each phone of the call, where a wrap-up names none.
    """
    lost_at, named = call.doubtful_since, event.data.device_id or ""
    later = [one for one in work.incarnations_of(call.call_id) if one.incarnation > call.incarnation][:1]
    phones = [named] if named else list(call.parties)
    return lost_at is not None and bool(phones) and all(_rings_after(call, later, name, lost_at) for name in phones)


def _rings_after(call: CallState, later: list[CallState], name: str, lost_at: datetime) -> bool:
    before, found = call.parties.get(name), [one.parties[name] for one in later if name in one.parties]
    is_ringing = before is not None and before.state is PartyState.ALERTING and not before.had_leg
    return is_ringing and any(one.since is not None and one.since - lost_at <= SHORT for one in found)


def _leads_to_leg(work: UnitOfWork, call: CallState, event: CallInformation) -> bool:
    """Say whether a call is known to have had a leg, or still to be heard of; or the one in which it went on."""
    for _ in range(MAXIMUM_IDS):
        if _had_leg(work, call, event):
            return True
        if call.moved_to is None or call.moved_to not in work.calls:
            break
        call = work.calls[call.moved_to]
    return False


def _had_leg(work: UnitOfWork, call: CallState, event: CallInformation) -> bool:
    """Say whether a call had a leg, perhaps at an extension, or one that is still to be heard of.

    It may be answered where it rings, or was handed on to. The end of a phone that did not talk, as far as is known,
    may be heard before its answer: for a second, or for good where nothing but its end is known.
    """
    named = event.data.device_id or ""
    if call.waits_since is not None and named and call.handed_to == named:
        return True
    if any(named in ("", leg.device_id) for leg in work.legs_in(call.incarnation)):
        return True
    parties = [party for name, party in call.parties.items() if named in ("", name)]
    return any(party.had_leg or _may_have_talked(work, call, party, event) for party in parties)


def _may_have_talked(work: UnitOfWork, call: CallState, party: Party, event: CallInformation) -> bool:
    left = party.cleared_gateway_at
    if left is None or party.is_here or party.outside:
        is_past = call.ended_at is not None and event.time > call.ended_at + GRACE
        return party.state is PartyState.ALERTING and not is_past
    if is_known_by_ends(call) and _is_end_repeated(work, call, party):
        return False
    return party.since == party.cleared_at or event.at - left <= GRACE


def _is_end_repeated(work: UnitOfWork, call: CallState, party: Party) -> bool:
    """Say whether a device had left the id's call before within a second: its own end repeats that."""
    others = [one for one in work.incarnations_of(call.call_id) if one.incarnation != call.incarnation]
    ends = [one.parties[party.device_id].cleared_at for one in others if party.device_id in one.parties]
    left = party.cleared_at
    return left is not None and any(end is not None and end <= left <= end + GRACE for end in ends)


def _of_named(legs: list[LegState], event: CallInformation) -> list[LegState]:
    """Return the legs of the extension, or else of the agent, that an event names; all where it names none."""
    if event.data.device_id:
        return [leg for leg in legs if leg.device_id == event.data.device_id]
    return [leg for leg in legs if leg.agent_id == event.data.agent_id] if event.data.agent_id else legs


def _is_late(work: UnitOfWork, event: CallInformation) -> bool:
    """Say whether a wrap-up is heard so late that another call of its id may be forgotten by now."""
    return (work.clock or event.at) - moments_of(work, event.time, event.at)[1] > MARGIN


def _may_be_hidden(work: UnitOfWork, leg: LegState, event: CallInformation) -> bool:
    """Say whether a wrap-up may be of a call that had its leg's id in a gap and is not known.

    So it may while a wrap-up for that call would be awaited, unless the leg lasted through the gap, or is later.
    """
    missed = work.source.missed_gateway_at
    if leg.is_end_unknown or missed is None:
        return leg.is_end_unknown
    return not (_is_through(work, leg) or _is_later(work, leg, missed, event)) and _is_gap_recent(work, event)


def _is_through(work: UnitOfWork, leg: LegState) -> bool:
    """Say whether a leg lasted through the last gap."""
    ended, missed, lost = leg.disconnected_gateway_at, work.source.missed_gateway_at, work.source.lost_gateway_at
    if missed is None or lost is None or leg.is_end_unknown:
        return False
    return leg.connected_gateway_at < lost and (ended is None or ended > missed + GRACE)


def _is_later(work: UnitOfWork, leg: LegState, missed: datetime, event: CallInformation) -> bool:
    """Say whether an event names the extension of a leg, and that was connected after the gap, in a call offered to it.

    An agent wraps up one call after the other, but may dial, or be consulted, before that; and who talked as events
    began to be missed may have been joined with others, and wrap that up later.
    """
    call = work.calls.get(leg.incarnation)
    if not event.data.device_id or leg.connected_gateway_at <= missed or call is None or call.main is not None:
        return False
    if leg.device_id in work.source.cut_short or any(one.has_dialled for one in call.parties.values()):
        return False
    others = work.legs_at(leg.device_id)
    return not any(one.phase is LegPhase.OPEN and one.connected_gateway_at < missed for one in others)


def _is_gap_recent(work: UnitOfWork, event: CallInformation) -> bool:
    """Say whether a wrap-up of a call that was over in the last gap may still come."""
    missed = work.source.missed_gateway_at
    return missed is not None and missed + remembered(work) - MARGIN >= moments_of(work, event.time, event.at)[0]


def _is_of_interaction(call: CallState, interaction_id: str) -> bool:
    history = call.facts.get("interaction_id", ())
    return not history or any(fact.value == interaction_id for fact in history)


def _legs_ever(call: CallState) -> int:
    return sum(party.had_leg for party in call.parties.values())
