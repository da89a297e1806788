"""The two tables that people keep: which tests judge which code, and which mutants are known to change nothing."""

import shlex
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from devtools.mutation.mutants import Fate, Mutant, Place


class BrokenTable(Exception):
    """A table cannot be used; the text says which entry, and why."""


@dataclass(frozen=True)
class TestMapping:
    """Which pytest arguments judge the files whose path begins with a prefix."""

    __test__ = False
    prefixes: tuple[tuple[str, str], ...]
    preload: tuple[str, ...] = ()

    def arguments(self, path: str) -> tuple[str, ...]:
        """Return the arguments of the longest prefix that fits; raises ``BrokenTable`` where none does."""
        fitting = [one for one in self.prefixes if f"{path}/".startswith(one[0].rstrip("/") + "/")]
        if not fitting:
            raise BrokenTable(f"no tests are named for {path}: add a [[tests]] entry, or give --tests")
        return tuple(shlex.split(max(fitting, key=lambda one: len(one[0]))[1]))


@dataclass(frozen=True)
class Equivalent:
    """A mutant that no test can tell from the original, and why.

    ``line`` and ``mutation`` are the changed lines before and after, as a survivor's diff shows them; blanks do not
    matter. ``within`` narrows it to one function where the same line stands in several.
    """

    path: str
    line: str
    mutation: str
    reason: str
    within: str = ""

    def fits(self, mutant: Mutant, data: bytes) -> bool:
        """Say whether the mutant is the one that is meant."""
        return (
            mutant.path == self.path
            and (not self.within or mutant.within == self.within)
            and mutant.before(data) == " ".join(self.line.split())
            and mutant.after(data) == " ".join(self.mutation.split())
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BrokenTable(f"{path}: {error}") from error


def read_mapping(path: Path) -> TestMapping:
    """Read the table of tests; raises ``BrokenTable``."""
    table = _read(path)
    try:
        prefixes = tuple((str(one["path"]), str(one["run"])) for one in table.get("tests", []))
    except (KeyError, TypeError) as error:
        raise BrokenTable(f"{path}: each [[tests]] entry needs path and run") from error
    return TestMapping(prefixes, tuple(table.get("preload", ())))


def read_nightly(path: Path) -> tuple[tuple[str, int], ...]:
    """Read the parts of which a night runs a sample, with the number of mutants; raises ``BrokenTable``."""
    try:
        parts = tuple((str(one["path"]), int(one["count"])) for one in _read(path).get("nightly", []))
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenTable(f"{path}: each [[nightly]] entry needs path and count") from error
    if not parts:
        raise BrokenTable(f"{path}: no [[nightly]] entry says what a night runs")
    return parts


def _equivalent(path: Path, entry: dict[str, str]) -> Equivalent:
    try:
        equivalent = Equivalent(**entry)
    except TypeError as error:
        raise BrokenTable(f"{path}: {entry.get('path', 'an entry')}: {error}") from error
    if not equivalent.reason.strip():
        raise BrokenTable(f"{path}: {equivalent.path}: {equivalent.line}: no reason is given")
    return equivalent


def read_equivalents(path: Path) -> list[Equivalent]:
    """Read the known equivalent mutants; raises ``BrokenTable``, also for one without a reason."""
    return [_equivalent(path, one) for one in _read(path).get("equivalent", [])]


def read_survivors(path: Path) -> frozenset[Place]:
    """Read which mutants survived, or found no end, from what ``--json`` wrote; raises ``BrokenTable``."""
    try:
        mutants = msgspec.json.decode(path.read_bytes())["mutants"]
        survivors = [one for one in mutants if one["fate"] in (Fate.SURVIVED, Fate.TIMEOUT)]
        return frozenset(Place(one["path"], one["within"], one["line"], one["mutation"]) for one in survivors)
    except (OSError, msgspec.DecodeError, KeyError, TypeError) as error:
        raise BrokenTable(f"{path}: this is not what --json writes: {error}") from error


def outdated(entries: Iterable[Equivalent], possible: Iterable[Mutant], data: dict[str, bytes]) -> list[Equivalent]:
    """Return the entries about these files that fit no possible mutant any more: the code was changed since."""
    mutants = list(possible)
    return [
        entry
        for entry in entries
        if entry.path in data and not any(entry.fits(one, data[one.path]) for one in mutants if one.path == entry.path)
    ]
