"""Programs as forks of one process that has loaded the gateway's modules (decision 38).

Each is a process of its own that can be killed and started again like any other. But what Python loads, about 100 MiB,
is in memory once instead of once a program, and one that died is back as soon as it is forked.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path

from django.db import connections

from launcher.parent_death import end_with_parent, take_name
from launcher.paths import ROOT

_servers = multiprocessing.get_context("forkserver")
_servers.set_forkserver_preload(["launcher.loaded"])
_plain = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Forked:
    """What a fork becomes. ``words``: a module and its arguments, as after ``python -m``.

    ``of_starter``: a fork of the process that starts it, which must have no second thread, instead of a fork of the
    process that only loads.
    """

    words: Sequence[str]
    of_starter: bool = False


class ForkedProcess:
    """A forked process, used like ``subprocess.Popen``."""

    def __init__(self, name: str, forked: Forked, environment: Mapping[str, str], log: Path | None) -> None:
        arguments = (name, list(forked.words), dict(environment), log)
        process: BaseProcess
        if forked.of_starter:
            connections.close_all()  # Two processes cannot speak on one connection.
            process = _plain.Process(target=_become, args=arguments)
            process.start()
        else:
            begin_loading()
            process = _servers.Process(target=_become, args=arguments)
            process.start()
        self._process = process
        assert process.pid is not None
        self.pid: int = process.pid

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs; minus the signal's number where a signal ended it."""
        return self._process.exitcode

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, at most ``timeout`` seconds. Raises ``subprocess.TimeoutExpired``."""
        self._process.join(timeout)
        if (status := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
        return status


def begin_loading() -> None:
    """Start the process that loads, with this process's environment; it need not be waited for."""
    with chdir(ROOT):
        forkserver.ensure_running()


def loading_process() -> int | None:
    """Return the process that the others are forks of; None where there is none."""
    pid: int | None = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]  # noqa: SLF001
    return pid


def _become(name: str, module: list[str], environment: dict[str, str], log: Path | None) -> None:
    """Be the program from now on, in a session of its own: Ctrl-C reaches it only through the supervisor."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # What the starter does at its own end, such as deleting its folders, is not for a fork to do.
    atexit._clear()  # noqa: SLF001  (there is no public way)
    os.setsid()
    end_with_parent()
    take_name(f"gw-{name}")
    if log:
        _write_to(log)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.argv = list(module)
    try:
        runpy.run_module(module[0], run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()  # noqa: SLF001  (multiprocessing ends by os._exit, a program would run them)


def _write_to(log: Path) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for output in (1, 2):
        os.dup2(file, output)
    os.close(file)
