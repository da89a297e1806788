"""Programs that are forks of one process behave as if each had been started by itself."""

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.servers import wait_until
from launcher.forks import Forked
from launcher.paths import ROOT
from launcher.procfile import as_fork, programs
from launcher.supervisor import Program, Supervisor

# Python 3.12 and newer warn of a fork beside threads, which the test runner has; the keeper of listeners has none.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

#: A program that says what it was given, then waits. It writes as C does: pytest has replaced Python's own output.
STAYS = """
import os, sys, time
said = [os.environ["WORD"], *sys.argv[1:], "django" in sys.modules]
os.write(1, (" ".join(map(str, said)) + chr(10)).encode())
time.sleep(60)
"""


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    (tmp_path / "stays.py").write_text(STAYS)
    (tmp_path / "ends.py").write_text("raise SystemExit(7)")
    monkeypatch.syspath_prepend(tmp_path)
    keeper = Supervisor()
    yield keeper
    keeper.stop_all()


def fork(folder: Path, *words: str) -> Program:
    environment = {**os.environ, "WORD": "own"}
    return Program(words[0], [], environment, ROOT, folder / f"{words[0]}.log", fork=Forked(words, of_starter=True))


def words(folder: Path, name: str) -> str:
    log = folder / f"{name}.log"
    return log.read_text() if log.exists() else ""


def test_a_fork_has_its_own_words_environment_log_and_name_and_what_was_loaded_before(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    supervisor.start(fork(tmp_path, "stays", "a", "b"))
    wait_until(lambda: words(tmp_path, "stays") != "", "the fork's words")

    assert words(tmp_path, "stays") == "own a b True\n"
    assert "WORD" not in os.environ
    pid = supervisor.pid("stays")
    assert Path(f"/proc/{pid}/comm").read_text() == "gw-stays\n"
    assert os.getsid(pid) == pid, "Ctrl-C must not reach it"


def test_a_fork_that_died_is_started_again_and_one_that_is_stopped_ends(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.start(fork(tmp_path, "stays"))
    wait_until(lambda: words(tmp_path, "stays") != "", "the fork's words")
    first = supervisor.pid("stays")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not supervisor.is_alive("stays"), "the end")

    wait_until(lambda: watched(supervisor, "stays"), "the next one")
    second = supervisor.pid("stays")
    wait_until(lambda: words(tmp_path, "stays").count("own") == 2, "the next one's words")
    supervisor.stop({"stays"})

    assert second != first
    assert not Path(f"/proc/{second}").exists()


def watched(supervisor: Supervisor, name: str) -> bool:
    supervisor.watch()
    return supervisor.restarts == 1 and supervisor.is_alive(name)


def test_the_status_of_a_fork_that_ended_is_known(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.start(fork(tmp_path, "ends"))
    wait_until(lambda: not supervisor.is_alive("ends"), "the end")

    assert supervisor._running["ends"].process.wait() == 7


def test_a_fork_does_at_its_end_what_it_registered_itself_and_not_what_its_starter_did(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    own, starters = tmp_path / "own", tmp_path / "starters"
    (tmp_path / "ends.py").write_text(f"import atexit, pathlib\natexit.register(pathlib.Path({str(own)!r}).touch)")
    atexit.register(starters.touch)
    try:
        supervisor.start(fork(tmp_path, "ends"))
        wait_until(lambda: not supervisor.is_alive("ends"), "the end")
    finally:
        atexit.unregister(starters.touch)

    assert own.exists()
    assert not starters.exists()


def test_a_line_of_the_procfile_is_expanded_as_by_the_shell(tmp_path: Path) -> None:
    line = 'exec .venv/bin/python -m gateway_site.web ${BIND:-127.0.0.1:8000} "${TWO}"'
    program = Program("web", ["/bin/sh", "-c", line], {**os.environ, "TWO": "two words"}, ROOT)
    other = Program("web", ["/bin/sh", "-c", "exec redis-server"], dict(os.environ), ROOT)

    environment = {name: value for name, value in program.environment.items() if name != "BIND"}
    forked = as_fork(Program("web", program.command, environment, ROOT)).fork

    assert forked == Forked(["gateway_site.web", "127.0.0.1:8000", "two words"])
    assert as_fork(other).fork is None


LOADED = """
import sys, threading
import launcher.loaded
from django.db import connections
print([name for name in launcher.loaded.MODULES if name not in sys.modules], end=" ")
print(threading.active_count(), any(one.connection for one in connections.all(initialized_only=True)))
"""


@pytest.mark.parametrize(("workers", "pool"), [("1", "solo"), ("2", "prefork")])
def test_the_events_need_a_pool_only_for_more_than_one_process(workers: str, pool: str) -> None:
    environment = {"PATH": os.environ["PATH"], "EVENTS_WORKERS": workers}
    events = next(one for one in programs(environment) if one.name == "events")

    forked = as_fork(events).fork

    assert forked is not None
    words = list(forked.words)
    assert words[words.index("-P") + 1 : words.index("-P") + 4] == [pool, "-c", workers]


def test_what_is_loaded_leaves_no_thread_no_connection_and_nothing_out() -> None:
    command = [sys.executable, "-c", LOADED]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)

    assert found.stdout.splitlines()[-1:] == ["[] 1 False"], found.stderr
