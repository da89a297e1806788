"""Keep what the gateway writes from other users of the machine. Pure of Django: launcher and settings both need it."""

import os
import resource
import stat
from pathlib import Path

#: New files are the owner's alone.
UMASK = 0o077
# The permissions of group and others.
_OTHERS = 0o077


def keep_private(folder: Path) -> None:
    """Make ``folder`` and let only its owner enter; what this process and its children write is private too.

    A folder that belongs to somebody else is left as it is: ``exposed`` reports it.
    """
    os.umask(UMASK)
    _leave_no_core()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for one in (folder, *folder.iterdir()):
        _close(one)


def _leave_no_core() -> None:
    """Let a crash write no image of the memory, which holds keys and callers."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def exposed(folder: Path) -> str:
    """Return how other users of the machine can enter the folder, or "" if they cannot."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    return f"{folder} has mode {mode:04o}" if mode & _OTHERS else ""


def _close(path: Path) -> None:
    try:
        found = path.lstat()
        if not stat.S_ISLNK(found.st_mode) and found.st_uid == os.geteuid() and found.st_mode & _OTHERS:
            path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
    except (FileNotFoundError, PermissionError):
        return  # Gone meanwhile, or on a file system without modes: ``exposed`` reports the folder.
