"""Limits for a client of the web server (time, connections, bytes), and which pool serves which path."""

from collections.abc import Mapping
from dataclasses import dataclass

#: Longest wait for a request's head, from its first byte, and for its body, in seconds.
HEAD_SECONDS, BODY_SECONDS = 10.0, 30.0
#: Longest silence on a connection between two requests. Longer than a reverse proxy keeps its own (60 s).
IDLE_SECONDS = 75.0
#: Of an answer that waits to be sent, a client must take this many bytes (or the rest) within this time, in seconds.
ANSWER_BYTES, ANSWER_SECONDS = 65_536, 30.0
#: Maximum requests of a connection at once. One packet has room for hundreds, and their answers would wait in memory.
MAXIMUM_AHEAD = 2
#: Maximum connections of a process; beyond that, the one with the oldest unfinished request is closed.
MAXIMUM_CONNECTIONS = 500
#: Maximum head, in bytes.
MAXIMUM_HEAD = 32_768
#: How long running requests may finish when the server stops, in seconds.
STOP_SECONDS = 8.0

PAGES, INTAKE, HEALTH, REFUSALS = "pages", "intake", "health", "refusals"


@dataclass(frozen=True)
class PoolSize:
    """A pool's threads, and how many requests may wait for one of them; beyond, the answer is 503."""

    threads: int
    waiting: int


def pool_of(path: str) -> str:
    """Return the pool that serves a path."""
    if path.startswith("/api/"):
        return INTAKE
    return HEALTH if path.startswith(("/health/", "/metrics")) else PAGES


def pool_sizes(pages: int, intake: int) -> Mapping[str, PoolSize]:
    """Return the size of every pool, given the threads for pages and for the intake.

    Refusals are written to a buffer, by a thread of their own, so that they never wait for work.
    """
    return {
        PAGES: PoolSize(pages, 100),
        INTAKE: PoolSize(intake, 100),
        HEALTH: PoolSize(2, 50),
        REFUSALS: PoolSize(1, MAXIMUM_CONNECTIONS),
    }
