"""The states of one flag write, and when it is retried: what an answer makes of it.

Pure; time and chance are arguments.

queued -> sending (committed before the request leaves) -> written | refused | gone | conflict | given_up
queued | sending | unclear -> shadow, where the service is in shadow mode
                 an unclear end -> unclear -> read back: written | conflict | unclear again | queued again

A QMS may finish a write after its time-out. A write whose end is unclear is therefore read back repeatedly, and is sent
again only when a reading that began after ``settle_after`` has found it missing; what was seen to be slow waits longer.
Immediately before it is sent again it is read back once more, and only the missing flags are sent. A write that was
made again after the database went back is sent whole or not at all: a part in QMS is of what was decided before.
"""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from qms.port import (
    Flag,
    FlagAlreadyWritten,
    QmsError,
    QmsLoginFailed,
    QmsRejected,
    QmsUnclear,
    RecordingNotFound,
)

WriteStateName = Literal["queued", "unclear", "written", "refused", "gone", "conflict", "given_up", "shadow"]

#: The code and the text of a write that shadow mode withheld.
SHADOW_CODE = "Shadow"
SHADOW_TEXT = "Another gateway writes the flags of this Recording Service (shadow mode); this one compares."
#: The wait after a first failed attempt, in seconds; it doubles.
FIRST_WAIT_SECONDS = 1.0
#: Maximum wait between two attempts, in seconds.
MAXIMUM_WAIT_SECONDS = 900.0
#: A person has to correct a wrong password; meanwhile QMS's audit log must not be flooded.
LOGIN_WAIT_SECONDS = 300.0
#: Maximum time after its end within which a recording may become known to QMS's Data Server.
APPEARS_WITHIN = timedelta(seconds=60)
#: Minimum time from an unclear end to sending again, in seconds: ASP.NET ends a request after 110 s by default.
SETTLE_SECONDS = 120.0
#: Maximum of the same, however slow the service was seen to be.
MAXIMUM_SETTLE_SECONDS = 3600.0
#: An unclear write waits at least this many of the service's time-outs ...
SETTLE_TIMEOUTS = 12
#: ... and this many times the longest delay with which the service was seen to finish a write.
SETTLE_DELAYS = 3


class PendingWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A write on its way: its flags, which attempt this is, since when it waits, and when it is given up.

    :param unclear_since: the latest moment at which a request left whose end is unknown; None: there was none.
    :param missing_at: when QMS last answered that it does not hold the flags of such a request.
    :param settle_after: how long QMS may take to finish such a request.
    :param is_made_again: made by a fold after the database went back, which may have decided otherwise than before.
    """

    flags: tuple[Flag, ...]
    attempts: int
    created_at: datetime
    give_up_at: datetime
    unclear_since: datetime | None = None
    missing_at: datetime | None = None
    settle_after: timedelta = timedelta(seconds=SETTLE_SECONDS)
    is_made_again: bool = False


class WriteAccepted(msgspec.Struct, frozen=True):
    """QMS confirmed that it holds the flags."""


class FlagsHeld(msgspec.Struct, frozen=True):
    """What the recording carried at ``read_at``, when the question left.

    :param cause: what the write before this reading ended with, if there was one: a refusal, or a doubtful answer.
    """

    flags: tuple[Flag, ...]
    read_at: datetime
    cause: FlagAlreadyWritten | QmsUnclear | None = None


class WriteFailed(msgspec.Struct, frozen=True):
    """QMS refused, was not reached, or left the end unclear. ``is_reading``: nothing was sent this time."""

    error: QmsError
    is_reading: bool = False


class WriteWithheld(msgspec.Struct, frozen=True):
    """Nothing was asked of QMS: another gateway writes there (shadow mode)."""


WriteResult = WriteAccepted | FlagsHeld | WriteFailed | WriteWithheld


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a write; ``not_before`` is set where it will be tried again.

    :param late_seconds: how long after an unclear end QMS finished the write, where that was seen.
    """

    state: WriteStateName
    not_before: datetime | None = None
    error_code: str = ""
    error: str = ""
    unclear_since: datetime | None = None
    missing_at: datetime | None = None
    late_seconds: float | None = None


