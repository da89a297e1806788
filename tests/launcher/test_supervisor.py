"""The supervisor keeps programs running, and leaves none behind."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from devtools.servers import wait_until
from launcher.listeners import follow
from launcher.supervisor import MAXIMUM_WAIT, Program, Supervisor


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def program(name: str, code: str, folder: Path, rank: int = 1) -> Program:
    return Program(
        name=name,
        command=[sys.executable, "-c", code],
        environment=dict(os.environ),
        folder=folder,
        log=folder / f"{name}.log",
        rank=rank,
    )


def words(folder: Path, name: str) -> str:
    return (folder / f"{name}.log").read_text()


SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
WRITES_WHEN_ENDED = (
    "import signal, sys, time\n"
    "signal.signal(signal.SIGTERM, lambda *_: (open('{mark}', 'a').write('{name} '), sys.exit(0)))\n"
    "print('up', flush=True)\n"
    "time.sleep(60)"
)
WILL_NOT_STOP = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
)


def test_a_program_that_died_is_started_again_after_its_wait(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    supervisor = Supervisor(clock)
    supervisor.start(program("one", "print('up', flush=True); raise SystemExit(7)", tmp_path))
    wait_until(lambda: not supervisor.is_alive("one"), "the program's end")

    supervisor.watch()
    assert supervisor.restarts == 0

    clock.now += 1
    supervisor.watch()
    wait_until(lambda: words(tmp_path, "one").count("up") == 2, "the second start")

    assert supervisor.restarts == 1
    supervisor.stop_all()
    assert "one ended with status 7" in capsys.readouterr().out


def test_the_waits_of_a_program_that_keeps_dying_grow_to_a_limit(tmp_path: Path) -> None:
    clock = Clock()
    supervisor = Supervisor(clock)
    supervisor.start(program("one", "raise SystemExit(1)", tmp_path))
    waits = []
    for _ in range(8):
        wait_until(lambda: not supervisor.is_alive("one"), "the program's end")
        supervisor.watch()
        before = clock.now
        seen = supervisor.restarts
        while supervisor.restarts == seen:
            clock.now += 0.5
            supervisor.watch()
        waits.append(clock.now - before)
    supervisor.stop_all()

    assert waits == sorted(waits)
    assert waits[0] == 1.0
    assert waits[-1] == MAXIMUM_WAIT


def test_a_program_that_did_its_work_is_not_started_again(tmp_path: Path) -> None:
    clock = Clock()
    supervisor = Supervisor(clock)
    supervisor.start(replace(program("one", "pass", tmp_path), ends=True))
    supervisor.start(replace(program("two", "raise SystemExit(1)", tmp_path), ends=True))
    wait_until(lambda: not (supervisor.is_alive("one") or supervisor.is_alive("two")), "the programs' ends")

    supervisor.watch()
    clock.now += 60
    supervisor.watch()

    assert supervisor.has_ended("one")
    assert not supervisor.has_ended("two")
    assert supervisor.restarts == 1
    supervisor.stop_all()


def test_programs_that_lean_on_others_stop_before_them(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    supervisor = Supervisor()
    for name, rank in (("redis", 0), ("worker", 2), ("simulator", 1)):
        supervisor.start(program(name, WRITES_WHEN_ENDED.format(mark=mark, name=name), tmp_path, rank))
    for name in ("redis", "worker", "simulator"):
        wait_until(lambda name=name: "up" in words(tmp_path, name), name)  # type: ignore[misc]

    supervisor.stop_all()

    assert mark.read_text().split() == ["worker", "simulator", "redis"]


def test_a_program_that_does_not_stop_is_killed_when_its_grace_is_over(tmp_path: Path) -> None:
    supervisor = Supervisor()
    supervisor.start(program("one", WILL_NOT_STOP, tmp_path))
    wait_until(lambda: "up" in words(tmp_path, "one"), "the program")
    process = supervisor._running["one"].process

    supervisor.stop_all(grace=0.2)

    assert process.poll() == -9
    assert supervisor.names == set()


def test_sources_that_come_and_go_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.listeners._listener", lambda slug: program(slug, SLEEPS, tmp_path))
    supervisor = Supervisor()

    follow(supervisor, {"a", "b"})
    follow(supervisor, {"b", "c"})

    assert supervisor.names == {"b", "c"}
    supervisor.stop_all()
