"""Give processes a part of one core and no more, by a control group of the kernel (version 1 or 2; needs root)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devtools.bench.meter import tree

GROUPS = Path("/sys/fs/cgroup")
NAME = "gateway-bench"
PERIOD = 20_000  # microseconds


class CannotConfine(Exception):
    """The kernel's control groups cannot be used here; the text says why."""


@contextmanager
def confined(roots: Iterable[int], cores: float | None) -> Iterator[None]:
    """Confine processes and all that they started, and will start, to so much of a core together; None: not at all.

    Raises ``CannotConfine``.
    """
    if cores is None:
        yield
        return
    folder = _group(cores)
    try:
        for pid in [one for root in roots for one in tree(root)]:
            _join(folder, pid)
        yield
    finally:
        for left in (folder / "cgroup.procs").read_text().split():
            _join(folder.parent, int(left))
        folder.rmdir()


def _group(cores: float) -> Path:
    is_second = (GROUPS / "cgroup.controllers").is_file()
    folder = (GROUPS if is_second else GROUPS / "cpu") / NAME
    try:
        folder.mkdir()
        if is_second:
            (folder / "cpu.max").write_text(f"{round(PERIOD * cores)} {PERIOD}")
        else:
            (folder / "cpu.cfs_period_us").write_text(str(PERIOD))
            (folder / "cpu.cfs_quota_us").write_text(str(round(PERIOD * cores)))
    except OSError as error:
        raise CannotConfine(f"{folder}: {error.strerror}. Run the bench as root, one at a time.") from error
    return folder


def _join(folder: Path, pid: int) -> None:
    try:
        (folder / "cgroup.procs").write_text(str(pid))
    except ProcessLookupError:
        return  # It has ended.
