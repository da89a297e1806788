"""A leg's life: it opens when its extension is connected, closes when it leaves, and is concluded when QMS answered."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from agents.core.presence import AgentSession, KnownBy
from calls.core.call_facts import as_of
from calls.core.canary import is_canary_call
from calls.core.clocks import APART, TICK, ended_at, has_whole_seconds, is_on_time, was_received_late
from calls.core.commands import StartSearch
from calls.core.doubts import (
    base_due,
    decide_contests,
    is_doubtful,
    is_wanted,
    may_contest,
    noted_following,
    overtake,
)
from calls.core.gaps import missed_since
from calls.core.leg_data import data_of
from calls.core.origins import Origin, OriginRule
from calls.core.outcome_rules import concluded, searched_until, traced, without_recording
from calls.core.state import (
    CallState,
    LegPhase,
    LegState,
    Party,
    PartyState,
    Reconnection,
    SearchStatus,
    WriteStatus,
)
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent

#: Maximum time by which a recording may begin before the PBX reports Connected.
EARLY = timedelta(seconds=3)


def open_leg(work: UnitOfWork, call: CallState, party: Party, made: Reconnection, how: str = "") -> LegState:
    """Open a leg for a connected party of a call, start its search, and freeze who is logged on there now."""
    leg = LegState(
        number=work.next_number(),
        call_id=call.call_id,
        incarnation=call.incarnation,
        device_id=party.device_id,
        ordinal=_last_ordinal(work, call, party) + 1,
        connected_source_at=made.at,
        connected_gateway_at=made.gateway_at,
        received_at=work.received_at,
        call_origin=made.origin,
        facts=as_of(call),
        is_joined_late=party.is_joined_late,
        is_canary=_is_canary(work, call, party),
        is_of_snapshot=work.source.snapshot is not None,
        is_queue_stated=made.names_queue,
        is_beside=any(one.phase is LegPhase.OPEN for one in work.legs_at(party.device_id)),
        is_held=party.state is PartyState.HOLD,
    )
    leg = traced(leg, made.gateway_at, "connected", how or f"Extension {party.device_id} was connected.")
    put_party(work, call, replace(party, leg=leg.number, had_leg=True, ordinal=leg.ordinal))
    return work.put_leg(
        replace(searched(work, identified(work, leg, made.agent_id)), due=_stale(work, made.gateway_at))
    )


def _is_canary(work: UnitOfWork, call: CallState, party: Party) -> bool:
    """Say whether a test extension is in a call of the canary; another's call there is no test."""
    is_own = call.is_canary if work.site.has_marked_canaries else is_canary_call(call.call_id)
    return is_own and party.device_id in work.site.canaries


def _last_ordinal(work: UnitOfWork, call: CallState, party: Party) -> int:
    """Return the ordinal of the extension's last leg under the call's id, whichever call that named.

    Who was handed on from such a call is in the one that it was moved to.
    """
    calls = work.incarnations_of(call.call_id)
    calls += [work.calls[one.moved_to] for one in calls if one.moved_to in work.calls]
    others = [one.parties.get(party.device_id) for one in calls]
    return max([party.ordinal, *(other.ordinal for other in others if other is not None)])


def _stale(work: UnitOfWork, gateway_at: datetime) -> datetime:
    return gateway_at + timedelta(hours=work.site.stale_hours)


def identified(work: UnitOfWork, leg: LegState, agent_id: str = "") -> LegState:
    """Freeze the agent of a leg, and match its extension with a QMS user. ``agent_id``: the source named it."""
    agent, name, origin, why = _agent_at(work, leg, agent_id)
    verdict = work.context.verdict(leg.device_id, agent, name)
    leg = traced(leg, leg.connected_gateway_at, "agent", why)
    leg = traced(leg, leg.connected_gateway_at, "match", verdict.reason)
    return replace(
        leg,
        agent_id=agent,
        agent_name=name,
        agent_origin=origin,
        is_agent_stated=bool(agent_id),
        match=verdict.kind,
        match_reason=verdict.reason,
        services=verdict.services,
    )


def identified_again(work: UnitOfWork, leg: LegState, agent_id: str = "") -> LegState:
    """Return a leg that begins at another time than was thought, with the agent who was logged on then."""
    again = identified(work, leg, agent_id)
    return leg if (again.agent_id, again.agent_name) == (leg.agent_id, leg.agent_name) else again


def without_agent(work: UnitOfWork, leg: LegState, gateway_at: datetime, why: str) -> LegState:
    """Take its agent from a leg, for a reason that is reported only now."""
    verdict = work.context.verdict(leg.device_id)
    leg = traced(leg, gateway_at, "agent", why)
    leg = replace(leg, agent_id="", agent_name="", agent_origin=None)
    return replace(leg, match=verdict.kind, match_reason=verdict.reason, services=verdict.services)


