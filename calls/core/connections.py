"""Connect a device in a call: open its leg, once, in whatever order its events arrive."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from calls.core.answer_supervision import from_answer
from calls.core.clocks import APART, GRACE, has_whole_seconds, heard_order
from calls.core.doubts import give_up_what_may_be_of_repeat
from calls.core.legs import close_leg, open_leg, put_party
from calls.core.origins import OriginRule, origin_of
from calls.core.outcome_rules import concluded
from calls.core.state import CallState, LegState, Party, PartyState, Reconnection
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent

#: Maximum difference in arrival between two monitors' reports of one connection where nothing stalls; a PBX does not
#: end a call, use its id again and connect the same extension within that time.
SOON = timedelta(milliseconds=100)
#: Maximum number of repeated reports of a connection that are kept.
MAXIMUM_REPEATS = 4


def connection_of(event: CallEvent, device_id: str) -> Reconnection:
    """Return when an event connects a device, and the agent that it names for it."""
    agent_id = (event.data.agent_id or "") if device_id == event.data.device_id else ""
    origin = origin_of(event, OriginRule.CONNECTED)
    return Reconnection(
        at=event.time,
        gateway_at=event.at,
        agent_id=agent_id,
        origin=origin,
        interaction_id=event.data.interaction_id or "",
        names_queue=bool(event.data.queue_name),
    )


def connect_device(
    work: UnitOfWork, call: CallState, device_id: str, made: Reconnection, *, outside: bool = False
) -> None:
    """Connect a device: open its leg where it is an extension; what comes late or twice changes nothing."""
    party = call.parties.get(device_id) or Party(device_id=device_id, state=PartyState.NULL, outside=outside)
    if party.leg is not None or is_late(work, call, party, made):
        connect_late = _connected_earlier if party.leg is not None else _late_connect
        connect_late(work, call, party, made)
        give_up_what_may_be_of_repeat(work, call.incarnation, device_id, made.gateway_at)
        return
    state = PartyState.HOLD if party.state is PartyState.HOLD else PartyState.CONNECTED
    since = min(party.since or made.at, made.at) if party.is_here else made.at
    heard_at = party.heard_at if party.is_here else heard_order(work, made.gateway_at)
    if party.unconfirmed_since is not None:
        party = replace(party, is_joined_late=False, unconfirmed_since=None)  # The missing Established has arrived.
    party = replace(
        party,
        state=state,
        since=since,
        heard_at=heard_at,
        left_before=end_of_unheard_before(party),
        had_leg=False,
        cleared_at=None,
        cleared_gateway_at=None,
        left_again=None,
        repeats=(),
        interaction_id=made.interaction_id,
        is_vouched=made.is_vouched,
    )
    call = put_party(work, call, party)
    call = wait_no_more(work, call, made.at)
    if not party.outside and work.site.is_extension(device_id):
        note_seen(work, open_leg(work, call, party, made))


def wait_no_more(work: UnitOfWork, call: CallState, answered_at: datetime) -> CallState:
    """Let a call wait no more that was answered."""
    if call.waits_since is None or call.waits_since > answered_at + GRACE:
        return call
    return work.put_call(replace(call, waits_since=None, waits_at=""))


def end_of_unheard_before(party: Party) -> datetime | None:
    """Return when a device had left before the connection that it makes, or made as it rang: that may be unheard of."""
    if party.is_here:
        return party.left_before
    return None if party.had_leg else party.cleared_at


def note_seen(work: UnitOfWork, leg: LegState) -> None:
    """Remember that the snapshot in progress, if any, names a leg."""
    snapshot = work.source.snapshot
    if snapshot is not None:
        is_found = (
            leg.is_joined_late
            and leg.number not in snapshot.seen
            and leg.connected_gateway_at >= snapshot.began_gateway_at
        )
        late = (*snapshot.found_late, leg.device_id) if is_found else snapshot.found_late
        snapshot = replace(snapshot, seen=(*snapshot.seen, leg.number), found_late=late)
        work.source = replace(work.source, snapshot=snapshot)


def _connected_earlier(work: UnitOfWork, call: CallState, party: Party, made: Reconnection) -> None:
    """Take a connected device's second report: of its beginning, of a snapshot, or of another call under the id.

    Which of them it is, its end shows: where that is late, the report was of another call (``divide``).
    """
    leg = work.legs[party.leg or 0]
    if leg.is_unconfirmed and made.at >= leg.connected_source_at:
        work.put_leg(concluded(work, from_answer(work, leg, made), made.gateway_at))
        return
    if work.source.snapshot is not None:
        note_seen(work, leg)
    elif made.at < leg.connected_source_at and made.gateway_at - leg.connected_gateway_at <= GRACE:
        _begun_earlier(work, call, party, made)
    elif made.at > leg.connected_source_at and not _is_of_other_monitor(work, leg, made):
        _reported_again(work, call, party, made)


def _is_of_other_monitor(work: UnitOfWork, leg: LegState, made: Reconnection) -> bool:
    """Say whether a second report came too soon, by the receipt of both, to be of another call under the id."""
    return not work.site.has_source_times and made.at - leg.connected_source_at <= SOON


def _begun_earlier(work: UnitOfWork, call: CallState, party: Party, made: Reconnection) -> None:
    """Let a leg begin at an earlier report than the one that opened it, which may belong to the id's next call."""
    leg = work.legs[party.leg or 0]
    heard = Reconnection(at=leg.connected_source_at, gateway_at=leg.connected_gateway_at, origin=leg.call_origin)
    work.put_leg(replace(leg, connected_source_at=made.at))
    party = replace(party, since=min(party.since or made.at, made.at))
    if work.site.has_source_times:
        _reported_again(work, call, party, heard, until=made.gateway_at + GRACE)
    else:
        put_party(work, call, party)


