"""Find the call and connection that an event is about, and record in the call what the event states."""

from datetime import datetime

from msgspec.structs import replace

from calls.core.agents_as_callers import is_name_of_agent
from calls.core.call_evidence import ENTERING, is_inside_again, is_of_transfer, states_another_interaction
from calls.core.call_facts import (
    is_called_from,
    learn,
    learn_values,
    moved_facts,
    reported_facts,
    states_what_was_known,
)
from calls.core.clocks import GRACE, heard_order
from calls.core.consultation import CALLER, NAME, ended, own_ends
from calls.core.gaps import is_missed
from calls.core.incarnations import attribute
from calls.core.legs import refresh_facts
from calls.core.origins import origin_of
from calls.core.state import CallState, PartyState
from calls.core.unit_of_work import UnitOfWork
from cti.events import NOT_ANSWERED, CallCleared, CallEvent, CallInformation, ConnectionCleared, Diverted, Failed

#: Events that never begin a call. Their data is ignored if they state the interaction of a call that is not known.
_OF_KNOWN = (ConnectionCleared, CallCleared, Diverted, Failed, CallInformation)


def known_call(work: UnitOfWork, event: CallEvent, call_id: str) -> CallState:
    """Return the call to which an event belongs, updated by the event's data; data from after its end is ignored."""
    call = attribute(work, event, call_id)
    touched_at = max(call.touched_gateway_at, event.at)
    ended_at = call.ended_at
    if _is_foreign(work, call, event):
        return call
    if ended_at is not None and event.time > ended_at:
        return work.put_call(replace(call, touched_gateway_at=touched_at))
    entered = _entered(call, event, touched_at)
    if is_inside_again(work, entered, event):
        entered = replace(entered, outside_since=None)
    if event.data.is_canary and not entered.is_canary:
        entered = replace(entered, is_canary=True)
    known = work.put_call(_learn(work, entered, event))
    if known.facts is not call.facts or work.source.snapshot is not None:
        refresh_facts(work, known, event.at)
    return known


def _entered(call: CallState, event: CallEvent, touched_at: datetime) -> CallState:
    """Update a call's times by one of its events; a device or queue that joins shows that the call goes on."""
    if not isinstance(event, ENTERING):
        led_away_at = event.time if _leads_away(call, event) else call.led_away_at
        return replace(call, touched_gateway_at=touched_at, led_away_at=led_away_at)
    doubtful_since, vouched_at = call.doubtful_since, call.vouched_at
    if doubtful_since is not None and event.time > doubtful_since:
        doubtful_since = None
    if states_what_was_known(call, event):
        vouched_at = max(vouched_at or event.time, event.time)
    return replace(
        call,
        born_at=min(call.born_at, event.time),
        entered_at=max(call.entered_at or event.time, event.time),
        touched_gateway_at=touched_at,
        doubtful_since=doubtful_since,
        vouched_at=vouched_at,
    )


def _leads_away(call: CallState, event: CallEvent) -> bool:
    """Say whether an event shows that a phone rings no more because it was not answered, and not that the caller left.

    ``ConnectionCleared`` says that by its cause alone: a caller who gives up ends the ringing, too.
    """
    party = call.parties.get(event.data.device_id or "")
    is_unanswered = isinstance(event, ConnectionCleared) and event.data.cause in NOT_ANSWERED
    is_led_away = is_unanswered or isinstance(event, Diverted)
    return is_led_away and party is not None and party.state is PartyState.ALERTING


