"""The simulated QMS's file: one record a line, appended as it happens, read back at start."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from simulators.qms.records import Record

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Record).decode


class RecordFile:
    """An append-only file of records; a line that a crash cut short is left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._repair()
        self._file = path.open("ab", buffering=0)

    def keep(self, record: Record) -> None:
        """Append a record; it outlives this process, not a power failure."""
        self._file.write(_encode(record) + b"\n")

    def records(self) -> Iterator[Record]:
        """Yield the records in the order in which they were kept."""
        with self._path.open("rb") as lines:
            for line in lines:
                yield _decode(line)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _repair(self) -> None:
        """Cut off an unfinished last line, or the next record would be glued to it."""
        self._path.touch()
        whole = self._path.read_bytes().rpartition(b"\n")
        if whole[2]:
            with self._path.open("r+b") as file:
                file.truncate(len(whole[0]) + len(whole[1]))
