"""The files of one source's archive: frames are added at the end, read in order, erased in, and forgotten.

The end of the last whole frame is where the archive stands; nothing else remembers it. So a crash may come after any
step: (1) the entries that follow are read from the journal, (2) a torn end is cut off, (3) the frame is written, (4) it
is synced. What was not synced is written again from the journal, which is trimmed only as far as (4) came.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from cti.archive.frames import (
    BEGINNING,
    PREFIX_BYTES,
    FrameError,
    FrameHeader,
    FramePrefix,
    header_of,
    pack_frame,
    read_entries,
    read_header,
    read_prefix,
    unpack_body,
)
from cti.journal.entry_ids import entry_order
from cti.journal.stream import START, Entry

SUFFIX = ".gz"
#: Maximum size of a file, in bytes, beyond which another is begun; an hour's events have at least one of their own.
MAXIMUM_FILE_BYTES = 64 * 1024 * 1024
#: Timeout for the lock of a source's archive, and interval of the tries, in seconds.
LOCK_SECONDS, LOCK_INTERVAL_SECONDS = 20.0, 0.05


class ArchiveError(Exception):
    """The archive did not do what was asked; ``retryable`` says whether the same may work later."""

    retryable = True


class ArchiveUnwritable(ArchiveError):
    """The folder cannot be written to, or its disk is full."""


class ArchiveBusy(ArchiveError):
    """Another process has worked on a source's archive for too long."""


class ArchivedFrame(msgspec.Struct, frozen=True):
    """A frame's header, and where in which file it lies."""

    path: Path
    offset: int
    prefix: FramePrefix
    header: FrameHeader

    @property
    def end(self) -> int:
        """Return where in the file the next frame begins."""
        return self.offset + self.prefix.frame_bytes


class DamagedPlace(msgspec.Struct, frozen=True):
    """A part of a file that cannot be read, from ``offset`` to the next frame."""

    path: Path
    offset: int
    why: str


class _LastSeen(msgspec.Struct, frozen=True):
    """The last whole frame, as long as its file is the newest and as it was: an erasure replaces the file."""

    frame: ArchivedFrame
    stamp: tuple[int, int, int]


