"""Statements of constant text for both databases, where building the query by the ORM would cost more than its run."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import connection

from bulk.arrays import array
from bulk.tables import plain

#: Stands in a text where PostgreSQL is to pass over rows that another transaction has; SQLite has one writer at a time.
SKIP_LOCKED = "/* SKIP LOCKED */"


def fetched(text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows. Times are as the database gives them: see ``moment``."""
    with connection.cursor() as cursor:
        cursor.execute(*adapted(text, values))
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def changed(text: str, values: Sequence[Any]) -> int:
    """Run a statement that changes rows, and return how many."""
    with connection.cursor() as cursor:
        cursor.execute(*adapted(text, values))
        return int(cursor.rowcount)


def marks(values: Sequence[Any]) -> str:
    """Return the marks of a list of parameters, for ``IN (...)``."""
    return ", ".join(["%s"] * len(values))


def one_of(values: Sequence[int] | Sequence[str]) -> tuple[str, str]:
    """Return the condition that a column has one of the values, and its one parameter.

    The text is the same for any number of values: a mark for each costs more than the statement where there are many.
    """
    if connection.vendor != "postgresql":
        return "IN (SELECT value FROM json_each(%s))", msgspec.json.encode(values).decode()
    kind = "bigint" if all(isinstance(one, int) for one in values) else "text"
    return f"= ANY(%s::{kind}[])", array(values)


def adapted(text: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return a text and its values as the database in use takes them."""
    if connection.vendor == "postgresql":
        return text.replace(SKIP_LOCKED, "FOR UPDATE SKIP LOCKED"), [*values]
    return text, [plain(value) for value in values]


def moment(value: datetime | str) -> datetime:
    """Return a time that a statement gave: of a column SQLite gives it without its zone, of an expression as text."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo else found.replace(tzinfo=UTC)
