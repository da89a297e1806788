"""Forked processes end, whatever they do."""

import os
import subprocess
import sys
import time
from pathlib import Path

from devtools.mutation.children import run


def is_alive(pid: str) -> bool:
    """Say whether a process runs; one that only waits to be read of does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_child_says_how_it_ended() -> None:
    assert run(lambda: 3, seconds=10) == 3


def test_a_child_that_raises_has_failed() -> None:
    assert run(lambda: 1 // 0, seconds=10) == 70


def test_a_child_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    mark, unfinished = tmp_path / "pid", tmp_path / "unfinished"
    deadline = time.monotonic() + 60

    def hang() -> int:
        unfinished.write_text(str(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid))
        unfinished.rename(mark)
        time.sleep(60)
        return 0

    def tick() -> float:
        """Stand still until the mark is there; then the child's time is over."""
        return 2.0 if mark.exists() or time.monotonic() > deadline else 0.0

    assert run(hang, seconds=1.5, tick=tick) is None
    deadline = time.monotonic() + 10
    while is_alive(mark.read_text()):
        assert time.monotonic() < deadline, "the grandchild lives on"
        time.sleep(0.05)


def test_a_child_cannot_take_all_memory() -> None:
    assert run(lambda: len(bytearray(8 << 30)), seconds=10) == 70


def test_a_child_changes_nothing_here() -> None:
    before = os.getpid()
    assert run(lambda: os.environ.update(MUTATED="1") or 0, seconds=10) == 0
    assert (os.getpid(), "MUTATED" in os.environ) == (before, False)
