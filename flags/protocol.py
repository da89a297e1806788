"""The protocol of one flag write: what its answer makes of it. Pure; time and chance are arguments.

queued -> sending (committed before the request leaves) -> written | refused | gone | conflict | given_up
                 an unclear end -> unclear -> read back: written | queued again | conflict
"""

from collections.abc import Mapping, Sequence
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

State = Literal["queued", "unclear", "written", "refused", "gone", "conflict", "given_up"]

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 900.0
#: A wrong password is mended by a person; meanwhile QMS's audit log is not to be flooded.
LOGIN_WAIT_SECONDS = 300.0
#: A recording may become known to QMS's Data Server a little after its end.
APPEARS_WITHIN = timedelta(seconds=60)


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A write on its way: which try this is, since when it waits, and when it is given up."""

    attempts: int
    created_at: datetime
    give_up_at: datetime


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a write; ``not_before`` is set where it will be tried again."""

    state: State
    not_before: datetime | None = None
    error_code: str = ""
    error: str = ""


WRITTEN = Decision(state="written")


def wait_seconds(attempts: int, chance: float) -> float:
    """Return how long to wait after so many tries: doubling from 1 s to 15 min, of which up to half is chance."""
    longest = min(FIRST_WAIT_SECONDS * 2.0 ** min(max(attempts - 1, 0), 20), LONGEST_WAIT_SECONDS)
    return longest * (0.5 + chance / 2)


def after_error(error: QmsError, write: Pending, now: datetime, chance: float) -> Decision:
    """Decide after QMS refused, was not reached, or left the end unclear."""
    if isinstance(error, RecordingNotFound):
        if now - write.created_at < APPEARS_WITHIN:
            return _again("queued", error, write, now, wait_seconds(write.attempts, chance))
        return _end("gone", error)
    if isinstance(error, QmsLoginFailed):
        return _again("queued", error, write, now, LOGIN_WAIT_SECONDS * (0.5 + chance / 2))
    if isinstance(error, QmsRejected):
        return _end("conflict" if isinstance(error, FlagAlreadyWritten) else "refused", error)
    state: Literal["queued", "unclear"] = "unclear" if isinstance(error, QmsUnclear) else "queued"
    return _again(state, error, write, now, wait_seconds(write.attempts, chance))


def after_failed_read_back(error: QmsError, write: Pending, now: datetime, chance: float) -> Decision:
    """Decide when it could not be read back what a recording carries: its end stays unclear, unless it is gone."""
    if isinstance(error, RecordingNotFound) and now - write.created_at >= APPEARS_WITHIN:
        return _end("gone", error)
    wait = LOGIN_WAIT_SECONDS if isinstance(error, QmsLoginFailed) else wait_seconds(write.attempts, chance)
    return _again("unclear", error, write, now, wait)


def after_read_back(carried: Sequence[Flag], wanted: Mapping[str, str], now: datetime) -> Decision:
    """Decide by what a recording carries: all is there, something else is there, or it is to be sent (again)."""
    stands = {flag.name: flag.value for flag in carried}
    other = sorted(name for name, value in wanted.items() if name in stands and stands[name] != value)
    if other:
        text = f"QMS holds another value of the flag {other[0]}; it cannot be changed."
        return Decision(state="conflict", error_code="FlagAlreadyWritten", error=text)
    if all(name in stands for name in wanted):
        return WRITTEN
    return Decision(state="queued", not_before=now)


def _again(
    state: Literal["queued", "unclear"], error: QmsError, write: Pending, now: datetime, wait: float
) -> Decision:
    """Try again later, or give up: with the code ``Unclear`` when the flags may have been written."""
    if now >= write.give_up_at:
        code = QmsUnclear.code if state == "unclear" else error.code
        return Decision(state="given_up", error_code=code, error=str(error))
    not_before = now + timedelta(seconds=wait)
    return Decision(state=state, not_before=not_before, error_code=error.code, error=str(error))


def _end(state: Literal["refused", "gone", "conflict"], error: QmsError) -> Decision:
    return Decision(state=state, error_code=error.code, error=str(error))