def _agent_at(work: UnitOfWork, leg: LegState, stated: str) -> tuple[str, str, Origin | None, str]:
    """Return an agent's id, name and origin, and how they are known; only knowledge of that device and time counts.

    1. The source named the agent as the device answered: it is that one, unless another is known to be logged on.
    2. Else the one who was logged on there at Connected, unless two were.
    3. Else nobody.
    """
    session = work.sessions.get(leg.device_id)
    if session is not None and not _is_known_then(work, session, leg):
        session = None
    if stated and (session is None or session.overlaps or session.agent_id == stated):
        name = session.agent_name if session is not None and session.agent_id == stated else ""
        origin = leg.call_origin and replace(leg.call_origin, rule=OriginRule.ANSWERED)
        return stated, name, origin, f"Agent {_named(stated, name)}, named by the source as the extension answered."
    if session is None:
        return "", "", None, "Nobody was logged on."
    if stated:
        known = f"{session.agent_id} was logged on ({session.origin})"
        return "", "", None, f"No agent: the source named {stated}, but {known}."
    if session.overlaps:
        both = ", ".join([*(one.agent_id for one in session.overlaps), session.agent_id])
        return "", "", None, f"No agent: {both} were logged on at once."
    how = f"{session.known_by.value}, {session.origin}" if session.origin else session.known_by.value
    why = f"Agent {_named(session.agent_id, session.agent_name)} was logged on ({how})."
    return session.agent_id, session.agent_name, _origin_of_session(session), why


_SESSION_RULES = {
    KnownBy.LOG_ON: OriginRule.LOG_ON,
    KnownBy.SNAPSHOT: OriginRule.SNAPSHOT,
    KnownBy.STATE: OriginRule.STATE,
}


def _origin_of_session(session: AgentSession) -> Origin | None:
    event, _, event_id = session.origin.partition(" ")
    rule = _SESSION_RULES.get(session.known_by)
    return Origin(event, event_id, session.since, rule) if event and rule is not None else None


def _is_known_then(work: UnitOfWork, session: AgentSession, leg: LegState) -> bool:
    """Say whether a session was there at Connected. A state that is reported at once after was there before.

    A leg that a snapshot found may have begun in the gap, before the one who logged on in it.
    """
    if not session.is_certain:
        return False
    source = work.source
    lost = source.lost_at or missed_since(work, leg.device_id) or source.lost_gateway_at
    if leg.is_of_snapshot and lost is not None and session.since > lost:
        return False
    return session.since <= (leg.agent_source_at or leg.connected_source_at) or session.known_by is KnownBy.STATE


def _named(agent_id: str, name: str) -> str:
    return f"{agent_id} ({name})" if name else agent_id


def searched(work: UnitOfWork, leg: LegState) -> LegState:
    """Start a leg's first search where its recording is wanted; end older searches that it makes ambiguous."""
    others = [one for one in work.legs_at(leg.device_id) if one.number != leg.number]
    for other in [noted_following(work, one, leg) for one in others]:
        if other.search is SearchStatus.OPEN and _is_past(work, other, leg):
            overtake(work, other, leg.connected_gateway_at, "The next call began.", _why_past(work, other, leg))
        elif is_doubtful(work, other, leg):
            text = f"Recording {other.guid} may have begun with this extension's other call, which is heard of now."
            overtake(work, other, leg.connected_gateway_at, text)
        elif may_contest(work, leg, other):
            work.put_leg(replace(other, contested_by=leg.number))
    if not is_wanted(work, leg):
        return concluded(work, leg, leg.connected_gateway_at)
    return start_search(work, leg, leg.connected_gateway_at)


def _is_past(work: UnitOfWork, other: LegState, leg: LegState) -> bool:
    """Say whether a leg is over, and no answer to a question of while it was connected can come any more."""
    ended = other.disconnected_gateway_at
    return ended is not None and (not is_on_time(work, other) or leg.connected_gateway_at - ended > APART)


def _why_past(work: UnitOfWork, other: LegState, leg: LegState) -> str:
    """Return why QMS named no recording of a leg before the extension's next one began."""
    if was_received_late(work, other):
        return "heard_late"
    return "late" if leg.connected_gateway_at > searched_until(work, other) else "next_call"


def start_search(work: UnitOfWork, leg: LegState, since: datetime, known_guid: str = "") -> LegState:
    """Ask QMS for the leg's recording, from ``since`` on. ``known_guid``: a recording that is no answer."""
    number = leg.searches + 1
    work.do(
        StartSearch(
            leg=leg.number,
            search=number,
            services=leg.services,
            extension=leg.device_id,
            connected_source_at=leg.connected_gateway_at,
            since_gateway_at=since,
            known_guid=leg.guid or known_guid,
            is_canary=leg.is_canary,
        )
    )
    status = SearchStatus.FOUND if leg.guid else SearchStatus.OPEN
    return traced(replace(leg, searches=number, search=status), since, "search", "QMS is asked for the recording.")


