"""The switch's port: every client gets an association of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from simulators.pbx.client_session import ClientSession
from simulators.pbx.switch import Switch


class PbxServer:
    """Listens for clients as long as ``listening`` lasts; ``port`` says where."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._talks: set[asyncio.Task[None]] = set()
        self.port = 0

    @contextlib.asynccontextmanager
    async def listening(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[None]:
        """Listen while the block runs; port 0 means any that is free."""
        server = await asyncio.start_server(self._met, host, port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            self._switch.hang_up()
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)

    def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(ClientSession(self._switch, reader, writer)))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, association: ClientSession) -> None:
        self._switch.joined(association)
        await association.serve()
