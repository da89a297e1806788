"""Let what a link brings gather for a moment: what an append to the journal costs does not grow with its events."""

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

#: From one reading to the next. A recording can be found for seconds; nobody notices hundredths.
GATHER_SECONDS: Final = 0.01
#: The same after a quiet time, in seconds, and how long that is at least: what then comes is mostly the rest of what
#: was read, and an append for each of its messages costs more than the messages. Under load no time is quiet.
QUIET_GATHER_SECONDS: Final = 0.04
QUIET_SECONDS: Final = 0.05


class ReadCoalescer:
    """Keeps the readings of one link apart."""

    def __init__(self, clock: Callable[[], float] = lambda: asyncio.get_running_loop().time()) -> None:
        self._clock = clock
        self._next_at = self._read_at = -math.inf

    @property
    def left(self) -> float:
        """Return for how many seconds what comes is left to gather: none after a quiet time."""
        return max(self._next_at - self._clock(), 0)

    async def pause(self) -> None:
        """Wait until it has gathered."""
        await asyncio.sleep(self.left)

    def read(self, data: bytes) -> bytes:
        """Note a reading, and return what it brought."""
        present = self._clock()
        is_after_quiet = present - self._read_at >= QUIET_SECONDS
        self._next_at = present + (QUIET_GATHER_SECONDS if is_after_quiet else GATHER_SECONDS)
        self._read_at = present
        return data


@contextmanager
def reading(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Have the link of a writer read only inside: what comes else gathers at the system and wakes nobody.

    asyncio takes each packet as it comes, also while nobody reads, and that costs as much as to decode its event.
    """
    transport = writer.transport
    if not isinstance(transport, asyncio.ReadTransport):
        yield
        return
    transport.resume_reading()
    try:
        yield
    finally:
        transport.pause_reading()
