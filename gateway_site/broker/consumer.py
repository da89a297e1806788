"""Celery's consumer, which asks the broker for messages only where there are some, and closes what it half made.

The work of the queues events, lookups and writes comes by loops, not by messages: to ask Redis for one every second
was a tenth of what their workers did on a quiet site.

Celery forgets such a connection without closing it (5.7.0, ``Consumer.connect``), and kombu keeps it alive by an exit
handler: a worker whose Redis is full, loading or read-only opened two sockets at each of its six attempts a second.
"""

from typing import Any

from celery.worker.consumer import Consumer
from kombu.common import ignore_errors

#: The queues whose work is that of loops (``worker_loops``): nobody sends a message to them.
LOOP_QUEUES = ("events", "lookups", "writes")
#: Maximum time in which the worker's main thread hears of a stop, in seconds: a signal ends no wait of Celery's.
HEAR_SECONDS = 1.0


class ClosingConsumer(Consumer):
    """Close what was half made before the next attempt; take no messages of the queues of loops."""

    task_consumer: Any
    _attempt: Any = None
    _hearing: Any = None

    def on_ready(self) -> None:
        """Begin, after each connection to the broker."""
        super().on_ready()
        for queue in [one for one in self.task_consumer.queues if one.name in LOOP_QUEUES]:
            self.task_consumer.cancel_by_queue(queue)
            self.task_consumer.add_queue(queue)  # Without messages, and still among those that it says it serves.
        if self._hearing is not None:
            self._hearing.cancel()
        self._hearing = self.timer.call_repeatedly(HEAR_SECONDS, _hear)

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


def _hear() -> None:
    """Do nothing: Celery looks after each timer whether it was asked to stop."""
