"""The folder of a recorder that writes files: which recordings there are, and where one's file is."""

import glob
import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from qms.files.names import NamedFile, NamePattern
from qms.port import QmsUnavailable, RecordingNotFound

#: Maximum number of files in one folder; a recorder of a large site makes folders by day.
MAXIMUM_NAMES = 200_000
#: A folder's list of names is believed only when the folder did not change within this time, in seconds.
_SETTLED_SECONDS = 2.0


class FoundFile(msgspec.Struct, frozen=True):
    """A recording's file, when it was last written to, and how long it is."""

    named: NamedFile
    written_at: datetime


class RecordingFolder:
    """The files of a folder, by patterns of their names. May be shared by threads."""

    def __init__(self, root: Path, patterns: Sequence[NamePattern]) -> None:
        self.root, self.patterns = root, patterns
        self._names: dict[str, tuple[int, tuple[str, ...]]] = {}

    def between(self, since: datetime, until: datetime) -> Iterator[FoundFile]:
        """Yield the recordings that began in [since, until), each once, in no order. Raises ``QmsUnavailable``."""
        self.check()
        seen: set[str] = set()
        for pattern in self.patterns:
            for folder in pattern.folders(since, until):
                for path in self._expanded(folder):
                    for one in self._in_folder(pattern, path, since, until):
                        if one.named.path not in seen:
                            seen.add(one.named.path)
                            yield one

    def place_of(self, guid: str) -> Path:
        """Return the file of a recording; raises ``RecordingNotFound`` for what is none of this folder."""
        self.check()
        place = self.root / guid
        if not any(pattern.read(guid) for pattern in self.patterns) or not _is_own_file(place, self.root):
            raise RecordingNotFound("There is no such recording in the folder.")
        return place

    def check(self) -> None:
        """Raises ``QmsUnavailable`` where the folder is not there, as when its file system is not mounted."""
        try:
            with os.scandir(self.root):
                pass
        except OSError as error:
            raise QmsUnavailable(f"The folder {self.root} cannot be read: {error.strerror}.") from error

    def _in_folder(self, pattern: NamePattern, folder: str, since: datetime, until: datetime) -> Iterator[FoundFile]:
        for name in self._listed(folder):
            named = pattern.read(f"{folder}/{name}" if folder else name)
            if named is None or not since <= named.began < until:
                continue
            place = self.root / named.path
            try:
                written = datetime.fromtimestamp(place.lstat().st_mtime, UTC)
            except OSError:  # Deleted meanwhile.
                continue
            if _is_own_file(place, self.root):
                yield FoundFile(named, written)

    def _listed(self, folder: str) -> tuple[str, ...]:
        """Return the names in a folder; read again only when it changed."""
        place = self.root / folder
        try:
            changed = place.stat().st_mtime_ns
            known = self._names.get(folder)
            if known is not None and known[0] == changed and time.time() - changed / 1e9 > _SETTLED_SECONDS:
                return known[1]
            with os.scandir(place) as entries:
                names = tuple(_bounded(entry.name for entry in entries))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise QmsUnavailable(f"A folder of recordings cannot be read: {error.strerror}.") from error
        if len(self._names) > MAXIMUM_NAMES // 100:
            self._names.clear()
        self._names[folder] = (changed, names)
        return names

    def _expanded(self, folder: str) -> list[str]:
        """Return the folders that a pattern with "*" stands for."""
        if "*" not in folder:
            return [folder]
        literal = "*".join(glob.escape(part) for part in folder.split("*"))
        return [str(one.relative_to(self.root)) for one in self.root.glob(literal) if one.is_dir()]


def _bounded(names: Iterator[str]) -> Iterator[str]:
    for count, name in enumerate(names, 1):
        if count > MAXIMUM_NAMES:
            raise QmsUnavailable(f"A folder has more than {MAXIMUM_NAMES} files; let the recorder make folders by day.")
        yield name


def _is_own_file(place: Path, root: Path) -> bool:
    """Say whether a place is a plain file within the folder: no link leads out of it."""
    return place.is_file() and not place.is_symlink() and place.resolve().is_relative_to(root.resolve())