class SourceArchive:
    """The archive of one source, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: _LastSeen | None = None

    def files(self) -> list[Path]:
        """Return the files, the oldest entries first."""
        return sorted(self.folder.glob(f"*{SUFFIX}")) if self.folder.is_dir() else []

    def size(self) -> int:
        """Return the bytes that all files take."""
        return sum(file_size(path) for path in self.files())

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Let nobody else write meanwhile. Raises ``ArchiveBusy`` and ``ArchiveUnwritable``."""
        with as_unwritable(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _wait_for(lock, self.folder)
            yield
        finally:
            os.close(lock)

    def position(self) -> str:
        """Return the id of the last entry archived, "0-0" where there is none."""
        last = self._last_whole()
        return last.header.last if last else START

    def append(self, entries: Sequence[Entry], after: str, now: datetime) -> FrameHeader:
        """Add a frame, on the disk when it returns; to be called while ``locked``. Raises ``ArchiveUnwritable``."""
        header = header_of(entries, after, now)
        last = self._last_whole()
        data = pack_frame(header, entries)
        with as_unwritable(self.folder):
            if last is None or not _belongs_to(last, header, len(data)):
                path, offset = self._begin_file(header, data), 0
            else:
                path, offset = last.path, last.end
                write_at(path, offset, data)
        stamp, frame = _stamp(path), ArchivedFrame(path, offset, read_prefix(data[:PREFIX_BYTES]), header)
        self._seen = _LastSeen(frame, stamp) if stamp else None
        return header

    def _begin_file(self, header: FrameHeader, data: bytes) -> Path:
        epoch, count = entry_order(header.first)
        path = self.folder / f"{epoch:020}-{count:020}{SUFFIX}"
        write_at(path, 0, data)
        sync_folder(self.folder)
        return path

    def _last_whole(self) -> ArchivedFrame | None:
        """Return the last frame that is whole; the newest file is looked through only where it has changed."""
        files = self.files()
        stamp = _stamp(files[-1]) if files else None
        if self._seen is None or (self._seen.frame.path, self._seen.stamp) != (files[-1] if files else None, stamp):
            frame = self._last_whole_of(files)
            self._seen = _LastSeen(frame, stamp) if frame and stamp and frame.path == files[-1] else None
            return frame
        return self._seen.frame

    def _last_whole_of(self, files: Sequence[Path]) -> ArchivedFrame | None:
        """Return the last frame that is whole; only the newest file can end in a torn one."""
        for path in reversed(files):
            whole = None
            for frame in scan(path):
                if isinstance(frame, ArchivedFrame):
                    whole = frame
            while whole is not None and not _is_sound(whole):
                whole = _before(whole)
            if whole is not None:
                return whole
        return None

    def frames(self) -> Iterator[ArchivedFrame | DamagedPlace]:
        """Yield every frame in order, by its header alone, and what cannot be read."""
        for path in self.files():
            yield from scan(path)


def scan(path: Path) -> Iterator[ArchivedFrame | DamagedPlace]:
    """Yield the frames of a file by their headers, and what cannot be read between them."""
    try:
        with path.open("rb") as file:
            yield from _scan(file, path, os.fstat(file.fileno()).st_size)
    except FileNotFoundError:
        return  # Forgotten meanwhile.
    except OSError as error:
        yield DamagedPlace(path, 0, f"it cannot be opened: {error.strerror}")


def _scan(file: BinaryIO, path: Path, size: int) -> Iterator[ArchivedFrame | DamagedPlace]:
    offset = 0
    while offset < size:
        found = _frame_at(file, path, offset, size)
        yield found
        offset = found.end if isinstance(found, ArchivedFrame) else _next_frame(file, offset + 1, size)


def _frame_at(file: BinaryIO, path: Path, offset: int, size: int) -> ArchivedFrame | DamagedPlace:
    file.seek(offset)
    try:
        prefix = read_prefix(file.read(PREFIX_BYTES))
        header = read_header(file.read(prefix.header_bytes))
    except FrameError as error:
        return DamagedPlace(path, offset, str(error))
    if offset + prefix.frame_bytes > size:
        return DamagedPlace(path, offset, "it ends in the middle of a frame")
    return ArchivedFrame(path, offset, prefix, header)


def _next_frame(file: BinaryIO, offset: int, size: int) -> int:
    """Return where the next frame begins, or the file's end; a file is small enough to be read at once."""
    file.seek(offset)
    found = BEGINNING.search(file.read())
    return offset + found.start() if found else size


def lines_of(frame: ArchivedFrame) -> bytes:
    """Return the lines of a frame. Raises ``FrameError`` where it is damaged, or was forgotten meanwhile."""
    try:
        with frame.path.open("rb") as file:
            file.seek(frame.offset + PREFIX_BYTES + frame.prefix.header_bytes)
            packed = file.read(frame.prefix.frame_bytes - PREFIX_BYTES - frame.prefix.header_bytes)
    except OSError as error:
        raise FrameError(f"it cannot be opened: {error.strerror}") from error
    if len(packed) < frame.prefix.frame_bytes - PREFIX_BYTES - frame.prefix.header_bytes:
        raise FrameError("it ends in the middle of a frame")
    return unpack_body(packed)


def entries_of(frame: ArchivedFrame) -> list[Entry]:
    """Return the entries of a frame. Raises ``FrameError`` as ``lines_of`` does."""
    return read_entries(lines_of(frame))


def _is_sound(frame: ArchivedFrame) -> bool:
    """Say whether a frame is whole: a power loss may leave a file long enough, but empty in places."""
    try:
        lines_of(frame)
    except FrameError:
        return False
    return True


def _before(frame: ArchivedFrame) -> ArchivedFrame | None:
    found = None
    for one in scan(frame.path):
        if isinstance(one, ArchivedFrame) and one.offset < frame.offset:
            found = one
    return found


def _belongs_to(last: ArchivedFrame, header: FrameHeader, size: int) -> bool:
    """Say whether a frame goes into the file of the last one: it is of the same hour, and there is room."""
    return last.end + size <= MAXIMUM_FILE_BYTES and _hour(last.header.begin) == _hour(header.begin)


def _hour(moment: datetime) -> int:
    return int(moment.timestamp()) // 3600


def write_at(path: Path, offset: int, data: bytes) -> None:
    """Cut a file off at ``offset`` and write on from there, synced; only its owner may read it. Raises ``OSError``.

    What an error leaves behind the offset is a torn frame, which the next call cuts off.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(descriptor, offset)
        os.lseek(descriptor, offset, os.SEEK_SET)
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file; None where it is gone."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_size(path: Path) -> int:
    """Return a file's size in bytes, 0 where it is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _wait_for(lock: int, folder: Path) -> None:
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise ArchiveBusy(f"Another process has been writing in {folder} for {LOCK_SECONDS:.0f} s") from None
        time.sleep(LOCK_INTERVAL_SECONDS)


@contextlib.contextmanager
def as_unwritable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArchiveUnwritable(f"The archive {folder} cannot be written: {error.strerror or error}") from error
