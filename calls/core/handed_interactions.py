"""Which interaction a customer's call has after a transfer or conference, where its own may have been missed."""

from msgspec.structs import replace

from calls.core.call_evidence import SILENCE
from calls.core.call_facts import AFTER, moved_facts
from calls.core.state import CallState, TimedValue
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent


def handed_facts(
    work: UnitOfWork, call: CallState, main: CallState, event: CallEvent
) -> dict[str, tuple[TimedValue, ...]]:
    """Return what a call hands on to the resulting one; a consultation's interaction is not that of a missed one."""
    facts = moved_facts(call, event.time)
    if call.incarnation != main.incarnation and _may_have_another(work, main):
        facts.pop("interaction_id", None)
    return facts


def without_doubtful(work: UnitOfWork, target: CallState, main: CallState, event: CallEvent) -> CallState:
    """Let a consultation that goes on as the customer's call have no interaction from then on, where that is doubtful.

    Example: a call waits as the link is lost, and its interaction was stated in the gap. 2001 consults 2002 in a call
    that states another one, and hands the customer on. That the recording of 2002 has the consultation's interaction
    would be wrong; so both have the one that the gateway made for the customer's call.
    """
    known = target.facts.get("interaction_id", ())
    is_own = main.incarnation == target.incarnation or not known or known[-1].at > event.time
    if is_own or not _may_have_another(work, main):
        return target
    none = TimedValue(at=event.time + AFTER, value="")
    return replace(target, facts={**target.facts, "interaction_id": (*known, none)})


def _may_have_another(work: UnitOfWork, main: CallState) -> bool:
    """Say whether an interaction of the customer's call, of which none is known, may have been stated in a gap.

    A call that was heard of later may have waited in the gap for as long as calls wait unheard.
    """
    missed, main = work.source.missed_gateway_at, work.calls[main.incarnation]
    return "interaction_id" not in main.facts and missed is not None and main.root <= missed + SILENCE
