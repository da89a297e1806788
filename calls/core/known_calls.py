"""Find the call and the connection that an event is about, and let the call learn what the event says."""

from msgspec.structs import replace

from calls.core.call_facts import AFTER, learn, moved_facts, reported_facts
from calls.core.incarnations import ENTERING, attribute, states_another_interaction
from calls.core.legs import GRACE, refresh_facts
from calls.core.state import CallState
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallCleared, CallEvent, CallInformation, ConnectionCleared


def known_call(work: UnitOfWork, event: CallEvent, call_id: str) -> CallState:
    """Return the call that an event is of, having learnt what the event says: what is later than its end is not its."""
    call = attribute(work, event, call_id)
    touched_at = max(call.touched_gateway_at, event.at)
    ended_at = call.ended_at
    is_foreign = _is_foreign(work, call, event)
    if is_foreign or (ended_at is not None and event.time > ended_at):
        return work.put_call(replace(call, touched_gateway_at=touched_at))
    born_at, entered_at = call.born_at, call.entered_at
    if isinstance(event, ENTERING):
        born_at, entered_at = min(born_at, event.time), max(entered_at or event.time, event.time)
        if call.doubtful_since is not None and event.time > call.doubtful_since:
            call = replace(call, doubtful_since=None)  # It goes on: the event is of it.
    call = replace(call, born_at=born_at, entered_at=entered_at, touched_gateway_at=touched_at)
    call = work.put_call(_learn(work, call, event))
    refresh_facts(work, call, event.at)
    return call


def _is_foreign(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an event that ends something, or is about one that ended, is of another call that is not known."""
    is_end = isinstance(event, ConnectionCleared | CallCleared) and work.site.has_source_times
    is_wrapup = isinstance(event, CallInformation) and event.data.wrapup is not None
    return (is_end or is_wrapup) and states_another_interaction(call, event)


def _learn(work: UnitOfWork, call: CallState, event: CallEvent) -> CallState:
    """Let a call learn what an event says, and the call that it was moved to, where the event is of before that."""
    facts = reported_facts(event.data)
    call = learn(call, facts, event.time)
    target = work.calls.get(call.moved_to) if call.moved_to is not None else None
    if target is not None and facts and call.moved_at is not None:
        handed = {
            name: history[-1].value for name, history in moved_facts(call, call.moved_at).items() if name in facts
        }
        is_main = target.main == call.incarnation
        wanted = handed if is_main else {name: one for name, one in handed.items() if name not in target.facts}
        target = work.put_call(learn(target, wanted, call.moved_at + AFTER))
        refresh_facts(work, target, event.at)
    return call


def located(work: UnitOfWork, event: CallEvent) -> tuple[CallState, str]:
    """Return the call in which the event's connection is now, and the device.

    An id of before a transfer or conference leads to the call that goes on, unless the device left at that moment.
    """
    device_id = event.data.device_id or ""
    call = known_call(work, event, event.data.call_id or "")
    hops = 0
    while call.moved_to is not None and device_id not in call.parties and call.moved_to in work.calls and hops < 8:
        if call.moved_at is not None and event.time > call.moved_at + GRACE:
            break
        call, hops = work.calls[call.moved_to], hops + 1
    return call, device_id
