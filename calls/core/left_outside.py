"""Calls that all extensions have left, where outside parties are still known: a PBX need not report their end.

Whether such a call goes on is shown by what comes under its id. What states the call's interaction, or its number and
no other name, is of it; any other device or queue is of the id's next call.
"""

from datetime import datetime

from calls.core.call_facts import known_at
from calls.core.clocks import TICK
from calls.core.legs import clear_party
from calls.core.outside_parties import is_outside
from calls.core.state import CallState, Party, PartyState
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent


def is_left_by_extensions(work: UnitOfWork, call: CallState) -> bool:
    """Say whether extensions talked in a call, all have left, and of who is in it only outside parties are known."""
    inside = _inside(work, call)
    return any(one.had_leg for one in inside) and not any(one.is_here for one in inside)


def is_extension_in(work: UnitOfWork, call: CallState) -> bool:
    """Say whether an extension is in a call: it dials, rings or talks."""
    return any(one.is_here for one in _inside(work, call))


def left_at(work: UnitOfWork, call: CallState, event: CallEvent) -> datetime | None:
    """Return when all extensions that talked had left a call, if it neither waits nor was handed on since.

    Or when the phone left without an answer to which it was handed on. Outside parties, and extensions that rang beside
    the one that answered, are all that is known in it then, and their end need not be reported: what comes without the
    call's interaction or number may be another call's. A transfer that is heard late brings its destination back
    (``rejoin``).
    """
    party = call.parties.get(event.data.device_id or "")
    if call.waits_since is not None or (party is not None and party.is_here):
        return None
    inside = _inside(work, call)
    moment = max((one.cleared_at for one in inside if one.had_leg and one.cleared_at is not None), default=None)
    if call.joined_at is not None and (moment is None or call.joined_at >= moment):
        moment = _left_unanswered_at(call, call.awaited_at, call.joined_at)
    if moment is None:
        return None
    return None if any(one.is_here and not _rang_beside(one, moment) for one in inside) else moment


def _left_unanswered_at(call: CallState, device_id: str, joined_at: datetime) -> datetime | None:
    """Return when a phone left to which a call was handed on, if it has not answered."""
    awaited = call.parties.get(device_id)
    gone_at = awaited.cleared_at if awaited is not None and not awaited.had_leg else None
    return gone_at if gone_at is not None and gone_at >= joined_at else None


def end_outside_parties(work: UnitOfWork, call: CallState, moment: datetime, gateway_at: datetime) -> CallState:
    """End the outside parties of a call that all extensions had left at a moment, as is heard after the id's next use.

    Nothing is done unless a device or a queue came after that, and nothing since then vouches for the call. Example:
    2001 leaves call 100 at 24.5, which is heard at 25.0; a caller was queued under the id at 24.7. The trunk T1, whose
    end is not reported, was in the first call alone.
    """
    if not work.site.has_source_times or not _is_left_at(work, call, moment):
        return call
    return end_outside(work, call, moment, gateway_at)


def end_outside(work: UnitOfWork, call: CallState, moment: datetime, gateway_at: datetime) -> CallState:
    """End the outside parties that were in a call at a moment."""
    how = "The call was over: its id was used again."
    for name, party in call.parties.items():
        if party.was_here(moment) and is_outside(work, call, party):
            clear_party(work, work.calls[call.incarnation], name, moment, gateway_at, how)
    return work.calls[call.incarnation]


def _is_left_at(work: UnitOfWork, call: CallState, moment: datetime) -> bool:
    if call.entered_at is None or call.moved_to is not None:
        return False
    if call.entered_at <= moment and not _is_followed_in_second(work, call, moment):
        return False
    if _is_vouched_after(call, moment) or (call.joined_at is not None and call.joined_at > moment):
        return False
    if call.waits_since is not None and call.waits_since <= moment:
        return False
    inside = [one for one in _inside(work, call) if one.since is None or one.since <= moment]
    is_left = any(one.had_leg for one in inside) or _was_left_unanswered(call, moment)
    return is_left and not any(one.was_here(moment) for one in inside)


def _was_left_unanswered(call: CallState, moment: datetime) -> bool:
    """Say whether the phone to which a call was handed on had left it by a moment, and had not answered.

    A queue that came under the id since is the next call's.
    """
    gone_at = _left_unanswered_at(call, call.handed_to, call.joined_at) if call.joined_at is not None else None
    return gone_at is not None and gone_at <= moment


def _is_followed_in_second(work: UnitOfWork, call: CallState, moment: datetime) -> bool:
    """Say whether a phone to which nothing led a call was set apart from it in the whole second in which it ended."""
    return any(one.since == moment + TICK for one in _inside(work, call)) and not is_led_on(call, moment)


def is_led_on(call: CallState, at: datetime) -> bool:
    """Say whether a call waits, or was led to a queue or another phone at a moment or later."""
    handed = call.parties.get(call.handed_to)
    moments = [one.at for one in call.facts.get("queue_name", ()) if one.value]
    moments += [*call.rang_out.values(), *(one for one in (call.led_away_at, handed and handed.since) if one)]
    return call.waits_since is not None or any(one >= at for one in moments)


def _is_vouched_after(call: CallState, moment: datetime) -> bool:
    """Say whether an event after a moment stated the interaction or number by which the call was known at it."""
    if call.vouched_at is None or call.vouched_at <= moment:
        return False
    histories = [call.facts[name] for name in ("interaction_id", "calling_number") if name in call.facts]
    known = [(known_at(history, moment), history[-1].value) for history in histories]
    return any(one is not None and one.value == latest for one, latest in known)


def _inside(work: UnitOfWork, call: CallState) -> list[Party]:
    return [one for one in call.parties.values() if not is_outside(work, call, one)]


def _rang_beside(party: Party, moment: datetime) -> bool:
    return party.state is PartyState.ALERTING and party.since is not None and party.since < moment
