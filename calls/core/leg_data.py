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
    facts = {name: _until(history, leg) for name, history in call.facts.items()} if _is_whole(leg, call) else call.facts
    known = facts.get("queue_name", ())
    since = leg.connected_source_at + (GRACE if _may_be_late(work) else timedelta(0))
    own = tuple(one for one in known if not _leads_away(one, since, leg))
    if len(own) != len(known):
        facts = {**facts, "queue_name": own}
    if facts is call.facts:
        return as_of(call, leg.disconnected_source_at)
    return as_of(replace(call, facts={name: one for name, one in facts.items() if one}), leg.disconnected_source_at)


def _may_be_late(work: UnitOfWork) -> bool:
    return not work.site.has_source_times and work.site.settle_seconds > 0


def _leads_away(value: TimedValue, since: datetime, leg: LegState) -> bool:
    origin = value.origin
    if origin is None or origin.event != "Queued" or origin.rule is OriginRule.HANDED_ON:
        return False
    if value.heard_at is not None and since <= value.at <= since + TICK:  # In one second: set apart, or not.
        return value.heard_at > leg.connected_gateway_at
    return value.at > since


def _is_whole(leg: LegState, call: CallState) -> bool:
    """Say whether something was stated in the second of a leg's end, of whole ones."""
    ended = leg.disconnected_source_at
    return ended is not None and any(
        history[-1].heard_at is not None and history[-1].at == ended for history in call.facts.values()
    )


def _until(history: tuple[TimedValue, ...], leg: LegState) -> tuple[TimedValue, ...]:
    ended, heard = leg.disconnected_source_at, leg.disconnected_gateway_at
    return tuple(
        one for one in history if one.at != ended or one.heard_at is None or heard is None or one.heard_at <= heard
    )
