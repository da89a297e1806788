"""Read a link no faster than its bounds allow: what the PBX has still to send waits on its side of the connection.

Nothing that was read is dropped for it. A link may bring ten seconds' worth at once, as a snapshot of a site does.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import structlog

from cti.bounds import JOURNAL, LINK_BYTES, LINK_EVENTS, Bound
from cti.journal.refusals import note_held, note_refused
from cti.source_bounds import SourceBounds

log = structlog.get_logger()

#: What a link may bring at once after a quiet time, in seconds of its rate.
BURST_SECONDS = 10.0
#: Maximum time between two looks whether a full journal has room, and whether a link may be read, in seconds.
LOOK_SECONDS = 0.5
#: Minimum wait that is worth a sleep, in seconds.
MINIMUM_SECONDS = 0.001


class ReadAllowance:
    """A token bucket that may be overdrawn, for what was read cannot be given back."""

    def __init__(self, bound: Bound, now: float) -> None:
        self.bound = bound
        self._left, self._at = BURST_SECONDS * bound.maximum, now

    def take(self, amount: int, now: float) -> None:
        """Take what was read."""
        rate = self.bound.maximum
        self._left = min(BURST_SECONDS * rate, self._left + (now - self._at) * rate) - amount
        self._at = now

    def wait_seconds(self, now: float) -> float:
        """Return how long nothing more may be read."""
        return -self._left / self.bound.maximum - (now - self._at)


class LinkThrottle:
    """The pace of one link, and what its source's bounds refused; ``report`` runs in another thread."""

    def __init__(
        self,
        slug: str,
        bounds: SourceBounds,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._slug, self._bounds, self._now, self._sleep = slug, bounds, now, sleep
        self._events, self._bytes = (ReadAllowance(bound, now()) for bound in (LINK_EVENTS, LINK_BYTES))
        self._unreported_lock = threading.Lock()
        self._refused: Counter[Bound] = Counter()
        self._held: dict[Bound, float] = {}

    def count(self, *, events: int = 0, size: int = 0) -> None:
        """Count events and bytes that were read."""
        self._events.take(events, self._now())
        self._bytes.take(size, self._now())

    def refuse(self, bound: Bound, events: int = 1) -> None:
        """Note that events were refused because of a bound."""
        with self._unreported_lock:
            self._refused[bound] += events

    async def wait(self) -> None:
        """Wait until more may be read; usually that is at once."""
        while (due := self._due()) is not None:
            bound, seconds = due
            began = self._now()
            await self._sleep(min(seconds, LOOK_SECONDS))
            with self._unreported_lock:
                self._held[bound] = self._held.get(bound, 0.0) + self._now() - began

    def report(self) -> None:
        """Pass on what was refused and held up since the last report. Raises ``JournalUnavailable``; call it again."""
        for bound, events in list(self._refused.items()):
            note_refused(self._slug, bound, events)
            log.warning("source_bound_reached", source=self._slug, bound=bound.setting, events=events)
            with self._unreported_lock:
                self._refused = +(self._refused - Counter({bound: events}))
        for bound, seconds in list(self._held.items()):
            note_held(self._slug, bound, seconds)
            log.warning("link_held_up", source=self._slug, bound=bound.setting, seconds=round(seconds, 1))
            with self._unreported_lock:
                self._held[bound] -= seconds
                if self._held[bound] <= 0:
                    del self._held[bound]

    def _due(self) -> tuple[Bound, float] | None:
        if self._bounds.is_journal_full:
            return JOURNAL, LOOK_SECONDS
        now = self._now()
        slowest = max((self._events, self._bytes), key=lambda one: one.wait_seconds(now))
        seconds = slowest.wait_seconds(now)
        return (slowest.bound, seconds) if seconds > MINIMUM_SECONDS else None
