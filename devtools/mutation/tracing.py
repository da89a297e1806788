"""Which tests execute which lines, by coverage.py where it is installed; otherwise every test executes every line."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_AT_IMPORT = "at import"


@dataclass(frozen=True)
class Executed:
    """Who executes some lines: ``tests`` is None where that is not known."""

    tests: frozenset[str] | None
    is_at_import: bool = False


class Tracing:
    """A measurement of some files from now on, test by test."""

    def __init__(self, paths: set[str]) -> None:
        """Begin, before any of the files is imported: what runs at import cannot be tried in a warm process."""
        self._coverage: Any = None
        self._contexts: dict[str, dict[int, list[str]]] = {}
        self._paths = paths
        if importlib.util.find_spec("coverage"):
            coverage = importlib.import_module("coverage")
            self._coverage = coverage.Coverage(data_file=None, config_file=False, include=sorted(paths), messages=False)
            self._coverage.start()
            self._coverage.switch_context(_AT_IMPORT)

    @contextmanager
    def of(self, test: str) -> Iterator[None]:
        """Ascribe what is executed meanwhile to a test."""
        if self._coverage is not None:
            self._coverage.switch_context(test)
        yield

    def end(self) -> None:
        """Stop: the mutants shall run at full speed."""
        if self._coverage is not None:
            self._coverage.stop()
            data = self._coverage.get_data()
            self._contexts = {path: data.contexts_by_lineno(path) for path in self._paths}

    def tests_of(self, path: str, first: int, last: int) -> Executed:
        """Return who executes any of the lines."""
        if self._coverage is None:
            return Executed(None)
        lines = self._contexts.get(path, {})
        found = frozenset(one for line in range(first, last + 1) for one in lines.get(line, ()))
        return Executed(found - {_AT_IMPORT, ""}, _AT_IMPORT in found)
