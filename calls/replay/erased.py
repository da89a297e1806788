"""Legs of calls from whose events an erased caller was taken out. Pure.

What is left of such a call, as of a transfer, may connect its extension at another moment, or not at all.
"""

from collections.abc import Sequence
from datetime import timedelta

from calls.replay.difference import LegAccount

#: Maximum time between an erased leg and another one at its extension that its remains may have made, or unmade.
BESIDE = timedelta(minutes=1)


def without_remains(
    again: Sequence[LegAccount], recorded: Sequence[LegAccount], erased: Sequence[LegAccount]
) -> list[LegAccount]:
    """Return the legs that would be, without what the remains of erased ones fold to.

    That is a leg of the same call that knows no caller, and one that was not there then, and is beside an erased one.
    """
    gone = {(leg.extension, leg.call_id) for leg in erased}
    known = {(leg.extension, leg.connected_at) for leg in recorded}
    return [
        leg
        for leg in again
        if ((leg.extension, leg.call_id) not in gone or knows_caller(leg))
        and ((leg.extension, leg.connected_at) in known or not is_beside(leg, erased))
    ]


def is_beside(leg: LegAccount, erased: Sequence[LegAccount]) -> bool:
    """Say whether a leg may be there, or not, for what is left of erased ones: events of these may have led to it."""
    return is_of_interaction(leg, erased) or any(_meets(leg, one) for one in erased)


def _meets(leg: LegAccount, other: LegAccount) -> bool:
    """Say whether a leg was at the same extension at the time of another one, or just before or after it."""
    if leg.extension != other.extension:
        return False
    end, other_end = leg.disconnected_at or leg.connected_at, other.disconnected_at or other.connected_at
    return leg.began_at - BESIDE < other_end and other.began_at < end + BESIDE


def is_of_interaction(leg: LegAccount, erased: Sequence[LegAccount]) -> bool:
    """Say whether a leg is in a call, or an interaction, of erased ones: events of it may have named the caller."""
    own = leg.facts.interaction_id
    return any(one.call_id == leg.call_id or (own and one.facts.interaction_id == own) for one in erased)


def knows_caller(leg: LegAccount) -> bool:
    """Say whether a leg knows anything of its caller."""
    facts = leg.facts
    return any((facts.caller_name, facts.calling_number, facts.called_number, facts.query_data))
