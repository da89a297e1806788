"""Insert or update many rows by one statement, in the caller's transaction: the hot paths.

PostgreSQL takes a column an array (``unnest``), so that the statement's text does not grow with the rows and is
prepared once; SQLite takes the rows one after the other in C. Column names come from the models alone, values are
always parameters.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import connection, models

from bulk import prepared
from bulk.arrays import array


class UpsertTable:
    """The columns of a model that are written; conflicts on ``unique`` update the others, and add to those summed."""

    def __init__(
        self, model: type[models.Model], fields: Sequence[str], unique: Sequence[str], summed: Sequence[str] = ()
    ) -> None:
        self.model, self.fields, self.unique, self.summed = model, tuple(fields), tuple(unique), tuple(summed)

    def upsert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows, each a value a field in the order of ``fields``; a key must not come twice."""
        self._write(rows, _conflict(self))

    def of(self, rows: Sequence[tuple[Any, ...]]) -> "Upsert":
        """Return what ``upsert`` would write, for ``upsert_all``."""
        return Upsert(self, rows)

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows that are new; one that is there already raises ``IntegrityError``."""
        self._write(rows, "")

    def _write(self, rows: Sequence[tuple[Any, ...]], conflict: str) -> None:
        if not rows:
            return
        if connection.vendor == "postgresql":
            prepared.run(_unnest_sql(self) + conflict, [array(column) for column in zip(*rows, strict=True)])
            return
        with connection.cursor() as cursor:
            cursor.executemany(_values_sql(self) + conflict, [tuple(map(plain, row)) for row in rows])

    def __hash__(self) -> int:
        return hash((self.model, self.fields))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UpsertTable) and (self.model, self.fields) == (other.model, other.fields)


@dataclass(frozen=True)
class Upsert:
    """Rows to be written to a table, as ``UpsertTable.upsert`` takes them."""

    table: UpsertTable
    rows: Sequence[tuple[Any, ...]]


def upsert_all(upserts: Iterable[Upsert]) -> None:
    """Write rows to several tables, each of which comes once; on PostgreSQL by one statement."""
    wanted = [one for one in upserts if one.rows]
    if len(wanted) < 2 or connection.vendor != "postgresql":
        for one in wanted:
            one.table.upsert(one.rows)
        return
    arrays = [array(column) for one in wanted for column in zip(*one.rows, strict=True)]
    prepared.run(_upserts_sql(tuple(one.table for one in wanted)), arrays)


def plain(value: Any) -> Any:
    """Return a value as SQLite stores it; Django reads times without their offset as UTC."""
    return str(value.astimezone(UTC).replace(tzinfo=None)) if isinstance(value, datetime) else value


def _columns(table: UpsertTable) -> "list[models.Field[Any, Any]]":
    by_name = {field.name: field for field in table.model._meta.concrete_fields}  # noqa: SLF001  (documented by Django)
    return [by_name[name] for name in table.fields]


def _insert(table: UpsertTable, source: str) -> str:
    return f"INSERT INTO {_name(table)} ({', '.join(_quoted(table).values())}) {source}"


@cache
def _conflict(table: UpsertTable) -> str:
    fields, into = _quoted(table), _name(table)
    keys = ", ".join(fields[name] for name in table.unique)
    old = {name: f"{into}.{fields[name]} + " for name in table.summed}
    changed = {name: column for name, column in fields.items() if name not in table.unique}
    changes = [f"{column} = {old.get(name, '')}EXCLUDED.{column}" for name, column in changed.items()]
    return f" ON CONFLICT ({keys}) DO UPDATE SET {', '.join(changes)}"


def _quoted(table: UpsertTable) -> dict[str, str]:
    return {field.name: connection.ops.quote_name(field.column or "") for field in _columns(table)}


def _name(table: UpsertTable) -> str:
    return connection.ops.quote_name(table.model._meta.db_table)  # noqa: SLF001  (documented by Django)


@cache
def _unnest_sql(table: UpsertTable) -> str:
    return _insert(table, f"SELECT * FROM {unnest(_columns(table))}")  # noqa: S608  (types of models)


@cache
def _upserts_sql(tables: tuple[UpsertTable, ...]) -> str:
    """Return one statement for all tables: a part that writes is carried out whether or not its rows are read."""
    *parts, last = [_unnest_sql(table) + _conflict(table) for table in tables]
    named = ", ".join(f"part_{number} AS ({part})" for number, part in enumerate(parts))
    return f"WITH {named} {last}"


def unnest(fields: "Sequence[models.Field[Any, Any]]") -> str:
    """Return the rows that a statement takes as arrays, one a field. Types are without length: the column checks it."""
    types = [(field.db_type(connection) or "text").split(" GENERATED")[0].split("(")[0] for field in fields]
    return f"unnest({', '.join(f'%s::{one}[]' for one in types)})"


@cache
def _values_sql(table: UpsertTable) -> str:
    return _insert(table, f"VALUES ({', '.join(['%s'] * len(table.fields))})")
