"""Handle the events that join two calls or hand one on: Transferred (blind or attended) and Conferenced."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from calls.core.agents_as_callers import handed_by
from calls.core.arrivals import arrive, end_as_cleared, queued_by_transfer, rejoin, take_along
from calls.core.attended_transfer import ask_of_host, hand_on, note_other_part, pending_of, pending_of_host
from calls.core.call_end import divide, divide_at_next_end, divide_where_empty, expire_when_over, remembered
from calls.core.call_evidence import states_another_interaction
from calls.core.call_facts import AFTER, learn, merged, reported_facts, stated_since
from calls.core.clocks import CLOSE, GRACE, TICK, has_whole_seconds
from calls.core.consultation import disinherit_handed_on, ended, own_ends
from calls.core.dispatch import apply
from calls.core.ends_heard_first import connect_as_heard
from calls.core.former_ids import former_ids
from calls.core.handed_interactions import handed_facts, without_doubtful
from calls.core.handed_queues import queue_kept, with_later_queue
from calls.core.ids_of_before import had_id_in_second, set_before
from calls.core.incarnations import begin_call
from calls.core.joined_calls import is_repeated, old_calls, resulting_id, with_host
from calls.core.leavers import leave, leave_before
from calls.core.left_outside import is_left_by_extensions
from calls.core.legs import open_leg, put_party, refresh_facts
from calls.core.origins import Origin, OriginRule, origin_of
from calls.core.outside_parties import is_handed_outside, is_outside
from calls.core.state import CallState, LegPhase, LegState, Party, PartyState, Reconnection, WriteStatus
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent, Conferenced, Transferred


@apply.register
def handle_transferred(event: Transferred, work: UnitOfWork) -> None:
    """The extension that hands the call on leaves; the others go on in the resulting call and inherit its data.

    1. The transferring extension leaves each of the old calls, and its legs close.
    2. The other parties move to the resulting call, which keeps what the customer's call knew.
    3. Blind transfer: nobody talks in the resulting call yet. It waits (``waits_since``), and the target's Established
       opens its leg.
    4. Attended transfer: the target talks already, in the consultation. ``hand_on`` decides whether its recording goes
       on.

    Example: 2001 transfers call 100 to 2002 at 20.0, and 2002 answers at 23.0. Blind, 2001's leg ends at 20.0 and a leg
    of 2002 begins at 23.0. Had 2001 consulted 2002 before, 2002's leg of the consultation would go on in the resulting
    call, with the customer's data, if its recording does.
    """
    event = with_host(work, event)
    leaver = event.data.transferring_device_id or event.data.device_id or ""
    olds, new_id = old_calls(work, event, leaver), resulting_id(event)
    if is_repeated(olds, new_id):
        return
    for call in olds:
        queued_by_transfer(work, call.incarnation, event)
        disinherit_handed_on(work, call, leaver, olds, event)
        leave(work, call.incarnation, leaver, event, "The call was transferred.")
        leave_before(work, call.incarnation, event)
    to_outside = is_handed_outside(work, olds, event)
    consult = _consult_ids(work, olds)
    new = _joined(work, event, olds, new_id, leaver)
    new = end_as_cleared(work, new, event)
    if not consult and new.incarnation in [call.incarnation for call in olds]:
        new = rejoin(work, new, event)
    is_answered = _is_anybody_talking(work, new) or _has_come_and_gone(new, leaver, event.time)
    ringing, to = _ringing(new, leaver), event.data.transferred_to_device_id or ""
    if not is_answered and (to in ringing or (len(ringing) == 1 and not to)):
        new = work.put_call(replace(new, handed_to=to or ringing[0]))
    is_waiting = not is_answered and new.cleared_at is None and not ringing
    if is_waiting and not _is_followed(work, new, event.time):
        since = event.time + AFTER if to_outside else None
        new = replace(new, waits_since=new.waits_since or event.time, outside_since=since, handed_to=to)
        work.put_call(new)
    _hand_on_consulted(work, consult, new, event)
    connect_as_heard(work, new.incarnation, leaver, event)
    until = _lasted_until(work, new.incarnation, consult, event.time)
    divide_again = divide_where_empty if until > event.time else divide_at_next_end  # It goes on at the transfer.
    divide_again(work, new.incarnation, until, event.at)
    expire_when_over(work, new.incarnation, event.at)


def _hand_on_consulted(
    work: UnitOfWork, consult: dict[int, tuple[CallState, Origin | None]], new: CallState, event: CallEvent
) -> None:
    """Ask QMS again for the legs that came from the consultation: their recordings go on, or others began."""
    for number, (before, call_origin) in consult.items():
        leg = work.legs[number]
        if leg.incarnation == new.incarnation and _reached(leg, event):
            hand_on(
                work,
                leg,
                before,
                event.time,
                event.at,
                new_segment=event.data.new_segment,
                call_origin=call_origin,
                held_since=event.heldsince,
                is_conference=isinstance(event, Conferenced),
            )
        else:
            leg = replace(leg, call_id=new.call_id, incarnation=new.incarnation)
            note_other_part(work, leg, pending_of(leg, before, event.time, event.at, call_origin=call_origin))


def _lasted_until(work: UnitOfWork, incarnation: int, numbers: Iterable[int], moment: datetime) -> datetime:
    """Return until when the legs that a transfer reached show a call to have lasted: one may be over and not known."""
    ends = [leg.disconnected_source_at for leg in work.legs_in(incarnation) if leg.number in numbers]
    return max([moment, *(end for end in ends if end is not None)])


def _is_followed(work: UnitOfWork, call: CallState, moment: datetime) -> bool:
    """Say whether another call has begun under a call's id since a moment: nobody waits in this one any more."""
    later = [one for one in work.incarnations_of(call.call_id) if one.incarnation != call.incarnation]
    return any(one.born_at > moment for one in later)


