"""Statements that PostgreSQL prepares once a connection, instead of parsing and planning them each time.

Only for those whose plan is the same whatever the tables hold: rows that are inserted, or updated where their key is
there. A plan that is kept while a young table grows would read all of it.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connection

#: So that psycopg prepares what is asked for, and nothing because it came often.
ON_REQUEST_ONLY = 10**9


def run(text: str, values: Sequence[Any]) -> int:
    """Run a statement on PostgreSQL, and return how many rows it changed. Raises as Django's cursors do."""
    with _cursor() as cursor:
        cursor.execute(text if _is_session_shared() else _numbered(text), values)
        return int(cursor.rowcount)


def _is_session_shared() -> bool:
    """Say whether a pooler gives each transaction another session, which knows nothing of the one before."""
    return bool(connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"))


@cache
def _numbered(text: str) -> str:
    """Return a text with PostgreSQL's own marks: psycopg would look for its own each time, in texts of this length."""
    first, *others = text.split("%s")
    return first + "".join(f"${number}{part}" for number, part in enumerate(others, 1))


def _cursor() -> Any:
    """Return a cursor that prepares, an ordinary one where the session is shared."""
    if _is_session_shared():
        return connection.cursor()
    connection.ensure_connection()
    session: Any = connection.connection
    if session.prepare_threshold is None:
        session.prepare_threshold = ON_REQUEST_ONLY
    with connection.wrap_database_errors:
        return connection._prepare_cursor(_preparing()(session))  # type: ignore[attr-defined]  # noqa: SLF001  (else what tests and logs see of statements would lack these)


@cache
def _preparing() -> Any:
    """Return the kind of cursor, made at its first use: SQLite needs no psycopg."""
    from psycopg import RawCursor  # noqa: PLC0415  (as above)

    class PreparingCursor(RawCursor[Any]):
        """A cursor that has each of its statements prepared."""

        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            """Run a statement, prepared."""
            return super().execute(query, params, **options | {"prepare": True})

    return PreparingCursor
