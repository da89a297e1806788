"""The files in which processes count, and what becomes of those whose process has ended.

prometheus_client writes a file for each process, named by an identity. That of the process id alone is not enough:
containers that share a folder all have a process 1. A process holds a lock on a file named by its identity for as long
as it lives; what is not locked is dead, and its counts are added to one file, so that no sum ever falls.
"""

import fcntl
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO

from prometheus_client import CollectorRegistry, generate_latest, values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
#: The counts of all processes that have ended.
ENDED = "ended"
LOCK = ".lock"
MERGING = "merging"


class ProcessIdentity:
    """This process's name among all that count in the folder; a forked child gets one of its own."""

    def __init__(self) -> None:
        self._pid = 0
        self._name = ""
        self._held: IO[str] | None = None

    def __call__(self) -> str:
        """Return the name; the first call in a process takes the lock that shows that it lives."""
        if self._pid != os.getpid():
            self._pid, self._name = os.getpid(), f"{os.getpid()}-{secrets.token_hex(4)}"
            self._held = (_folder() / f"{self._name}{LOCK}").open("w")
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return self._name


def keep_in(folder: Path) -> None:
    """Let every metric that is made from now on count in the folder. Called once, before the first is made."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[FOLDER] = str(folder)
    # Assigned and not chosen by the environment at import, so that the identity is ours.
    values.ValueClass = values.MultiProcessValue(ProcessIdentity())  # type: ignore[no-untyped-call]


def exposition() -> bytes:
    """Return the sums over all processes of the folder, those that have ended included, in Prometheus's format."""
    folder = _folder()
    # One at a time: a file that another is adding to the sums would be counted twice, or not at all.
    with (folder / MERGING).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for held in folder.glob(f"*{LOCK}"):
            _if_free(held, lambda name: _merge(folder, name))
        found = CollectorRegistry()
        MultiProcessCollector(found, str(folder))  # type: ignore[no-untyped-call]
        return bytes(generate_latest(found))


def _if_free(held: Path, do: Callable[[str], None]) -> None:
    with held.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        do(held.name.removesuffix(LOCK))
        held.unlink()


def _merge(folder: Path, name: str) -> None:
    for file in folder.glob(f"*_{name}.db"):
        kind = file.name.removesuffix(f"_{name}.db")
        sums = MmapedDict(str(folder / f"{kind}_{ENDED}.db"))  # type: ignore[no-untyped-call]
        for key, value, *_ in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]
            before, _ = sums.read_value(key)  # type: ignore[no-untyped-call]
            sums.write_value(key, before + value, 0.0)  # type: ignore[no-untyped-call]
        sums.close()  # type: ignore[no-untyped-call]
        file.unlink()


def _folder() -> Path:
    return Path(os.environ[FOLDER])
