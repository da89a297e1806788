"""An event loop whose clock stands still until nothing is left to do, with connections in memory.

What runs in it is the product's own asyncio code; an hour of silence takes no time, and a run is the same each time.
"""

import asyncio
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable
from typing import Any

ProtocolFactory = Callable[[], asyncio.Protocol]


class NothingLeft(Exception):
    """Nothing is ready and nothing is due: what is waited for never comes."""

    retryable = False


class _NoSelector:
    """Stand where a loop waits for sockets: waiting moves the clock."""

    def __init__(self, loop: "SimulatedLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise NothingLeft
        self._loop.now += timeout
        return []


class SimulatedLoop(BaseEventLoop):
    """Run coroutines by a simulated clock; `listening` is who takes connections, whatever their address."""

    listening: ProtocolFactory

    def __init__(self, now: float) -> None:
        super().__init__()
        self.now = now
        self._selector = _NoSelector(self)

    def time(self) -> float:
        """Return the simulated time, in seconds."""
        return self.now

    def _process_events(self, event_list: list[Any]) -> None:
        del event_list

    def _write_to_self(self) -> None:
        """Do nothing: no other thread calls."""

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: ProtocolFactory, *_address: Any, **_options: Any
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Connect to who listens."""
        here, there = protocol_factory(), self.listening()
        near, far = MemoryTransport(self, here), MemoryTransport(self, there)
        near.peer, far.peer = far, near
        here.connection_made(near)
        there.connection_made(far)
        return near, here


class MemoryTransport(asyncio.Transport):
    """One end of a connection in memory: bytes arrive at once, and in order."""

    peer: "MemoryTransport"

    def __init__(self, loop: SimulatedLoop, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._loop, self._protocol, self._is_closing = loop, protocol, False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes."""
        if not self._is_closing:
            self._loop.call_soon(self.peer._take, bytes(data))  # noqa: SLF001  (the other end)

    def _take(self, data: bytes) -> None:
        if not self._is_closing:
            self._protocol.data_received(data)

    def close(self) -> None:
        """Close the connection: the other end reads an orderly end."""
        if not self._is_closing:
            self._is_closing = True
            self._loop.call_soon(self.peer._end)  # noqa: SLF001  (the other end)
            self._loop.call_soon(self._protocol.connection_lost, None)

    def _end(self) -> None:
        if not self._is_closing:
            self._protocol.eof_received()
            self.close()

    def abort(self) -> None:
        """Close the connection."""
        self.close()

    def is_closing(self) -> bool:
        """Say whether it is closed."""
        return self._is_closing

    def pause_reading(self) -> None:
        """Do nothing: what was sent is held in memory anyway."""

    def resume_reading(self) -> None:
        """Do nothing."""
