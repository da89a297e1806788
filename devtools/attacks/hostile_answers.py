"""A Recording Service that answers to do harm: what each answer costs the gateway's own client in time and memory."""

import contextlib
import gzip
import itertools
import multiprocessing
import os
import socket
import socketserver
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from devtools.attacks.memory import PeakMemory, resident_megabytes
from devtools.servers import free_port, wait_until
from qms.port import QmsError
from qms.soap.service import ConnectionSettings, Limits, SoapRecordingService
from vault.fields import Secret

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\n"
OPEN = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
LAUGHS = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
MEGABYTE = 1_048_576


def _whole(body: bytes, fields: bytes = b"") -> Iterator[bytes]:
    yield HEAD + fields + b"Content-Length: %d\r\n\r\n" % len(body)
    yield body


def _endless() -> Iterator[bytes]:
    yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    yield from itertools.repeat(b"10000\r\n" + b"<a/>" * 16_384 + b"\r\n")


def _endless_head() -> Iterator[bytes]:
    yield HEAD
    yield from itertools.repeat(b"X-More: " + b"a" * 1000 + b"\r\n")


def _drip() -> Iterator[bytes]:
    yield HEAD + b"Content-Length: 1000000\r\n\r\n"
    while True:
        yield b"<"
        time.sleep(0.5)


def _silence() -> Iterator[bytes]:
    time.sleep(3600)
    yield b""


#: Each kind of answer, as what is sent until the client hangs up.
KINDS: Mapping[str, Callable[[], Iterator[bytes]]] = {
    "no answer": _silence,
    "a byte each half second": _drip,
    "a head that never ends": _endless_head,
    "a body that never ends": _endless,
    "100 MB of XML": lambda: _whole(OPEN + b"<a>x</a>" * (100 * MEGABYTE // 8)),
    "50 MB of gzip in 50 kB": lambda: _whole(gzip.compress(b" " * (50 * MEGABYTE), 1), b"Content-Encoding: gzip\r\n"),
    "entities that grow to 3 GB": lambda: _whole(b'<!DOCTYPE x [<!ENTITY a0 "lol">' + LAUGHS + b"]><x>&a9;</x>"),
    "a million elements in each other": lambda: _whole(OPEN + b"<a>" * 1_000_000),
    "a million attributes": lambda: _whole(OPEN + b"<a " + b"".join(b'b%d="" ' % n for n in range(1_000_000)) + b"/>"),
}


@dataclass(frozen=True)
class AnswerCost:
    """What one answer cost: how it ended, after how long, and how much memory it took at its peak."""

    kind: str
    ended_as: str
    seconds: float
    megabytes: float

    def __str__(self) -> str:
        return f"{self.kind}: {self.ended_as} after {self.seconds:.1f} s, {self.megabytes:.0f} MB more at the peak"


def serve(port: int, kinds: list[str]) -> None:
    """Serve hostile answers, one kind after the other, until the process is stopped."""
    answers = itertools.cycle(kinds)

    class HostileHandler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(60)
            with contextlib.suppress(OSError):
                self.request.recv(65_536)
                for part in KINDS[next(answers)]():
                    self.request.sendall(part)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True

    with Server(("127.0.0.1", port), HostileHandler) as server:
        server.serve_forever()


@contextlib.contextmanager
def _serving(kind: str) -> Iterator[int]:
    """Serve one kind in a process of its own, whose memory is not counted; yield the port."""
    port = free_port()
    server = multiprocessing.get_context("fork").Process(target=serve, args=(port, [kind]), daemon=True)
    server.start()
    wait_until(lambda: _listens(port), "the hostile service")
    yield port
    server.kill()
    server.join()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def costs(timeout_seconds: float) -> Iterator[AnswerCost]:
    """Ask a service of each kind once, as the gateway does, and yield what it cost."""
    for kind in KINDS:
        yield cost_of(kind, timeout_seconds)


def cost_of(kind: str, timeout_seconds: float) -> AnswerCost:
    """Ask a service of one kind once, and return what it cost."""
    with _serving(kind) as port:
        return _cost(kind, port, timeout_seconds)


def _cost(kind: str, port: int, seconds: float) -> AnswerCost:
    limits = Limits(connect_seconds=seconds, read_seconds=seconds, total_seconds=seconds)
    url = f"http://127.0.0.1:{port}/"
    service = SoapRecordingService(ConnectionSettings(url=url, username="gateway", password=Secret("x"), limits=limits))
    before, began = resident_megabytes(os.getpid()), time.monotonic()
    with PeakMemory([os.getpid()]) as peak:
        try:
            service.find_live_recording("2001")
            ended = "taken for an answer"
        except QmsError as error:
            ended = f"{type(error).__name__} ({error})"
    return AnswerCost(kind, ended, time.monotonic() - began, max(0.0, peak.megabytes - before))
