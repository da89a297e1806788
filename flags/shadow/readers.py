"""Ask a Recording Service what stands on recordings, several at a time. No database here."""

from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue

import structlog

from clock.stopping import stop
from qms.api import Threads
from qms.port import QmsError, QmsLoginFailed, QmsRejected, QmsUnclear, RecordingServicePort

log = structlog.get_logger()

#: Timeout of a stop for answers, in seconds: what takes longer is asked for again by the next run.
STOP_SECONDS = 6.0
#: Interval at which it is checked whether the process stops, in seconds.
LOOK_EVERY_SECONDS = 0.25
#: The flags of a recording by their names, or why there are none.
Answer = Mapping[str, str] | QmsError


def is_answer(error: QmsError) -> bool:
    """Say whether an error is an answer: the service works and refused this request."""
    return isinstance(error, QmsRejected) and not isinstance(error, QmsLoginFailed)


class FlagReaders:
    """The questions of one batch, which the threads of a pool ask. ``may_begin``: asked before each of them.

    After a failure that is no answer nothing more is asked: what waits would fail in the same way.
    """

    def __init__(self, port: RecordingServicePort, pool: Threads, may_begin: Callable[[], bool]) -> None:
        self._port, self._pool, self._may_begin = port, pool, may_begin
        self._ended: SimpleQueue[tuple[int, Answer | None]] = SimpleQueue()
        self._has_failed = False

    def read(self, guids: Mapping[int, str]) -> dict[int, Answer]:
        """Return the answers by the keys of ``guids``; without those that were not asked for, or came after a stop."""
        for key, guid in guids.items():
            self._pool.submit(self._work, key, guid)
        answers: dict[int, Answer] = {}
        for _ in guids:
            ended = self._next()
            if ended is None:
                break
            key, answer = ended
            if answer is not None:
                answers[key] = answer
        return answers

    def _next(self) -> tuple[int, Answer | None] | None:
        """Wait for a question to end: each does, for the adapter's calls have a timeout. None: the process stops."""
        while not stop.is_over(STOP_SECONDS):
            try:
                return self._ended.get(timeout=LOOK_EVERY_SECONDS)
            except Empty:
                continue
        return None

    def _work(self, key: int, guid: str) -> None:
        may_ask = not self._has_failed and not stop.is_asked and self._may_begin()
        self._ended.put((key, self._ask(guid) if may_ask else None))

    def _ask(self, guid: str) -> Answer:
        try:
            return {flag.name: flag.value for flag in self._port.flags(guid)}
        except QmsError as error:
            self._has_failed = self._has_failed or not is_answer(error)
            return error
        except Exception as error:  # noqa: BLE001  (a defect of the gateway: logged, and asked again later)
            log.error("shadow_reading_crashed", error=type(error).__name__)  # Its text may quote a value.
            self._has_failed = True
            return QmsUnclear(f"The gateway itself failed ({type(error).__name__}).")
