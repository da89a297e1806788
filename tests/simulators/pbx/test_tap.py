"""The network tap's line to QMS."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from simulators.pbx.network_tap import TapEvent, TapLine

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Door:
    """A side door that keeps what it is sent, and drops the connection when a test wants it to."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, str]]] = []
        self.connections = 0
        self.drops_before = self.drops_after = 0

    @contextlib.asynccontextmanager
    async def open(self, port: int = 0) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                assert head.startswith("POST /tap HTTP/1.1\r\n")
                if self.drops_before:
                    self.drops_before -= 1
                    return
                length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
                self.batches.append(json.loads(await reader.readexactly(length)))
                if self.drops_after:
                    self.drops_after -= 1
                    writer.write(b"HTTP/1.1 200 OK\r\n")
                    return
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")


async def report(line: TapLine, *extensions: str) -> None:
    """See extensions connected, one batch each."""
    for extension in extensions:
        line.see(TapEvent(extension, "connected", NOON))
        line.see_no_more()
        await line.run()
        line._is_over = False


def test_what_the_tap_sees_reaches_qms_in_order_over_one_connection() -> None:
    async def scene() -> tuple[Door, TapLine]:
        door = Door()
        async with door.open() as port:
            line = TapLine(f"http://127.0.0.1:{port}")
            await report(line, "2001", "2002")
            line.close()
        return door, line

    door, line = asyncio.run(scene())
    assert door.batches == [
        [{"extension": "2001", "state": "connected", "at": "2026-03-02T12:00:00Z"}],
        [{"extension": "2002", "state": "connected", "at": "2026-03-02T12:00:00Z"}],
    ]
    assert door.connections == 1
    assert (line.sent, line.missed) == (2, 0)


def test_a_connection_that_had_gone_stale_is_made_again_and_the_batch_reported() -> None:
    async def scene() -> tuple[Door, TapLine]:
        door = Door()
        async with door.open() as port:
            line = TapLine(f"http://127.0.0.1:{port}")
            door.drops_before = 1
            await report(line, "2001")
            line.close()
        return door, line

    door, line = asyncio.run(scene())
    assert len(door.batches) == 1
    assert (line.sent, line.missed) == (1, 0)


def test_what_qms_may_have_taken_is_not_reported_twice() -> None:
    async def scene() -> tuple[Door, TapLine]:
        door = Door()
        async with door.open() as port:
            line = TapLine(f"http://127.0.0.1:{port}")
            door.drops_after = 1
            await report(line, "2001", "2002")
            line.close()
        return door, line

    door, line = asyncio.run(scene())
    assert [batch[0]["extension"] for batch in door.batches] == ["2001", "2002"]
    assert (line.sent, line.missed) == (1, 1)


def test_a_qms_that_is_away_is_skipped_with_a_count_and_reported_again_when_it_is_back() -> None:
    async def scene() -> tuple[Door, TapLine]:
        door = Door()
        async with door.open() as port:
            pass
        line = TapLine(f"http://127.0.0.1:{port}")
        await report(line, "2001", "2002")
        async with door.open(port):
            await report(line, "2003")
            line.close()
        return door, line

    door, line = asyncio.run(scene())
    assert [batch[0]["extension"] for batch in door.batches] == ["2003"]
    assert (line.sent, line.missed) == (1, 2)


@pytest.mark.parametrize("url", ["127.0.0.1:8090", "ftp://127.0.0.1", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no http address"):
        TapLine(url)
