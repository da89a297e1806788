"""A consultation belongs to the interaction of the call that its device holds meanwhile; its caller is another one."""

from datetime import datetime

from msgspec.structs import replace

from calls.core.call_facts import AFTER, INHERITED, is_called_from, is_dialled_by, learn
from calls.core.clocks import TICK, heard_order
from calls.core.legs import clear_party, refresh_facts
from calls.core.newcomers import doubtful_from
from calls.core.origins import Origin, OriginRule
from calls.core.outside_parties import is_outside, is_outside_number
from calls.core.state import CallState, LegPhase, LegState, PartyState, TimedValue
from calls.core.unit_of_work import UnitOfWork
from cti.events import Transferred

#: What a call states of who calls, and of its two ends.
NAME = ("caller_name", "caller_name_source")
CALLER = (*NAME, "calling_number")
_ENDS = (*CALLER, "called_number", "direction")


def own_ends(main: CallState, other: CallState, joined_at: datetime | None = None) -> tuple[str, ...]:
    """Return which facts a call that is joined to the customer's keeps to itself: those of its two ends.

    Its caller is the agent who consulted, and not the customer, unless it states the number of the customer's call, and
    that is of no phone of ours. ``joined_at``: from when on it has that number of the customer's call; None: not yet.
    """
    ours = [name for call in (main, other) for name, one in call.parties.items() if not one.outside]
    is_ours = any(one.has_dialled and not one.outside for one in main.parties.values())
    is_ours = is_ours or any(is_called_from(main, name) for name in ours)
    numbers = [one for one in other.facts.get("calling_number", ()) if one.value]
    stated = [one.value for one in numbers if joined_at is None or one.at <= joined_at]
    is_customers = not is_ours and any(is_called_from(main, number) for number in stated)
    return _ENDS[len(CALLER) :] if is_customers else _ENDS


def customers_first(work: UnitOfWork, calls: list[CallState], host: str) -> list[CallState]:
    """Return the calls that an event joins with the customer's first, where the event names a consultation first.

    The consultation is the call that their device dialled while it was in the other, or one of phones of ours alone
    that began meanwhile, where the other one alone says who calls. A switch may put the active call first, or the held
    one: that is the consultation where its device had gone back to the customer.
    """
    if len(calls) > 1 and has_consulted(work, calls[0], calls[1], host):
        return [calls[1], calls[0], *calls[2:]]
    return calls


def has_customer(work: UnitOfWork, call: CallState, host: str, besides: CallState) -> bool:
    """Say whether a call is with a customer of its own, and so no consultation of a device about another call.

    That has not dialled it, and it states an interaction, or a number outside, that is not the other call's.
    """
    if is_dialled_by(call, host):
        return False
    numbers = _stated(call, "calling_number")
    if any(is_outside_number(work, number) and not is_called_from(besides, number) for number in numbers):
        return True
    return bool(_stated(call, "interaction_id") - _stated(besides, "interaction_id"))


def _stated(call: CallState, name: str) -> set[str]:
    return {one.value for one in call.facts.get(name, ()) if one.value}


def has_consulted(work: UnitOfWork, call: CallState, about: CallState, host: str) -> bool:
    """Say whether a device dialled one call while it was in the other; its end there may be heard before the event.

    Not every source reports who dials. A leg that a snapshot found began before that; of two such legs it is not known
    which was first.
    """
    dialling, leg, own = call.parties.get(host), _last_leg(work, about, host), _last_leg(work, call, host)
    if leg is None:
        return False
    if leg.is_of_snapshot and own is not None and own.is_of_snapshot:
        return _is_among_us(work, call, about, host)
    dialled, ended_at = call.born_at, leg.disconnected_source_at
    if dialling is not None and dialling.has_dialled and dialling.since is not None:
        dialled = dialling.since
    elif not is_called_from(call, host) and not _is_among_us(work, call, about, host):
        return False
    connected = leg.agent_source_at or leg.connected_source_at  # A transfer may have divided the leg since.
    return connected < dialled and (ended_at is None or dialled < ended_at)


def _is_among_us(work: UnitOfWork, call: CallState, about: CallState, host: str) -> bool:
    """Say whether phones of ours alone are in a call, which has no customer, with a device that is alone with one."""
    others = [one for name, one in call.parties.items() if name != host and one.is_here]
    if not others or any(is_outside(work, call, one) or not one.had_leg for one in others):
        return False
    if any(one.is_here and not is_outside(work, about, one) for name, one in about.parties.items() if name != host):
        return False
    if _stated(call, "queue_name") or has_customer(work, call, host, besides=about):
        return False
    return has_customer(work, about, host, besides=call)


def _last_leg(work: UnitOfWork, call: CallState, host: str) -> LegState | None:
    """Return a device's leg in a call, where it is in it or has left it last."""
    party = call.parties.get(host)
    if party is not None and party.leg is not None:
        return work.legs.get(party.leg)
    return max(
        (leg for leg in work.legs_in(call.incarnation) if leg.device_id == host),
        key=lambda leg: leg.number,
        default=None,
    )


def ended(call: CallState, names: tuple[str, ...], at: datetime) -> CallState:
    """Let a call know facts until a moment only; what was stated later stays."""
    facts = dict(call.facts)
    for name in names:
        until = [one for one in facts.get(name, ()) if one.at <= at]
        later = [one for one in facts.get(name, ()) if one.at > at]
        if until and not any(one.at <= at + AFTER for one in later):
            facts[name] = (*until, TimedValue(at + AFTER, ""), *later)
    return replace(call, facts=facts)


