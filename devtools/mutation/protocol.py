"""What the command and its two servers tell each other, as lines of JSON."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from devtools.mutation.mutants import Mutant


class TrialVerdict(StrEnum):
    """What a server says of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    TIMEOUT = "timeout"
    NOT_APPLIED = "not applied"  # It is in what runs at import: the warm server cannot try it.
    NOT_EXECUTED = "not executed"  # No test of the mapping executes the line.


@dataclass(frozen=True)
class Trial:
    """A mutant to try, with the tests that execute its line; None stands for all."""

    mutant: Mutant
    tests: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Job:
    """What a server shall do: try each mutant with the tests of these pytest arguments.

    ``seconds`` is the limit of one mutant; None takes a multiple of the time that its tests take without it.
    ``preload`` names modules of others that the cold server imports before it forks.
    """

    root: str
    arguments: tuple[str, ...]
    trials: tuple[Trial, ...]
    seconds: float | None
    preload: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrialAnswer:
    """What became of one mutant; ``tests`` are those that execute its line, ``noticing`` the one that failed."""

    key: str
    verdict: TrialVerdict
    seconds: float
    tests: tuple[str, ...] | None = None
    noticing: str = ""


@dataclass(frozen=True)
class ChildNotice:
    """A word to the person: a server that cannot go on (``is_fatal``), or tests that it leaves out."""

    text: str
    is_fatal: bool = False


@dataclass(frozen=True)
class OutputLine:
    """One line from a server."""

    answer: TrialAnswer | None = None
    notice: ChildNotice | None = None


class ChildChannel:
    """The end of the pipe that a server speaks into."""

    def __init__(self, descriptor: int) -> None:
        """Take the descriptor that the command opened."""
        self._descriptor = descriptor

    def answer(
        self,
        trial: Trial,
        verdict: TrialVerdict,
        seconds: float,
        tests: Sequence[str] | None = None,
        noticing: str = "",
    ) -> None:
        """Say what became of a mutant."""
        reported = None if tests is None else tuple(tests)
        self._say(OutputLine(answer=TrialAnswer(trial.mutant.key, verdict, round(seconds, 3), reported, noticing)))

    def notice(self, text: str, is_fatal: bool = False) -> None:
        """Say something to the person."""
        self._say(OutputLine(notice=ChildNotice(text, is_fatal)))

    def _say(self, line: OutputLine) -> None:
        # A pipe takes only a part of a long line at a time.
        rest = memoryview(msgspec.json.encode(line) + b"\n")
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
