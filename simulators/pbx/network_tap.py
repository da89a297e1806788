"""The network tap: reports to the simulated QMS where conversations begin and end."""

import asyncio
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog

from simulators.program import CannotSimulate

log = structlog.get_logger()

#: Timeout of the simulated QMS's answer, in seconds.
ANSWER_SECONDS: Final = 5.0
#: Attempts at a QMS that is away, and the interval between them, before a batch is given up.
TRIES, BETWEEN_SECONDS = 3, 0.2
#: Maximum number of reports in one request.
MAXIMUM_IN_A_BATCH: Final = 500


class TapEvent(msgspec.Struct, frozen=True):
    """One thing that the tap saw."""

    extension: str
    state: str
    at: datetime


class QmsAway(Exception):
    """QMS does not take what the tap saw. ``is_unclear``: it may have."""

    retryable = True

    def __init__(self, reason: str, *, is_unclear: bool = False) -> None:
        super().__init__(reason)
        self.is_unclear = is_unclear


class TapLine:
    """The line from the tap to QMS: batches in order, one at a time, over one connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{url!r} is no http address")
        self._host, self._port = parts.hostname, parts.port or 80
        self._head = f"POST {parts.path.rstrip('/')}/tap HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        self._waiting: list[TapEvent] = []
        self._arrived = asyncio.Event()
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._is_away = self._is_over = False
        self.sent = self.missed = 0

    def see(self, tapped: TapEvent) -> None:
        """Take what the tap saw; it goes out with the next batch."""
        self._waiting.append(tapped)
        self._arrived.set()

    async def run(self) -> None:
        """Send batches until there will be no more."""
        while self._waiting or not self._is_over:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:MAXIMUM_IN_A_BATCH], self._waiting[MAXIMUM_IN_A_BATCH:]
                await self._deliver(batch)

    def see_no_more(self) -> None:
        """Let ``run`` return when all is sent."""
        self._is_over = True
        self._arrived.set()

    def close(self) -> None:
        """Close the line."""
        if self._connection is not None:
            self._connection[1].close()
            self._connection = None

    async def _deliver(self, batch: list[TapEvent]) -> None:
        body = msgspec.json.encode(batch)
        for tries in range(1, TRIES + 1):
            try:
                await self._post(body)
            except QmsAway as error:
                self.close()
                # What QMS may have taken is not said twice: a second "connected" would be another recording.
                if error.is_unclear or self._is_away or tries == TRIES:
                    self._give_up(batch, error)
                    return
                await asyncio.sleep(BETWEEN_SECONDS)
            else:
                self._is_away = False
                self.sent += len(batch)
                return

    def _give_up(self, batch: list[TapEvent], error: QmsAway) -> None:
        self._is_away = True
        self.missed += len(batch)
        log.warning("simulated_tap_missed", count=len(batch), error=str(error))

    async def _post(self, body: bytes) -> None:
        is_sent = False
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await self._connected()
                head = f"{self._head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
                is_sent = True
                await self._read_answer(reader)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            is_unclear = is_sent and not _is_stale(error)
            raise QmsAway(type(error).__name__, is_unclear=is_unclear) from error

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._connection is None:
            self._connection = await asyncio.open_connection(self._host, self._port)
        return self._connection

    async def _read_answer(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            self.close()
        if first.split(" ")[1:2] != ["200"]:
            raise QmsAway(first, is_unclear=True)


def _is_stale(error: Exception) -> bool:
    """Say whether a kept connection had been closed before it was used: nothing was read at all."""
    return isinstance(error, asyncio.IncompleteReadError) and not error.partial


def tap_line(url: str | None) -> TapLine | None:
    """Return the line to the QMS that an option names, if it does. Raises ``CannotSimulate``."""
    try:
        return TapLine(url) if url else None
    except ValueError as error:
        raise CannotSimulate(str(error)) from error
