"""The ordered line of a PBX: what it sends arrives in order, so that an answer waits behind what it said before."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

from devtools.worlds.judge.scenario import Event

#: An answer arrives this long after what the line brought before it, in seconds.
BEHIND = 0.0004


class OrderedLine:
    """Say when the line of a scenario brings what the PBX sends at a moment, both in seconds."""

    def __init__(self, events: Iterable[Event]) -> None:
        said = sorted((one.at, one.heard) for one in events)
        self._said = [at for at, _ in said]
        self._brought = list(accumulate((heard for _, heard in said), max))

    def brings(self, sent: float) -> float:
        """Return when something arrives: as late as what the PBX said before."""
        number = bisect_right(self._said, sent)
        return max(sent, self._brought[number - 1] + BEHIND) if number else sent

    def send(self, transport: asyncio.Transport, data: bytes) -> None:
        """Send bytes now, behind what is still on its way."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if (arrives := self.brings(now)) > now:
            loop.call_at(arrives, transport.write, data)
        else:
            transport.write(data)