@apply.register
def handle_conferenced(event: Conferenced, work: UnitOfWork) -> None:
    """All go on in the resulting call; of two legs of the conferencing extension the older goes on.

    Who was consulted has another recording since, where the recorder follows the call's id: QMS is asked as after a
    transfer.
    """
    event = with_host(work, event)
    host = event.data.conferencing_device_id or event.data.device_id or ""
    olds, new_id = old_calls(work, event, host), resulting_id(event)
    if is_repeated(olds, new_id):
        return
    for call in olds[1:]:
        if host in olds[0].parties or _may_be_missing(work, olds[0], event):
            leave(work, call.incarnation, host, event, "The consultation became part of a conference.")
    consult, hosts = _consult_ids(work, olds), pending_of_host(work, olds, host, event)
    new = _joined(work, event, olds, new_id, None)
    for party in list(work.calls[new.incarnation].parties.values()):
        if party.state is PartyState.HOLD:
            _off_hold(work, work.calls[new.incarnation], party)
    _join_listed(work, event, work.calls[new.incarnation])
    new = end_as_cleared(work, work.calls[new.incarnation], event)
    _hand_on_consulted(work, consult, new, event)
    for number, pending in hosts.items():
        if work.legs[number].incarnation == new.incarnation:
            ask_of_host(work, work.legs[number], pending)
    divide_where_empty(work, new.incarnation, event.time, event.at)
    expire_when_over(work, new.incarnation, event.at)


def _may_be_missing(work: UnitOfWork, call: CallState, event: Conferenced) -> bool:
    """Say whether an extension may be in a call of which nothing says so: its events may be missed, or all of them."""
    missed = work.source.missed_gateway_at
    return call.born_at == event.time or (missed is not None and call.born_at <= missed)


