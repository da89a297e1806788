"""Legs that others may have made, or unmade, because events of these are missing or were changed. Pure.

What is left of such a call, as of a transfer, may connect its extension at another moment, or not at all.
"""

from collections.abc import Sequence
from datetime import timedelta

from calls.replay.difference import LegAccount

#: Maximum time between a leg that lacks events and another one at its extension that may be there, or not, for that.
BESIDE = timedelta(minutes=1)


def is_beside(leg: LegAccount, others: Sequence[LegAccount]) -> bool:
    """Say whether a leg may be there, or not, for what others lack: events of these may have led to it."""
    return is_of_interaction(leg, others) or any(_meets(leg, one) for one in others)


def _meets(leg: LegAccount, other: LegAccount) -> bool:
    """Say whether a leg was at the same extension at the time of another one, or just before or after it."""
    if leg.extension != other.extension:
        return False
    end, other_end = leg.disconnected_at or leg.connected_at, other.disconnected_at or other.connected_at
    return leg.began_at - BESIDE < other_end and other.began_at < end + BESIDE


def is_of_interaction(leg: LegAccount, others: Sequence[LegAccount]) -> bool:
    """Say whether a leg is in a call, or an interaction, of others: events of these may have led to it."""
    own = leg.facts.interaction_id
    return any(one.call_id == leg.call_id or (own and one.facts.interaction_id == own) for one in others)
