"""What processes take of CPU and memory, read from the kernel: each program with all that it started."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
#: Where utime, stime, cutime and cstime stand in ``stat`` after the name, which may hold spaces.
TIMES = slice(11, 15)
PARENT = 1


@dataclass(frozen=True)
class Taken:
    """CPU seconds so far (those of ended children too); bytes of memory and open file descriptors now.

    ``wakeups``: how often its threads have waited for something and went on, so far.
    """

    cpu: float = 0.0
    bytes: int = 0
    files: int = 0
    wakeups: int = 0

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(
            self.cpu + other.cpu,
            self.bytes + other.bytes,
            self.files + other.files,
            self.wakeups + other.wakeups,
        )


def taken(roots: Mapping[str, int]) -> dict[str, Taken]:
    """Return what each program, given by its process id, and its descendants have taken."""
    children = _children()
    return {name: _of_tree(pid, children) for name, pid in roots.items()}


def own(pid: int = 0) -> Taken:
    """Return what one process alone has taken; this one, unless another is named."""
    return _of(pid or os.getpid())


def forget_peak() -> None:
    """Let the kernel measure this process's greatest memory from now on (proc(5), clear_refs)."""
    (PROC / "self" / "clear_refs").write_text("5")


def peak_bytes() -> int:
    """Return the greatest resident memory of this process, since ``forget_peak``."""
    lines = (PROC / "self" / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def children(*names: str) -> dict[str, int]:
    """Return the processes of these names that this process has started."""
    mine = _children().get(os.getpid(), [])
    return {name: pid for pid in mine if (name := (PROC / str(pid) / "comm").read_text().strip()) in names}


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    return _tree(pid, _children())


def _tree(pid: int, children: Mapping[int, list[int]]) -> list[int]:
    return [pid, *(found for one in children.get(pid, ()) for found in _tree(one, children))]


def _of_tree(pid: int, children: Mapping[int, list[int]]) -> Taken:
    return sum(map(_of, _tree(pid, children)), Taken())


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for folder in PROC.iterdir():
        if folder.name.isdecimal() and (fields := _fields(int(folder.name))):
            found.setdefault(int(fields[PARENT]), []).append(int(folder.name))
    return found


def _fields(pid: int) -> list[str]:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _of(pid: int) -> Taken:
    ticks = sum(int(word) for word in _fields(pid)[TIMES])
    return Taken(ticks / TICKS, _memory(pid), _files(pid), _wakeups(pid))


def _files(pid: int) -> int:
    """Return how many file descriptors a process has open: files, connections, pipes."""
    try:
        return sum(1 for _ in (PROC / str(pid) / "fd").iterdir())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0


def _memory(pid: int) -> int:
    """Return a process's part of the memory: a page that several share counts for each in part."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _wakeups(pid: int) -> int:
    """Return how often the threads that a process has now gave up a processor to wait, and were woken."""
    return sum(map(_waits, (PROC / str(pid) / "task").glob("*")))


def _waits(thread: Path) -> int:
    try:
        lines = (thread / "status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches:")), 0)