def _consult_ids(work: UnitOfWork, olds: list[CallState]) -> dict[int, tuple[CallState, Origin | None]]:
    """Return the open legs that are not in the customer's call, with their call and since which event."""
    found: dict[int, tuple[CallState, Origin | None]] = {}
    for call in olds[1:]:
        if call.moved_to is None:
            legs = work.legs_in(call.incarnation)
            found |= {leg.number: (work.calls[call.incarnation], leg.call_origin) for leg in legs}
    return found


def _joined(work: UnitOfWork, event: CallEvent, olds: list[CallState], new_id: str, leaver: str | None) -> CallState:
    """Move the parties of the old calls into the resulting one, with what the customer's call knew."""
    main, names, befores = olds[0], _renamed(event), [work.calls[one.incarnation] for one in olds]
    target = _resulting(work, event, olds, new_id) or _copy(work, event, main, new_id)
    is_begun = target.main is None and target.incarnation not in [one.incarnation for one in olds]
    own = target.facts if is_begun else {}
    host = event.data.conferencing_device_id or event.data.device_id or ""
    apart = {one.incarnation: own_ends(main, one) for one in olds[1:]}
    if isinstance(event, Conferenced):  # Its host goes on, with the queue of the customer's call.
        apart = {one.incarnation: (*apart[one.incarnation], *queue_kept(main, one, host)) for one in olds[1:]}
    target = ended(target, apart.get(target.incarnation, ()), event.time)
    for call in [work.calls[one.incarnation] for one in reversed(olds)]:
        if call.incarnation != target.incarnation and call.moved_to is None:
            handed = handed_facts(work, call, main, event)
            kept = apart.get(call.incarnation, ())
            moved = replace(call, facts={name: one for name, one in handed.items() if name not in kept})
            known = merged(moved, target) if call.incarnation == main.incarnation else merged(target, moved)
            target = replace(target, facts=known, own_interaction=main.own_interaction)
    target = without_doubtful(work, target, main, event)
    if isinstance(event, Transferred):
        target = with_later_queue(target, befores, leaver or "", event.time)
    target = work.put_call(
        replace(
            target,
            facts=stated_since(target.facts, own, event.time),
            main=main.incarnation if target.main is None else target.main,
            born_at=min(target.born_at, event.time),
            rooted_at=min(target.root, main.root),
            former_ids=former_ids(olds, target),
            handed_by=handed_by(work, work.calls[main.incarnation], leaver or host),
            joined_at=event.time if leaver or target.incarnation != main.incarnation else target.joined_at,
            doubtful_since=_doubt_after(target, event.time),
            due=event.at + timedelta(hours=work.site.stale_hours),
        )
    )
    for call in olds:
        besides = leaver or (host if call.incarnation != main.incarnation else "")
        _move(work, work.calls[call.incarnation], target.incarnation, names, leaver, event)
        take_along(work, work.calls[call.incarnation], target.incarnation, event, besides)
    target = _with_repeats_due(work.calls[target.incarnation], event)
    target = work.put_call(_learn(target, event))
    refresh_facts(work, target, event.at)
    return target


def _learn(call: CallState, event: CallEvent) -> CallState:
    """Record what an event states in the call that goes on; another interaction is not that of who leaves with it."""
    facts, origin = reported_facts(event.data), origin_of(event)
    if states_another_interaction(call, event):
        later = {"interaction_id": facts.pop("interaction_id")}
        call = learn(call, later, replace(origin, at=event.time + AFTER))
    return learn(call, facts, origin)


def _doubt_after(call: CallState, moment: datetime) -> datetime | None:
    """Return since when a call may be over that goes on with a transfer: what was in doubt before it, goes on."""
    since = call.doubtful_since
    return None if since is None or since <= moment + CLOSE else since


def _with_repeats_due(call: CallState, event: CallEvent) -> CallState:
    """Decide soon on a connection that was reported twice just before the transfer: until then its end waits."""
    is_open = any(party.again is not None for party in call.parties.values())
    return replace(call, due=event.at + GRACE) if is_open else call


