"""The threads that talk to a Recording Service about claimed flag writes. They touch no database."""

import os
import random
import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from time import monotonic

import msgspec
import structlog

from clock import ReadClock
from clock.stopping import stop
from flags.outbox.claims import Claimed
from flags.outbox.state_machine import (
    Decision,
    FlagsHeld,
    WriteAccepted,
    WriteFailed,
    WriteResult,
    WriteWithheld,
    conflicting,
    is_decided_before,
    missing,
    next_step,
)
from qms.api import Threads
from qms.port import (
    Flag,
    FlagAlreadyWritten,
    QmsError,
    QmsLoginFailed,
    QmsRejected,
    QmsUnclear,
    RecordingServicePort,
)

log = structlog.get_logger()

#: Wait for more answers after the first, in seconds: they are saved by one statement.
GATHER_SECONDS = 0.01
#: Timeout of a stop for answers, in seconds: what takes longer is read back by the next delivery.
STOP_SECONDS = 6.0
#: Interval at which a worker that waits for answers checks whether the process stops, in seconds.
LOOK_EVERY_SECONDS = 0.25


class SendResult(msgspec.Struct, frozen=True):
    """A claimed write and what is decided of it; no decision: it was not sent."""

    claimed: Claimed
    decision: Decision | None = None
    failure: QmsError | None = None


class SenderThreads:
    """The writes of one delivery that are with the threads. ``halt``: what is not begun yet is not sent.

    A stop of the process halts too; what is still under way when its time is over is to be abandoned.
    """

    def __init__(self, pool: Threads, now: ReadClock) -> None:
        self.pool, self.now = pool, now
        self.halt = threading.Event()
        self.under_way: dict[int, Claimed] = {}
        self._ended: SimpleQueue[SendResult] = SimpleQueue()
        self._begun: set[int] = set()
        self._is_abandoned = False
        self._beginning = threading.Lock()

    def send(self, port: RecordingServicePort, claimed: Claimed) -> None:
        """Give a write to the threads."""
        self.under_way[claimed.write_id] = claimed
        self.pool.submit(self._work, port, claimed)

    def gather(self, seconds: float) -> list[SendResult]:
        """Wait for the first write to end and take what ends with it.

        Nothing within ``seconds``, or before a stop's time is over: an empty list.
        """
        found: list[SendResult] = []
        until = monotonic() + seconds
        while len(found) < len(self.under_way):
            try:
                found.append(self._ended.get(timeout=max(min(until - monotonic(), LOOK_EVERY_SECONDS), 0)))
            except Empty:
                if monotonic() >= until or stop.is_over(STOP_SECONDS):
                    break
                continue
            until = until if len(found) > 1 else monotonic() + GATHER_SECONDS
        for one in found:
            self.under_way.pop(one.claimed.write_id, None)
            self._begun.discard(one.claimed.write_id)
        return found

    def abandon(self) -> tuple[list[Claimed], list[Claimed]]:
        """Wait no longer. Returns what was not begun, and now never will be, and what may have been sent."""
        with self._beginning:
            self._is_abandoned = True
            begun = set(self._begun)
        left = list(self.under_way.values())
        self.under_way.clear()
        return [one for one in left if one.write_id not in begun], [one for one in left if one.write_id in begun]

    def _may_send(self, claimed: Claimed) -> bool:
        """Say whether a write may be sent: not when its claim may run out meanwhile, as after a pause."""
        with self._beginning:
            if self.halt.is_set() or stop.is_asked or self._is_abandoned or self.now() >= claimed.send_before:
                return False
            self._begun.add(claimed.write_id)
            return True

    def _work(self, port: RecordingServicePort, claimed: Claimed) -> None:
        if not self._may_send(claimed):
            self._ended.put(SendResult(claimed))
            return
        answer = _carry_out_claim(port, claimed, self.now)
        failure = answer.error if isinstance(answer, WriteFailed) and not is_answer(answer.error) else None
        if failure is not None:  # The writes that wait would fail in the same way.
            self.halt.set()
        decision = next_step(claimed.pending, answer, self.now(), random.random())  # noqa: S311  (spreads the attempts)
        self._ended.put(SendResult(claimed, decision, failure))


