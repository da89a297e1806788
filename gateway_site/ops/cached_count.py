"""Cache expensive counts for 100 times as long as they took: exact, never counted more often."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

Counted = TypeVar("Counted")
#: Maximum duration of a count that is not cached, in seconds.
CHEAP_SECONDS = 0.05
#: Maximum share of a process's time that one count may take.
SHARE = 0.01


class CachedCount(Generic[Counted]):
    """A count that is kept for a while where it took long; each process keeps its own."""

    def __init__(self, count: Callable[[], Counted], now: Callable[[], float] = time.monotonic) -> None:
        self._count, self._now = count, now
        self._kept: tuple[float, Counted] | None = None

    def __call__(self) -> Counted:
        """Return the count, at most as old as ``SHARE`` allows."""
        began = self._now()
        if self._kept is not None and began < self._kept[0]:
            return self._kept[1]
        found = self._count()
        took = self._now() - began
        self._kept = (began + took / SHARE, found) if took > CHEAP_SECONDS else None
        return found
