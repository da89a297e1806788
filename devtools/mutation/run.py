"""One run of the command: which mutants, by which tests, with which result."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from devtools.mutation.choice import Novelty, in_chosen_order, sources
from devtools.mutation.mutants import Fate, Mutant, Place
from devtools.mutation.protocol import Job, OutputLine, Trial, TrialAnswer, TrialVerdict
from devtools.mutation.source import Source
from devtools.mutation.tables import Equivalent, TestMapping, outdated

Say = Callable[[str], None]
_LOG_LINES = 40


class TestsBroken(Exception):
    """The tests do not pass, or do not start, without any mutant; the text has the end of the log."""


@dataclass(frozen=True)
class Order:
    """What the person asked for."""

    root: Path
    paths: Sequence[Path]
    mapping: TestMapping
    equivalents: Sequence[Equivalent] = ()
    count: int | None = None
    seed: int = 0
    tests: tuple[str, ...] | None = None
    seconds: float | None = None
    is_quick: bool = False
    again: frozenset[Place] | None = None

    def arguments(self, path: str) -> tuple[str, ...]:
        """Return the pytest arguments for a file."""
        return self.tests if self.tests is not None else self.mapping.arguments(path)


@dataclass(frozen=True)
class MutantResult:
    """One mutant and its fate; ``before``, ``after`` and ``diff`` are for people and for the table of equivalents."""

    mutant: Mutant
    fate: Fate
    before: str
    after: str
    diff: str
    seconds: float = 0
    note: str = ""
    server: str = ""
    noticing: str = ""


@dataclass(frozen=True)
class MutationOutcome:
    """All results of a run, with the entries of the table of equivalents that fit no mutant any more."""

    results: tuple[MutantResult, ...]
    possible: int
    seconds: float
    outdated: tuple[Equivalent, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass
class _Run:
    order: Order
    say: Say
    data: dict[str, bytes]
    folder: Path
    results: list[MutantResult] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def settle(
        self, mutant: Mutant, fate: Fate, seconds: float = 0, note: str = "", server: str = "", noticing: str = ""
    ) -> None:
        """Keep a result, and say it; a survivor with its diff, so that a run that is stopped has not been in vain."""
        data = self.data[mutant.path]
        before, after, diff = mutant.before(data), mutant.after(data), mutant.diff(data)
        self.results.append(MutantResult(mutant, fate, before, after, diff, seconds, note, server, noticing))
        shown = diff if fate is Fate.SURVIVED else f"{mutant.path}:{mutant.line} {mutant.kind}"
        self.say(f"{len(self.results)}: {fate}: {shown}")

    def chosen(self, found: Sequence[Source], possible: Sequence[Mutant]) -> list[Mutant]:
        """Return the mutants to run; the known equivalents among them are settled here."""
        novelty = Novelty(found)
        wanted: list[Mutant] = []
        for mutant in possible:
            if self.order.count is not None and len(wanted) >= self.order.count:
                break
            known = [one for one in self.order.equivalents if one.fits(mutant, self.data[mutant.path])]
            if known:
                self.settle(mutant, Fate.EQUIVALENT, note=known[0].reason)
            elif novelty.is_new(mutant):
                wanted.append(mutant)
        return wanted

    def serve(self, server: str, job: Job) -> Iterator[TrialAnswer]:
        """Give a server's answers; raises ``TestsBroken`` where it cannot go on."""
        place, log = self.folder / f"{server}.json", self.folder / f"{server}.log"
        place.write_bytes(msgspec.json.encode(job))
        read, write = os.pipe()
        module = f"{__package__}.{server}"
        with open(read, "rb") as answers, log.open("wb") as output:  # noqa: PTH123 - a descriptor has no path
            process = subprocess.Popen(
                [sys.executable, "-m", module, str(place), str(write)],
                cwd=self.order.root, env=self._environment(), pass_fds=[write], stdout=output, stderr=output,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
            os.close(write)
            try:
                for line in answers:
                    if (answer := self._heard(line, log)) is not None:
                        yield answer
            finally:
                process.terminate()
                process.wait()

    def _heard(self, line: bytes, log: Path) -> TrialAnswer | None:
        heard = msgspec.json.decode(line, type=OutputLine)
        if heard.notice is not None:
            self.say(heard.notice.text)
            self.notices.append(heard.notice.text)
            if heard.notice.is_fatal:
                raise TestsBroken("\n".join([heard.notice.text, *_end_of(log)]))
        return heard.answer

    def _environment(self) -> dict[str, str]:
        package = Path(__file__).resolve().parents[(__package__ or "").count(".") + 1]
        paths = [str(package), os.environ.get("PYTHONPATH", "")]
        return os.environ | {
            "PYTHONPATH": os.pathsep.join(one for one in paths if one),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HYPOTHESIS_STORAGE_DIRECTORY": str(self.folder / "hypothesis"),
            "TMPDIR": str(self.folder),
        }

    def judge(self, arguments: tuple[str, ...], mutants: Sequence[Mutant]) -> None:
        """Run the mutants that the same tests judge: first warm, then cold what is left or survived."""
        order = self.order
        job = Job(str(order.root), arguments, tuple(map(Trial, mutants)), order.seconds, order.mapping.preload)
        left = self._hear_all("warm", job, is_last=order.is_quick)
        if left:
            left = self._hear_all("cold", replace(job, trials=tuple(left)), is_last=True)
        for trial in left:
            raise TestsBroken(
                "\n".join([f"nothing was said of {trial.mutant.key}", *_end_of(self.folder / "cold.log")])
            )

    def _hear_all(self, server: str, job: Job, is_last: bool) -> list[Trial]:
        """Settle what the server is sure of and return the rest."""
        waiting = {trial.mutant.key: trial for trial in job.trials}
        again: list[Trial] = []
        for answer in self.serve(server, job):
            trial = waiting.pop(answer.key)
            is_sure = is_last or answer.verdict in {
                TrialVerdict.KILLED,
                TrialVerdict.TIMEOUT,
                TrialVerdict.NOT_EXECUTED,
            }
            if is_sure and answer.verdict is not TrialVerdict.NOT_APPLIED:
                self._settle(trial.mutant, answer, server)
            else:
                again.append(Trial(trial.mutant, answer.tests))
        if waiting and not again and server == "warm" and len(waiting) == len(job.trials):
            raise TestsBroken("\n".join(["the tests do not start", *_end_of(self.folder / "warm.log")]))
        return [*again, *waiting.values()]

    def _settle(self, mutant: Mutant, answer: TrialAnswer, server: str) -> None:
        fates = {TrialVerdict.KILLED: Fate.KILLED, TrialVerdict.TIMEOUT: Fate.TIMEOUT}
        note = "no test executes it" if answer.verdict is TrialVerdict.NOT_EXECUTED else ""
        self.settle(mutant, fates.get(answer.verdict, Fate.SURVIVED), answer.seconds, note, server, answer.noticing)


def _end_of(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-_LOG_LINES:] if log.exists() else []


def _by_tests(order: Order, mutants: Sequence[Mutant]) -> dict[tuple[str, ...], list[Mutant]]:
    groups: dict[tuple[str, ...], list[Mutant]] = {}
    for mutant in mutants:
        groups.setdefault(order.arguments(mutant.path), []).append(mutant)
    return groups


def run(order: Order, say: Say) -> MutationOutcome:
    """Run the mutants and return what became of them.

    Raises ``NothingToMutate``, ``BrokenTable`` for a file without tests, and ``TestsBroken``.
    """
    began = time.monotonic()
    found = [source for path in order.paths for source in sources(order.root, path)]
    data = {source.path: source.data for source in found}
    possible = in_chosen_order(found, order.count, order.seed)
    if order.again is not None:
        possible = [one for one in possible if one.place(data[one.path]) in order.again]
    with tempfile.TemporaryDirectory(prefix="mutate-", ignore_cleanup_errors=True) as folder:
        one = _Run(order, say, data, Path(folder))
        for arguments, mutants in _by_tests(order, one.chosen(found, possible)).items():
            say(f"{len(mutants)} mutants against pytest {' '.join(arguments)}")
            one.judge(arguments, mutants)
    old = [] if order.again is not None else outdated(order.equivalents, possible, data)
    return MutationOutcome(tuple(one.results), len(possible), time.monotonic() - began, tuple(old), tuple(one.notices))
