"""Pass events to the outlet one caller at a time, in one order, with a timeout."""

import asyncio
from collections.abc import Awaitable, Sequence
from types import TracebackType

from cti.events import Event
from cti.sources.port import DeviceClass, LinkError, MonitorRefusal, Outlet, Quarantined


class OrderedOutlet:
    """The outlet with a lock: a caller holds it from numbering its events until they are kept."""

    def __init__(self, outlet: Outlet, seconds: float) -> None:
        self._outlet, self._seconds = outlet, seconds
        self._lock = asyncio.Lock()
        self._is_linked = False

    async def __aenter__(self) -> "OrderedOutlet":
        await self._lock.acquire()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    async def linked(self) -> None:
        """Report once that the link is up."""
        if not self._is_linked:
            self._is_linked = True
            await self._kept(self._outlet.linked())

    async def accept(self, events: Sequence[Event]) -> None:
        """Have events kept; the link is up when there are any."""
        if events:
            await self.linked()
            await self._kept(self._outlet.accept(events))

    async def pace(self, size: int) -> None:
        """Wait until the link may be read again; nobody holds the lock meanwhile."""
        await self._outlet.pace(size)

    async def quarantine(self, message: Quarantined) -> None:
        """Have an unreadable message kept."""
        await self._kept(self._outlet.quarantine(message))

    async def refused(self, device: str, refusal: MonitorRefusal | None) -> None:
        """Report that a device cannot be monitored, or (None) that it can again."""
        await self._kept(self._outlet.refused(device, refusal))

    async def devices(self, seen: Sequence[DeviceClass]) -> None:
        """Show how devices are classified."""
        await self._kept(self._outlet.devices(seen))

    async def lacks(self, lack: MonitorRefusal) -> None:
        """Report what the server does not say although the link is up."""
        await self._kept(self._outlet.lacks(lack))

    async def _kept(self, keeping: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await keeping
        except TimeoutError as error:
            raise LinkError(f"what was read could not be kept within {self._seconds:g} s") from error
