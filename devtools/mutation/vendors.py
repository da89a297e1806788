"""On which databases a file's tests are run: on SQLite, and on PostgreSQL where the file has code of its own for it."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devtools.mutation.source import Source
from devtools.servers import postgresql_programs

_SWITCH = "GATEWAY_TEST_POSTGRESQL"
_NAME = "postgresql"
_LOCKING = "select_for_update"


@dataclass(frozen=True)
class Vendor:
    """A database that the tests can be run on."""

    name: str
    is_postgresql: bool

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the environment in which the tests start this database, and no other."""
        others = {name: value for name, value in given.items() if name != _SWITCH}
        return others | ({_SWITCH: "1"} if self.is_postgresql else {})

    def narrowed(self, arguments: Sequence[str]) -> tuple[str, ...]:
        """Return pytest's arguments for this database: on the second only the tests of storage are run again."""
        words = [*arguments]
        if not self.is_postgresql:
            return tuple(words)
        if "-m" not in words[:-1]:
            return (*words, "-m", "storage")
        at = words.index("-m") + 1
        return (*words[:at], f"({words[at]}) and storage", *words[at + 1 :])


SQLITE = Vendor("SQLite", is_postgresql=False)
POSTGRESQL = Vendor("PostgreSQL", is_postgresql=True)


def vendors_of(source: Source) -> tuple[Vendor, ...]:
    """Return the databases that a file's changes are judged on, in order.

    A file has code for PostgreSQL where a text in it is the database's name, as in ``vendor == "postgresql"``, or where
    it locks rows, which SQLite does not.
    """
    return (SQLITE, POSTGRESQL) if any(map(_is_of_postgresql, ast.walk(source.tree))) else (SQLITE,)


def _is_of_postgresql(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == _LOCKING
    return isinstance(node, ast.Constant) and node.value == _NAME


def has_postgresql() -> bool:
    """Say whether a PostgreSQL can be started here."""
    try:
        postgresql_programs()
    except FileNotFoundError:
        return False
    return True
