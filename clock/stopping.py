"""The end of a process's time: once asked to stop it begins nothing new, and has seconds for what it holds."""

import time
from collections.abc import Callable


class Stop:
    """Whether this process was asked to stop, and how long ago. Takes no lock: a signal's handler may ask."""

    def __init__(self, tick: Callable[[], float] = time.monotonic) -> None:
        self._tick = tick
        self._asked_at: float | None = None

    def ask(self) -> None:
        """Ask the process to stop; the first asking counts."""
        if self._asked_at is None:
            self._asked_at = self._tick()

    def forget(self) -> None:
        """Take the asking back: a test's process goes on."""
        self._asked_at = None

    @property
    def is_asked(self) -> bool:
        """Say whether the process was asked to stop."""
        return self._asked_at is not None

    def is_over(self, seconds: float) -> bool:
        """Say whether it was asked to stop at least this many seconds ago."""
        return self._asked_at is not None and self._tick() - self._asked_at >= seconds


#: This process's own.
stop = Stop()
