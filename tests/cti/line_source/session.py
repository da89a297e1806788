"""A source of a few words for tests of the listener: one line over TCP is one event, or what else a source can do."""

import asyncio
from datetime import UTC, datetime, timedelta

from cti.events import CallData, Delivered, Established
from cti.sources.port import LinkError, LoginRefused, MonitorRefusal, Outlet, Quarantined, SourceConfig, Stamp


class LineSession:
    """Connect, and follow the lines.

    They are ``call NUMBER``, ``ring NUMBER``, ``garbage``, ``refuse DEVICE``, ``lack WORDS`` and ``bye``.
    A user named ``stranger`` is refused.
    """

    def __init__(self, config: SourceConfig, stamp: Stamp) -> None:
        self._config, self._stamp = config, stamp

    async def run(self, outlet: Outlet) -> None:
        try:
            reader, writer = await asyncio.open_connection(self._config.host, self._config.port)
        except OSError as error:
            raise LinkError(f"no connection: {error}") from error
        try:
            async with asyncio.TaskGroup() as group:  # As a session of several tasks: errors come in a group.
                await group.create_task(self._follow(reader, outlet))
        finally:
            writer.close()

    async def _follow(self, reader: asyncio.StreamReader, outlet: Outlet) -> None:
        if self._config.username == "stranger":
            raise LoginRefused("the login of stranger is refused", "Correct the user name")
        await outlet.linked()
        while line := await reader.readline():
            if line == b"bye\n":
                return
            await self._hear(line.decode().split(), outlet)
        raise LinkError("the line was cut")

    async def _hear(self, words: list[str], outlet: Outlet) -> None:
        match words:
            case ["call" | "ring" as word, number]:
                kind = Established if word == "call" else Delivered
                data = CallData(call_id=number, device_id="2001")
                await outlet.accept([self._stamp.call(kind, data, received=datetime.now(UTC))])
            case ["refuse", device]:
                now = datetime.now(UTC)
                await outlet.refused(device, MonitorRefusal("no such device", now + timedelta(seconds=5)))
            case ["lack", *what]:
                await outlet.lacks(MonitorRefusal(" ".join(what), datetime.now(UTC) + timedelta(seconds=5)))
            case _:
                await outlet.quarantine(Quarantined(" ".join(words).encode(), "message", "not a word of ours"))
