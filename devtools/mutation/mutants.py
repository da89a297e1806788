"""One mutant: a stretch of a file's bytes replaced by another text."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What was changed."""

    COMPARISON = "comparison"
    BOUNDARY = "boundary"
    DROPPED_TERM = "dropped term"
    AND_OR = "and/or"
    NEGATED = "negated condition"
    REMOVED_NOT = "removed not"
    REMOVED_STATEMENT = "removed statement"
    DROPPED_KEYWORD = "dropped keyword"
    CONSTANT = "constant"
    ARITHMETIC = "arithmetic"
    SWAPPED_ARMS = "swapped arms"
    RETURNED_NONE = "returned None"


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    TIMEOUT = "timeout"
    EQUIVALENT = "equivalent"


class Place(NamedTuple):
    """What names a mutant though lines of its file have moved: file, function, and the text before and after."""

    path: str
    within: str
    before: str
    after: str


@dataclass(frozen=True)
class Mutant:
    """A change of one file.

    ``start`` and ``end`` are byte offsets, ``text`` replaces what lies between. ``first`` and ``last`` are the lines
    of the statement (or of its head) that holds the change: a test that executes none of them cannot notice it.
    ``within`` is the dotted name of the class and function around it, empty at module level.
    """

    path: str
    kind: Kind
    line: int
    start: int
    end: int
    text: str
    first: int
    last: int
    within: str

    @property
    def key(self) -> str:
        """Return what names the mutant among those of one run."""
        return f"{self.path}:{self.start}:{self.end}:{self.kind}:{self.text}"

    def applied(self, data: bytes) -> bytes:
        """Return the file's bytes with the change."""
        return data[: self.start] + self.text.encode() + data[self.end :]

    def _lines(self, data: bytes) -> tuple[str, str]:
        begin = data.rfind(b"\n", 0, self.start) + 1
        end = data.find(b"\n", self.end)
        rest = data[self.end :] if end < 0 else data[self.end : end]
        before = data[begin : self.end] + rest
        return before.decode(), (data[begin : self.start] + self.text.encode() + rest).decode()

    def before(self, data: bytes) -> str:
        """Return the changed lines as they stand in the file, as one line without extra blanks."""
        return " ".join(self._lines(data)[0].split())

    def after(self, data: bytes) -> str:
        """Return the changed lines with the change, as one line without extra blanks."""
        return " ".join(self._lines(data)[1].split())

    def place(self, data: bytes) -> Place:
        """Return what names the mutant among those of another run."""
        return Place(self.path, self.within, self.before(data), self.after(data))

    def diff(self, data: bytes) -> str:
        """Return the change as a small diff below its place."""
        before, after = (text.splitlines() for text in self._lines(data))
        marks = [f"- {line}" for line in before] + [f"+ {line}" for line in after]
        return "\n".join([f"{self.path}:{self.line} [{self.kind}] in {self.within or 'the module'}", *marks])
