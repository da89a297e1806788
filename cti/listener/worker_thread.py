"""Threads beside the event loop, for calls that wait: the database, Redis, the broker.

They are daemons: a call that hangs must not hold up a stop (an executor's threads would be joined at the exit).
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class WorkerThread:
    """One thread that makes calls one after the other, in the order they were given; ``at_end`` cleans up in it."""

    def __init__(self, name: str, at_end: Callable[[], None] | None = None) -> None:
        self._at_end = at_end
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    async def run(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Make a call in the thread and return what it returns; one that is cancelled still ends by itself."""
        done: Future[R] = Future()
        self._calls.put(lambda: _fulfil(done, call, args, kwargs))
        return await asyncio.wrap_future(done)

    def close(self) -> None:
        """End the thread after the calls that it has."""
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
        if self._at_end:
            self._at_end()


def _fulfil(done: "Future[R]", call: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(call(*args, **kwargs))
    except Exception as error:  # noqa: BLE001  (handed to who waits for the call)
        done.set_exception(error)