def next_step(write: PendingWrite, answer: WriteResult, now: datetime, chance: float) -> Decision:
    """Decide what becomes of a write, and when it is retried. ``chance``: from 0 to 1, spreads the attempts.

    1. QMS confirmed it: written.
    2. QMS refused it for good: refused, conflict (a flag has another value, or was decided before the database went
       back), or gone (there is no such recording).
    3. Nothing was written, for QMS was not reached or refused the login: queued again, after a wait that grows.
    4. The end is unclear: the recording is read back. All flags there: written; another value: conflict; flags missing:
       unclear and read again, and once ``settle_after`` is over, queued and sent again.
    5. What would be retried after ``give_up_at`` is given up.
    6. It was withheld, for another gateway writes: shadow, for good.

    Example: the answer to a write is lost at 12:00:00. A reading at 12:00:01 finds no flag, so it is read again; one
    at 12:02:00 (``settle_after``: 120 s) finds none either, and the write is sent again.
    """
    match answer:
        case WriteAccepted():
            return Decision(state="written")
        case WriteWithheld():
            return Decision(state="shadow", error_code=SHADOW_CODE, error=SHADOW_TEXT)
        case FlagsHeld():
            return _after_reading(write, answer, now, chance)
        case WriteFailed(error, is_reading=True):
            return _after_failed_reading(write, error, now, chance)
        case WriteFailed(error):
            return _after_failure(write, error, now, chance)


def wait_seconds(attempts: int, chance: float) -> float:
    """Return how long to wait after this many attempts: doubling from 1 s to 15 min, of which up to half is chance."""
    longest = min(FIRST_WAIT_SECONDS * 2.0 ** min(max(attempts - 1, 0), 20), MAXIMUM_WAIT_SECONDS)
    return longest * (0.5 + chance / 2)


def settle_after(timeout_seconds: float, latest_seconds: float) -> timedelta:
    """Return how long a service may take to finish a write whose answer was lost.

    :param latest_seconds: the longest delay with which it was seen to finish one; 0 where none was seen.
    """
    seconds = max(SETTLE_SECONDS, timeout_seconds * SETTLE_TIMEOUTS, latest_seconds * SETTLE_DELAYS)
    return timedelta(seconds=min(seconds, MAXIMUM_SETTLE_SECONDS))


def missing(write: PendingWrite, carried: tuple[Flag, ...]) -> tuple[Flag, ...]:
    """Return the write's flags that a recording does not carry."""
    names = {flag.name for flag in carried}
    return tuple(flag for flag in write.flags if flag.name not in names)


def conflicting(write: PendingWrite, carried: tuple[Flag, ...]) -> list[str]:
    """Return the names of the write's flags that a recording carries with another value."""
    held = {flag.name: flag.value for flag in carried}
    return sorted(flag.name for flag in write.flags if held.get(flag.name, flag.value) != flag.value)


def is_decided_before(write: PendingWrite, carried: tuple[Flag, ...]) -> bool:
    """Say whether a recording carries what was decided before the database went back: a part of the write's flags."""
    return write.is_made_again and 0 < len(missing(write, carried)) < len(write.flags)


def _after_failure(write: PendingWrite, error: QmsError, now: datetime, chance: float) -> Decision:
    if isinstance(error, RecordingNotFound) and not _may_appear(write, now):
        return _end("gone", error)
    if isinstance(error, QmsRejected) and not isinstance(error, RecordingNotFound | QmsLoginFailed):
        return _end("conflict" if isinstance(error, FlagAlreadyWritten) else "refused", error)
    if isinstance(error, QmsUnclear):
        return _again("unclear", _sent_again(write, now), error, now, chance)
    return _again("queued", write, error, now, chance)


