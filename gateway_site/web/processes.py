"""Several processes on one listening socket: each is started again when it dies, and all are stopped together."""

import os
import signal
import time
from collections.abc import Callable
from types import FrameType

#: Wait before a process that died is started again, in seconds.
RESTART_SECONDS = 1.0


class _Stop(Exception):
    """SIGTERM or SIGINT came."""


def run(count: int, work: Callable[[], None]) -> int:
    """Run ``work`` in ``count`` processes until SIGTERM; in this one where one is enough."""
    if count <= 1:
        work()
        return 0
    children: set[int] = set()
    try:
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(signal.SIGINT, _stop)
        while True:
            while len(children) < count:
                children.add(_fork(work))
            children.discard(os.wait()[0])
            time.sleep(RESTART_SECONDS)
    except _Stop:
        _stop_all(children)
    return 0


def _stop(_: int, __: FrameType | None) -> None:
    raise _Stop


def _fork(work: Callable[[], None]) -> int:
    child = os.fork()
    if child:
        return child
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent passes it on.
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def _stop_all(children: set[int]) -> None:
    """Stop the children, and wait: each ends by itself within its own time to stop."""
    for child in children:
        os.kill(child, signal.SIGTERM)
    for child in children:
        os.waitpid(child, 0)
