"""One gateway and one demo at a time in a folder: a lock that ends with its process, however that ends."""

import fcntl
import os
from pathlib import Path

#: Locks of this process; a lock is released when its file is closed.
_held: dict[Path, int] = {}


class Locked(Exception):
    """Another process holds the lock; ``holder`` is what it wrote there."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


def hold(path: Path, about: str) -> None:
    """Take the lock until this process ends, and write into it who holds it. Raises ``Locked``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise Locked(path.read_text()) from None
    os.truncate(lock, 0)
    os.write(lock, about.encode())
    _held[path] = lock


def release(path: Path) -> None:
    """Give a lock of this process back."""
    os.close(_held.pop(path))


def is_held(path: Path) -> bool:
    """Say whether a living process holds the lock."""
    if not path.exists():
        return False
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
