"""The fuzz command: real traffic is cheap to read at any length, and what it must find it finds."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from devtools.fuzz.targets import TARGETS, Target
from devtools.fuzz.weighing import FRAME, swollen, too_dear
from launcher.paths import ROOT, sealed_environment


def _planted(data: bytes) -> None:
    if data.startswith(b"BU"):
        raise KeyError("a defect that no typed error covers")


PLANTED = Target(_planted, lambda: iter([b"BEGIN"]))


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_real_traffic_is_read_without_an_error_and_is_no_longer_than_a_frame(name: str) -> None:
    seeds = list(TARGETS[name].seeds())

    assert seeds
    for seed in seeds:
        TARGETS[name].read(seed)
        assert all(len(one) <= FRAME for one in swollen(seed))


def test_what_takes_too_long_or_too_much_is_reported() -> None:
    def slow(_: bytes) -> None:
        until = time.thread_time() + 0.06
        while time.thread_time() < until:
            pass

    assert "ms" in (too_dear(slow, b"") or "")
    assert "MiB" in (too_dear(lambda _: bytearray(40 * 2**20).clear(), b"") or "")
    assert too_dear(lambda _: None, b"") is None


def test_a_planted_defect_is_found(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is installed by ./gateway fuzz")
    (tmp_path / "corpus").mkdir()
    command = [
        sys.executable,
        "-m",
        "devtools.fuzz.child",
        "tests.devtools.test_fuzz:PLANTED",
        "30",
        str(tmp_path / "corpus"),
    ]

    done = subprocess.run(command, cwd=ROOT, env=sealed_environment(), capture_output=True, timeout=120, check=False)

    assert done.returncode != 0
    assert b"KeyError" in done.stdout + done.stderr
