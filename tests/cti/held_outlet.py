"""An outlet that keeps the events that it is given, and holds the link up while a test wants it."""

import asyncio
from collections.abc import Sequence

from cti.events import Event


class HeldOutlet:
    """Accept and pace as a listener does; the rest of an outlet is the test's own."""

    def __init__(self) -> None:
        self.is_held, self.holds, self.paced, self.came_while_held = False, 0, 0, 0
        self.events: list[Event] = []

    async def accept(self, events: Sequence[Event]) -> None:
        """Keep events."""
        self.events += events

    async def pace(self, size: int) -> None:
        """Hold the link up while a test wants it, and note what came meanwhile."""
        self.paced += size
        before = len(self.events)
        while self.is_held:
            self.holds += 1
            await asyncio.sleep(0.005)
        self.came_while_held += len(self.events) - before