def inherit(work: UnitOfWork, incarnation: int, device_id: str, origin: Origin, cause: str | None = None) -> None:
    """Give a call that a device dials the interaction of the call that the device holds, if it is one only.

    Only the device that holds one call and dials another consults; one that talks in a further call meanwhile may
    consult about that. A trunk holds nothing for others, and a device that another one calls does not consult, though
    it has a call on hold. ``origin``: the event by which it dials, of which ``cause`` is.
    """
    call = work.calls[incarnation]
    party = call.parties.get(device_id)
    if "interaction_id" in call.facts or INHERITED in call.facts or party is None or party.outside:
        return
    if not work.site.is_extension(device_id) or not _dials(work, incarnation, device_id):
        return
    others = [leg for leg in work.legs_at(device_id) if _is_open_besides(work, leg, incarnation)]
    held = [leg for leg in others if leg.is_held or cause == "consultation"]
    about = held + [leg for leg in others if held and _is_to_be_held(leg, held)]
    if len({leg.facts.interaction_id for leg in about}) == 1:
        work.put_leg(replace(held[0], consulted=incarnation))
        call = work.put_call(
            learn(call, {INHERITED: held[0].facts.interaction_id}, origin, heard_order(work, work.clock))
        )
        refresh_facts(work, call, call.touched_gateway_at)


def inherit_late(work: UnitOfWork, held: LegState, at: datetime) -> None:
    """Let a consultation inherit that its device had dialled before it was heard that the device holds a call."""
    for leg in work.legs_at(held.device_id):
        call = work.calls.get(leg.incarnation)
        party = call.parties.get(held.device_id) if call is not None and leg.phase is LegPhase.OPEN else None
        if party is not None and party.has_dialled and party.since is not None and party.since >= at:
            dialled = Origin("Originated", "", party.since, OriginRule.CONSULTATION)
            inherit(work, leg.incarnation, held.device_id, dialled)


def part(work: UnitOfWork, call: CallState, device_id: str, at: datetime, gateway_at: datetime, how: str) -> None:
    """Take a device out of a call, by whatever event; what it dialled since is not about that call, and may be of one.

    Example: 2001 holds C1 and dials C2 at 54.0; that C1 was cleared at 53.8 is heard only then. C2 has nothing of C1.
    """
    party = call.parties.get(device_id)
    leg = work.legs.get(party.leg) if party is not None and party.leg is not None else None
    clear_party(work, call, device_id, at, gateway_at, how)
    if leg is not None and work.legs[leg.number].phase is not LegPhase.OPEN:
        disinherit(work, leg, at, gateway_at)
        inherit_after_end(work, leg, at)


def inherit_after_end(work: UnitOfWork, left: LegState | None, at: datetime) -> None:
    """Let a consultation inherit that its device had dialled after another of its calls had ended, as is heard now."""
    for leg in work.legs_at(left.device_id) if left is not None and not left.is_held else ():
        if leg.is_held and leg.phase is LegPhase.OPEN:
            inherit_late(work, leg, at)


def disinherit(work: UnitOfWork, held: LegState, at: datetime, gateway_at: datetime) -> None:
    """Take an interaction back where its call is heard to have ended before its device dialled the other one."""
    call = work.calls.get(held.consulted) if held.consulted is not None else None
    if call is None:
        return
    history = call.facts.get(INHERITED, ())
    if history and history[0].at > at:
        facts = {name: values for name, values in call.facts.items() if name != INHERITED}
        refresh_facts(work, work.put_call(replace(call, facts=facts)), gateway_at)


def inherit_again(work: UnitOfWork, held: LegState, before: str, gateway_at: datetime) -> None:
    """Give a consultation the interaction of the held call again, where that is heard to be another one than before."""
    call = work.calls.get(held.consulted) if held.consulted is not None else None
    if call is None:
        return
    history = call.facts.get(INHERITED, ())
    if any(one.value == before for one in history):
        known = held.facts.interaction_id
        history = tuple(replace(one, value=known) if one.value == before else one for one in history)
        refresh_facts(work, work.put_call(replace(call, facts={**call.facts, INHERITED: history})), gateway_at)


def disinherit_handed_on(
    work: UnitOfWork, call: CallState, leaver: str, olds: list[CallState], event: Transferred
) -> None:
    """Take the interaction of a call that is handed on back from one that its extension may have dialled since.

    Where no time says which came first, that is any but those that are joined (``olds``); so it is where the end of
    the extension in the call that it held was heard just before.
    """
    earliest, leg = doubtful_from(work, event.time), _last_leg(work, call, leaver)
    if leg is not None:
        is_joined = leg.consulted in [one.incarnation for one in olds]
        disinherit(work, leg, event.time if is_joined or earliest is None else earliest - TICK, event.at)


def _dials(work: UnitOfWork, incarnation: int, device_id: str) -> bool:
    """Say whether the device is the one that dials in the call, or has dialled: nobody else does."""
    dialling = (PartyState.INITIATED, PartyState.ORIGINATED)
    parties = work.calls[incarnation].parties.items()
    return [name for name, one in parties if one.has_dialled or one.state in dialling] == [device_id]


def _is_open_besides(work: UnitOfWork, leg: LegState, incarnation: int) -> bool:
    """Say whether a leg is open in another call, whose id is not used again."""
    call = work.calls.get(leg.incarnation)
    is_other = leg.phase is LegPhase.OPEN and leg.incarnation != incarnation
    return is_other and (call is None or call.superseded_at is None)


def _is_to_be_held(leg: LegState, held: list[LegState]) -> bool:
    """Say whether a leg talks, with calls held since before it began: a phone that dials has put it on hold, too.

    That it did, or that the leg has ended, is still to be heard, and which of the calls the phone consults about.
    """
    is_back = leg.retrieved_gateway_at is not None
    return not leg.is_held and (is_back or all(leg.connected_source_at > one.connected_source_at for one in held))
