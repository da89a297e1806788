"""A sign of life from beat through each queue: beat sends it, a worker of the queue writes down when it came.

A worker can answer a ping and consume nothing, and the reverse; only work that was done shows that work is done.
"""

from datetime import datetime

from django.core.cache import cache

import clock

QUEUES = ("events", "lookups", "writes", "default")
#: Beat sends a pulse so often.
EVERY_SECONDS = 10
#: A pulse older than this is a missing one.
OLDEST_SECONDS = 35
#: How long the last heartbeat of a worker is kept, in seconds.
KEPT_SECONDS = 86_400


def note(queue: str) -> None:
    """Write down that a worker of the queue has just done what beat asked for."""
    cache.set(f"pulse:{queue}", clock.now().isoformat(), timeout=KEPT_SECONDS)


def last(queue: str) -> datetime | None:
    """Return when the queue's last pulse came, or None when none came within a day."""
    stamp = cache.get(f"pulse:{queue}")
    return datetime.fromisoformat(stamp) if stamp else None
