"""Serve the gateway: ``python -m gateway_site.web [ADDRESS:PORT]``, by default at ``BIND``."""

import os
import signal
import socket
import sys
from types import FrameType

import structlog
from django.conf import settings
from waitress.adjustments import Adjustments

from gateway_site.web import processes
from gateway_site.web.limits import MAXIMUM_CONNECTIONS, MAXIMUM_HEAD, pool_sizes
from gateway_site.web.pools import PathPools
from gateway_site.web.server import WebServer

log = structlog.get_logger("gateway_site.web")


def main(words: list[str]) -> int:
    """Listen, and serve with ``WEB_WORKERS`` processes until SIGTERM; status 1 if the address is not free."""
    address = words[0] if words else os.environ.get("BIND") or "127.0.0.1:8000"
    try:
        listening = _listen(address)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"gateway: cannot listen at {address}: {error}\n")
        return 1
    return processes.run(int(os.environ.get("WEB_WORKERS", "1")), lambda: serve(listening))


def serve(listening: socket.socket) -> None:
    """Serve a listening socket in this process until SIGTERM or Ctrl-C."""
    from gateway_site.wsgi import application  # noqa: PLC0415  (each process loads Django after it was forked)

    sizes = pool_sizes(int(os.environ.get("WEB_THREADS", "8")), int(os.environ.get("INTAKE_THREADS", "4")))
    pools = PathPools(sizes)
    options = {"bind_socket": False, "sockinfo": _describe(listening)}
    server = WebServer(application, {}, True, listening, pools, _adjustments(listening), **options)
    signal.signal(signal.SIGTERM, _leave)
    log.info("web_serving", address="{}:{}".format(*listening.getsockname()[:2]))
    server.run()
    server.close()


def _leave(_: int, __: FrameType | None) -> None:
    raise SystemExit(0)


def _listen(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host or "0.0.0.0", int(port)), family=family, backlog=1024)  # noqa: S104  (asked for)


def _describe(listening: socket.socket) -> tuple[object, ...]:
    return listening.family, listening.type, listening.proto, listening.getsockname()


def _adjustments(listening: socket.socket) -> Adjustments:
    return Adjustments(
        sockets=[listening],
        ident=None,
        cleanup_interval=1,
        asyncore_use_poll=True,
        # The server makes room itself; waitress would stop taking connections.
        connection_limit=MAXIMUM_CONNECTIONS * 2,
        max_request_header_size=MAXIMUM_HEAD,
        # The views say what their limits are; a body within twice that is read so that they can.
        max_request_body_size=2 * settings.INTAKE_MAX_BYTES + 65_536,
        inbuf_overflow=65_536,
        # Django reads the proxy's headers, by BEHIND_TLS and PROXY_COUNT.
        clear_untrusted_proxy_headers=False,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
