"""Whose a resulting id was in the whole second of its transfer or conference, as was heard before that."""

from msgspec.structs import replace

from calls.core.call_end import is_known_by_ends
from calls.core.clocks import TICK, has_whole_seconds
from calls.core.outside_parties import is_outside
from calls.core.state import CallState, Party
from calls.core.unit_of_work import UnitOfWork
from calls.core.unreported_consultations import announced_by
from cti.events import CallEvent, Conferenced


def had_id_in_second(work: UnitOfWork, call: CallState, event: CallEvent, olds: list[CallState]) -> bool:
    """Say whether a call had the resulting id of an event, and gave it up in that whole second, as was heard before.

    Another transfer moved it then, or all of its phones have left; and none of its devices is in the calls that the
    event joins, or named by it. Example: 2002 has 103 from 18.2 to 18.8, and at 18.9 a conference of 119 and 106 goes
    on as 103. Where a call is handed on to who is not named, who answers is not known: that may be its devices.
    """
    if not has_whole_seconds(work) or not _is_known_who(work, event, olds):
        return False
    expected = announced_by(event).union(*(work.calls[old.incarnation].parties for old in olds))
    if call.moved_at is not None:
        return call.moved_at == event.time and not expected & _devices_of(work, call)
    inside = [one for one in call.parties.values() if not is_outside(work, call, one)]
    is_of_before = bool(inside) or (call.born_at < event.time and not call.parties)  # What is left of a divided one.
    return is_of_before and call.is_over and not is_known_by_ends(call) and _is_left_by(inside, event, expected)


def set_before(work: UnitOfWork, call_id: str, event: CallEvent) -> None:
    """Put calls that are over, and were set apart in the second in which another one gets their id, before that one."""
    for call in work.incarnations_of(call_id) if has_whole_seconds(work) else ():
        if call.is_over and event.time < call.born_at <= event.time + 2 * TICK:
            work.put_call(replace(call, born_at=event.time))


def _is_known_who(work: UnitOfWork, event: CallEvent, olds: list[CallState]) -> bool:
    """Say whether all who are in the resulting call are known: they are in those that are joined, or named."""
    to = event.data.transferred_to_device_id or ""
    return isinstance(event, Conferenced) or len(olds) > 1 or (bool(to) and work.site.is_extension(to))


def _devices_of(work: UnitOfWork, call: CallState) -> set[str]:
    """Return the devices known in a call that was moved: who has left it, and who is in what it became."""
    target = work.calls.get(call.moved_to) if call.moved_to is not None else None
    return {*call.parties, *(target.parties if target is not None else ())}


def _is_left_by(inside: list[Party], event: CallEvent, expected: set[str]) -> bool:
    """Say whether other devices have left by the second of an event: set apart in that, a step or two after it."""
    ends = [None if one.is_here or one.device_id in expected else one.cleared_at for one in inside]
    return all(end is not None and end <= event.time + 2 * TICK for end in ends)
