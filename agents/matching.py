"""Match agents with QMS users: pure, explained, exact.

Extensions are text and compared exactly; a near miss is named, never used.
"""

from enum import StrEnum

import msgspec


class MatchKind(StrEnum):
    """How the question "whose recording is this extension's?" was answered."""

    MATCHED = "matched"
    UNMATCHED = "user_unmatched"
    CONFLICT = "extension_conflict"
    INACTIVE = "user_inactive"
    UNLICENSED = "user_unlicensed"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one extension. ``services``: Recording Services to ask, in order, as primary keys."""

    kind: MatchKind
    reason: str
    services: tuple[int, ...] = ()
    user_id: str = ""
