"""Which mutants are run: all of them, or a seeded sample."""

import ast
import random
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from devtools.mutation.mutants import Mutant
from devtools.mutation.operators import OPERATORS, Edit
from devtools.mutation.passed_over import mutable_nodes
from devtools.mutation.source import Source
from devtools.mutation.swap import fingerprint

_FOLDERS_WITHOUT_CODE = {"tests", "migrations", "__pycache__", "testing"}
_NAMED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class NothingToMutate(Exception):
    """The path names no Python file of the project."""


def sources(root: Path, path: Path) -> list[Source]:
    """Return the file, or the files of the folder that are neither tests nor migrations.

    Raises ``NothingToMutate`` where there is none, or the path lies outside of the project.
    """
    if not path.resolve().is_relative_to(root.resolve()):
        raise NothingToMutate(f"{path} lies outside of {root}")
    found = [path] if path.is_file() else sorted(path.rglob("*.py"))
    wanted = [one for one in found if one == path or not _FOLDERS_WITHOUT_CODE & set(one.relative_to(path).parts)]
    if not wanted:
        raise NothingToMutate(f"{path} holds no Python file")
    return [Source.read(root, one) for one in wanted]


def _statement(source: Source, node: ast.AST) -> ast.stmt | None:
    while not isinstance(node, ast.stmt) and node in source.parents:
        node = source.parents[node]
    return node if isinstance(node, ast.stmt) else None


def _lines(source: Source, node: ast.AST) -> tuple[int, int]:
    """Return the first and last line of the statement around the node; of one with a body only its head."""
    statement = _statement(source, node)
    if statement is None:
        return 1, 1
    body = getattr(statement, "body", None)
    if isinstance(body, list) and statement is not node:
        inner = [one.lineno for one in body if isinstance(one, ast.stmt)]
        arm = getattr(node, "lineno", statement.lineno)
        # A guard of ``case`` or ``except`` stands below the head of the statement that it belongs to.
        return min(statement.lineno, arm), max(statement.lineno, arm, min(inner, default=arm) - 1)
    return statement.lineno, statement.end_lineno or statement.lineno


def _name_around(source: Source, node: ast.AST) -> str:
    names: list[str] = []
    while (node := source.parents.get(node, source.tree)) is not source.tree:
        if isinstance(node, _NAMED):
            names.append(node.name)
    return ".".join(reversed(names))


def _is_word(byte: bytes) -> bool:
    return byte.isalnum() or byte == b"_"


def _text(source: Source, edit: Edit) -> str:
    """Return the edit's text, kept apart from a word that it would otherwise grow together with."""
    span, text = edit.span, edit.text
    left = source.data[span.start - 1 : span.start]
    right = source.data[span.end : span.end + 1]
    first, last = (text[:1].encode(), text[-1:].encode()) if text else (right, left)
    if _is_word(left) and _is_word(first):
        text = " " + text
    return text + " " if edit.text and _is_word(last) and _is_word(right) else text


def mutants(source: Source) -> Iterator[Mutant]:
    """Give every possible mutant of a file; some may turn out to be no Python, or to change nothing."""
    for node in mutable_nodes(source.tree):
        for operator in OPERATORS:
            for edit in operator(source, node):
                first, last = _lines(source, node)
                yield Mutant(
                    path=source.path, kind=edit.kind, line=source.line_of(edit.span.start),
                    start=edit.span.start, end=edit.span.end, text=_text(source, edit),
                    first=first, last=last, within=_name_around(source, node),
                )  # fmt: skip


def in_chosen_order(found: Sequence[Source], count: int | None, seed: int) -> list[Mutant]:
    """Return every possible mutant, shuffled by the seed where only some are wanted."""
    possible = [mutant for source in found for mutant in mutants(source)]
    if count is not None:
        random.Random(seed).shuffle(possible)
    return possible


class Novelty:
    """Distinguish a mutant that changes the compiled code from one that does not, or does what a former one did."""

    def __init__(self, found: Sequence[Source]) -> None:
        """Take the files that the mutants are of."""
        self._data = {source.path: source.data for source in found}
        self._seen = {(source.path, fingerprint(source.data)) for source in found}

    def is_new(self, mutant: Mutant) -> bool:
        """Say whether the mutant compiles to code that was not seen before, and remember it."""
        try:
            with warnings.catch_warnings(action="ignore"):
                print_ = fingerprint(mutant.applied(self._data[mutant.path]))
        except (SyntaxError, ValueError):
            return False
        is_new = (mutant.path, print_) not in self._seen
        self._seen.add((mutant.path, print_))
        return is_new