def _resulting(work: UnitOfWork, event: CallEvent, olds: list[CallState], new_id: str) -> CallState | None:
    """Return the call that goes on, where it is known: an old one, or one that was reported before this event.

    Its id may have named a call before that is over, or whose end was not reported: that one has no part in this.
    """
    for old in olds:
        if old.call_id == new_id and old.moved_to is None:
            return work.calls[old.incarnation]
    moved = [work.calls.get(old.moved_to) for old in olds if old.moved_to is not None]
    for call in moved:
        if call is not None and call.call_id == new_id:
            return call
    found = [one for one in work.incarnations_of(new_id) if _goes_on(work, one, event, olds)]
    return _last(work, found[0]) if found else None


def _last(work: UnitOfWork, call: CallState) -> CallState:
    """Return the call in which a call goes on, if that was moved already: transfers are reported in any order, too."""
    for _ in range(8):
        if call.moved_to is None or call.moved_to not in work.calls:
            break
        call = work.calls[call.moved_to]
    return call


def _goes_on(work: UnitOfWork, call: CallState, event: CallEvent, olds: list[CallState]) -> bool:
    """Say whether a call under the resulting id is the one that goes on, of which something was reported before.

    One that states another interaction than the customer's is not; nor is one that was queued after an extension had
    got the call.
    """
    is_over = call.ended_at is not None and call.ended_at < event.time
    if is_over or call.doubtful_since is not None or _are_apart(call, olds[0]):
        return False
    data = event.data
    to = data.transferred_to_device_id or ""
    if call.waits_at not in ("", to) and call.born_at > event.time and work.site.is_extension(to):
        return False
    if _is_of_before(work, call, event) or _is_left_before(work, call, event):
        return False
    if had_id_in_second(work, call, event, olds):
        return False
    devices = {data.transferring_device_id, data.transferred_to_device_id, data.conferencing_device_id}
    devices |= {item.new.device_id for item in data.connections}
    is_new = call.born_at >= event.time - GRACE
    devices -= {name for old in olds for name, party in old.parties.items() if party.is_here}  # They are to come.
    return is_new or any(party.is_here and name in devices for name, party in call.parties.items())