def close_leg(
    work: UnitOfWork, leg: LegState, at: datetime, gateway_at: datetime, how: str, *, is_end_unknown: bool = False
) -> LegState:
    """Close a leg: its extension left. Its facts are final; its flags are due when late events had their time."""
    if leg.phase is not LegPhase.OPEN:
        return leg
    call = work.calls.get(leg.incarnation)
    leg = replace(
        leg,
        phase=LegPhase.CLOSED,
        is_held=False,
        disconnected_source_at=max(at, leg.connected_source_at),
        disconnected_gateway_at=gateway_at,
        is_end_unknown=is_end_unknown,
        is_beside=may_be_joined(work, leg),
        base_due=base_due(work, leg, gateway_at),
    )
    if call is not None and not is_end_unknown:
        leg = replace(leg, facts=data_of(work, call, leg))
    return _with_end(work, traced(leg, gateway_at, "disconnected", how), gateway_at)


def may_be_joined(work: UnitOfWork, leg: LegState) -> bool:
    """Say whether a leg's call may have been joined with another one that its extension had: events were missed."""
    missed = work.source.missed_gateway_at
    is_over = leg.phase is not LegPhase.OPEN
    return leg.is_beside and (is_over or (missed is not None and missed >= leg.connected_gateway_at))


def correct_end(work: UnitOfWork, leg: LegState, at: datetime, gateway_at: datetime) -> None:
    """Let a leg that has closed end earlier: an end that is later is another call's."""
    call = work.calls.get(leg.incarnation)
    leg = replace(leg, disconnected_source_at=max(at, leg.connected_source_at))
    if call is not None:
        leg = replace(leg, facts=data_of(work, call, leg))
    _with_end(work, traced(leg, gateway_at, "disconnected", "The extension had disconnected earlier."), gateway_at)


def _with_end(work: UnitOfWork, leg: LegState, gateway_at: datetime) -> LegState:
    """Take away a recording that began after the end of its leg."""
    end, began = ended_at(work, leg), leg.recording_began or leg.unconfirmed_began
    if began is None or end is None or began < end:
        return work.put_leg(concluded(work, leg, gateway_at))
    text = f"Recording {leg.guid} began after the end of this leg, as is reported now: it is another call's."
    leg = work.put_leg(concluded(work, without_recording(leg, gateway_at, text), gateway_at))
    decide_contests(work, leg, gateway_at)
    return leg


def note_stalled_end(work: UnitOfWork, number: int | None, event: CallEvent) -> None:
    """Note since when a stall may have held back a leg's end: a recording that began since may be another call's.

    Example: the link stalls from 18 to 39, and a call is heard whole at 39. The recording that began at 37 may be that
    of the call which the extension retrieved from hold meanwhile.
    """
    leg, since = work.legs.get(number or 0), event.heldsince
    if leg is None or since is None or work.site.has_source_times or leg.phase is LegPhase.OPEN:
        return
    leg, began = replace(leg, ended_since=since), leg.recording_began
    if began is None or began < since or leg.base is not WriteStatus.NONE:
        work.put_leg(leg)
        return
    text = f"The link stalled: recording {leg.guid} may have begun after the end of this leg."
    leg = work.put_leg(concluded(work, without_recording(leg, event.at, text), event.at))
    decide_contests(work, leg, event.at)


def put_party(work: UnitOfWork, call: CallState, party: Party) -> CallState:
    """Put a party's new value into its call, as the unit of work now holds it."""
    current = work.calls.get(call.incarnation, call)
    return work.put_call(replace(current, parties={**current.parties, party.device_id: party}))


def clear_party(
    work: UnitOfWork, call: CallState, device_id: str, at: datetime, gateway_at: datetime, how: str
) -> None:
    """Take a device out of a call and close its leg; remember that it left, for what comes late."""
    party = call.parties.get(device_id) or Party(device_id=device_id, state=PartyState.NULL, since=at)
    leg = work.legs.get(party.leg) if party.leg is not None else None
    latest = at + TICK if has_whole_seconds(work) else at  # What was set apart within that second is not later.
    if leg is not None and leg.connected_source_at > latest and (party.since is None or party.since > latest):
        return  # It speaks of an earlier connection of the same device.
    if party.cleared_gateway_at is not None:
        return  # It has left, so that it has no open leg.
    put_party(
        work,
        call,
        replace(
            party,
            state=PartyState.NULL,
            leg=None,
            cleared_at=at,
            cleared_gateway_at=gateway_at,
            unconfirmed_since=None,
        ),
    )
    if leg is not None:
        close_leg(work, leg, at, gateway_at, how)


def refresh_facts(work: UnitOfWork, call: CallState, gateway_at: datetime) -> None:
    """Hand what a call knows to its legs: to the open ones, and as of their end to those that closed just now."""
    for leg in work.legs_in(call.incarnation):
        if _follows_call(work, leg, gateway_at):
            facts = data_of(work, call, leg)
            if leg.facts != facts:
                work.put_leg(replace(leg, facts=facts))


def _follows_call(work: UnitOfWork, leg: LegState, gateway_at: datetime) -> bool:
    """Say whether what its call learns now is true of a leg: not when it may have ended while the link was lost."""
    if leg.phase is LegPhase.OPEN:
        snapshot = work.source.snapshot
        return snapshot is None or leg.number in snapshot.seen
    is_fresh = leg.base_due is not None and gateway_at < leg.base_due and leg.base is WriteStatus.NONE
    return is_fresh and not leg.is_end_unknown
