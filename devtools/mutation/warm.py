"""The quick server: collects and runs the tests once, then forks a child for each mutant.

A plugin of pytest within a process of its own: ``python -m mutation.warm JOB DESCRIPTOR``.
"""

import gc
import importlib.util
import mmap
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from devtools.mutation import children
from devtools.mutation.databases import Databases
from devtools.mutation.mutants import Mutant
from devtools.mutation.plain import as_function
from devtools.mutation.protocol import ChildChannel, Job, Trial, TrialVerdict
from devtools.mutation.swap import LoadedModule, NeedsFreshImport
from devtools.mutation.tracing import Tracing

#: Random order and workers would break what is measured; nothing may be written beside the code.
QUIET = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist", "--no-header", "--tb=short")
_PASSED, _FAILED, _NOT_APPLIED = 0, 1, 3
_LEAST_SECONDS, _TIMES = 5.0, 5.0
#: What one test may use of the processor: however busy the machine is, a loop without end is found soon.
_LEAST_CPU_SECONDS, _CPU_TIMES = 1.0, 10.0
_SAME_FUNCTION = 4  # A test that noticed a change of the same function counts as four that noticed one of the file.
_NUMBER_BYTES = 4


def pytest_options() -> tuple[str, ...]:
    """Return the options of every run: the same examples each time where Hypothesis is at work."""
    return (*QUIET, "--hypothesis-seed=0") if importlib.util.find_spec("hypothesis") else QUIET


