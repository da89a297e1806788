"""Keep programs running: start, watch, start again with growing waits, stop all by process id."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

from launcher.forks import Forked, ForkedProcess

#: Linux: a program must not outlive the launcher, however that ends.
_setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
DIE_WITH_PARENT = [_setpriv, "--pdeathsig", "TERM", "--"] if _setpriv else []

#: The shortest and the longest wait before a program is started again, in seconds.
MINIMUM_WAIT, MAXIMUM_WAIT = 0.5, 30.0
#: A program that ran this long before it died starts again after the shortest wait.
STEADY_SECONDS = 60.0


def say(words: str) -> None:
    """Tell the person at the prompt."""
    print(words, flush=True)


@dataclass(frozen=True)
class Program:
    """What to run. ``rank``: programs of a higher rank depend on those of a lower one and stop before them.

    ``ends``: it does its work and ends; only an end with another status than 0 is a death. ``fork``: it is a fork
    instead of the command, in this same environment.
    """

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    folder: Path
    log: Path | None = None
    rank: int = 1
    ends: bool = False
    fork: Forked | None = None


class Process(Protocol):
    """A process that was started: what is used of ``subprocess.Popen``."""

    pid: int

    def poll(self) -> int | None:
        """Return the exit status; None while it runs."""

    def terminate(self) -> None:
        """Send SIGTERM."""

    def kill(self) -> None:
        """Send SIGKILL."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raises ``subprocess.TimeoutExpired``."""


@dataclass
class Running:
    """A program's present process, and when to try again if there is none."""

    program: Program
    process: Process
    started: float
    wait: float = MINIMUM_WAIT
    again_at: float | None = None
    restarts: int = 0
    is_done: bool = False


class Supervisor:
    """Programs by name. ``watch`` must be called every second or so; it never blocks."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, longest_wait: float = MAXIMUM_WAIT) -> None:
        self._clock, self._longest_wait = clock, longest_wait
        self._running: dict[str, Running] = {}

    @property
    def names(self) -> set[str]:
        """Return the names of the programs that are kept running."""
        return set(self._running)

    @property
    def restarts(self) -> int:
        """Return how often a program that died was started again."""
        return sum(one.restarts for one in self._running.values())

    def start(self, program: Program) -> None:
        """Start a program and keep it running from now on."""
        self._running[program.name] = Running(program, _spawn(program), self._clock())

    def watch(self) -> None:
        """Look at every program once: note who died, and start again whose wait is over."""
        for one in self._running.values():
            if one.is_done:
                continue
            if one.again_at is None:
                self._note_end(one)
            elif self._clock() >= one.again_at:
                one.process, one.started, one.again_at = _spawn(one.program), self._clock(), None
                one.restarts += 1

    def is_alive(self, name: str) -> bool:
        """Say whether the program has a living process."""
        return self._running[name].process.poll() is None

    def program(self, name: str) -> Program:
        """Return a program that is kept running, by its name."""
        return self._running[name].program

    def pid(self, name: str) -> int:
        """Return the id of the program's present or latest process."""
        return self._running[name].process.pid

    def has_ended(self, name: str) -> bool:
        """Say whether a program that does its work and ends has done so."""
        return self._running[name].is_done

    def stop(self, names: set[str], grace: float = 10) -> None:
        """Stop the named programs together; whoever is still there after ``grace`` seconds is killed."""
        leaving = [self._running.pop(name) for name in names]
        for one in leaving:
            if one.process.poll() is None:
                one.process.terminate()
        deadline = self._clock() + grace
        for one in leaving:
            self._await_end(one, deadline)

    def stop_all(self, grace: float = 10) -> None:
        """Stop everything, those that depend on others first."""
        for rank in sorted({one.program.rank for one in self._running.values()}, reverse=True):
            self.stop({name for name, one in self._running.items() if one.program.rank == rank}, grace)

    def _note_end(self, one: Running) -> None:
        status = one.process.poll()
        if status is None:
            return
        if status == 0 and one.program.ends:
            one.is_done = True
            return
        lasted = self._clock() - one.started
        one.wait = MINIMUM_WAIT if lasted >= STEADY_SECONDS else min(one.wait * 2, self._longest_wait)
        one.again_at = self._clock() + one.wait
        where = f" (see {one.program.log})" if one.program.log else ""
        say(f"{one.program.name} {_ending(status)} after {lasted:.0f} s{where}; again in {one.wait:.0f} s")

    def _await_end(self, one: Running, deadline: float) -> None:
        try:
            one.process.wait(max(deadline - self._clock(), 0.01))
        except subprocess.TimeoutExpired:
            say(f"{one.program.name} does not stop; killing it")
            one.process.kill()
            one.process.wait()


def _ending(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def _spawn(program: Program) -> Process:
    """Start a process in a session of its own, so that Ctrl-C reaches it only through the supervisor."""
    if program.fork:
        return ForkedProcess(program.name, program.fork, program.environment, program.log)
    output = program.log.open("ab") if program.log else None
    try:
        return subprocess.Popen(
            [*DIE_WITH_PARENT, *program.command],
            cwd=program.folder,
            env=program.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output and subprocess.STDOUT,
            start_new_session=True,
        )
    finally:
        if output:
            output.close()


class Stopped(Exception):
    """Someone asked the launcher to stop."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise ``Stopped`` within the block on SIGTERM or Ctrl-C; a second one while stopping changes nothing."""

    def leave(number: int, _: FrameType | None) -> None:
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, signal.SIG_IGN)
        raise Stopped(signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    yield
