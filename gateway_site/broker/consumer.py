"""Celery's consumer, which closes a connection to the broker that it could not finish making.

Celery forgets such a connection without closing it (5.7.0, ``Consumer.connect``), and kombu keeps it alive by an exit
handler: a worker whose Redis is full, loading or read-only opened two sockets at each of its six attempts a second.
"""

from typing import Any

from celery.worker.consumer import Consumer
from kombu.common import ignore_errors


class ClosingConsumer(Consumer):
    """Close what was half made before the next attempt."""

    _attempt: Any = None

    def ensure_connected(self, conn: Any) -> Any:
        """Connect, and remember with what."""
        self._attempt = conn
        return super().ensure_connected(conn)

    def connect(self) -> Any:
        """Return a connection, or close it and raise what kept it from being made."""
        try:
            return super().connect()
        except Exception:
            attempt, self._attempt = self._attempt, None
            if attempt is not None:
                ignore_errors(attempt, attempt.close)
            raise
