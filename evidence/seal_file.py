"""The seals that this machine has seen, in a file beside the database: lines are added and never changed.

Whoever has the database alone cannot change the file: a seal that vanishes there, or becomes another, is noticed
here. ``known_seals`` reads what the lines say; pure but for ``HeldFile``.
"""

import fcntl
import os
import socket
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import msgspec

from evidence.records import SealStatement, day_of

#: Maximum wait for another program of this machine that compares, and how often it is asked, in seconds.
HELD_SECONDS, ASK_SECONDS = 10.0, 0.05


class FileHeld(OSError):
    """Another program holds the file of seals."""


class NoSealLine(ValueError):
    """A line of a file of seals that cannot be read; the text says which."""


class SealLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: the beginning of the file, a seal with its signature, or what a person accepted and why.

    ``accepted``: the sentences that are no longer problems; ``undone``: those that were put right; ``days``: whose
    seals are no longer expected; ``gone``: the last day whose entries may be gone.
    """

    at: str
    begun: str = ""
    host: str = ""
    statement: str = ""
    signature: str = ""
    day: str = ""
    accepted: Sequence[str] = ()
    undone: Sequence[str] = ()
    days: Sequence[str] = ()
    gone: str = ""
    by: str = ""
    reason: str = ""


class KnownSeals(msgspec.Struct, frozen=True):
    """What a file says. ``seals``: by day, as they are expected in the database."""

    file: str
    begun_at: str
    seals: dict[str, SealLine]
    accepted: frozenset[str]
    gone_until: str = ""


def known_seals(lines: Iterable[SealLine]) -> KnownSeals:
    """Read the lines in their order: what was accepted is no longer expected."""
    file, begun_at, gone_until, seals, accepted = "", "", "", dict[str, SealLine](), set[str]()
    for line in lines:
        if line.begun:
            file, begun_at = line.begun, line.at
        elif line.statement:
            seals[line.day] = line
        for day in line.days:
            seals.pop(day, None)
        accepted.update(line.accepted)
        gone_until = max(gone_until, line.gone)
    return KnownSeals(file, begun_at, seals, frozenset(accepted), gone_until)


class HeldFile:
    """The file while it is held: nobody else on this machine adds to it meanwhile."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self.path = path

    def lines(self) -> Sequence[SealLine]:
        """Return the lines. Raises ``NoSealLine`` where one cannot be read."""
        return read_lines(self.path)

    def drop_torn_line(self) -> int:
        """Drop a last line that was not written to its end; return the size. Its seal is read from the database."""
        if not _is_whole(self.path):
            os.ftruncate(self._descriptor, self.path.read_bytes().rfind(b"\n") + 1)
        return os.fstat(self._descriptor).st_size

    def add(self, lines: Sequence[SealLine]) -> None:
        """Add lines, at once on the disk. Raises ``OSError``."""
        if lines:
            os.write(self._descriptor, b"".join(msgspec.json.encode(one) + b"\n" for one in lines))
            os.fsync(self._descriptor)


def _is_whole(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return not size or file.read(1) == b"\n"


def read_lines(path: Path) -> Sequence[SealLine]:
    """Return the lines of a file, none where there is no file. Raises ``OSError``, and ``NoSealLine``."""
    if not path.exists():
        return ()
    state = path.stat()
    return _lines(path, state.st_ino, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=1)
def _lines(path: Path, *_: int) -> Sequence[SealLine]:
    """Read the file once, as long as it is the same one, of the same size and time: each look asks for it twice."""
    texts = path.read_bytes().splitlines()
    return tuple(_line(text, number) for number, text in enumerate(texts, 1) if text.strip())


def _line(text: bytes, number: int) -> SealLine:
    """Read a line, and all of it that is computed with."""
    try:
        line = msgspec.json.decode(text, type=SealLine)
        if line.begun:
            datetime.fromisoformat(line.at)
        elif line.statement:
            said = msgspec.json.decode(line.statement, type=SealStatement)
            datetime.fromisoformat(said.at)
            if day_of(said.day).isoformat() != line.day:
                raise ValueError(f"it is of {said.day}, not {line.day}")
        if line.gone:
            day_of(line.gone)
    except ValueError as error:
        raise NoSealLine(f"line {number} of it is no seal: {error}") from error
    return line


@contextmanager
def held_file(path: Path, now: datetime) -> Iterator[HeldFile]:
    """Hold the file of this machine; the first one begins it. Raises ``OSError``, and ``FileHeld``."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _hold(descriptor)
        held = HeldFile(descriptor, path)
        if not held.drop_torn_line():
            held.add([SealLine(at=now.isoformat(), begun=uuid.uuid4().hex, host=host_name())])
        yield held
    finally:
        os.close(descriptor)


def _hold(descriptor: int) -> None:
    until = time.monotonic() + HELD_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= until:
                raise FileHeld(f"another program has held it for {HELD_SECONDS:g} s: try again") from error
            time.sleep(ASK_SECONDS)
        else:
            return


def host_name() -> str:
    """Return the name of this machine or container."""
    return socket.gethostname()


def words_of(error: Exception) -> str:
    """Say why a file cannot be used, without its path."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
