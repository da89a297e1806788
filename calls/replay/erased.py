"""What is left of calls from whose events an erased caller was taken out. Pure."""

from collections.abc import Sequence

from calls.replay.difference import LegAccount, paired
from calls.replay.nearby import is_beside


def without_remains(
    again: Sequence[LegAccount], recorded: Sequence[LegAccount], erased: Sequence[LegAccount]
) -> list[LegAccount]:
    """Return the legs that would be, without what the remains of erased ones fold to.

    That is a leg of the same call that knows no caller, and one that was not there then, and is beside an erased one.
    """
    gone = {(leg.extension, leg.call_id) for leg in erased}
    kept = [leg for leg in again if (leg.extension, leg.call_id) not in gone or knows_caller(leg)]
    remains = [leg for leg in paired(recorded, kept).extra if is_beside(leg, erased)]
    return [leg for leg in kept if not any(leg is one for one in remains)]


def knows_caller(leg: LegAccount) -> bool:
    """Say whether a leg knows anything of its caller."""
    facts = leg.facts
    return any((facts.caller_name, facts.calling_number, facts.called_number, facts.query_data))
