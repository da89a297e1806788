"""Clients without an account that send a byte now and then or read no answer, and one part of the gateway that is busy.

Before, with gunicorn's threads: eight connections that each sent one byte (or half a body) held all eight threads, and
web, intake, health and metrics answered nobody until they left.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from devtools.servers import free_port, wait_until
from gateway_site.web import channel, limits
from gateway_site.web import server as server_module
from gateway_site.web.__main__ import _adjustments, _describe
from gateway_site.web.limits import PoolSize
from gateway_site.web.pools import PathPools
from gateway_site.web.server import WebServer
from launcher.paths import ROOT

HALF_A_HEAD = b"GET /admin/ HTTP/1.1\r\nHost: x\r\nX-Slow: a"
HALF_A_BODY = b"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf"
#: A part of a large answer. Ten are more than a system takes for its client; at forty the thread would wait too.
LARGE = bytes(1_048_576)
ONE_THREAD = {name: PoolSize(1, 2) for name in (limits.PAGES, limits.INTAKE, limits.HEALTH)}


class Served:
    """The real server with a small application: paths that end in ``/wait`` answer when ``go`` is set."""

    def __init__(self) -> None:
        self.go, self.waiting = threading.Event(), threading.Semaphore(0)
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        pools = PathPools({**ONE_THREAD, limits.REFUSALS: PoolSize(1, 500)})
        options = {"bind_socket": False, "sockinfo": _describe(listening)}
        self.server = WebServer(self._answer, {}, True, listening, pools, _adjustments(listening), **options)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            self.server.run()

    def _answer(self, environ: dict[str, object], start: object) -> list[bytes]:
        if str(environ["PATH_INFO"]).endswith("/wait"):
            self.waiting.release()
            self.go.wait(20)
        start("200 OK", [("Content-Type", "text/plain")])  # type: ignore[operator]
        return [b"served"] if "large" not in str(environ["PATH_INFO"]) else [LARGE] * int(str(environ["QUERY_STRING"]))

    def get(self, path: str, timeout: float = 5) -> int:
        """Ask as any client does; return the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def open(self, first: bytes, receive_bytes: int = 0) -> socket.socket:
        """Connect and send no more than the first bytes; ``receive_bytes`` is what the client's system takes unread."""
        client = socket.socket()
        client.settimeout(10)
        if receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.connect(("127.0.0.1", self.port))
        client.sendall(first)
        return client

    def owing(self) -> int:
        """Return how many clients have not taken their answer."""
        return sum(one.is_owing for one in list(self.server.active_channels.values()))

    def close(self) -> None:
        self.go.set()
        self.server.task_dispatcher.shutdown()
        self.server.asyncore.close_all(self.server._map)
        self._thread.join(10)


@pytest.fixture
def served() -> Iterator[Served]:
    """Serve for one test."""
    one = Served()
    yield one
    one.close()


@pytest.mark.parametrize("first", [b"G", HALF_A_HEAD, HALF_A_BODY])
def test_slow_clients_take_no_thread(first: bytes, served: Served) -> None:
    slow = [served.open(first) for _ in range(30)]

    assert [served.get(path) for path in ("/admin/", "/api/legs", "/health/live", "/metrics")] == [200] * 4

    for one in slow:
        one.close()


