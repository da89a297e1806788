"""What the core folds beside the events of a source, in one order with them: answers of QMS, and time."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from calls.core.state import WriteStatus

#: No leg has this number: what has it belongs to another source's leg.
ANOTHERS = -1


class RecordingFound(msgspec.Struct, frozen=True, kw_only=True):
    """QMS named a recording for a leg, in answer to a question of ``asked_at``.

    ``holder``: the leg that had this recording when the batch was read, ``ANOTHERS``: one of another source. ``why``:
    what QMS had answered before, after a transfer: see ``why_before``. ``first_asked_at``: when the search's first
    question was put.
    """

    leg: int
    search: int
    guid: str
    service: int
    started_at: datetime
    attempts: int
    at: datetime
    holder: int | None = None
    asked_at: datetime | None = None
    why: str = ""
    first_asked_at: datetime | None = None


class RecordingMissed(msgspec.Struct, frozen=True, kw_only=True):
    """The window is over without a recording. ``why``: see ``WHY``.

    ``asked_at``: when a question was put that QMS did answer, the first one for which a recording that began with the
    leg, or with the transfer, would have been there, else the last; None: it is not known. ``first_asked_at``: when the
    first question was put, whether it was answered or not.
    """

    leg: int
    search: int
    why: str
    attempts: int
    at: datetime
    error: str = ""
    asked_at: datetime | None = None
    first_asked_at: datetime | None = None


class RecordingAssigned(msgspec.Struct, frozen=True, kw_only=True):
    """A person gave a leg the recording that QMS holds for it alone and that no search found in time.

    ``holder``: the leg that had this recording when the batch was read. ``by``: who decided it.
    """

    leg: int
    search: int
    guid: str
    service: int
    started_at: datetime
    at: datetime
    by: str
    holder: int | None = None


class WriteSettled(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a leg's flags came to its end in QMS."""

    leg: int
    part: Literal["base", "wrapup"]
    status: WriteStatus
    at: datetime
    error_code: str = ""
    error: str = ""


class TimePassed(msgspec.Struct, frozen=True):
    """It is now so late, by the gateway's clock; what is due is done."""

    at: datetime


ResultEvent = RecordingFound | RecordingMissed | RecordingAssigned | WriteSettled | TimePassed

#: A recording of a leg begins with it, and no later than this: what begins later may be that of a call never heard of.
LATE = timedelta(seconds=1.5)

#: Until when after a transfer QMS is asked whether a recording began with it, where nothing is late.
ASKED_BY = LATE + timedelta(seconds=1)
#: QMS named none as it was asked when a recording that began with the transfer would have been there.
NONE_BEGAN = "none_began"


def why_before(why: str, attempts: int, since: datetime, asked_at: datetime | None) -> str:
    """Return what QMS had answered after a transfer before it named another recording; empty: nothing.

    ``attempts``: how often it had answered. ``asked_at``: when its answer would decide, else its last answer's.
    """
    if why not in ("", "none"):
        return why
    is_in_time = asked_at is not None and since + LATE <= asked_at <= since + ASKED_BY
    return NONE_BEGAN if attempts and is_in_time else "none" if attempts else ""


#: Why a search missed, and what an operator should know.
WHY = {
    "none": "QMS had no recording for the extension while it was asked.",
    "late": "The question came after the window: the gateway was too slow or was not running.",
    "heard_late": "The call was reported so late that QMS could name its recording no more.",
    "unreachable": "The Recording Service did not answer within the window.",
    "same": "QMS named only a recording that belongs to another leg.",
    "several": "QMS named more than one recording; none is taken, a guess could be wrong.",
    "stranger": "QMS named a recording of another extension or of an earlier time; it was not taken.",
    "next_call": "The extension's next call began before QMS had answered; an answer now could be the next call's.",
    "transfer": "The call was transferred before QMS had named the recording of this part.",
    "undecided": "QMS did not say in time whether the recording before the transfer went on or another began.",
    "end_unreported": "The call's id was used again before its end was reported; a transfer may have given it another.",
    "repeat": "The recording began as the extension was reported as connected again; it may be of the id's next call.",
    "began_late": "QMS named a recording that began over 1.5 s after Connected, or late and just before the end; "
    "it may be of a call not heard of.",
    "canary": "QMS named a recording although the canary made none: it is another call's and was not taken.",
}


def attempts_text(count: int) -> str:
    """Return how often QMS was asked, for a sentence of the trace."""
    return "1 attempt" if count == 1 else f"{count} attempts"


#: The same in few words, for lists; QMS's own codes are shown as they are.
BRIEFLY = {
    "none": "QMS had no recording",
    "late": "asked too late",
    "heard_late": "the call was reported too late",
    "unreachable": "the Recording Service did not answer",
    "same": "only another leg's recording",
    "several": "more than one recording",
    "stranger": "another extension's recording",
    "next_call": "the next call began",
    "transfer": "transferred before QMS had answered",
    "undecided": "unclear whether the recording went on at the transfer",
    "end_unreported": "the end or a transfer was not reported",
    "repeat": "the recording began as a second connection was reported",
    "began_late": "the recording began too late for this call",
    "canary": "a recording that the canary did not make",
}
