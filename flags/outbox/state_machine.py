"""The protocol of one flag write: what its answer makes of it. Pure; time and chance are arguments.

queued -> sending (committed before the request leaves) -> written | refused | gone | conflict | given_up
                 an unclear end -> unclear -> read back: written | queued again | conflict

The values of a write never change, and QMS takes the same value again as no fault: to send twice is wasteful, never
wrong. What another has written stands, and ends the write as a conflict.
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

WriteStateName = Literal["queued", "unclear", "written", "refused", "gone", "conflict", "given_up"]

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 900.0
#: A wrong password is mended by a person; meanwhile QMS's audit log is not to be flooded.
LOGIN_WAIT_SECONDS = 300.0
#: A recording may become known to QMS's Data Server a little after its end.
APPEARS_WITHIN = timedelta(seconds=60)


class PendingWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A write on its way: its flags, which try this is, since when it waits, and when it is given up."""

    flags: tuple[Flag, ...]
    attempts: int
    created_at: datetime
    give_up_at: datetime


class WriteAccepted(msgspec.Struct, frozen=True):
    """QMS took the flags."""


class FlagsHeld(msgspec.Struct, frozen=True):
    """What the recording carries. ``refusal``: that of the write which led to this reading, if there was one."""

    flags: tuple[Flag, ...]
    refusal: FlagAlreadyWritten | None = None


class WriteFailed(msgspec.Struct, frozen=True):
    """QMS refused, was not reached, or left the end unclear. ``is_reading``: nothing was sent this time."""

    error: QmsError
    is_reading: bool = False


WriteResult = WriteAccepted | FlagsHeld | WriteFailed


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a write; ``not_before`` is set where it will be tried again."""

    state: WriteStateName
    not_before: datetime | None = None
    error_code: str = ""
    error: str = ""


WRITTEN = Decision(state="written")


def next_step(write: PendingWrite, answer: WriteResult, now: datetime, chance: float) -> Decision:
    """Decide what becomes of a write. ``chance``: from 0 to 1, spreads the tries."""
    match answer:
        case WriteAccepted():
            return WRITTEN
        case FlagsHeld(flags, refusal):
            return _after_reading(write, flags, refusal, now, chance)
        case WriteFailed(error, is_reading=True):
            return _after_failed_reading(write, error, now, chance)
        case WriteFailed(error):
            return _after_failure(write, error, now, chance)


def wait_seconds(attempts: int, chance: float) -> float:
    """Return how long to wait after so many tries: doubling from 1 s to 15 min, of which up to half is chance."""
    longest = min(FIRST_WAIT_SECONDS * 2.0 ** min(max(attempts - 1, 0), 20), LONGEST_WAIT_SECONDS)
    return longest * (0.5 + chance / 2)


def _after_failure(write: PendingWrite, error: QmsError, now: datetime, chance: float) -> Decision:
    if isinstance(error, RecordingNotFound) and not _may_appear(write, now):
        return _end("gone", error)
    if isinstance(error, QmsRejected) and not isinstance(error, RecordingNotFound | QmsLoginFailed):
        return _end("conflict" if isinstance(error, FlagAlreadyWritten) else "refused", error)
    return _again("unclear" if isinstance(error, QmsUnclear) else "queued", write, error, now, chance)


def _after_failed_reading(write: PendingWrite, error: QmsError, now: datetime, chance: float) -> Decision:
    """Keep the end unclear, unless the recording is gone: without a reading nothing may be sent."""
    if isinstance(error, RecordingNotFound) and not _may_appear(write, now):
        return _end("gone", error)
    return _again("unclear", write, error, now, chance)


def _after_reading(
    write: PendingWrite, carried: tuple[Flag, ...], refusal: FlagAlreadyWritten | None, now: datetime, chance: float
) -> Decision:
    """Decide by what the recording carries: all, something else, or part or none, which is sent (again)."""
    stands = {flag.name: flag.value for flag in carried}
    other = sorted(flag.name for flag in write.flags if stands.get(flag.name, flag.value) != flag.value)
    if other:
        text = f"QMS holds another value of the flag {other[0]}; it cannot be changed."
        return Decision(state="conflict", error_code=FlagAlreadyWritten.code, error=text)
    if all(flag.name in stands for flag in write.flags):
        return WRITTEN
    if refusal is not None:  # QMS says both that a flag stands and that none does: ask again later.
        return _again("queued", write, refusal, now, chance)
    return Decision(state="queued", not_before=now)


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
    not_before = now + timedelta(seconds=wait)
    return Decision(state=state, not_before=not_before, error_code=error.code, error=str(error))


def _end(state: Literal["refused", "gone", "conflict"], error: QmsError) -> Decision:
    return Decision(state=state, error_code=error.code, error=str(error))
