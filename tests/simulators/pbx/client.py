"""A minimal CSTA client of our own: not the gateway's, so that a mistake cannot hide in both."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from lxml import etree

ECMA = "http://www.ecma-international.org/standards/ecma-323/csta/ed4"
SESSION = "http://www.ecma-international.org/standards/ecma-354/appl_session"


@dataclass(frozen=True)
class Said:
    """A message of the server."""

    invoke: bytes
    root: "etree._Element"

    @property
    def name(self) -> str:
        return etree.QName(self.root).localname

    def text(self, *path: str) -> str:
        """Return the text of the element at a path of local names."""
        elements = [self.root]
        for name in path:
            elements = [one for element in elements for one in element if etree.QName(one).localname == name]
        return all_text(elements[0]) if elements else ""


def all_text(element: "etree._Element") -> str:
    """Return all text in an element."""
    return "".join(str(text) for text in element.itertext()).strip()


class Client:
    """Asks, and keeps the events that come meanwhile."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._invoke = 0
        self.events: list[Said] = []
        self.asked: list[Said] = []

    async def ask(self, name: str, content: str = "", namespace: str = ECMA) -> Said:
        """Ask, and return the answer."""
        self._invoke += 1
        invoke = b"%04d" % self._invoke
        self.send(invoke, f'<{name} xmlns="{namespace}">{content}</{name}>'.encode())
        while (said := await self.hear()).invoke != invoke or said.name == "SystemStatus":
            pass
        return said

    def send(self, invoke: bytes, xml: bytes) -> None:
        """Send a frame."""
        self._writer.write(b"\0\0" + (8 + len(xml)).to_bytes(2) + invoke + xml)

    def send_raw(self, data: bytes) -> None:
        """Send bytes that are no frame."""
        self._writer.write(data)

    async def hear(self) -> Said:
        """Return what the server says next. Raises ``IncompleteReadError`` when it has closed."""
        async with asyncio.timeout(10):
            header = await self._reader.readexactly(8)
            assert header[:2] == b"\0\0"
            body = await self._reader.readexactly(int.from_bytes(header[2:4]) - 8)
        said = Said(header[4:], etree.fromstring(body))
        if said.invoke == b"9999":
            self.events.append(said)
        elif said.name in ("SystemStatus", "ApplicationSessionTerminated"):
            self.asked.append(said)
        return said

    async def hear_until(self, is_enough: Callable[[Said], bool]) -> Said:
        """Listen until something is said; every wait ends."""
        async with asyncio.timeout(15):
            while not is_enough(said := await self.hear()):
                pass
        return said

    async def monitor(self, device: str) -> str:
        """Start a monitor and return its cross reference."""
        content = f"<monitorObject><deviceObject>{device}</deviceObject></monitorObject>"
        answer = await self.ask("MonitorStart", content)
        assert answer.name == "MonitorStartResponse", etree.tostring(answer.root)
        return answer.text("monitorCrossRefID")

    def close(self) -> None:
        self._writer.close()


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    """Give a client that is connected."""
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield client
    finally:
        client.close()
