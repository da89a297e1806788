"""Signs of life: the loops of events, lookups and writes note theirs; beat sends one through the queue default.

A worker can answer a ping and do nothing; only work that was done shows that work is done.
"""

from datetime import datetime

from django.core.cache import cache

import clock

QUEUES = ("events", "lookups", "writes", "default")
#: Interval of the signs, in seconds.
EVERY_SECONDS = 10
#: A pulse older than this is a missing one.
OLDEST_SECONDS = 35
#: How long the last heartbeat of a worker is kept, in seconds.
KEPT_SECONDS = 86_400


def note(queue: str) -> None:
    """Write down that the worker of a queue is at work."""
    cache.set(f"pulse:{queue}", clock.now().isoformat(), timeout=KEPT_SECONDS)


def last(queue: str) -> datetime | None:
    """Return when the queue's last pulse came, or None when none came within a day."""
    stamp = cache.get(f"pulse:{queue}")
    return datetime.fromisoformat(stamp) if stamp else None
