"""Serve this machine's counters where no web program does it: ``python -m telemetry.server HOST:PORT``.

A pod or host of workers alone counts into its own ``GATEWAY_VAR``; this program, beside them, answers Prometheus.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST
from waitress import serve

from telemetry import processes

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

#: Maximum number of connections, and the timeout of a silent one in seconds: a few servers scrape.
MAXIMUM_CONNECTIONS, IDLE_TIMEOUT = 20, 10
#: Maximum size of a request's head, and of its body, in bytes: a scrape has no body.
MAXIMUM_REQUEST_BYTES = 8192


def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Answer ``GET /metrics`` with the sums over the programs of the folder, anything else with 404."""
    if (environ["REQUEST_METHOD"], environ["PATH_INFO"]) != ("GET", "/metrics"):
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"The counters are at /metrics.\n"]
    start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
    return [processes.exposition()]


def main(words: list[str]) -> int:
    """Serve until SIGTERM; status 2 without an address, 1 where it cannot be listened at."""
    if len(words) != 1 or ":" not in words[0]:
        sys.stderr.write("usage: python -m telemetry.server HOST:PORT\n")
        return 2
    processes.keep_in(Path(os.environ.get("GATEWAY_VAR", "var")) / "metrics")
    limits = {
        "connection_limit": MAXIMUM_CONNECTIONS,
        "channel_timeout": IDLE_TIMEOUT,
        "cleanup_interval": IDLE_TIMEOUT,
        "max_request_header_size": MAXIMUM_REQUEST_BYTES,
        "max_request_body_size": MAXIMUM_REQUEST_BYTES,
        "threads": 1,
    }
    try:
        serve(application, listen=words[0], ident=None, **limits)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"gateway: cannot listen at {words[0]}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
