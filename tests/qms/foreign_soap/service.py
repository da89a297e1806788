"""What both services share: a threaded HTTP server, the way of a request, and what may go wrong on it."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from .archive import Archive, Refused
from .misbehaviour import GOOD, Misbehaviour, Misbehaviours, Operation
from .xml import SOAP11, SOAP12, child, leaf, local, many_attributes, with_strangers


@dataclass(frozen=True)
class Request:
    """A request as it came, its envelope read."""

    path: str
    headers: dict[str, str]
    header: ET.Element | None
    body: ET.Element
    is_soap12: bool

    @property
    def operation(self) -> str:
        """Return the name of the first element of the body."""
        return local(self.body)


@dataclass(frozen=True)
class Reply:
    """An answer, before it is sent."""

    body: bytes
    status: int = 200
    content_type: str = "text/xml; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class Faulty(Exception):
    """A fault of the service's own wording: the finished answer."""

    def __init__(self, reply: Reply) -> None:
        """Take the answer."""
        super().__init__(reply.status)
        self.reply = reply


Act = Callable[[ET.Element, Misbehaviour], str]


@dataclass
class ForeignService(ABC):
    """A recorder on a port of its own: start it by ``with``; ``archive`` is the truth behind it."""

    archive: Archive = field(default_factory=Archive)
    misbehaviours: Misbehaviours = field(default_factory=Misbehaviours)
    #: What was asked, in order, by the contract's names.
    asked: list[Operation] = field(default_factory=list)
    _server: "_Server | None" = None

    @property
    def address(self) -> str:
        """Return where the service listens, without a path."""
        assert self._server is not None, "the service was not started"
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> Self:
        """Listen on a free port."""
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.is_over.set()
            self._server.shutdown()
            self._server.server_close()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop."""
        self.stop()

    def misbehave(self, what: Misbehaviour, operation: Operation | None = None, once: bool = False) -> None:
        """Go wrong from now on, or once, with one operation or with all."""
        self.misbehaviours.set(what, operation, once)

    def behave(self) -> None:
        """Go wrong no more."""
        self.misbehaviours.clear()

    @abstractmethod
    def document(self, path: str, query: str) -> str | None:
        """Return a WSDL or a schema, None where there is none."""

    @abstractmethod
    def acts(self) -> dict[str, tuple[Operation, Act]]:
        """Return by the service's own names what does an operation and writes the element of its answer."""

    @abstractmethod
    def login(self, request: Request) -> None:
        """Check who asks; raises ``Faulty``."""

    @abstractmethod
    def http_login(self, headers: dict[str, str], is_document: bool) -> Reply | None:
        """Return the challenge for a request that does not say who asks, None where it may pass."""

    @abstractmethod
    def envelope(self, request: Request, body: str, status: int = 200) -> Reply:
        """Write an answer around its body."""

    @abstractmethod
    def refusal(self, request: Request, refused: Refused) -> Reply:
        """Write the fault of a refusal."""

    @abstractmethod
    def crash(self, request: Request) -> Reply:
        """Write the fault of an exception that nobody handled."""

    @abstractmethod
    def unknown(self, request: Request) -> Reply:
        """Write the fault of an operation that does not exist."""

    @abstractmethod
    def unreadable(self, content_type: str) -> Reply:
        """Write the answer to what is no SOAP, or none of this port's version."""

    @abstractmethod
    def is_spoken_at(self, path: str, content_type: str, is_soap12: bool) -> bool:
        """Say whether the port at the path speaks this version of SOAP."""

    def post(self, path: str, headers: dict[str, str], data: bytes) -> tuple[Reply, Misbehaviour]:
        """Answer a request; returns with the answer what shall go wrong when it is sent."""
        content_type = headers.get("content-type", "")
        request = read(path, headers, data)
        if request is None or not self.is_spoken_at(path, content_type, request.is_soap12):
            return self.unreadable(content_type), GOOD
        operation, act = self.acts().get(request.operation, (None, None))
        what = self.misbehaviours.take(operation)
        if what.raw is not None:
            return Reply(what.raw.body, what.raw.status, what.raw.content_type), what
        if operation is None or act is None:
            return self.unknown(request), what
        self.asked.append(operation)
        return self._done(request, act, what), what

    def _done(self, request: Request, act: Act, what: Misbehaviour) -> Reply:
        if what.crashes:
            return self.crash(request)
        try:
            self.login(request)
            body = act(request.body, what)
        except Faulty as faulty:
            return faulty.reply
        except Refused as refused:
            return self.refusal(request, refused)
        return self.crash(request) if what.crashes_late else self.envelope(request, _swollen(body, what))


def _swollen(body: str, what: Misbehaviour) -> str:
    if what.unknown_elements:
        body = with_strangers(body, "AddedByAnUpdate")
    extra = leaf("Filler", "x" * what.huge_bytes) if what.huge_bytes else ""
    extra += many_attributes("Attributed", what.attributes) if what.attributes else ""
    return _with_last_child(body, extra) if extra else body


def _with_last_child(body: str, extra: str) -> str:
    """Put an element at the end of the outermost one, which may be empty."""
    if "</" in body:
        place = body.rindex("</")
        return body[:place] + extra + body[place:]
    name = body[1:-2].split(maxsplit=1)[0]
    return f"{body[:-2]}>{extra}</{name}>"


def read(path: str, headers: dict[str, str], data: bytes) -> Request | None:
    """Read an envelope; None for what is none."""
    try:
        root = ET.fromstring(data)
    except ET.ParseError:
        return None
    body = child(root, "Body")
    if root.tag not in {f"{{{SOAP11}}}Envelope", f"{{{SOAP12}}}Envelope"} or body is None or not len(body):
        return None
    return Request(path, headers, child(root, "Header"), body[0], root.tag.startswith(f"{{{SOAP12}"))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, service: ForeignService) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service = service
        self.is_over = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that went away; the tests make them do so."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def do_GET(self) -> None:
        """Give a WSDL or a schema."""
        parts = urlsplit(self.path)
        challenge = self.server.service.http_login(self._headers(), is_document=True)
        found = self.server.service.document(parts.path, parts.query)
        if challenge is not None:
            self._send(challenge, GOOD)
        elif found is None:
            self._send(Reply(b"", 404), GOOD)
        else:
            self._send(Reply(found.encode()), GOOD)

    def do_POST(self) -> None:
        """Answer a request."""
        data = self._data()
        challenge = self.server.service.http_login(self._headers(), is_document=False)
        if challenge is not None:
            self._send(challenge, GOOD)
        else:
            self._send(*self.server.service.post(urlsplit(self.path).path, self._headers(), data))

    def _data(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _send(self, reply: Reply, what: Misbehaviour) -> None:
        self.server.is_over.wait(what.delay_seconds)
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers:
            self.send_header(name, value)
        self.end_headers()
        self._write(reply.body, what)

    def _write(self, body: bytes, what: Misbehaviour) -> None:
        if not what.drip_seconds:
            self.wfile.write(body)
            return
        for place in range(0, len(body), what.drip_bytes):
            if self.server.is_over.wait(what.drip_seconds):
                return
            self.wfile.write(body[place : place + what.drip_bytes])
            self.wfile.flush()
