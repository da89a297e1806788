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
from devtools.mutation.vendors import SQLITE, Vendor, has_postgresql, vendors_of

Say = Callable[[str], None]
_LOG_LINES = 40
_NOTICED = frozenset({TrialVerdict.KILLED, TrialVerdict.TIMEOUT})


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


@dataclass(frozen=True)
class _Unsure:
    """A mutant that a server did not settle; no verdict where it said nothing of it."""

    trial: Trial
    verdict: TrialVerdict | None


@dataclass(frozen=True)
class _Sitting:
    """Some mutants before one server, on one database; the verdicts that settle their fate."""

    server: str
    vendor: Vendor
    settling: frozenset[TrialVerdict]

    @property
    def name(self) -> str:
        """Return what the results call it."""
        return f"{self.server}, {self.vendor.name}" if self.vendor.is_postgresql else self.server


@dataclass(frozen=True)
class Group:
    """Mutants that the same tests judge on the same databases."""

    arguments: tuple[str, ...]
    vendors: tuple[Vendor, ...]
    mutants: list[Mutant] = field(default_factory=list)


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

    def serve(self, sitting: _Sitting, job: Job) -> Iterator[TrialAnswer]:
        """Give a server's answers; raises ``TestsBroken`` where it cannot go on."""
        server = sitting.server
        place, log = self.folder / f"{server}.json", self.folder / f"{server}.log"
        place.write_bytes(msgspec.json.encode(job))
        read, write = os.pipe()
        module = f"{__package__}.{server}"
        with open(read, "rb") as answers, log.open("wb") as output:  # noqa: PTH123 - a descriptor has no path
            process = subprocess.Popen(
                [sys.executable, "-m", module, str(place), str(write)],
                cwd=self.order.root, env=sitting.vendor.environment(self._environment()), pass_fds=[write],
                stdout=output, stderr=output, stdin=subprocess.DEVNULL,
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

    def judge(self, group: Group) -> None:
        """Run the mutants of a group; what no test noticed on one database is tried on the next."""
        left = list(map(Trial, group.mutants))
        for vendor in group.vendors:
            is_last = vendor is group.vendors[-1]
            left = self._judge_on(vendor, group.arguments, left, is_last=is_last) if left else []
        for trial in left:
            raise TestsBroken(
                "\n".join([f"nothing was said of {trial.mutant.key}", *_end_of(self.folder / "cold.log")])
            )

    def _judge_on(
        self, vendor: Vendor, arguments: Sequence[str], trials: Sequence[Trial], *, is_last: bool
    ) -> list[Trial]:
        """Try mutants warm, then cold what is left or survived; return what is not settled."""
        order, words = self.order, vendor.narrowed(arguments)
        self.say(f"{len(trials)} mutants on {vendor.name} against pytest {' '.join(words)}")
        job = Job(
            str(order.root), words, tuple(Trial(one.mutant) for one in trials), order.seconds, order.mapping.preload
        )
        last = {TrialVerdict.NOT_EXECUTED} if is_last else set()
        survived = {TrialVerdict.SURVIVED} if is_last else set()
        warm = _Sitting("warm", vendor, _NOTICED | last | (survived if order.is_quick else set()))
        unsure = self._hear_all(warm, job)
        again = [one.trial for one in unsure if _is_for_cold(one, is_quick=order.is_quick)]
        left = [one.trial for one in unsure if not _is_for_cold(one, is_quick=order.is_quick)]
        if again:
            cold = _Sitting("cold", vendor, _NOTICED | last | survived)
            left += [one.trial for one in self._hear_all(cold, replace(job, trials=tuple(again)))]
        return left

    def _hear_all(self, sitting: _Sitting, job: Job) -> list[_Unsure]:
        """Settle what the server is sure of and return the rest."""
        waiting = {trial.mutant.key: trial for trial in job.trials}
        unsure: list[_Unsure] = []
        for answer in self.serve(sitting, job):
            trial = waiting.pop(answer.key)
            if answer.verdict in sitting.settling:
                self._settle(trial.mutant, answer, sitting.name)
            else:
                unsure.append(_Unsure(Trial(trial.mutant, answer.tests), answer.verdict))
        if waiting and not unsure and sitting.server == "warm" and len(waiting) == len(job.trials):
            raise TestsBroken("\n".join(["the tests do not start", *_end_of(self.folder / "warm.log")]))
        return [*unsure, *(_Unsure(trial, None) for trial in waiting.values())]

    def _settle(self, mutant: Mutant, answer: TrialAnswer, server: str) -> None:
        fates = {TrialVerdict.KILLED: Fate.KILLED, TrialVerdict.TIMEOUT: Fate.TIMEOUT}
        note = "no test executes it" if answer.verdict is TrialVerdict.NOT_EXECUTED else ""
        self.settle(mutant, fates.get(answer.verdict, Fate.SURVIVED), answer.seconds, note, server, answer.noticing)


def _is_for_cold(one: _Unsure, *, is_quick: bool) -> bool:
    """Say whether a fresh process shall try what the warm one did not settle."""
    if one.verdict is TrialVerdict.SURVIVED:
        return not is_quick
    return one.verdict is not TrialVerdict.NOT_EXECUTED


def _end_of(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-_LOG_LINES:] if log.exists() else []


def groups(order: Order, found: Sequence[Source], mutants: Sequence[Mutant], say: Say) -> list[Group]:
    """Return the mutants by the tests that judge them and the databases on which they do."""
    vendors = {source.path: vendors_of(source) for source in found}
    if any(len(one) > 1 for one in vendors.values()) and not has_postgresql():
        say("PostgreSQL is not installed: its own code is judged on SQLite alone")
        vendors = dict.fromkeys(vendors, (SQLITE,))
    found_groups: dict[tuple[tuple[str, ...], tuple[Vendor, ...]], Group] = {}
    for mutant in mutants:
        key = (order.arguments(mutant.path), vendors[mutant.path])
        found_groups.setdefault(key, Group(*key)).mutants.append(mutant)
    return list(found_groups.values())


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
        one.folder.chmod(0o711)  # PostgreSQL runs as its own user and must be able to enter.
        for group in groups(order, found, one.chosen(found, possible), say):
            one.judge(group)
    old = [] if order.again is not None else outdated(order.equivalents, possible, data)
    return MutationOutcome(tuple(one.results), len(possible), time.monotonic() - began, tuple(old), tuple(one.notices))
