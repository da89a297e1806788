"""How long a web request waits for a Redis that does not answer: once. What it asks of that Redis later is refused.

Each wait ends after a second or two, but a page asks ten times, and who opens it wants to see what is wrong.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from redis.exceptions import TimeoutError as RedisTimeoutError

#: The servers that did not answer the present request; None where there is no request.
_silent: ContextVar[set[str] | None] = ContextVar("silent_servers", default=None)


@contextmanager
def one_wait() -> Iterator[None]:
    """Let what is done meanwhile in this thread wait but once for each Redis that does not answer."""
    token = _silent.set(set())
    try:
        yield
    finally:
        _silent.reset(token)


def refuse_silent(server: str) -> None:
    """Raise ``TimeoutError`` of redis-py where the server did not answer this request before."""
    if server in (_silent.get() or ()):
        raise RedisTimeoutError("It did not answer earlier in this request")


def note_silent(server: str) -> None:
    """Note that a server did not answer; outside a request nothing is noted."""
    silent = _silent.get()
    if silent is not None:
        silent.add(server)
