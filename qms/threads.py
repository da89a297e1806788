"""Threads that talk to a Recording Service. They hold up no stop: one that hangs in a request ends with the process.

Those of ``concurrent.futures`` are waited for when the interpreter ends, however long a service does not answer.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import structlog

log = structlog.get_logger()

_Work = tuple[Callable[..., None], tuple[Any, ...]]


class Threads:
    """At most ``count`` threads, begun as they are needed; an idle one is taken first, for it has a connection."""

    def __init__(self, count: int, name: str) -> None:
        self._count, self._name = count, name
        self._idle = threading.Semaphore(0)
        self._begun = 0
        self._beginning = threading.Lock()
        self._waiting: SimpleQueue[_Work | None] = SimpleQueue()

    def submit(self, work: Callable[..., None], *arguments: Any) -> None:
        """Have a thread do the work, as soon as one is free."""
        self._waiting.put((work, arguments))
        if not self._idle.acquire(blocking=False):
            self._start_thread()

    def shutdown(self) -> None:
        """Let the threads end when all that waits is done; does not wait for them."""
        for _ in range(self._begun):
            self._waiting.put(None)

    def _start_thread(self) -> None:
        with self._beginning:
            if self._begun < self._count:
                self._begun += 1
                threading.Thread(target=self._run, name=f"{self._name}-{self._begun}", daemon=True).start()

    def _run(self) -> None:
        while (one := self._waiting.get()) is not None:
            work, arguments = one
            try:
                work(*arguments)
            except Exception as error:  # noqa: BLE001  (a defect of one work must not take the thread from the others)
                log.error("thread_work_crashed", thread=self._name, error=type(error).__name__)
            self._idle.release()
