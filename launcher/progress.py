"""What a start is doing, for the person who waits: a line for each step, and a dot each second while it lasts."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: A dot comes at least this often, in seconds.
DOT_INTERVAL = 1.0


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what begins, show that it goes on, and say how long it took."""
    began, ended = time.monotonic(), threading.Event()
    sys.stdout.write(f"  {what} ")
    sys.stdout.flush()
    dots = threading.Thread(target=_dots, args=(ended,), daemon=True)
    dots.start()
    try:
        yield
    except BaseException:
        _end(ended, dots, "")
        raise
    _end(ended, dots, f" {time.monotonic() - began:.1f} s")


def _dots(ended: threading.Event) -> None:
    while not ended.wait(DOT_INTERVAL):
        sys.stdout.write(".")
        sys.stdout.flush()


def _end(ended: threading.Event, dots: threading.Thread, text: str) -> None:
    ended.set()
    dots.join()
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
