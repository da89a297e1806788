"""Follow a file that is written line by line and rotated: every whole line once, over restarts of the reader.

The position is stored after each processed line. A file is recognised by its inode and its first bytes: the rest of a
file that was rotated while no reader ran is found under its new name, and a new file that was given an old inode is not
mistaken for it.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog

#: Number of first bytes by which a file is recognised.
HEAD_BYTES = 1024
#: What a rotated file has after its name: ``events.jsonl.1``, ``events.jsonl-20261123``.
_ROTATED = (".", "-")
_PACKED = (".gz", ".bz2", ".xz", ".zst")

log = structlog.get_logger()


class FilePositionError(Exception):
    """The file with the stored position cannot be read: only a person can say where to continue."""

    retryable = False


@dataclass(frozen=True)
class FilePosition:
    """How far a file was read. ``head``: the digest of its first bytes, as many as were read of them."""

    inode: int = 0
    offset: int = 0
    head: str = ""


class Tail:
    """Read whole lines of one file and of those that it is rotated to.

    Raises ``FilePositionError`` if the state file was not written by this class.
    """

    def __init__(self, path: Path, state: Path) -> None:
        self._path, self._state = path, state
        self._place = _stored(state)
        self._file: BinaryIO | None = None

    @property
    def offset(self) -> int:
        """Return how many bytes of the file were processed."""
        return self._place.offset

    def lines(self, limit: int, limit_bytes: int) -> list[bytes]:
        """Read whole lines from the stored position; a line that is still being written is left for the next call."""
        file = self._opened()
        if file is None:
            return []
        file.seek(self._place.offset)
        lines: list[bytes] = []
        while limit_bytes > 0 and len(lines) < limit and (line := file.readline()).endswith(b"\n"):
            lines.append(line)
            limit_bytes -= len(line)
        return lines

    def advance(self, read: int) -> None:
        """Remember that ``read`` more bytes were processed; this is on disk when the call returns."""
        file = self._opened()
        if file is not None:
            offset = self._place.offset + read
            inode = os.fstat(file.fileno()).st_ino
            self._place = FilePosition(inode, offset, _head(file, offset))
            _write(self._state, json.dumps(self._place.__dict__))

    def turn_over(self) -> bool:
        """Continue with the file that follows the current one, and say whether there is one."""
        if self._file is None:
            return False
        following = self._following(self._file)
        if following is None:
            return False
        self._file.close()
        self._file, self._place = following.open("rb"), FilePosition()
        self.advance(0)
        return True

    def _following(self, file: BinaryIO) -> Path | None:
        known = os.fstat(file.fileno())
        if known.st_size < self._place.offset:
            log.warning("file_truncated", file=str(self._path), unsent="lines after the last that was read, if any")
            return self._path if self._path.exists() else None
        others = [one for one in self._names() if one.stat().st_ino != known.st_ino]
        if self._path not in others:
            return None
        later = [one for one in others if one.stat().st_mtime_ns > known.st_mtime_ns]
        return min(later, key=lambda one: one.stat().st_mtime_ns, default=self._path)

    def _names(self) -> list[Path]:
        """Return the existing files: the one at ``path``, and those it was rotated to that are not compressed."""
        names = [f"{self._path.name}{suffix}*" for suffix in _ROTATED]
        rotated = {one for name in names for one in self._path.parent.glob(name) if one.suffix not in _PACKED}
        ours = {one for one in rotated if one.name.startswith(self._state.name)}
        return [one for one in (self._path, *sorted(rotated - ours)) if one.is_file()]

    def _opened(self) -> BinaryIO | None:
        if self._file is None and (found := self._found()) is not None:
            self._file = found.open("rb")
        return self._file

    def _found(self) -> Path | None:
        """Return the file to continue with: the remembered one, whatever its name is now, or the file at ``path``."""
        names = self._names()
        if self._place.inode:
            remembered = [one for one in names if _is_at(one, self._place)]
            if remembered:
                return remembered[0]
            what = f"what stood after byte {self._place.offset} of the file that was read last, if anything"
            log.error("file_gone", file=str(self._path), unsent=what)
            self._place = FilePosition()
        return self._path if self._path in names else None


def _is_at(path: Path, place: FilePosition) -> bool:
    found = path.stat()
    if found.st_ino != place.inode or found.st_size < place.offset:
        return False
    with path.open("rb") as file:
        return not place.head or _head(file, place.offset) == place.head


def _head(file: BinaryIO, offset: int) -> str:
    file.seek(0)
    return hashlib.sha256(file.read(min(offset, HEAD_BYTES))).hexdigest()


def _stored(state: Path) -> FilePosition:
    try:
        found = json.loads(state.read_bytes())
        return FilePosition(int(found["inode"]), int(found["offset"]), str(found.get("head", "")))
    except FileNotFoundError:
        return FilePosition()
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FilePositionError(
            f"{state} does not hold the last position ({type(error).__name__}). Delete it to send the file "
            "from its start; events that the gateway has accepted recently are not accepted twice."
        ) from error


def _write(state: Path, text: str) -> None:
    """Replace a file as a whole, so that a power cut leaves the old text or the new."""
    fresh = state.with_name(f"{state.name}.new")
    with fresh.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(state)
    folder = os.open(state.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