def _reported_again(
    work: UnitOfWork, call: CallState, party: Party, made: Reconnection, until: datetime | None = None
) -> None:
    """Keep a second report of a connection until it is known whether an end between the two is reported."""
    if party.again is not None:
        if party.again.at != made.at:
            put_party(work, call, with_repeat(party, made))
        return
    call = put_party(work, call, replace(party, again=made))
    work.put_call(replace(call, due=until or made.gateway_at + GRACE))


def with_repeat(party: Party, made: Reconnection) -> Party:
    """Return a party that keeps a report that is taken for a repeat, once, and the last few only."""
    known = next((one for one in party.repeats if one.at == made.at), made)
    made = known if known.ended_at is not None else made
    others = [one for one in party.repeats if one.at != made.at]
    return replace(party, repeats=(*others, made)[-MAXIMUM_REPEATS:])


def is_late(work: UnitOfWork, call: CallState, party: Party, made: Reconnection) -> bool:
    """Say whether a connection has ended since: it is reported late, or twice."""
    if end_of_return(work, call, party, made.at) is not None:
        return False
    if call.cleared_at is not None and made.at <= call.cleared_at:
        return True
    if party.cleared_at is None or party.cleared_gateway_at is None:
        return False
    if call.moved_to is None and _is_taken_back(work, call, party, made):
        return False
    if call.moved_to is not None or made.at <= party.cleared_at:
        return True
    if work.site.has_source_times:
        return False
    # Reported by two monitors, each with the time of its receipt.
    is_short = party.since is not None and made.at - party.since <= GRACE
    return party.had_leg and is_short and made.gateway_at - party.cleared_gateway_at <= GRACE


def end_of_return(work: UnitOfWork, call: CallState, party: Party, moment: datetime) -> datetime | None:
    """Return the end of a connection that a device made after it had left a call, where that end was heard first.

    It left once more, not before that, or the call was cleared. A repeat of its report before has a time from before it
    left.
    """
    if not work.site.has_source_times or call.moved_to is not None or party.is_here or party.cleared_at is None:
        return None
    ends = (at for at in (party.left_again, call.cleared_at) if at is not None and party.cleared_at < moment <= at)
    return next(ends, None)


def _is_taken_back(work: UnitOfWork, call: CallState, party: Party, made: Reconnection) -> bool:
    """Say whether a device is connected in the second of its end, of whole ones, as is heard after that.

    It parked its call, or handed it on, and has it back. A repeat has the time at which it was connected before.
    """
    if not has_whole_seconds(work) or made.at != party.cleared_at or not party.had_leg:
        return False
    own = [leg for leg in work.legs_in(call.incarnation) if leg.device_id == party.device_id]
    return bool(own) and all(leg.connected_source_at < made.at for leg in own)


def _late_connect(work: UnitOfWork, call: CallState, party: Party, made: Reconnection) -> None:
    """Open and close a leg whose end was reported before its beginning."""
    if party.outside or not work.site.is_extension(party.device_id):
        return
    if party.had_leg:
        if work.site.has_source_times and (party.since is None or made.at > party.since):
            put_party(work, call, with_repeat(party, made))
        return
    ended = party.cleared_at or call.cleared_at or made.at
    at = min(made.at, ended)
    connected = replace(party, state=PartyState.CONNECTED, since=min(party.since or at, at))
    leg = open_leg(work, call, connected, replace(made, at=at))
    cleared = work.calls[call.incarnation].parties[party.device_id]
    left = replace(cleared, state=PartyState.NULL, leg=None, cleared_at=ended, cleared_gateway_at=made.gateway_at)
    call = put_party(work, call, left)
    wait_no_more(work, call, at)
    leg = close_leg(work, leg, ended, made.gateway_at, "The extension had left already; the events came out of order.")
    heard = party.cleared_gateway_at
    if heard is not None and heard < made.gateway_at - APART:  # QMS was asked only after the end.
        work.put_leg(replace(leg, disconnected_gateway_at=heard))


def open_before(work: UnitOfWork, call: CallState, party: Party, made: Reconnection, ended: datetime) -> LegState:
    """Open and close a leg of a device that rings or is connected again since; return it."""
    leg = open_leg(work, call, party, made)
    put_party(work, call, replace(party, ordinal=leg.ordinal, left_before=None))
    how = "The extension had left already; the events came out of order."
    return close_leg(work, leg, ended, made.gateway_at, how)
