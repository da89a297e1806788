"""A client's connection: its request is read in the main thread, by a deadline, and only then given to a pool."""

import socket
import time
from typing import Any

from waitress.channel import HTTPChannel

from gateway_site.web.limits import BODY_SECONDS, HEAD_SECONDS, IDLE_SECONDS


class RequestChannel(HTTPChannel):
    """waitress's channel with deadlines for the head and the body of a request, whatever trickles in meanwhile."""

    #: When the present request's first byte came, and its head was whole; None: not yet.
    began_at: float | None = None
    head_at: float | None = None

    def received(self, data: bytes) -> bool:
        """Take in bytes, and note where in a request they leave the connection."""
        taken: bool = super().received(data)
        now = time.monotonic()
        if self.request is None:
            self.began_at = self.head_at = None
        else:
            self.began_at = self.began_at or now
            self.head_at = self.head_at or (now if self.request.headers_finished else None)
        return taken

    @property
    def is_reading(self) -> bool:
        """Say whether nothing but the client keeps the connection: no request in work and no answer to send."""
        return not self.requests and not self.total_outbufs_len

    def is_late(self, now: float) -> bool:
        """Say whether the client has overrun a deadline; ``now`` is monotonic."""
        if not self.is_reading:
            return False
        if self.head_at is not None:
            return bool(now > self.head_at + BODY_SECONDS)
        if self.began_at is not None:
            return now > self.began_at + HEAD_SECONDS
        return bool(time.time() > self.last_activity + IDLE_SECONDS)

    def disconnect(self) -> None:
        """End the connection; a client in mid-request is sent the reason, if its socket takes the answer at once."""
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
