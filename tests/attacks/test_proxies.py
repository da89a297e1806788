"""A stranger before the example proxies: what gets through to the gateway, and as whose."""

import shutil
import time
from collections.abc import Iterator

import pytest
from django.http import HttpRequest
from pytest_django import Settings

from gateway_site.middleware import client_address
from tests.attacks.proxies import NAME, Proxy

#: nginx is Debian's, and installed by ``./gateway test``; Caddy is 25 MB to fetch.
KINDS = [
    pytest.param("nginx", marks=pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")),
    pytest.param("caddy", marks=pytest.mark.nightly),
]


@pytest.fixture(scope="module", params=KINDS)
def proxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Run a proxy with the example's own lines; only ports, certificate and paths are of the test."""
    one = Proxy(request.param, tmp_path_factory.mktemp(request.param))
    yield one
    one.close()


@pytest.fixture(autouse=True)
def _nothing_seen(proxy: Proxy) -> None:
    proxy.web.seen.clear()
    proxy.intake.seen.clear()


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/%6detrics",
        "//metrics",
        "/./metrics",
        "/x/../metrics",
        "/health/live",
        "/health/ready?x=1",
        "/health%2fready",
        "//health//ready",
    ],
)
def test_what_is_for_operators_is_closed_in_every_spelling(path: str, proxy: Proxy) -> None:
    status = proxy.request(path)

    assert status in (400, 404)
    assert proxy.web.seen == []
    assert proxy.intake.seen == []


def test_the_client_cannot_choose_its_address(proxy: Proxy, settings: Settings) -> None:
    settings.PROXY_COUNT = 1

    proxy.request("/admin/", X_Forwarded_For="203.0.113.9, 203.0.113.10", X_Forwarded_Proto="http")

    ((_, headers, _),) = proxy.web.seen
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": headers["X-Forwarded-For"]}
    assert client_address(request) == "127.0.0.1"
    assert "203.0.113" not in headers["X-Forwarded-For"]
    assert headers["X-Forwarded-Proto"] == "https"
    assert headers["Host"] == NAME


def test_the_intake_is_reached_by_processes_of_its_own(proxy: Proxy) -> None:
    assert proxy.request("/api/events", "POST", b"x" * 100_000) == 200
    assert proxy.request("/admin/") == 200

    assert [(path, size) for path, _, size in proxy.intake.seen] == [("/api/events", 100_000)]
    assert [path for path, _, _ in proxy.web.seen] == ["/admin/"]


def test_a_body_beyond_the_limit_is_refused(proxy: Proxy) -> None:
    try:
        status = proxy.request("/api/events", "POST", b"x" * 3_500_000)
    except OSError:  # It hangs up on who goes on sending.
        status = 413

    assert status == 413
    assert [size for _, _, size in proxy.intake.seen if size > 3_400_000] == []


def test_a_head_beyond_the_limit_is_refused(proxy: Proxy) -> None:
    try:
        status = proxy.request("/admin/", Cookie="a" * 60_000)
    except OSError:
        status = 431

    assert status in (400, 414, 431)
    assert proxy.web.seen == []


def test_slow_clients_do_not_reach_the_gateway(proxy: Proxy) -> None:
    """Half a head and half a body stay at the proxy, and others are served meanwhile."""
    head = f"POST /api/events HTTP/1.1\r\nHost: {NAME}\r\n".encode()
    before = proxy.intake.connections
    slow = [proxy.connect(head) for _ in range(10)]
    slow += [proxy.connect(head + b"Content-Length: 1000\r\n\r\nhalf") for _ in range(10)]
    time.sleep(0.3)

    assert proxy.request("/admin/") == 200
    assert proxy.intake.seen == []
    assert proxy.intake.connections == before
    for one in slow:
        one.close()


def test_the_log_holds_no_query_and_no_secret(proxy: Proxy) -> None:
    proxy.request("/admin/calls/leg/?q=%2B4915112345678", Authorization="Bearer secret-token", Cookie="sessionid=abc")
    deadline = time.monotonic() + 10
    while "/admin/calls/leg/" not in proxy.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)

    text = proxy.log.read_text()
    assert "/admin/calls/leg/" in text
    for one in ("4915112345678", "secret-token", "sessionid"):
        assert one not in text


@pytest.mark.nightly
def test_a_client_that_goes_on_slowly_is_disconnected(proxy: Proxy) -> None:
    """Ten seconds for a head, whatever trickles in."""
    began = time.monotonic()
    with proxy.connect(f"GET /admin/ HTTP/1.1\r\nHost: {NAME}\r\n".encode()) as slow:
        slow.settimeout(0.5)
        while time.monotonic() < began + 40:
            try:
                slow.sendall(b"X")
                if not slow.recv(1000):
                    break
            except TimeoutError:
                continue
            except OSError:
                break

    assert time.monotonic() - began < 30
