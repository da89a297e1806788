"""The Manager Interface of a simulated Asterisk: logins, what is in progress, Originate and Hangup, for any client."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from simulators.asterisk.calls import AsteriskCalls, Site
from simulators.asterisk.messages import fields_in, shown, written

DENIED = "Permission denied"
_LISTS = ("CoreShowChannels", "QueueStatus", "BridgeList", "Agents", "BridgeInfo")


def _now() -> datetime:
    return datetime.now(UTC)


def _no_tap(_extension: str, _state: str) -> None:
    """See nothing: there is no recorder."""


class AsteriskServer:
    """Serves clients on one port. ``asked``: the actions that came, in order."""

    def __init__(
        self,
        site: Site | None = None,
        tap: Callable[[str, str], None] | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self.site = site or Site()
        self.calls = AsteriskCalls(self.site, self._say, now, tap or _no_tap)
        self.asked: list[dict[str, str]] = []
        self.port = 0
        self._clients: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[None]:
        """Listen while the context lasts."""
        server = await asyncio.start_server(self._serve, host, port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            self.drop_clients()
            for task in self._tasks:
                task.cancel()

    def drop_clients(self) -> None:
        """Close every client's link; calls go on."""
        for client in list(self._clients):
            client.close()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Carry out something beside what clients ask."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _say(self, message: bytes) -> None:
        for client in self._clients:
            client.write(message)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/9.0.0\r\n")
        try:
            while raw := await reader.readuntil(b"\r\n\r\n"):
                fields = fields_in(raw)
                self.asked.append(fields)
                self._act(fields, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._clients.discard(writer)
            with suppress(ConnectionError):
                writer.close()

    def _act(self, fields: dict[str, str], client: asyncio.StreamWriter) -> None:
        action = fields.get("Action", "")
        for message in self._answers(action, fields):
            if action not in self.site.silent:
                client.write(message)
        if action == "Login":
            client.write(written({"Event": "FullyBooted", "Privilege": "system,all", "Status": "Fully Booted"}))
            self._clients.add(client)
        elif action == "Originate" and self.site.may_originate:
            self.start(self.calls.originate(fields))

    def _answers(self, action: str, fields: dict[str, str]) -> list[bytes]:
        own: dict[str, object] = {"ActionID": fields.get("ActionID", "")}
        if action in _LISTS:
            return self._listed(action, own)
        if action == "Originate":
            said = "Originate successfully queued"
            return [_response(own, said if self.site.may_originate else DENIED, is_success=self.site.may_originate)]
        if action == "Hangup":
            return [self._hung_up(fields, own)]
        extra: dict[str, object] = {"Ping": "Pong", "Timestamp": f"{_now().timestamp():.6f}"}
        return [written({"Response": "Success"} | own | (extra if action == "Ping" else {}))]

    def _hung_up(self, fields: dict[str, str], own: dict[str, object]) -> bytes:
        if not self.site.may_hang_up:
            return _response(own, DENIED, is_success=False)
        is_found = self.calls.hang_up(fields.get("Channel", ""))
        return _response(own, "Channel Hungup" if is_found else "No such channel", is_success=is_found)

    def _listed(self, action: str, own: dict[str, object]) -> list[bytes]:
        found = self.calls.channels if action == "CoreShowChannels" else []
        items = [
            written(
                {"Event": "CoreShowChannel"}
                | own
                | shown(one)
                | {"BridgeId": one.bridge, "Application": one.application, "ApplicationData": ""}
            )
            for one in found
        ]
        begin = {"Response": "Success"} | own | {"EventList": "start", "Message": "A list will follow"}
        end = {"Event": f"{action}Complete"} | own | {"EventList": "Complete", "ListItems": len(items)}
        return [written(begin), *items, written(end)]


def _response(own: dict[str, object], said: str, *, is_success: bool) -> bytes:
    return written({"Response": "Success" if is_success else "Error"} | own | {"Message": said})