def _is_of_before(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether a call under the resulting id began before the event, and without its host: it had the id before."""
    host = event.data.transferring_device_id or event.data.conferencing_device_id or event.data.device_id
    early = CLOSE if work.site.has_source_times and work.source.has_fractions else GRACE
    return bool(host) and host not in call.parties and call.born_at < event.time - early


def _is_left_before(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether phones to which an event hands nothing had talked under the resulting id, and left before it.

    Trunks alone may stay. What began in an earlier second than a transfer of whole ones did not begin with that.
    """
    data = event.data
    named = {data.transferred_to_device_id, data.added_party_id, data.device_id}
    named |= {item.new.device_id for item in data.connections}
    named -= {data.transferring_device_id or data.conferencing_device_id or data.device_id}
    talked = [one for one in call.parties.values() if one.had_leg]
    until = event.time if call.born_at < event.time and has_whole_seconds(work) else event.time - TICK
    is_before = all(one.cleared_at is not None and one.cleared_at <= until for one in talked)
    return is_before and is_left_by_extensions(work, call) and not named & {one.device_id for one in talked}


def _are_apart(one: CallState, other: CallState) -> bool:
    """Say whether two calls are known to be of different interactions."""
    first, second = (call.facts.get("interaction_id", ()) for call in (one, other))
    return bool(first and second) and not {fact.value for fact in first} & {fact.value for fact in second}


def _copy(work: UnitOfWork, event: CallEvent, main: CallState, new_id: str) -> CallState:
    """Begin the resulting call as what goes on of the customer's; so does what came since under its id."""
    begun = begin_call(work, event, new_id)
    for call in work.incarnations_of(new_id):
        if call.superseded_at == event.time:
            divide(work, call.incarnation, event.time - TICK, event.at)
    set_before(work, new_id, event)
    begun = work.calls[begun.incarnation]
    return replace(begun, rooted_at=main.root, own_interaction=main.own_interaction, waits_since=None)


def _renamed(event: CallEvent) -> dict[tuple[str, str], str]:
    items = [item for item in event.data.connections if item.old is not None]
    return {(item.old.call_id, item.old.device_id): item.new.device_id for item in items if item.old is not None}


def _move(
    work: UnitOfWork,
    call: CallState,
    new: int,
    names: dict[tuple[str, str], str],
    leaver: str | None,
    event: CallEvent,
) -> None:
    """Move who is left in a call to the resulting one; who left stays behind, for events that come late."""
    if call.incarnation == new or (call.moved_to is not None and call.moved_to != new):
        return
    staying = {d: party for d, party in call.parties.items() if party.state is PartyState.NULL}
    for device_id, party in call.parties.items():
        if device_id not in staying:
            renamed = names.get((call.call_id, device_id), device_id)
            arrive(work, work.calls[new], replace(party, device_id=renamed), event)
    if leaver and leaver not in staying:
        staying[leaver] = Party(
            device_id=leaver, state=PartyState.NULL, cleared_at=event.time, cleared_gateway_at=event.at
        )
    moved_at = call.moved_at or event.time
    due = event.at + remembered(work)
    to = event.data.transferred_to_device_id or event.data.added_party_id or ""
    call = replace(call, parties=staying, moved_to=new, moved_at=moved_at, handed_to=to)
    work.put_call(replace(call, due=due, waits_since=None, waits_at=""))


def _reached(leg: LegState, event: CallEvent) -> bool:
    """Say whether a transfer reached a leg: it is open, or ended after the transfer, which is reported late."""
    if leg.phase is LegPhase.OPEN:
        return True
    is_unwritten = leg.phase is LegPhase.CLOSED and leg.base is WriteStatus.NONE
    return is_unwritten and leg.disconnected_source_at is not None and leg.disconnected_source_at > event.time


def _is_anybody_talking(work: UnitOfWork, call: CallState) -> bool:
    return any(party.is_talking and not is_outside(work, call, party) for party in call.parties.values())


def _ringing(call: CallState, leaver: str) -> list[str]:
    """Return who rings in a call already: the transfer is reported late, or of a consultation that rings."""
    return [name for name, party in call.parties.items() if party.state is PartyState.ALERTING and name != leaver]


def _has_come_and_gone(call: CallState, leaver: str, moment: datetime) -> bool:
    """Say whether an extension that the call was handed on to has left already: the transfer is reported late."""
    ends = [party.cleared_at for name, party in call.parties.items() if name != leaver and not party.outside]
    return any(end is not None and end >= moment for end in ends)


def _off_hold(work: UnitOfWork, call: CallState, party: Party) -> None:
    put_party(work, call, replace(party, state=PartyState.CONNECTED))
    if party.leg is not None:
        work.put_leg(replace(work.legs[party.leg], is_held=False))


def _join_listed(work: UnitOfWork, event: CallEvent, call: CallState) -> None:
    """Open a leg for an extension that the conference lists as connected and that was never seen to answer."""
    for item in event.data.connections:
        device_id = item.new.device_id
        party = work.calls[call.incarnation].parties.get(device_id)
        is_new = party is None or party.state is PartyState.ALERTING
        if is_new and item.old is None and device_id in work.site.devices and work.site.is_extension(device_id):
            party = Party(device_id=device_id, state=PartyState.CONNECTED, ordinal=party.ordinal if party else 0)
            made = Reconnection(at=event.time, gateway_at=event.at, origin=origin_of(event, OriginRule.CONNECTED))
            open_leg(work, work.calls[call.incarnation], party, made)
