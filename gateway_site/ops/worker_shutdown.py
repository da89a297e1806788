"""A worker's stop: the workers are asked to stop, and nothing holds the process up beyond the last resort."""

import os
import signal
from types import FrameType

import structlog

from clock.stopping import stop

log = structlog.get_logger()

#: Celery waits for running tasks without end. Whoever stops the gateway waits ten seconds and then kills.
LAST_RESORT_SECONDS = 9


def begin_shutdown() -> None:
    """Tell this process's workers to stop. Called in the main thread, by a signal's handler: takes no lock."""
    stop.ask()
    signal.signal(signal.SIGALRM, _leave)
    signal.alarm(LAST_RESORT_SECONDS)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End now: what is still held is found as after a kill."""
    log.error("stop_overdue", seconds=LAST_RESORT_SECONDS)
    os._exit(1)
