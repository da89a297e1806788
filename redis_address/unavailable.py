"""What the cache raises where its Redis cannot be used, for those who may not know Redis."""

from redis import RedisError as CacheUnavailable

__all__ = ["CacheUnavailable"]