def is_answer(error: QmsError) -> bool:
    """Say whether an error is an answer: the service works and refused this request."""
    return isinstance(error, QmsRejected) and not isinstance(error, QmsLoginFailed)


def _carry_out_claim(port: RecordingServicePort, claimed: Claimed, now: ReadClock) -> WriteResult:
    """Write, or read back. A defect of the gateway leaves the result unclear and stops no other write."""
    if claimed.is_shadow:  # The last place before QMS: whatever led here, nothing is asked and nothing is written.
        return WriteWithheld()
    try:
        if claimed.is_unclear:
            return _read_back(port, claimed, now)
        return _write_missing(port, claimed, now) if claimed.pending.unclear_since else _write(port, claimed, now)
    except Exception as error:  # noqa: BLE001  (logged, and read back like any unclear end)
        kind = type(error).__name__  # its text may quote a value
        log.error("flag_write_crashed", write_id=claimed.write_id, error=kind)
        return WriteFailed(QmsUnclear(f"The gateway itself failed ({kind})."), claimed.is_unclear)


def _write(port: RecordingServicePort, claimed: Claimed, now: ReadClock) -> WriteResult:
    """Write for the first time. Another count than was sent is no confirmation: the recording is read back."""
    flags = claimed.pending.flags
    try:
        written = port.write_flags(claimed.recording_guid, flags)
    except FlagAlreadyWritten as refusal:
        return _read_back(port, claimed, now, refusal)
    except QmsError as error:
        return WriteFailed(error)
    return WriteAccepted() if written == len(flags) else _read_back(port, claimed, now, _miscounted(written, flags))


def _write_missing(port: RecordingServicePort, claimed: Claimed, now: ReadClock) -> WriteResult:
    """Write once more what may have been written before: read back first, and send only what is missing."""
    held = _read_back(port, claimed, now)
    if not isinstance(held, FlagsHeld):
        return held
    flags = missing(claimed.pending, held.flags)
    is_settled = conflicting(claimed.pending, held.flags) or is_decided_before(claimed.pending, held.flags)
    if not flags or is_settled:
        return held
    try:
        written = port.write_flags(claimed.recording_guid, flags)
    except FlagAlreadyWritten:
        return WriteFailed(QmsUnclear("A flag was written while it was read back."))
    except QmsError as error:
        return WriteFailed(error)
    return WriteAccepted() if written == len(flags) else WriteFailed(_miscounted(written, flags))


def _miscounted(written: int, flags: Sequence[Flag]) -> QmsUnclear:
    return QmsUnclear(f"QMS answered that it wrote {written} of {len(flags)} flags.")


def _read_back(
    port: RecordingServicePort, claimed: Claimed, now: ReadClock, cause: FlagAlreadyWritten | QmsUnclear | None = None
) -> WriteResult:
    read_at = now()
    try:
        return FlagsHeld(tuple(port.flags(claimed.recording_guid)), read_at, cause)
    except QmsError as error:
        return WriteFailed(error, is_reading=True)


class _Pools:
    """The threads of this process, for each service as many as may be in flight."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, tuple[int, Threads]] = {}

    def of(self, service_id: int, limit: int) -> Threads:
        """Return the service's threads; new ones when the limit was changed."""
        with self._lock:
            known = self._known.get(service_id)
            if known is None or known[0] != limit:
                if known is not None:
                    known[1].shutdown()
                known = self._known[service_id] = (limit, Threads(limit, f"write-{service_id}"))
            return known[1]


pools = _Pools()


def _forget_parent_threads() -> None:
    """Forget the parent's threads: a forked child has none of them."""
    pools.__init__()  # type: ignore[misc]  # the same object, so that every reference to it starts empty


os.register_at_fork(after_in_child=_forget_parent_threads)
