"""Take a new snapshot of every monitored device where events were lost or may have been."""

import asyncio

from cti.sources.csta_xml.device_snapshots import DeviceSnapshots
from cti.sources.csta_xml.link_context import LinkContext

#: Minimum interval between two snapshots for messages that could not be read, in seconds.
MINIMUM_INTERVAL = 10.0


class Resynchronisation:
    """The snapshots that one link needs beside the first."""

    def __init__(self, context: LinkContext, snapshots: DeviceSnapshots) -> None:
        self._context, self._snapshots = context, snapshots
        self._next_at = 0.0
        self._reason = ""
        self._task: asyncio.Task[None] | None = None

    async def run(self, reason: str) -> None:
        """Take a snapshot of all monitored devices at once: events were lost."""
        await self._context.report_loss(self._context.monitored, reason, self._context.now())
        await self._take()

    def request(self, reason: str) -> None:
        """Take one soon, and one for many requests: what could not be read may have been an event."""
        self._reason = reason
        if self._task is None or self._task.done():
            self._task = self._context.tasks.create_task(self._run_requested())

    async def _run_requested(self) -> None:
        """Take snapshots until none is requested: a request that comes during one needs another."""
        clock = asyncio.get_running_loop().time
        while self._reason:
            await self._context.report_loss(self._context.monitored, self._reason, self._context.now())
            await asyncio.sleep(max(0.0, self._next_at - clock()))
            self._next_at, self._reason = clock() + MINIMUM_INTERVAL, ""
            await self._take()

    async def _take(self) -> None:
        devices = tuple(sorted(self._context.monitored))
        if devices:
            await self._snapshots.take(devices)
            await self._context.report_recovery(devices)
