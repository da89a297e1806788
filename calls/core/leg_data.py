"""What a leg knows of its call: what was stated until it ended, and not where its phone led the call."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from calls.core.call_facts import as_of
from calls.core.clocks import GRACE, TICK
from calls.core.origins import OriginRule
from calls.core.state import CallState, LegData, LegState, TimedValue
from calls.core.unit_of_work import UnitOfWork


def data_of(work: UnitOfWork, call: CallState, leg: LegState) -> LegData:
    """Return what a leg knows of its call: now, or as of its end.

    1. A call is queued before it is answered. A queue into which it comes while the phone talks is where that leads it;
       within the second of the answer, of whole ones, what is heard after that.
    2. In whole seconds, what is heard after the end was stated after it.
    """
    facts, ended = call.facts, leg.disconnected_source_at
    if ended is not None:
        facts = {name: tuple(one for one in known if not _is_after_end(one, leg)) for name, known in facts.items()}
    known = facts.get("queue_name", ())
    since = leg.connected_source_at + (GRACE if _may_be_late(work, leg) else timedelta(0))
    own = tuple(one for one in known if not _leads_away(one, since, leg))
    return as_of(replace(call, facts={name: one for name, one in {**facts, "queue_name": own}.items() if one}), ended)


def _may_be_late(work: UnitOfWork, leg: LegState) -> bool:
    """Say whether a queue that is heard after a leg began may have led to it.

    None leads to a phone that talked, nor to one whose answer states the queue.
    """
    is_certain = leg.agent_source_at is not None or leg.is_queue_stated
    return not work.site.has_source_times and work.site.settle_seconds > 0 and not is_certain


def _leads_away(value: TimedValue, since: datetime, leg: LegState) -> bool:
    origin = value.origin
    if origin is None or origin.event != "Queued" or origin.rule is OriginRule.HANDED_ON:
        return False
    if value.heard_at is not None and since <= value.at <= since + TICK:  # In one second: set apart, or not.
        return value.heard_at > leg.connected_gateway_at
    return value.at > since


def _is_after_end(value: TimedValue, leg: LegState) -> bool:
    """Say whether a value was stated in the second of a leg's end, of whole ones, and heard after that."""
    heard = leg.disconnected_gateway_at
    if value.heard_at is None or heard is None:
        return False
    return value.at == leg.disconnected_source_at and value.heard_at > heard
