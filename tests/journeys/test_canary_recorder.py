"""A recorder's control address that is slow, huge, odd or leads elsewhere makes a canary call red, soon."""

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest
import redis as redis_client

from calls.models import Leg
from gateway_site.canary.steps import CanaryStep
from tests.journeys.canaries import CanaryStack

pytestmark = pytest.mark.django_db


@contextmanager
def answers(*parts: bytes, pause: float = 0.0) -> Iterator[str]:
    """Answer each request with these bytes, a pause before each but the first."""

    class Recorder(StreamRequestHandler):
        def handle(self) -> None:
            read = b""
            while b"}" not in read and (more := self.request.recv(4096)):
                read += more
            with contextlib.suppress(OSError):
                for number, part in enumerate(parts):
                    time.sleep(pause if number else 0)
                    self.request.sendall(part)

    with ThreadingTCPServer(("127.0.0.1", 0), Recorder) as server:
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def why_it_failed(address: str) -> str:
    """Make a canary call by a recorder at the address, and return why it is red."""
    gateway = CanaryStack()
    gateway.set(canary_recorder_api=address)
    call = gateway.look(gateway.begins())
    assert call.is_red
    assert call.ends[-1].step is CanaryStep.CALL
    return call.ends[-1].text


@pytest.mark.parametrize(
    "body",
    [
        b'[{"guid": ""}]',
        b'[{"guid": 7}]',
        b'[{"guid": "a\\u0000b"}]',
        b'[{"guid": "%s"}]' % (b"x" * 129),
        b"{}",
        b"[]",
        b"[[]]",
        b"[" * 60_000,
        b'[{"guid": "%s"}]' % (b"x" * 70_000),
        b"\xff",
    ],
    ids=["empty", "number", "nul", "long", "object", "nothing", "list", "deep", "huge", "bytes"],
)
def test_an_answer_that_names_no_recording_is_none(redis: redis_client.Redis, body: bytes) -> None:
    with answers(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", body) as address:
        text = why_it_failed(address)

    assert text.startswith("The recorder's control address ")


def test_what_is_no_http_is_said(redis: redis_client.Redis) -> None:
    with answers(b"nonsense\r\n\r\n") as address:
        assert why_it_failed(address).endswith("BadStatusLine.")


def test_a_redirect_is_not_followed(redis: redis_client.Redis) -> None:
    with answers(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n") as address:
        assert why_it_failed(address) == "The recorder's control address answered 302."


def test_a_recorder_that_sends_a_byte_at_a_time_is_waited_for_no_longer_than_the_timeout(
    redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_site.canary.ways.RECORDER_TIMEOUT", 0.2)
    with answers(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 200, pause=0.1) as address:
        began = time.monotonic()
        why_it_failed(address)

        assert time.monotonic() - began < 8  # A hundred headers, as many as are read, would take ten seconds.


@pytest.mark.parametrize("address", ["http://", "http://[::1", "http://127.0.0.1:99999", "http://169.254.169.254"])
def test_an_address_that_cannot_be_called_is_said(redis: redis_client.Redis, address: str) -> None:
    assert why_it_failed(address).startswith("The recorder's control address ")


def test_a_recorder_that_dies_during_the_call_leaves_no_leg_open(
    redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    gateway = CanaryStack()
    with gateway.with_recorder():
        call = gateway.look(gateway.begins())
        assert call.step == CanaryStep.LEG
    call = gateway.follow(call)
    gateway.passes(2)

    assert call.is_red
    assert Leg.objects.get().disconnected_at is not None
