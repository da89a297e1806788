"""The listener's bounded file for events that the journal cannot take now: in order, with their ids, synced to disk.

A line is ``ID CHECKSUM JSON``. A line that a crash tore has no good checksum and is left out when the file is read
again; it was never acknowledged. The file is emptied when all of it is in the journal; until then a restart gives all
of it again, which the journal knows by the ids.
"""

import os
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog

from cti.journal.stream import Entry

#: Kept free for the one message that says why the spool is full, in bytes.
RESERVE_BYTES = 65_536

log = structlog.get_logger()


class SpoolFull(Exception):
    """The spool has no room, or its disk has none; it may have when the journal is back."""

    retryable = True


class Spool:
    """Keep entries of one source in a file. Every method may be called from any thread."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.path = folder / "events"
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        _make_folder(folder)
        self._file = self._opened()
        self._size = self._read_to = self.count = 0
        self.last_id = ""
        self._recover()

    def append(self, entries: Sequence[Entry], is_last_word: bool = False) -> None:
        """Keep entries; on the disk when it returns. Raises ``SpoolFull`` and has then kept none of them.

        ``is_last_word``: the reserve may be used.
        """
        data = b"".join(map(_spool_line, entries))
        room = self._max_bytes + (RESERVE_BYTES if is_last_word else 0) - self._size
        if len(data) > room:
            raise SpoolFull(f"The spool is full: {self._size} bytes")
        with self._lock:
            self._write(data)
            self._size += len(data)
            self.count += len(entries)
            self.last_id = entries[-1].id

    def peek(self, count: int) -> list[Entry]:
        """Return the oldest entries that are not dropped."""
        with self._lock:
            found = [entry for entry, _ in self._read(self._read_to, count)]
            if self.count and not found:
                log.error("spool_damaged", lost=self.count)
                self.count = 0
            return found

    def drop(self, count: int) -> None:
        """Forget the oldest ``count`` entries: the journal has them. The file is emptied with the last one."""
        with self._lock:
            for _, end in self._read(self._read_to, count):
                self._read_to = end
                self.count -= 1
            if self.count == 0:
                self._truncate(0)
                self._read_to = 0

    def retire(self) -> Path:
        """Rename the file, for a person to look at, and begin an empty one; return its path."""
        with self._lock:
            retired = self.path.with_name(f"fenced-{self.last_id}")
            self.path.rename(retired)
            os.close(self._file)
            self._file = self._opened()
            self._size = self._read_to = self.count = 0
            return retired

    def close(self) -> None:
        """Close the file; what it holds stays."""
        os.close(self._file)

    def _opened(self) -> int:
        return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._file, left) :]
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self._size)
            raise SpoolFull(f"The spool cannot be written: {error.strerror}") from error

    def _recover(self) -> None:
        """Count what an earlier process left, and cut off an incomplete last line."""
        end = 0
        for entry, at in self._read(0, None):
            self.count += 1
            self.last_id, end = entry.id, at
        on_disk = self.path.stat().st_size
        if on_disk > end:
            log.warning("spool_torn", bytes=on_disk - end)
        self._truncate(end)

    def _read(self, start: int, count: int | None) -> Iterator[tuple[Entry, int]]:
        """Yield entries and where each ends; a line that cannot be read is skipped."""
        with self.path.open("rb") as file:
            file.seek(start)
            given, end = 0, start
            for line in file:
                if given == count:
                    break
                end += len(line)
                if entry := _entry(line):
                    given += 1
                    yield entry, end

    def _truncate(self, size: int) -> None:
        os.ftruncate(self._file, size)
        os.fsync(self._file)
        self._size = size


def _spool_line(entry: Entry) -> bytes:
    return b"%s %08x %s\n" % (entry.id.encode(), _checksum(entry.id.encode(), entry.payload), entry.payload)


def _entry(line: bytes) -> Entry | None:
    parts = line.split(b" ", 2)
    if len(parts) != 3 or not line.endswith(b"\n"):
        return None
    entry_id, checksum, payload = parts[0], parts[1], parts[2][:-1]
    is_whole = checksum == b"%08x" % _checksum(entry_id, payload)
    return Entry(entry_id.decode(), payload) if is_whole else None


def _checksum(entry_id: bytes, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(entry_id))


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
