"""How much memory processes take, and the most that they took while something went on."""

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

PAGE_BYTES = 4096
MEGABYTE = 1_048_576
#: Interval between two looks, in seconds; a peak that is shorter may be missed.
LOOK_SECONDS = 0.01


def resident_megabytes(pid: int) -> float:
    """Return a process's resident memory; 0 where it is gone."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / MEGABYTE
    return 0.0


def family_of(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


class PeakMemory:
    """Watches the memory of processes in a thread; ``megabytes`` is the most that they took together."""

    def __init__(self, pids: Sequence[int], look_seconds: float = LOOK_SECONDS) -> None:
        self.megabytes = 0.0
        self._pids, self._look_seconds, self._stop = pids, look_seconds, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            self.megabytes = max(self.megabytes, sum(map(resident_megabytes, self._pids)))
            self._stop.wait(self._look_seconds)
