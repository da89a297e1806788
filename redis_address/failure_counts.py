"""Where failed log-ins are counted: in Redis, and in each web process by itself while Redis does not answer.

Who is woken because Redis is away must be able to log in, and nobody may guess passwords without a limit meanwhile.
"""

import time
from typing import Any

import structlog
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis import RedisError

log = structlog.get_logger()

#: Interval after which a Redis that did not answer is asked again, in seconds: each try may take its whole timeout.
AWAY_SECONDS = 10.0
#: Maximum counts of a process.
MAXIMUM_COUNTS = 10_000


class FailureCounts(BaseCache):
    """A cache of counts in Redis that goes on in the process's memory while Redis does not answer, or takes no writes.

    What was counted in memory counts until it expires, also after Redis answers again: a Redis whose disk is full
    reads, and knows of no failure.
    """

    #: Until when Redis is not asked, of all threads of the process.
    away_until = 0.0

    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        super().__init__(params)
        self._redis = RedisCache(server, params)
        self._memory = LocMemCache("failure-counts", {**params, "OPTIONS": {"MAX_ENTRIES": MAXIMUM_COUNTS}})

    def add(self, key: Any, *args: Any, **options: Any) -> bool:
        """Set a count where there is none."""
        return bool(self._either("add", key, *args, **options))

    def get(self, key: Any, default: Any = None, *args: Any, **options: Any) -> Any:
        """Return the larger count of both, or the default."""
        counts = self._either("get", key, None, *args, **options), self._memory.get(key, None, *args, **options)
        return max((one for one in counts if one is not None), default=default)

    def set(self, key: Any, *args: Any, **options: Any) -> None:
        """Set a count."""
        self._either("set", key, *args, **options)

    def incr(self, key: Any, *args: Any, **options: Any) -> int:
        """Count. Raises ``ValueError`` where there is no count."""
        return int(self._either("incr", key, *args, **options))

    def touch(self, key: Any, *args: Any, **options: Any) -> bool:
        """Keep a count for longer."""
        return bool(self._either("touch", key, *args, **options))

    def delete(self, key: Any, *args: Any, **options: Any) -> bool:
        """Forget a count."""
        is_known = self._memory.delete(key, *args, **options)
        return bool(self._either("delete", key, *args, **options)) or is_known

    def clear(self) -> None:
        """Forget all counts."""
        self._memory.clear()
        self._either("clear")

    def _either(self, name: str, *args: Any, **options: Any) -> Any:
        if time.monotonic() >= FailureCounts.away_until:
            try:
                return getattr(self._redis, name)(*args, **options)
            except RedisError as error:
                FailureCounts.away_until = time.monotonic() + AWAY_SECONDS
                log.warning("log_ins_counted_in_memory", error=str(error))
        return getattr(self._memory, name)(*args, **options)
