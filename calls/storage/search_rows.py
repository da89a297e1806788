"""Save many searches by one statement: new ones on the consumer's hot path, answered ones on that of the lookups."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connection, models

from bulk.arrays import array
from bulk.tables import UpsertTable, plain
from calls.models import RecordingSearch, SearchState

#: What an answer changes.
ANSWER = (
    "state",
    "attempts",
    "first_asked_at",
    "asked_at",
    "answered_at",
    "recording_guid",
    "recording_started_at",
    "why",
    "error",
    "next_at",
    "claimed_until",
    "service_id",
)

_COLUMNS = [field for field in RecordingSearch._meta.concrete_fields if not field.primary_key]  # noqa: SLF001
_ATTRIBUTES = [field.attname for field in _COLUMNS]
_NEW = UpsertTable(RecordingSearch, [field.name for field in _COLUMNS], ["leg_id", "ordinal"])


def add(rows: Iterable[RecordingSearch]) -> None:
    """Save new searches. Raises ``IntegrityError`` where a leg has that one already."""
    _NEW.insert([tuple(map(_stored, (getattr(row, name) for name in _ATTRIBUTES))) for row in rows])


def _stored(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list) else value


def save_open(rows: Sequence[RecordingSearch]) -> None:
    """Save what answers changed; a search that was cancelled meanwhile stays cancelled."""
    values = [tuple(getattr(row, name) for name in ("pk", *ANSWER)) for row in rows]
    if not values:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_for_postgresql(), [array(column) for column in zip(*values, strict=True)])
        else:
            cursor.executemany(_for_sqlite(), [tuple(map(plain, (*row[1:], row[0]))) for row in values])


def _field(name: str) -> "models.Field[Any, Any]":
    return RecordingSearch._meta.get_field(name.removesuffix("_id"))  # type: ignore[return-value]  # noqa: SLF001


@cache
def _for_postgresql() -> str:
    table, columns = RecordingSearch._meta.db_table, ", ".join(ANSWER)  # noqa: SLF001  (documented by Django)
    arrays = ", ".join(f"%s::{_type(name)}[]" for name in ("id", *ANSWER))
    changes = ", ".join(f"{name} = answer.{name}" for name in ANSWER)
    return (
        f"UPDATE {table} AS search SET {changes} FROM unnest({arrays}) AS answer (id, {columns})"  # noqa: S608  (names)
        f" WHERE search.id = answer.id AND search.state = '{SearchState.OPEN}'"
    )


def _type(name: str) -> str:
    """Return a column's type without its length: the column checks it."""
    field = _field(name)
    found = field.rel_db_type(connection) if name == "id" else field.db_type(connection)
    return (found or "text").split("(", maxsplit=1)[0]


@cache
def _for_sqlite() -> str:
    changes = ", ".join(f"{name} = %s" for name in ANSWER)
    table = RecordingSearch._meta.db_table  # noqa: SLF001  (documented by Django)
    return f"UPDATE {table} SET {changes} WHERE id = %s AND state = '{SearchState.OPEN}'"  # noqa: S608  (names)