def _after_failed_reading(write: PendingWrite, error: QmsError, now: datetime, chance: float) -> Decision:
    """Keep the end unclear, unless the recording is gone: without a reading nothing may be sent."""
    if isinstance(error, RecordingNotFound) and not _may_appear(write, now):
        return _end("gone", error)
    since = write.unclear_since or now
    return _again("unclear", msgspec.structs.replace(write, unclear_since=since), error, now, chance)


def _after_reading(write: PendingWrite, held: FlagsHeld, now: datetime, chance: float) -> Decision:
    """Decide by what the recording carries: all, another value, or not all, which is sent again when it is safe."""
    if names := conflicting(write, held.flags):
        text = f"QMS holds another value of the flag {names[0]}; it cannot be changed."
        return Decision(state="conflict", error_code=FlagAlreadyWritten.code, error=text)
    if is_decided_before(write, held.flags):
        lacking = ", ".join(flag.name for flag in missing(write, held.flags))
        text = f"QMS holds the flags as they were decided before the database went back, without {lacking}."
        return Decision(state="conflict", error_code=FlagAlreadyWritten.code, error=text)
    if not missing(write, held.flags):
        return Decision(state="written", late_seconds=_delay(write, held))
    match held.cause:
        case FlagAlreadyWritten() as refusal:  # QMS says both that a flag stands and that none does: ask again later.
            return _again("queued", write, refusal, now, chance)
        case QmsUnclear() as doubt:
            return _again("unclear", _sent_again(write, now), doubt, now, chance)
    return _while_missing(write, held, now, chance)


def _while_missing(write: PendingWrite, held: FlagsHeld, now: datetime, chance: float) -> Decision:
    """Read again until QMS can no longer be at work on the write; then it may be sent."""
    since = write.unclear_since or now
    waited = msgspec.structs.replace(write, unclear_since=since, missing_at=held.read_at)
    if held.read_at < since + write.settle_after:
        doubt = QmsUnclear("Sent, but QMS does not hold all flags yet; it is read back until QMS must have finished.")
        again = _again("unclear", waited, doubt, now, chance)
        soonest = max(since + write.settle_after, now)
        return msgspec.structs.replace(again, not_before=min(again.not_before or soonest, soonest))
    return Decision(state="queued", not_before=now, unclear_since=since, missing_at=held.read_at)


def _sent_again(write: PendingWrite, now: datetime) -> PendingWrite:
    return msgspec.structs.replace(write, unclear_since=now, missing_at=None)


def _delay(write: PendingWrite, held: FlagsHeld) -> float | None:
    """Return how late QMS finished a write that an earlier reading did not find; None where none was in doubt."""
    if write.unclear_since is None or write.missing_at is None:
        return None
    return max((held.read_at - write.unclear_since).total_seconds(), 0.0)


def _may_appear(write: PendingWrite, now: datetime) -> bool:
    return now - write.created_at < APPEARS_WITHIN


def _again(
    state: Literal["queued", "unclear"], write: PendingWrite, error: QmsError, now: datetime, chance: float
) -> Decision:
    """Try again later, or give up: with the code ``Unclear`` when the flags may have been written."""
    if now >= write.give_up_at:
        code = QmsUnclear.code if state == "unclear" else error.code
        return Decision(state="given_up", error_code=code, error=str(error))
    is_login = isinstance(error, QmsLoginFailed)
    wait = LOGIN_WAIT_SECONDS * (0.5 + chance / 2) if is_login else wait_seconds(write.attempts, chance)
    return Decision(
        state=state,
        not_before=now + timedelta(seconds=wait),
        error_code=error.code,
        error=str(error),
        unclear_since=write.unclear_since,
        missing_at=write.missing_at,
    )


def _end(state: Literal["refused", "gone", "conflict"], error: QmsError) -> Decision:
    return Decision(state=state, error_code=error.code, error=str(error))
