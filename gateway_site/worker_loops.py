"""The loops that workers of the queues events, lookups and writes run beside Celery's own consumer.

Celery starts them with each process that works, and again with the next one where a process died. A loop shows itself
that it lives: Celery's own messages would only show that Celery does.
"""

import threading
import time
from collections.abc import Callable, Collection

import structlog

from calls import api
from clock.stopping import stop
from gateway_site.ops import worker_heartbeat

log = structlog.get_logger()

#: Pause before a loop that ended by an error begins again, in seconds.
PAUSE_SECONDS = 1.0

_LOOPS: dict[str, Callable[[Callable[[], None]], None]] = {
    "events": api.fold_sources,
    "lookups": api.serve_searches,
    "writes": api.serve_writes,
}
_running: dict[str, threading.Thread] = {}


def begin(queues: Collection[str]) -> None:
    """Start the loops of the queues that this process works on, each once."""
    for queue in _LOOPS.keys() & set(queues) - _running.keys():
        _running[queue] = threading.Thread(target=_run, args=(queue,), name=queue, daemon=True)
        _running[queue].start()


def await_end(seconds: float) -> None:
    """Wait until the loops, which were asked to stop, have ended, but no longer than this."""
    until = time.monotonic() + seconds
    for thread in _running.values():
        thread.join(max(until - time.monotonic(), 0.0))


def _run(queue: str) -> None:
    """Run a queue's loop until the process is asked to stop; one that ended by an error begins again."""
    while not stop.is_asked:
        try:
            _LOOPS[queue](_Pulse(queue))
        except Exception:
            log.exception("loop_ended", queue=queue)
            time.sleep(PAUSE_SECONDS)


class _Pulse:
    """Note a sign of life of a queue's worker at an interval; a loop goes on where it cannot be noted."""

    def __init__(self, queue: str) -> None:
        self._queue, self._next_at = queue, 0.0

    def __call__(self) -> None:
        """Note it where it is time."""
        if time.monotonic() < self._next_at:
            return
        self._next_at = time.monotonic() + worker_heartbeat.EVERY_SECONDS
        try:
            worker_heartbeat.note(self._queue)
        except Exception as error:  # noqa: BLE001  (whatever the cache raises: it is only a sign)
            log.warning("pulse_not_noted", queue=self._queue, error=type(error).__name__)
