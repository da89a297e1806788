"""A disk of limited size for what Redis and PostgreSQL write, so that it can be filled."""

import contextlib
import shutil
import subprocess
from pathlib import Path

SIZE = "3g"
#: So much is filled by writing: a file system keeps some room for itself.
WRITTEN_BYTES = 1 << 20
TRIALS = 20


class Disk:
    """A file system in memory; an ordinary folder, which cannot be filled, where the machine does not let us mount."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", str(folder)]
        self.can_be_filled = shutil.which("mount") is not None and not _status(mount)

    def fill(self) -> None:
        """Leave no room."""
        for _ in range(TRIALS):  # Others take room between the look and the taking.
            if not _status(["fallocate", "-l", str(self._large_part()), str(self._filler)]):
                break
        with contextlib.suppress(OSError), self._filler.open("ab", buffering=0) as filler:
            while True:  # Ends when the disk is full.
                filler.write(bytes(4096))

    def _large_part(self) -> int:
        return max(shutil.disk_usage(self.folder).free - WRITTEN_BYTES, 1)

    def make_room(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)

    def close(self, keep: Path | None) -> None:
        """Take the file system away, with all that is on it but for a copy in ``keep``."""
        if keep is not None:
            _status(["cp", "-a", str(self.folder), str(keep)])
        if self.can_be_filled and _status(["umount", str(self.folder)]):
            _status(["umount", "-l", str(self.folder)])

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"


def _status(command: list[str]) -> int:
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode
