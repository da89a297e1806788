"""A consultation belongs to the interaction of the call that its device holds meanwhile."""

from datetime import datetime

from calls.core.call_facts import INHERITED, learn
from calls.core.legs import refresh_facts
from calls.core.state import LegPhase, LegState, PartyState
from calls.core.unit_of_work import UnitOfWork


def inherit(work: UnitOfWork, incarnation: int, device_id: str, at: datetime, cause: str | None = None) -> None:
    """Give a call that a device dials the interaction of the call that the device holds, if it is one only.

    Only the device that holds one call and dials another consults. A trunk holds nothing for others, and a device that
    another one calls does not consult, though it has a call on hold. ``cause``: that of the event.
    """
    call = work.calls[incarnation]
    party = call.parties.get(device_id)
    if "interaction_id" in call.facts or INHERITED in call.facts or party is None or party.outside:
        return
    if not work.site.is_extension(device_id) or not _dials(work, incarnation, device_id):
        return
    others = [leg for leg in work.legs_at(device_id) if _is_held(leg, incarnation, cause)]
    interactions = {leg.facts.interaction_id for leg in others}
    if len(interactions) == 1:
        call = work.put_call(learn(call, {INHERITED: interactions.pop()}, at))
        refresh_facts(work, call, call.touched_gateway_at)


def _dials(work: UnitOfWork, incarnation: int, device_id: str) -> bool:
    """Say whether the device is the one that dials in the call: nobody else does."""
    dialling = (PartyState.INITIATED, PartyState.ORIGINATED)
    parties = work.calls[incarnation].parties
    return [name for name, one in parties.items() if one.state in dialling] == [device_id]


def _is_held(leg: LegState, incarnation: int, cause: str | None) -> bool:
    is_other = leg.phase is LegPhase.OPEN and leg.incarnation != incarnation
    return is_other and (leg.is_held or cause == "consultation")
