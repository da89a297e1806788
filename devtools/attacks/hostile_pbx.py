"""A PBX that does harm: stands between the gateway and a simulated one, and adds CSTA frames without end."""

import asyncio
import contextlib
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulators.pbx.framing import DEFAULT_EDITION, EVENT_INVOKE, HEADER, frame, length_of

#: How long a link is left alone after its first monitor, in seconds, and frames that are written at once.
LINK_SECONDS, AT_ONCE = 2.0, 50
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_numbers = itertools.count()
_MONITOR = re.compile(rb"<monitorCrossRefID>([^<]+)<")


def _unreadable(_: bytes, number: int) -> bytes:
    return b"<EstablishedEvent>%d & nothing is closed" % number


def _agent(monitor: bytes, number: int) -> bytes:
    return (
        b'<AgentLoggedOnEvent xmlns="%s"><monitorCrossRefID>%s</monitorCrossRefID><agentDevice><deviceIdentifier>%d'
        b"</deviceIdentifier></agentDevice><agentID>flood%d</agentID></AgentLoggedOnEvent>"
    ) % (DEFAULT_EDITION.encode(), monitor, 2000 + number % 900, number)


#: Each flood, as the XML of a frame, given a monitor of the link and a running number.
FLOODS: Mapping[str, Callable[[bytes, int], bytes]] = {"unreadable": _unreadable, "agents": _agent}


@dataclass
class PbxFigures:
    """What was added to the links."""

    links: int = 0
    frames: int = 0

    def __str__(self) -> str:
        return f"{self.frames:,} frames over {self.links} links"


class FloodedLink:
    """A link of the gateway to a PBX: whole frames are passed on, and others added as fast as they are taken."""

    def __init__(self, made: Callable[[bytes, int], bytes], figures: PbxFigures) -> None:
        self._made, self._figures = made, figures
        self._monitor: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def run(self, gateway: Ends, pbx: Ends) -> None:
        """Pass on and flood until an end hangs up."""
        tasks = (self._pass_on(gateway[0], pbx[1]), self._pass_on(pbx[0], gateway[1]), self._flood(gateway[1]))
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                for one in tasks:
                    group.create_task(one)
        gateway[1].close()
        pbx[1].close()

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while True:
            header = await source.readexactly(HEADER)
            body = await source.readexactly(length_of(header))
            if not self._monitor.done() and (found := _MONITOR.search(body)):
                self._monitor.set_result(found[1])
            target.write(header + body)
            await target.drain()

    async def _flood(self, target: asyncio.StreamWriter) -> None:
        monitor = await self._monitor
        await asyncio.sleep(LINK_SECONDS)
        while True:
            target.writelines(frame(EVENT_INVOKE, self._made(monitor, next(_numbers))) for _ in range(AT_ONCE))
            await target.drain()
            self._figures.frames += AT_ONCE


def serve(port: int, pbx: tuple[str, int], flood: str, seconds: float) -> PbxFigures:
    """Stand before the PBX for some seconds, and flood each link."""
    return asyncio.run(_serve(port, pbx, FLOODS[flood], seconds))


async def _serve(port: int, pbx: tuple[str, int], made: Callable[[bytes, int], bytes], seconds: float) -> PbxFigures:
    figures, links = PbxFigures(), list[asyncio.Future[None]]()

    async def link(*gateway: Any) -> None:
        figures.links += 1
        links.append(
            asyncio.ensure_future(FloodedLink(made, figures).run(gateway, await asyncio.open_connection(*pbx)))
        )

    async with await asyncio.start_server(link, "127.0.0.1", port):
        await asyncio.sleep(seconds)
    for one in links:
        one.cancel()
    await asyncio.gather(*links, return_exceptions=True)
    return figures