class Warm:
    """A plugin that takes the place of pytest's loop over the tests."""

    def __init__(self, job: Job, mouth: ChildChannel, tracing: Tracing) -> None:
        """Take what is to be done; ``tracing`` has begun already, before anything of the project was imported."""
        self._job, self._mouth, self._tracing = job, mouth, tracing
        self._seconds: dict[str, float] = {}
        self._whole_seconds = float("inf")
        self._failed: set[str] = set()
        self._texts: dict[Path, bytes] = {}
        self._databases = Databases()
        self._plain: dict[str, Callable[[], None]] = {}
        self._noticed: Counter[tuple[str, str]] = Counter()  # By a place (a file, or a function of it) and a test.
        self._noticing = mmap.mmap(-1, _NUMBER_BYTES)  # Shared with the child: the number of the test that failed.

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how long each test takes, and which fail."""
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0) + report.duration
        if report.failed:
            self._failed.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests once, then the mutants."""
        if session.testsfailed:
            self._mouth.notice("the tests cannot be collected; see the log", is_fatal=True)
            return True
        self._measure(session.items)
        found = {item.nodeid: as_function(item) for item in session.items}
        self._plain = {name: function for name, function in found.items() if function is not None}
        # Read once: who goes on editing meanwhile changes no mutant.
        self._texts = {path: path.read_bytes() for path in {self._path(trial) for trial in self._job.trials}}
        self._loaded = LoadedModule(str(self._path(trial)) for trial in self._job.trials)
        gc.freeze()  # After the search for functions: a frozen object is not found any more.
        self._items = self._usable(session.items)
        for trial in self._job.trials if self._items else ():
            self._try(trial)
        return True

    def _path(self, trial: Trial) -> Path:
        return Path(self._job.root) / trial.mutant.path

    def _measure(self, items: Sequence[pytest.Item]) -> None:
        for item in items:
            with self._tracing.of(item.nodeid):
                _run([item])
            self._databases.keep()
        self._databases.close()
        self._tracing.end()

    def _usable(self, items: Sequence[pytest.Item]) -> list[pytest.Item]:
        """Return the tests that pass here and in a forked process, the quickest first; says which do not."""
        passing = [one for one in items if one.nodeid not in self._failed]
        passing.sort(key=lambda one: (_empties_tables(one), self._duration(one)))
        self._complain("fail without any mutant", self._failed)
        broken = self._broken_by_forking(passing)
        self._complain("pass, but not in a forked process", broken)
        good = [one for one in passing if one.nodeid not in broken]
        if not good:
            self._mouth.notice("no test is left that passes", is_fatal=True)
        return good

    def _complain(self, what: str, tests: set[str]) -> None:
        if tests:
            self._mouth.notice(f"left out, because they {what}: {', '.join(sorted(tests))}")

    def _broken_by_forking(self, items: Sequence[pytest.Item]) -> set[str]:
        """Return which tests fail in a child that changes nothing: they need threads or sockets of this process."""
        began = time.monotonic()
        if self._status(items, None, self._limit(items)) == _PASSED:
            # The tests are much quicker here than under coverage.
            self._whole_seconds = time.monotonic() - began
            return set()
        return {one.nodeid for one in items if self._status([one], None, self._limit([one])) != _PASSED}

    def _duration(self, item: pytest.Item) -> float:
        return self._seconds.get(item.nodeid, 0)

    def _limit(self, items: Sequence[pytest.Item]) -> float:
        return self._job.seconds or _LEAST_SECONDS + _TIMES * min(sum(map(self._duration, items)), self._whole_seconds)

    def _try(self, trial: Trial) -> None:
        lines = self._tracing.tests_of(str(self._path(trial)), trial.mutant.first, trial.mutant.last)
        executing = [one for one in self._items if lines.tests is None or one.nodeid in lines.tests]
        items = sorted(executing, key=lambda one: (_empties_tables(one), -self._promise(trial.mutant, one)))
        names, began = tuple(one.nodeid for one in items), time.monotonic()
        if lines.is_at_import:
            self._mouth.answer(trial, TrialVerdict.NOT_APPLIED, 0)
        elif not items:
            self._mouth.answer(trial, TrialVerdict.NOT_EXECUTED, 0, ())
        else:
            verdict = self._verdict(items, trial)
            noticing = self._note_noticing(items, trial.mutant) if verdict is TrialVerdict.KILLED else ""
            self._mouth.answer(trial, verdict, time.monotonic() - began, names, noticing)

    def _promise(self, mutant: Mutant, item: pytest.Item) -> float:
        """Return how soon a test may be expected to notice the change, by what it noticed before and its time."""
        in_file, in_function = (self._noticed[place, item.nodeid] for place in _places(mutant))
        return (in_file + _SAME_FUNCTION * in_function) / (0.01 + self._duration(item))

    def _note_noticing(self, items: Sequence[pytest.Item], mutant: Mutant) -> str:
        number = int.from_bytes(self._noticing[:], "big")
        if number == 0:
            return ""  # The child ended before it could say.
        test = items[number - 1].nodeid
        self._noticed.update((place, test) for place in _places(mutant))
        return test

    def _verdict(self, items: Sequence[pytest.Item], trial: Trial) -> TrialVerdict:
        status = self._status(items, trial, self._limit(items))
        known = {
            None: TrialVerdict.TIMEOUT,
            -signal.SIGPROF: TrialVerdict.TIMEOUT,
            _PASSED: TrialVerdict.SURVIVED,
            _NOT_APPLIED: TrialVerdict.NOT_APPLIED,
        }
        return known.get(status, TrialVerdict.KILLED)

    def _status(self, items: Sequence[pytest.Item], trial: Trial | None, seconds: float) -> int | None:
        self._databases.restore()
        self._noticing[:] = bytes(_NUMBER_BYTES)
        return children.run(lambda: self._child(items, trial), seconds)

    def _child(self, items: Sequence[pytest.Item], trial: Trial | None) -> int:
        if trial is not None:
            path = self._path(trial)
            before = self._texts[path]
            try:
                self._loaded.swap(str(path), before, trial.mutant.applied(before))
            except NeedsFreshImport:
                return _NOT_APPLIED
        self._failed.clear()
        for number, item in enumerate(items, start=1):
            signal.setitimer(signal.ITIMER_PROF, _LEAST_CPU_SECONDS + _CPU_TIMES * self._duration(item))
            if self._fails(item):
                self._noticing[:] = number.to_bytes(_NUMBER_BYTES, "big")
                return _FAILED
        return _PASSED

    def _fails(self, item: pytest.Item) -> bool:
        if (function := self._plain.get(item.nodeid)) is None:
            _run([item])
            return bool(self._failed)
        try:
            function()
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 - a failed assertion, or whatever a mutant raises.
            return True
        return False


def _places(mutant: Mutant) -> tuple[str, str]:
    return mutant.path, f"{mutant.path}:{mutant.within}"


def _empties_tables(item: pytest.Item) -> bool:
    """Say whether a test leaves no rows behind, also none of the migrations': such come last, as in pytest-django."""
    mark = item.get_closest_marker("django_db")
    needs = {"transactional_db", "live_server"} & set(getattr(item, "fixturenames", ()))
    return bool(needs) or (mark is not None and bool(mark.kwargs.get("transaction")))


def _run(items: Sequence[pytest.Item]) -> None:
    """Run tests as pytest does, but leave what belongs to the whole session standing, such as a database."""
    for item in items:
        after = cast("pytest.Item", item.session)  # The session is what goes on after the test.
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)


def main(words: Sequence[str]) -> int:
    """Do the job of the file, and speak into the descriptor."""
    job = msgspec.json.decode(Path(words[0]).read_bytes(), type=Job)
    mouth = ChildChannel(int(words[1]))
    children.end_with_parent()
    sys.path.insert(0, job.root)
    tracing = Tracing({str(Path(job.root) / trial.mutant.path) for trial in job.trials})
    arguments: list[Any] = [*pytest_options(), *job.arguments]
    return int(pytest.main(arguments, plugins=[Warm(job, mouth, tracing)]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
