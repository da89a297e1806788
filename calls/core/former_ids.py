"""The ids that a call had before transfers and conferences: some PBXs report ends under them."""

from datetime import datetime

from msgspec.structs import replace

from calls.core.call_end import divide_where_empty, expire_when_over, is_known_by_ends
from calls.core.legs import GRACE, clear_party
from calls.core.state import CallState, LegPhase
from calls.core.unit_of_work import UnitOfWork

#: Maximum number of former ids of a call that are kept.
MAXIMUM_IDS = 8


def former_ids(olds: list[CallState], target: CallState) -> tuple[str, ...]:
    """Return the ids that a call and the calls joined in it had, but for its present one."""
    names = [*target.former_ids, *(name for call in olds for name in (*call.former_ids, call.call_id))]
    return tuple(name for name in dict.fromkeys(names) if name != target.call_id)[-MAXIMUM_IDS:]


def await_beginning(work: UnitOfWork, incarnation: int, device_id: str, gateway_at: datetime) -> None:
    """Wait a moment for the beginning of a call of which an end is heard, where the device came out of that id's call.

    Some PBXs report the ends of those who were handed on under the id that their call had before.
    """
    call = work.calls[incarnation]
    if is_known_by_ends(call) and _went_on_in(work, call, device_id) is not None:
        work.put_call(replace(call, due=gateway_at + GRACE))


def end_under_old_id(work: UnitOfWork, call: CallState, gateway_at: datetime) -> None:
    """End devices in the call that goes on, whose ends came under its former id, of no call that began under that."""
    if not call.parties or not is_known_by_ends(call):
        return
    for device_id, party in call.parties.items():
        target = _went_on_in(work, call, device_id)
        if target is None or party.cleared_at is None:
            continue
        how = f"Extension {device_id} disconnected, as was reported under the call's former id."
        clear_party(work, target, device_id, party.cleared_at, gateway_at, how)
        divide_where_empty(work, target.incarnation, party.cleared_at, gateway_at)
        expire_when_over(work, target.incarnation, gateway_at)
        expire_when_over(work, call.incarnation, gateway_at)


def _went_on_in(work: UnitOfWork, call: CallState, device_id: str) -> CallState | None:
    """Return the call in which an extension talks, where that had a call's id before it was moved; else None."""
    for leg in work.legs_at(device_id):
        target = work.calls.get(leg.incarnation)
        if target is None or leg.phase is not LegPhase.OPEN or target.incarnation == call.incarnation:
            continue
        if call.call_id in target.former_ids and leg.connected_source_at <= call.born_at:
            return target
    return None
