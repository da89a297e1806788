"""Tail a file of events, one JSON object a line, and post them to the HTTP intake: each at least once, in order.

The position in the file is stored after each answer, so that a restart continues there. An event that is sent twice
because an answer was lost is a duplicate by its id and changes nothing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
import structlog

from cti.http_intake.file_tail import Tail

#: Maximum number of events in one request.
BATCH_EVENTS = 200
#: Maximum length of a request's body, in bytes.
BATCH_BYTES = 500_000
#: Interval at which the file is looked at for new lines, in seconds.
POLL_SECONDS = 0.5
#: First and longest wait between two attempts, in seconds.
FIRST_PAUSE, MAXIMUM_PAUSE = 0.5, 30.0
#: Timeouts to connect and to read, in seconds.
TIMEOUT = (3, 15)
#: Statuses of HTTP.
UNREADABLE, TOO_LARGE = 400, 413

log = structlog.get_logger()


class ForwardError(Exception):
    """The gateway refuses the request as such: only a person can correct it."""

    retryable = False


class Forwarder:
    """Send one file's lines. ``sleep`` is given so that a stop can end it. Raises ``FilePositionError``."""

    def __init__(self, path: Path, state: Path, url: str, token: str, sleep: Callable[[float], None]) -> None:
        self._tail, self._url, self._sleep = Tail(path, state), url, sleep
        self._http = requests.Session()
        self._http.headers.update({"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"})
        self._http.trust_env = False

    def run(self, *, is_once: bool = False) -> None:
        """Send the existing lines and those that follow; with ``is_once`` stop at its end. Raises ``ForwardError``."""
        while True:
            if self._send_next() or self._tail.turn_over():
                continue
            if is_once:
                return
            self._sleep(POLL_SECONDS)

    def _send_next(self) -> bool:
        """Send the next whole lines, and say whether there were any."""
        lines = self._tail.lines(BATCH_EVENTS, BATCH_BYTES)
        if not lines:
            return False
        self._post(lines)
        self._tail.advance(sum(map(len, lines)))
        return True

    def _post(self, lines: list[bytes]) -> None:
        """Post lines until the gateway has answered about each of them. Raises ``ForwardError``."""
        if not any(line.strip() for line in lines):
            return
        pause = FIRST_PAUSE
        while True:
            wait = self._answered(lines)
            if wait is None:
                return
            self._sleep(max(wait, pause))
            pause = min(MAXIMUM_PAUSE, pause * 2)

    def _answered(self, lines: list[bytes]) -> float | None:
        """Post once; return None when the lines are processed, otherwise the minimum wait, in seconds."""
        try:
            answer = self._http.post(self._url, data=b"".join(lines), timeout=TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            log.warning("gateway_away", error=type(error).__name__)
            return 0.0
        reply = _reply_of(answer)
        if "rejected" in reply:
            for item in reply["rejected"]:
                log.error("event_rejected", id=item["id"], error=item["error"])
            return None
        if answer.status_code in (UNREADABLE, TOO_LARGE):
            self._in_parts(lines, reply)
            return None
        if answer.status_code == requests.codes.too_many_requests or answer.status_code >= 500:
            log.warning("gateway_not_ready", status=answer.status_code)
            return _seconds(answer.headers.get("Retry-After", "0"))
        raise ForwardError(f"{self._url} answered {answer.status_code}: {answer.text[:200]}")

    def _in_parts(self, lines: list[bytes], reply: dict[str, Any]) -> None:
        """Send a batch that is refused as a whole in halves; a line refused by itself is left out and logged."""
        if len(lines) == 1:
            log.error("line_refused", bytes=len(lines[0]), offset=self._tail.offset, error=reply.get("error"))
            return
        self._post(lines[: len(lines) // 2])
        self._post(lines[len(lines) // 2 :])


def _reply_of(answer: requests.Response) -> dict[str, Any]:
    """Return the gateway's reply; an empty one where another server answered."""
    try:
        reply = answer.json()
    except requests.JSONDecodeError:
        return {}
    return reply if isinstance(reply, dict) else {}


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else 0.0
