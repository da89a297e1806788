"""The thorough server: a child that has imported nothing of the project runs pytest from its start, for each mutant.

``python -m mutation.cold JOB DESCRIPTOR``. The children have pytest and the ``preload`` of the mapping in common, which
saves about half of each start.
"""

import atexit
import contextlib
import importlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from devtools.mutation import children
from devtools.mutation.hook import replace_source
from devtools.mutation.protocol import ChildChannel, Job, Trial, TrialVerdict
from devtools.mutation.warm import pytest_options

_GRACE_SECONDS = 5.0
_LEAST_SECONDS, _TIMES = 20.0, 3.0


@dataclass(frozen=True)
class Only:
    """A plugin that keeps some of the collected tests."""

    tests: frozenset[str]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the named tests; all, where none of them was collected."""
        items[:] = [one for one in items if one.nodeid in self.tests] or items


def _files(tests: Sequence[str]) -> list[str]:
    """Return the files that hold the tests, each once, in order."""
    return list(dict.fromkeys(test.partition("::")[0] for test in tests))


def _child(job: Job, trial: Trial | None) -> int:
    plugins: list[object] = []
    arguments = [*pytest_options(), "-x", *job.arguments]
    if trial is not None:
        path = Path(job.root) / trial.mutant.path
        replace_source(path, trial.mutant.applied(path.read_bytes()))
        if trial.tests:
            arguments = [*pytest_options(), "-x", *_options(job.arguments), *_files(trial.tests)]
            plugins = [Only(frozenset(trial.tests))]
    try:
        return int(pytest.main(arguments, plugins=plugins))
    finally:
        atexit._run_exitfuncs()  # noqa: SLF001 - a forked child ends by os._exit; servers for tests end by atexit


def _options(arguments: Sequence[str]) -> list[str]:
    """Return the arguments that are no files: ``-m`` and the like, with their values."""
    return [one for one in arguments if not Path(one.partition("::")[0]).exists()]


def _try(job: Job, mouth: ChildChannel, trial: Trial, usual_seconds: float) -> None:
    began = time.monotonic()
    seconds = usual_seconds if job.seconds is None else job.seconds + usual_seconds / _TIMES
    status = children.run(lambda: _child(job, trial), seconds, _GRACE_SECONDS)
    verdict = {None: TrialVerdict.TIMEOUT, 0: TrialVerdict.SURVIVED}.get(status, TrialVerdict.KILLED)
    mouth.answer(trial, verdict, time.monotonic() - began, trial.tests)


def main(words: Sequence[str]) -> int:
    """Do the job of the file, and speak into the descriptor."""
    job = msgspec.json.decode(Path(words[0]).read_bytes(), type=Job)
    mouth = ChildChannel(int(words[1]))
    children.end_with_parent()
    sys.path.insert(0, job.root)
    for name in job.preload:
        with contextlib.suppress(ImportError):  # A module that is not installed saves nothing and hurts nobody.
            importlib.import_module(name)
    began = time.monotonic()
    if children.run(lambda: _child(job, None), 3600, _GRACE_SECONDS) != 0:
        mouth.notice("the tests fail without any mutant: nothing can be said of the mutants", is_fatal=True)
        return 1
    usual_seconds = _LEAST_SECONDS + _TIMES * (time.monotonic() - began)
    for trial in job.trials:
        _try(job, mouth, trial, usual_seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
