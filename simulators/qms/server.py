"""The simulated QMS as a server: SOAP over HTTP for the gateway, a JSON side door for the tap and the ledger.

The first Recording Service answers at ``/recording-service``, the others at ``/SLUG``; ``?wsdl`` returns the contract.
asyncio and a few lines of HTTP/1.1: it must cost far less than what is measured against it.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus

import msgspec

from qms.port import QmsRejected
from simulators.qms import control_api, envelopes, operations
from simulators.qms.envelopes import Credentials
from simulators.qms.site import Mishap, SimulatedQms

FIRST_PATH = "recording-service"
#: Maximum length of a request, in bytes.
MAX_BYTES = 16 * 1024 * 1024
_NO_LOGIN = HTTPStatus.UNAUTHORIZED


class Request(msgspec.Struct, frozen=True):
    """An HTTP request."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Response(msgspec.Struct, frozen=True):
    """An HTTP answer."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    kind: str = "text/xml; charset=utf-8"


class SimulatedServer:
    """Serve a ``SimulatedQms`` on a port; one event loop, so that the simulation needs no lock."""

    def __init__(
        self,
        qms: SimulatedQms,
        credentials: Credentials,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.qms = qms
        self.port = 0
        self._credentials = credentials
        self._talks: set[asyncio.Task[None]] = set()
        self._clock = clock
        self._paths = {f"/{slug}": slug for slug in qms.services}
        self._paths.setdefault(f"/{FIRST_PATH}", next(iter(qms.services)))

    @contextlib.asynccontextmanager
    async def listening(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[None]:
        """Listen while the block runs; ``port`` is where."""
        server = await asyncio.start_server(self._met, host, port, limit=2**18, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)

    def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read(reader)) is not None:
                response = await self._answer(request)
                if response is None:
                    break
                writer.write(self._rendered(response))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # The client went away or speaks no HTTP; there is nobody to answer.
        finally:
            writer.close()

    async def _answer(self, request: Request) -> Response | None:
        """Answer a request; None drops the connection."""
        handler = control_api.ROUTES.get((request.method, request.path))
        if handler is not None:
            return self._control(handler, request)
        service = self._paths.get(request.path)
        if service is None:
            return Response(b"", HTTPStatus.NOT_FOUND)
        if request.method == "GET":
            return Response(self._wsdl(request)) if request.query.lower() == "wsdl" else _not_allowed()
        return await self._soap(service, request) if request.method == "POST" else _not_allowed()

    async def _soap(self, service: str, request: Request) -> Response | None:
        troubles = self.qms.troubles[service]
        if troubles.delay_ms:
            await asyncio.sleep(troubles.delay_ms / 1000)
        mishap = self.qms.mishap(service)
        if troubles.down or mishap is Mishap.LOST_BEFORE:
            return None
        if mishap is Mishap.BUSY:
            return _fault(envelopes.fault("ServiceBusy"))
        if mishap is Mishap.BROKEN:
            return Response(b"<html>broken</html>", HTTPStatus.INTERNAL_SERVER_ERROR, "text/html")
        response = self._performed(service, request)
        return None if mishap is Mishap.LOST_AFTER else response

    def _performed(self, service: str, request: Request) -> Response:
        authorization = request.headers.get("authorization", "")
        try:
            soap = envelopes.read(request.body, authorization)
        except envelopes.BadRequest as error:
            return _fault(envelopes.fault("InvalidRequest", str(error)))
        if not self._credentials.is_same(soap.credentials):
            status = _NO_LOGIN if authorization else HTTPStatus.INTERNAL_SERVER_ERROR
            return Response(envelopes.fault("AuthenticationFailed"), status)
        try:
            return Response(
                envelopes.answer(operations.perform(self.qms, service, soap.operation, soap.element, self._clock()))
            )
        except QmsRejected as error:
            return _fault(envelopes.rejected(error))

    def _control(self, handler: Callable[[SimulatedQms, bytes, datetime], object], request: Request) -> Response:
        try:
            answer = handler(self.qms, request.body, self._clock())
        except control_api.ControlError as error:
            return Response(msgspec.json.encode({"error": str(error)}), HTTPStatus.BAD_REQUEST, "application/json")
        return Response(msgspec.json.encode(answer), HTTPStatus.OK, "application/json")

    def _wsdl(self, request: Request) -> bytes:
        address = f"http://{request.headers.get('host', '')}{request.path}"
        return envelopes.WSDL.replace(b"http://127.0.0.1:8090/recording-service", address.encode())

    def _rendered(self, response: Response) -> bytes:
        date = format_datetime(self._clock().astimezone(UTC), usegmt=True)
        head = (
            f"HTTP/1.1 {response.status.value} {response.status.phrase}\r\nDate: {date}\r\n"
            f"Content-Type: {response.kind}\r\nContent-Length: {len(response.body)}\r\n\r\n"
        )
        return head.encode("latin-1") + response.body


@contextlib.contextmanager
def in_thread(server: SimulatedServer) -> Iterator[SimulatedServer]:
    """Serve from a thread of this process while the block runs: for tests."""
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def serve() -> None:
        async with server.listening():
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()], daemon=True)
    thread.start()
    assert ready.wait(10), "The simulated QMS did not come up."
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def _fault(body: bytes) -> Response:
    return Response(body, HTTPStatus.INTERNAL_SERVER_ERROR)


def _not_allowed() -> Response:
    return Response(b"", HTTPStatus.METHOD_NOT_ALLOWED)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """Read one request; None when the client has closed."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= MAX_BYTES:
        raise ValueError("a body of impossible length")
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, await reader.readexactly(length))