@pytest.mark.parametrize("first", [b"G", HALF_A_HEAD, HALF_A_BODY])
def test_a_request_that_does_not_come_whole_in_time_is_refused(
    first: bytes, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(channel, "BODY_SECONDS", 0.2)

    with served.open(first) as slow:
        assert slow.recv(1000).startswith(b"HTTP/1.1 408 ")
        assert slow.recv(1000) == b""


def test_bytes_that_trickle_do_not_put_the_deadline_off(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "HEAD_SECONDS", 0.5)
    began = time.monotonic()

    with served.open(HALF_A_HEAD) as slow, contextlib.suppress(OSError):
        slow.settimeout(0.1)
        while time.monotonic() < began + 10:
            slow.sendall(b"a")
            with contextlib.suppress(TimeoutError):
                if slow.recv(1000).startswith(b"HTTP/1.1 408 "):
                    break

    assert time.monotonic() - began < 5


def test_a_client_that_does_not_take_its_answer_holds_no_thread(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: a dozen clients that read nothing kept all threads for pages, for as long as they liked."""
    monkeypatch.setattr(channel, "ANSWER_SECONDS", 0.5)
    greedy = served.open(b"GET /admin/large?40 HTTP/1.1\r\nHost: x\r\n\r\n", receive_bytes=2048)
    wait_until(lambda: served.owing() == 1, "the answer")

    assert served.get("/admin/", timeout=8) == 200

    wait_until(lambda: served.owing() == 0, "the end of the connection")
    greedy.close()


def test_a_client_that_takes_its_answer_slowly_gets_it_whole(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "ANSWER_SECONDS", 1.0)
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("GET", "/admin/large?40")
    answer, taken = connection.getresponse(), 0

    while part := answer.read(3_500_000):
        taken += len(part)
        time.sleep(0.1)

    assert taken == 40 * len(LARGE)
    connection.close()


def test_requests_sent_ahead_of_their_answers_end_the_connection(served: Served) -> None:
    """Before: one packet with 128 requests had 42 MB of answers made."""
    request = b"GET /admin/wait HTTP/1.1\r\nHost: x\r\n\r\n"

    with served.open(request * 20) as ahead, contextlib.suppress(ConnectionError):
        assert ahead.recv(1000) == b""


def test_answers_to_requests_sent_ahead_hold_no_thread(served: Served) -> None:
    greedy = served.open(b"GET /admin/large?10 HTTP/1.1\r\nHost: x\r\n\r\n" * 20, receive_bytes=2048)

    assert served.get("/admin/", timeout=8) == 200
    greedy.close()


def test_a_crowd_of_slow_clients_makes_room_for_the_next(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAXIMUM_CONNECTIONS", 5)
    slow = [served.open(HALF_A_HEAD) for _ in range(12)]

    assert served.get("/health/live") == 200
    assert len(served.server.active_channels) <= 5
    for one in slow:
        one.close()


def test_a_crowd_of_clients_that_read_nothing_makes_room_too(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAXIMUM_CONNECTIONS", 3)
    request, greedy = b"GET /admin/large?10 HTTP/1.1\r\nHost: x\r\n\r\n", []
    for number in (1, 2, 3):
        greedy.append(served.open(request, receive_bytes=2048))
        wait_until(lambda number=number: served.owing() == number, "the answer")  # type: ignore[misc]

    assert served.get("/health/live") == 200
    wait_until(lambda: served.owing() == 2, "the end of one connection")
    for one in greedy:
        one.close()


@pytest.mark.parametrize(
    ("busy", "others"),
    [("/admin/wait", ("/api/legs", "/health/live")), ("/api/wait", ("/admin/", "/metrics"))],
)
def test_a_busy_part_does_not_keep_the_others_waiting(busy: str, others: tuple[str, str], served: Served) -> None:
    waiting = [threading.Thread(target=served.get, args=(busy, 20)) for _ in range(3)]
    for one in waiting:
        one.start()
    assert served.waiting.acquire(timeout=20)

    assert [served.get(path) for path in others] == [200, 200]

    served.go.set()
    for one in waiting:
        one.join()


def test_more_requests_than_may_wait_are_answered_503_at_once(served: Served) -> None:
    request = b"GET /admin/wait HTTP/1.1\r\nHost: x\r\n\r\n"
    working = served.open(request)
    assert served.waiting.acquire(timeout=20)
    queued = [served.open(request) for _ in range(2)]
    pages = served.server.task_dispatcher._pools[limits.PAGES]
    wait_until(lambda: len(pages.queue) == 2, "the queued requests")

    assert served.get("/admin/wait") == 503

    served.go.set()
    for one in (working, *queued):
        assert one.recv(1000).startswith(b"HTTP/1.1 200 ")
        one.close()


def test_an_address_that_is_taken_is_said_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "gateway_site.web", address], cwd=ROOT, capture_output=True, text=True, check=False
        )

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"gateway: cannot listen at {address}: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_real_server_serves_and_stops_at_sigterm(workers: str) -> None:
    port = free_port()
    environment = os.environ | {"WEB_WORKERS": workers}
    command = [sys.executable, "-m", "gateway_site.web", f"127.0.0.1:{port}"]
    running = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        assert _answers_within(port, 30)
        running.send_signal(signal.SIGTERM)
        assert running.wait(15) == 0
    finally:
        running.kill()
        running.wait()


def _answers_within(port: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health/live")
            return connection.getresponse().status == 200
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    return False