def _is_foreign(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an event belongs to a call that is not known, so that its data must be ignored."""
    is_doubtful = isinstance(event, CallInformation | Diverted) and not event.data.interaction_id
    if is_doubtful and is_missed(work, call, event):
        return True
    if not isinstance(event, _OF_KNOWN):
        return False
    if _is_of_earlier(work, call, event):
        return True
    if not states_another_interaction(call, event):
        return False
    if event.data.device_id and event.data.device_id not in call.parties:
        return True
    if isinstance(event, CallInformation):
        return event.data.wrapup is not None
    return True


def _is_of_earlier(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an event is of an earlier call of its id: that had a leg of its device or agent, or its interaction.

    So it is only where the device, or that of the agent's leg, is not in this one.
    """
    earlier = [one for one in work.incarnations_of(call.call_id) if one.incarnation < call.incarnation]
    device_id, interaction_id = event.data.device_id or "", event.data.interaction_id
    if not earlier or device_id in call.parties:
        return False
    devices = {name for one in earlier for name, party in one.parties.items() if party.had_leg}
    if event.data.agent_id and not device_id:
        legs = [leg for one in earlier for leg in work.legs_in(one.incarnation)]
        device_id = next((leg.device_id for leg in legs if leg.agent_id == event.data.agent_id), "")
    if device_id in devices and device_id not in call.parties:
        return True
    if not interaction_id or "interaction_id" in call.facts:
        return False
    return any(fact.value == interaction_id for one in earlier for fact in one.facts.get("interaction_id", ()))


def _learn(work: UnitOfWork, call: CallState, event: CallEvent) -> CallState:
    """Record an event's data in its call, and in the call to which it was moved if the event came before the move."""
    facts = _of_customer(work, call, event, reported_facts(event.data))
    if not facts:
        return call
    call = learn(call, facts, origin_of(event), heard_order(work, event.at))
    main, joined_at = work.calls.get(call.main or 0), _customers_since(work, call)
    if main is not None and joined_at is not None and _was_consultation(call, joined_at) and event.time <= joined_at:
        call = ended(call, own_ends(main, call, joined_at), joined_at)  # It was the consultation then, as is heard now.
    target = work.calls.get(call.moved_to) if call.moved_to is not None else None
    if target is not None and call.moved_at is not None:
        handed = {name: history[-1] for name, history in moved_facts(call, call.moved_at).items() if name in facts}
        is_main = target.main == call.incarnation
        known = () if is_main else (*target.facts, *own_ends(work.calls.get(target.main or 0, target), call))
        wanted = {name: one for name, one in handed.items() if name not in known}
        target = work.put_call(learn_values(target, wanted))
        refresh_facts(work, target, event.at)
    return call


def _of_customer(work: UnitOfWork, call: CallState, event: CallEvent, facts: dict[str, str]) -> dict[str, str]:
    """Leave out who calls where an event of a call that was handed on still states who did that, and not the customer.

    Example: 2001 hands Uma on while 2002 rings; as that answers, the PBX states 2001 and the name of its agent, or the
    name alone, by which the consultation, or the agent, is known.
    """
    main, joined = work.calls.get(call.main or 0), _joined_to(work, call)
    since = _customers_since(work, call) or max((one.moved_at for one in joined if one.moved_at), default=None)
    if main is None or since is None or event.time < since or (event.time == since and _was_consultation(call, since)):
        return facts
    number, name = event.data.calling_number or "", event.data.caller_name or ""
    if number:
        is_ours = number in main.parties or number in call.parties
        is_other = is_ours and is_of_transfer(work, call, event) and not is_called_from(main, number)
    else:
        consultations = [one for one in (call, *joined) if one.incarnation != main.incarnation]
        stated = [fact for one in consultations for fact in one.facts.get("caller_name", ()) if fact.at <= since]
        is_other = bool(name) and any(fact.value == name for fact in stated)
    own = [main] if _was_consultation(call, since) else [main, call]
    is_agents = not is_other and is_name_of_agent(work, own, [call, *joined], name)
    left_out = CALLER if is_other else NAME if is_agents else ()
    return {key: value for key, value in facts.items() if key not in left_out} if left_out else facts


def _customers_since(work: UnitOfWork, call: CallState) -> datetime | None:
    """Return when the customer's call was joined to a call, which may have been handed on since; else when that was."""
    main = work.calls.get(call.main or 0)
    is_moved = main is not None and main.moved_to == call.incarnation
    return main.moved_at if main is not None and is_moved else call.joined_at


def _was_consultation(call: CallState, joined_at: datetime) -> bool:
    """Say whether a call that is not the customer's own had begun before that was joined to it."""
    return call.main not in (None, call.incarnation) and call.born_at < joined_at


def _joined_to(work: UnitOfWork, call: CallState) -> list[CallState]:
    """Return the calls that went on in a call by a transfer or conference, as far as they are known still."""
    former = [one for call_id in call.former_ids for one in work.incarnations_of(call_id)]
    return [one for one in former if one.moved_to == call.incarnation]


def located(work: UnitOfWork, event: CallEvent) -> tuple[CallState, str]:
    """Return the call in which the event's connection is now, and the device.

    The id from before a transfer or conference leads to the call that goes on, unless the device left at that moment.
    """
    device_id = event.data.device_id or ""
    call = known_call(work, event, event.data.call_id or "")
    hops = 0
    while call.moved_to is not None and device_id not in call.parties and call.moved_to in work.calls and hops < 8:
        if call.moved_at is not None and event.time > call.moved_at + GRACE:
            break
        call, hops = work.calls[call.moved_to], hops + 1
    return call, device_id
