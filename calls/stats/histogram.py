"""Percentiles of counted latencies, and how they are shown."""

import math
from collections.abc import Mapping

import msgspec

from calls.stats.hourly import BUCKETS_MS


class Histogram(msgspec.Struct, frozen=True):
    """How long something took at most, for that share of the legs; empty without anything to measure."""

    p50: str = ""
    p95: str = ""
    p99: str = ""
    count: int = 0


def times(counts: Mapping[int, int]) -> Histogram:
    """Return the percentiles of a histogram as the upper ends of their buckets."""
    whole = sum(counts.values())
    if not whole:
        return Histogram()
    p50, p95, p99 = (_within(percentile(counts, part)) for part in (0.5, 0.95, 0.99))
    return Histogram(p50, p95, p99, whole)


def percentile(counts: Mapping[int, int], part: float) -> int:
    """Return the upper end of the bucket within which that part of a histogram lies; it must not be empty."""
    rank, below = math.ceil(sum(counts.values()) * part), 0
    for bucket in sorted(counts):
        below += counts[bucket]
        if below >= rank:
            return bucket
    raise ValueError(f"no rank {rank} in {below}")


def _within(bucket_ms: int) -> str:
    if bucket_ms == BUCKETS_MS[-1]:
        return f"more than {_length(BUCKETS_MS[-2])}"
    return f"\N{LESS-THAN OR EQUAL TO} {_length(bucket_ms)}"


def _length(ms: int) -> str:
    if ms < 1000:
        return f"{ms} ms"
    if ms < 60_000:
        return f"{ms / 1000:g} s"
    return f"{ms // 60_000} min" if ms < 3_600_000 else f"{ms // 3_600_000} h"
