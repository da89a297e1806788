"""Erase a caller from the archive, and forget what is older or larger than may be kept."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from cti.archive.files import (
    ArchivedFrame,
    SourceArchive,
    as_unwritable,
    file_size,
    lines_of,
    scan,
    sync_folder,
    write_at,
)
from cti.archive.frames import FrameError, pack_frame, read_entries
from cti.journal.erased_calls import erased_calls

#: The end of the name of a file that is to take another one's place.
HALF_MADE = ".new"

log = structlog.get_logger()


def archives_in(folder: Path) -> list[SourceArchive]:
    """Return the archive of every source that has one, also of a source that was deleted."""
    return [SourceArchive(one) for one in sorted(folder.iterdir()) if one.is_dir()] if folder.is_dir() else []


def erase_in(folder: Path, text: re.Pattern[bytes]) -> int:
    """Remove every entry in which the text is found, and what cannot be searched; return how many entries.

    A file is replaced as a whole: a crash leaves the old one or the new one. Raises ``ArchiveUnwritable`` and
    ``ArchiveBusy``; safe to repeat.
    """
    return sum(_erase_in_archive(archive, text) for archive in archives_in(folder))


def _erase_in_archive(archive: SourceArchive, text: re.Pattern[bytes]) -> int:
    with archive.locked(), as_unwritable(archive.folder):
        for half_made in archive.folder.glob(f"*{HALF_MADE}"):
            half_made.unlink()
        return sum(_erase_in_file(path, text) for path in archive.files())


def _erase_in_file(path: Path, text: re.Pattern[bytes]) -> int:
    """Write the file again where anything in it must go."""
    raw = path.read_bytes()
    frames, is_readable = _readable(path)
    found = [_without(frame, body, text) for frame, body in frames]
    if is_readable and all(one is None for one in found):
        return 0
    if not is_readable:
        log.warning("archive_unreadable_part_erased", file=path.name)
    parts = [
        raw[frame.offset : frame.end] if new is None else new[0] for (frame, _), new in zip(frames, found, strict=True)
    ]
    half_made = path.with_suffix(HALF_MADE)
    write_at(half_made, 0, b"".join(parts))
    half_made.replace(path)
    sync_folder(path.parent)
    return sum(new[1] for new in found if new)


def _readable(path: Path) -> tuple[list[tuple[ArchivedFrame, bytes]], bool]:
    """Return the frames with their lines, and whether these are all that is in the file."""
    frames, is_readable = [], True
    for frame in scan(path):
        try:
            if isinstance(frame, ArchivedFrame):
                frames.append((frame, lines_of(frame)))
                continue
        except FrameError:
            pass
        is_readable = False
    return frames, is_readable


def _without(frame: ArchivedFrame, body: bytes, text: re.Pattern[bytes]) -> tuple[bytes, int] | None:
    """Return a frame without the entries that hold a word, and how many those are; None where none does."""
    if not text.search(body):
        return None
    entries = read_entries(body)
    left = [entry for entry in entries if not text.search(entry.payload)]
    named = erased_calls((one.payload for one in entries if text.search(one.payload)), text)
    calls, interactions = set(frame.header.erased_calls), set(frame.header.erased_interactions)
    if named is not None:
        calls, interactions = calls.union(named.calls), interactions.union(named.interactions)
    header = msgspec.structs.replace(
        frame.header,
        count=len(left),
        erased=True,
        erased_calls=tuple(sorted(calls)),
        erased_interactions=tuple(sorted(interactions)),
    )
    return pack_frame(header, left), len(entries) - len(left)


def forget_archived(folder: Path, before: datetime, maximum_bytes: int) -> int:
    """Delete files with nothing newer than ``before``, then the oldest until all fit; return how many were deleted.

    Raises ``ArchiveUnwritable`` and ``ArchiveBusy``.
    """
    found = sorted(_ages(folder), key=lambda one: one[0])
    left, deleted = sum(size for _, _, _, size in found), 0
    for end, archive, path, size in found:
        if end >= before and left <= maximum_bytes:
            break
        with archive.locked(), as_unwritable(archive.folder):
            path.unlink(missing_ok=True)
        left, deleted = left - size, deleted + 1
    return deleted


def _ages(folder: Path) -> Iterator[tuple[datetime, SourceArchive, Path, int]]:
    """Yield every file with the moment of its latest event; where none can be read, that of its last change."""
    for archive in archives_in(folder):
        for path in archive.files():
            ends = [one.header.end for one in scan(path) if isinstance(one, ArchivedFrame)]
            changed = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
            yield max(ends, default=changed), archive, path, file_size(path)
