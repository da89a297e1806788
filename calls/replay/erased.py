"""Legs of calls from whose events an erased caller was taken out. Pure.

What is left of such a call, as of a transfer, may connect its extension at another moment, or not at all.
"""

from collections.abc import Sequence

from calls.replay.difference import LegAccount


def without_remains(again: Sequence[LegAccount], erased: Sequence[LegAccount]) -> list[LegAccount]:
    """Return the legs that would be, without what the remains of erased ones fold to: the same call, no caller."""
    gone = {(leg.extension, leg.call_id) for leg in erased}
    return [leg for leg in again if (leg.extension, leg.call_id) not in gone or knows_caller(leg)]


def is_of_interaction(leg: LegAccount, erased: Sequence[LegAccount]) -> bool:
    """Say whether a leg is in a call, or an interaction, of erased ones: events of it may have named the caller."""
    own = leg.facts.interaction_id
    return any(one.call_id == leg.call_id or (own and one.facts.interaction_id == own) for one in erased)


def knows_caller(leg: LegAccount) -> bool:
    """Say whether a leg knows anything of its caller."""
    facts = leg.facts
    return any((facts.caller_name, facts.calling_number, facts.called_number, facts.query_data))
