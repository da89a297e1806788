"""Django's test databases, put back to what they were before each mutant."""

import importlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

_PARTS = ("", "-wal", "-shm", "-journal")
_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
_TEST_PREFIX = "test_"  # Django's: a project's real database is never touched.


class Databases:
    """The databases of the tests, as they stood between two tests.

    A forked process may not use its parent's connections, and one that was killed may leave rows behind. SQLite in
    memory is the child's own and needs nothing. Of SQLite's files only those in the folder for temporary files are
    written to: a project's real database is none of them.
    """

    def __init__(self) -> None:
        """Keep nothing yet: Django makes its databases for the first test that needs them."""
        self._contents: dict[Path, bytes | None] = {}
        self._copies: dict[str, PostgresqlCopy] = {}

    def keep(self) -> None:
        """Keep what a database holds that is seen for the first time. Call it between two tests.

        The first test that uses one has left the rows of the migrations, which one that empties tables does not.
        """
        for one in _connections():
            name = str(one.settings_dict["NAME"])
            if one.vendor == "postgresql":
                if name.startswith(_TEST_PREFIX) and name not in self._copies:
                    one.close()
                    self._copies[name] = PostgresqlCopy(one, name)
            elif _is_of_tests(Path(name)) and Path(name) not in self._contents:
                one.close()
                self._contents |= {piece: _content(piece) for piece in _pieces(name)}

    def close(self) -> None:
        """Close this process' connections, before it is forked."""
        for one in _connections():
            one.close()

    def restore(self) -> None:
        """Write the content back."""
        for piece, content in self._contents.items():
            if content is None:
                piece.unlink(missing_ok=True)
            else:
                spare = piece.with_name(f"{piece.name}.new")
                spare.write_bytes(content)
                os.replace(spare, piece)  # noqa: PTH105 - a new file: no process still writes to it
        for copy in self._copies.values():
            copy.restore()


def _connections() -> list[Any]:
    if "django.db" not in sys.modules:
        return []
    return list(importlib.import_module("django.db").connections.all(initialized_only=True))


def _is_of_tests(path: Path) -> bool:
    return path.is_relative_to(tempfile.gettempdir()) and path.is_file()


def _pieces(name: str) -> list[Path]:
    return [Path(f"{name}{part}") for part in _PARTS]


def _content(piece: Path) -> bytes | None:
    return piece.read_bytes() if piece.exists() else None


class PostgresqlCopy:
    """A copy of a database of PostgreSQL, under another name on the same server."""

    def __init__(self, connection: Any, name: str) -> None:
        self._name, self._copy = name, f"kept_{name}"
        self._reached = {**connection.get_connection_params(), "dbname": "postgres"}
        self._run(_END_SESSIONS, name)
        self._run(f'CREATE DATABASE "{self._copy}" TEMPLATE "{name}"')

    def restore(self) -> None:
        """Replace the database by the copy, whoever is connected to it."""
        self._run(f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)')
        self._run(f'CREATE DATABASE "{self._name}" TEMPLATE "{self._copy}"')

    def _run(self, statement: str, *values: str) -> None:
        psycopg: Any = importlib.import_module("psycopg")
        with psycopg.connect(**self._reached, autocommit=True) as connection:
            connection.execute(statement, values or None)
