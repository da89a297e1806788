"""Read what was recorded in another process, a slice ahead of the fold, which takes a core of its own."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

import msgspec
from django.db import connections

from calls.replay.recorded import RecordedSlice

ReadSlice = Callable[[int], RecordedSlice]
#: Time in which the other process ends when nobody asks it any more, in seconds; then it is ended.
END_SECONDS = 5.0
#: A slice goes from process to process in this form: pickles of 29,250 legs take 0.3 CPU seconds more on each side.
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(RecordedSlice).decode


class ReaderEnded(Exception):
    """The process that reads ended before its time, as where memory is short. Worth another try."""

    retryable = True


class _Failure(NamedTuple):
    """What reading a slice raised; an error that goes to another process loses its cause."""

    error: Exception
    cause: BaseException | None


class _SlicesAhead:
    """Slices by turns; the next one is asked for before it is wanted, and no other waits."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._ahead: int | None = None

    def read(self, number: int) -> RecordedSlice:
        """Return a slice. Raises what its reading raised, and ``ReaderEnded``."""
        try:
            found = self._answer(number)
        except (EOFError, OSError) as error:
            raise ReaderEnded(
                "The process that reads what was recorded has ended: see the machine's memory, and try again."
            ) from error
        if isinstance(found, _Failure):
            raise found.error from found.cause
        return _unpack(found)

    def _answer(self, number: int) -> bytes | _Failure:
        if self._ahead not in (None, number):
            self._pipe.recv()  # It was not the next one that is wanted.
            self._ahead = None
        if self._ahead is None:
            self._pipe.send(number)
        found: bytes | _Failure = self._pipe.recv()
        self._pipe.send(number + 1)
        self._ahead = number + 1
        return found


@contextmanager
def reading_ahead(read: ReadSlice) -> Iterator[ReadSlice]:
    """Have slices read by another process; it ends with the block, and with this process.

    The connections to the database are closed before: each process then opens its own. On a machine with one core this
    process reads itself.
    """
    if len(os.sched_getaffinity(0)) < 2:
        yield read
        return
    connections.close_all()
    ours, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(its, ours, read), daemon=True)
    process.start()
    its.close()
    try:
        yield _SlicesAhead(ours).read
    finally:
        ours.close()
        process.join(END_SECONDS)
        process.kill()
        process.join()


def _serve(pipe: Connection, asking: Connection, read: ReadSlice) -> None:
    """Answer each number with its slice, or with what its reading raised, until nobody can ask any more."""
    asking.close()  # Else the end of who asks would not be seen.
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Who asks ends this.
    with suppress(EOFError, OSError):
        while True:
            pipe.send(_answer(read, pipe.recv()))


def _answer(read: ReadSlice, number: int) -> bytes | _Failure:
    try:
        return _pack(read(number))
    except Exception as error:  # noqa: BLE001  (it is raised where the slice was asked for)
        return _Failure(error, error.__cause__)
