"""The programs' logs as files that do not grow without end.

A program keeps its file open for appending, so a full one is copied away and emptied in place; a line that is written
between the two can be lost.
"""

import shutil
from pathlib import Path

#: Maximum length of a log file before it is rotated, in bytes.
MAXIMUM_BYTES = 50_000_000
#: How many former files of a log are kept: ``web.log.1`` is the newest.
KEPT = 3


def folder(var_dir: Path) -> Path:
    """Return the folder of the logs; made where it is missing."""
    path = var_dir / "logs"
    path.mkdir(exist_ok=True)
    return path


def rotate_all(logs: Path, maximum_bytes: int = MAXIMUM_BYTES) -> None:
    """Move the contents of each log that is full to the next number, and forget the oldest."""
    for log in logs.glob("*.log"):
        if log.stat().st_size > maximum_bytes:
            _rotate(log)


def _rotate(log: Path) -> None:
    for number in range(KEPT - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    with log.open("r+b") as file:
        file.truncate(0)
