"""The demo as a person runs it: from the prompt to the summary."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devtools.servers import free_port, is_listening, stopped, wait_until
from launcher.paths import ROOT

pytestmark = pytest.mark.slow

SETTINGS = ("REDIS_URL", "DATABASE_URL", "GATEWAY_ENV_FILE", "GATEWAY_TEST_POSTGRESQL")


@contextmanager
def demo(folder: Path, *words: str) -> "Iterator[subprocess.Popen[str]]":
    """Start it; whatever becomes of the test, it ends and takes its programs along."""
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    with (
        subprocess.Popen(
            [ROOT / "gateway", "demo", *words],
            cwd=folder,
            env=environment | {"GATEWAY_VAR": str(folder)},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process,
        stopped(process, signal.SIGINT, seconds=60),
    ):
        yield process


def left_behind(folder: Path) -> list[str]:
    """Name the processes that still work in the demo's folder."""
    mark = f"GATEWAY_VAR={folder}".encode()
    return [path.parent.name for path in Path("/proc").glob("[0-9]*/environ") if mark in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_demo_flags_calls_says_what_it_saw_and_leaves_nothing_behind(tmp_path: Path) -> None:
    port = free_port()
    with demo(tmp_path, "--for", "20", "--calls-per-second", "1", "--port", str(port)) as running:
        reported, _ = running.communicate(timeout=300)

    assert running.returncode == 0, reported
    assert "every flagged recording carries exactly the flags of its leg" in reported
    assert int(re.findall(r"Flagged: (\d+) legs", reported)[-1]) > 0, reported
    assert re.search(r"Not flagged: \d+ legs", reported)
    assert left_behind(tmp_path) == []


def test_a_demo_that_is_interrupted_stops_everything_soon(tmp_path: Path) -> None:
    port = free_port()
    with demo(tmp_path, "--port", str(port)) as running:
        wait_until(lambda: is_listening(port), "web", 120)
        running.send_signal(signal.SIGINT)
        reported, _ = running.communicate(timeout=60)

    assert running.returncode == 0, reported
    assert "stopping" in reported
    assert left_behind(tmp_path) == []
