"""What became of a leg: a closed list."""

from enum import StrEnum


class Outcome(StrEnum):
    """Every leg that reached Connected ends with exactly one; each but ``flagged`` carries a reason."""

    FLAGGED = "flagged"
    PARTLY_FLAGGED = "partly_flagged"
    WAITING = "waiting"
    JOINED_LATE = "joined_late"
    AGENT_UNKNOWN = "agent_unknown"
    USER_UNMATCHED = "user_unmatched"
    EXTENSION_CONFLICT = "extension_conflict"
    USER_INACTIVE = "user_inactive"
    USER_UNLICENSED = "user_unlicensed"
    NOT_RECORDED = "not_recorded"
    WINDOW_MISSED = "window_missed"
    RECORDING_GONE = "recording_gone"
    REFUSED = "refused"
    WRITE_UNKNOWN = "write_unknown"
    GIVEN_UP = "given_up"
    SHADOW = "shadow"


#: Outcomes that say neither that a leg was flagged nor that it was not; they count in no share.
UNCOUNTED = (Outcome.WAITING, Outcome.SHADOW)
