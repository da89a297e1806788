"""Forked processes with a time limit."""

import contextlib
import os
import resource
import signal
import sys
import time
import warnings
from collections.abc import Callable

_MEMORY_BYTES = 4 << 30  # A mutant that appends without end shall end by itself, not take the machine with it.
_BROKEN = 70


def end_with_parent() -> None:
    """Let the signal to end raise ``SystemExit`` in this process, so that its child is ended too."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def run(
    work: Callable[[], int], seconds: float, grace_seconds: float = 0, tick: Callable[[], float] = time.monotonic
) -> int | None:
    """Run the work in a child process and return its exit status, None when the time is over.

    The child has a process group of its own, of which nothing is left afterwards. A child with some grace is
    interrupted first, so that it can tidy up. No handler of the parent's runs in it unless the work calls it.

    :param tick: the clock by which the time is over, in seconds.
    """
    with warnings.catch_warnings(action="ignore"):  # Python 3.12 warns of threads; the first child is a check of that.
        child = os.fork()
    if child == 0:
        _become(work)
    with contextlib.suppress(OSError):
        os.setpgid(child, child)
    try:
        status = _wait(child, seconds, tick)
        if status is None and grace_seconds:
            os.kill(child, signal.SIGINT)
            _wait(child, grace_seconds, tick)
        return status
    finally:
        _end(child)


def _become(work: Callable[[], int]) -> None:
    status = _BROKEN
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
        quiet = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(quiet, standard)
        status = work()
    finally:
        os._exit(status)


def _wait(child: int, seconds: float, tick: Callable[[], float]) -> int | None:
    """Return the exit status, negative for a signal; None when the child still runs."""
    deadline = tick() + seconds
    pause = 0.001
    while tick() < deadline:
        # The child stays a zombie, so that its number and its group cannot be another's before the end.
        found = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is not None:
            return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)
    return None


def _end(child: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
