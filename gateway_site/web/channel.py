"""A client's connection: its request is read in the main thread, by a deadline, and only then given to a pool.

The answer has a deadline too: a client that does not take it would keep the connection, and the threads that write.
"""

import socket
import time
from typing import Any

from waitress.channel import HTTPChannel

from gateway_site.web.limits import (
    ANSWER_BYTES,
    ANSWER_SECONDS,
    BODY_SECONDS,
    HEAD_SECONDS,
    IDLE_SECONDS,
    MAXIMUM_AHEAD,
)


class RequestChannel(HTTPChannel):
    """waitress's channel with deadlines for the head and the body of a request, whatever trickles in meanwhile."""

    #: When the present request's first byte came, and its head was whole; None: not yet.
    began_at: float | None = None
    head_at: float | None = None
    #: Since when the client owes the next ``ANSWER_BYTES``, and how many of them it has taken.
    owing_since: float = 0.0
    _taken = 0

    def received(self, data: bytes) -> bool:
        """Read bytes, and note which part of a request the connection is in now."""
        taken: bool = super().received(data)
        if len(self.requests) > MAXIMUM_AHEAD:
            self.handle_close()  # At once: a socket that takes no more would never be reported as ready to be closed.
            return taken
        now = time.monotonic()
        if self.request is None:
            self.began_at = self.head_at = None
        else:
            self.began_at = self.began_at or now
            self.head_at = self.head_at or (now if self.request.headers_finished else None)
        return taken

    def write_soon(self, data: Any) -> int:
        """Queue a part of an answer; with the first that waits the client's time to take it begins."""
        if not self.total_outbufs_len:
            self.owing_since, self._taken = time.monotonic(), 0
        queued: int = super().write_soon(data)
        return queued

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Send what the client takes now, and renew its deadline with each ``ANSWER_BYTES``."""
        sent: int = super().send(data, do_close=do_close)
        self._taken += sent
        if self._taken >= ANSWER_BYTES:
            self.owing_since, self._taken = time.monotonic(), 0
        return sent

    @property
    def is_reading(self) -> bool:
        """Say whether nothing but the client keeps the connection: no request in work and no answer to send."""
        return not self.requests and not self.is_owing

    @property
    def is_owing(self) -> bool:
        """Say whether the client has yet to take a part of an answer."""
        return bool(self.total_outbufs_len)

    def is_late(self, now: float) -> bool:
        """Say whether the client has missed a deadline; ``now`` is monotonic."""
        if self.is_owing:
            return now > self.owing_since + ANSWER_SECONDS
        if self.requests:
            return False
        if self.head_at is not None:
            return bool(now > self.head_at + BODY_SECONDS)
        if self.began_at is not None:
            return now > self.began_at + HEAD_SECONDS
        return bool(time.time() > self.last_activity + IDLE_SECONDS)

    def disconnect(self) -> None:
        """End the connection; a client in mid-request is sent the reason, if its socket takes the answer at once."""
        if self.is_owing:  # Its socket takes no more, so the server would not be called to close it.
            self.handle_close()
            return
        self.will_close = True
        if self.began_at is not None:
            answer = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            self._try_to_send(answer)

    def _try_to_send(self, answer: bytes) -> None:
        sock: Any = self.socket
        try:
            sock.send(answer, socket.MSG_DONTWAIT)
        except OSError:
            return
