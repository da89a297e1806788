"""Clients that send one byte at a time, or half a body, or read no answer, and how long others wait meanwhile."""

import contextlib
import http.client
import socket
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

#: Interval between two probes of a path, in seconds.
PROBE_SECONDS = 0.2
#: A probe that takes longer has failed.
PROBE_TIMEOUT = 5.0
HEAD = b"POST /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
HALF_BODY = b"POST /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10000\r\n\r\n"
LARGE_FILE = b"GET /static/unfold/css/styles.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
KINDS = {
    "send one byte a second of the head": HEAD,
    "send half a body": HALF_BODY,
    "ask for a large file 100 times and read nothing": LARGE_FILE * 100,
}
#: What the system of a client that reads nothing takes for it, in bytes.
UNREAD_BYTES = 2048
PATHS = ("/admin/login/", "/api/openapi.json", "/health/live", "/metrics")


@dataclass
class PathFigures:
    """How the others fared at one path."""

    path: str
    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    def __str__(self) -> str:
        asked = len(self.seconds) + self.failed
        if not self.seconds:
            return f"{self.path}: none of {asked} answered"
        middle, worst = statistics.median(self.seconds), max(self.seconds)
        return f"{self.path}: {len(self.seconds)} of {asked} answered, median {middle:.3f} s, worst {worst:.3f} s"


def attack(host: str, port: int, clients: int, seconds: float) -> dict[str, list[PathFigures]]:
    """Attack for some seconds with each kind of slow client; return the others' figures by kind."""
    return {kind: _one_kind(host, port, opening, clients, seconds) for kind, opening in KINDS.items()}


def _one_kind(host: str, port: int, opening: bytes, clients: int, seconds: float) -> list[PathFigures]:
    stop = threading.Event()
    slow = threading.Thread(target=_trickle, args=(host, port, opening, clients, stop))
    slow.start()
    try:
        time.sleep(1)
        return list(probe(host, port, PATHS, seconds))
    finally:
        stop.set()
        slow.join()


def probe(host: str, port: int, paths: Sequence[str], seconds: float) -> Iterator[PathFigures]:
    """Ask for each path again and again, as others would, and return how each fared."""
    figures = [PathFigures(path) for path in paths]
    threads = [threading.Thread(target=_ask, args=(host, port, one, seconds)) for one in figures]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    yield from figures


def _ask(host: str, port: int, figures: PathFigures, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        connection = http.client.HTTPConnection(host, port, timeout=PROBE_TIMEOUT)
        try:
            connection.request("GET", figures.path)
            connection.getresponse().read()
            figures.seconds.append(time.monotonic() - began)
        except (OSError, http.client.HTTPException):
            figures.failed += 1
        finally:
            connection.close()
        time.sleep(PROBE_SECONDS)


def _trickle(host: str, port: int, opening: bytes, clients: int, stop: threading.Event) -> None:
    """Keep a number of slow clients connected; one that is disconnected connects again at once."""
    open_now: list[socket.socket] = []
    while not stop.wait(1):
        open_now = [one for one in open_now if _sends(one)]
        for _ in range(clients - len(open_now)):
            with contextlib.suppress(OSError):
                open_now.append(_begun(host, port, opening))
    for one in open_now:
        one.close()


def _begun(host: str, port: int, opening: bytes) -> socket.socket:
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNREAD_BYTES)
    one.settimeout(2)
    one.connect((host, port))
    one.sendall(opening)
    one.setblocking(False)
    return one


def _sends(one: socket.socket) -> bool:
    """Send one more byte; say whether the connection still stands. An answer is looked for and left unread."""
    try:
        one.send(b"x")
        return not one.recv(12, socket.MSG_PEEK).startswith(b"HTTP/1.1 408") and bool(one.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        one.close()
        return False
