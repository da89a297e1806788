"""Update many rows by one statement, each to values of its own, in the caller's transaction.

As ``bulk.tables``: PostgreSQL takes a column an array, SQLite the rows one after the other in C.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connection, models

from bulk.arrays import array
from bulk.tables import plain, unnest


class UpdateTable:
    """The columns of a model that are changed, by the primary key.

    ``condition`` names columns of the row as it is as ``stored.COLUMN``: a row that does not fulfil it stays as it is.
    """

    def __init__(self, model: type[models.Model], fields: Sequence[str], condition: str = "TRUE") -> None:
        self.model, self.fields, self.condition = model, tuple(fields), condition

    def update(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Change rows: each is its key and then a value a field, in the order of ``fields``; a key comes once."""
        if not rows:
            return
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(_unnest_sql(self), [array(column) for column in zip(*rows, strict=True)])
            else:
                cursor.executemany(_row_sql(self), [tuple(map(plain, (*row[1:], row[0]))) for row in rows])


def _columns(table: UpdateTable) -> "list[models.Field[Any, Any]]":
    """Return the key's field and those that change."""
    meta = table.model._meta  # noqa: SLF001  (documented by Django)
    by_name = {field.name: field for field in meta.concrete_fields}
    return [by_name[meta.pk.name if meta.pk else "id"], *(by_name[name] for name in table.fields)]


def _names(table: UpdateTable) -> list[str]:
    return [connection.ops.quote_name(field.column or "") for field in _columns(table)]


def _into(table: UpdateTable) -> str:
    return connection.ops.quote_name(table.model._meta.db_table)  # noqa: SLF001  (documented by Django)


@cache
def _unnest_sql(table: UpdateTable) -> str:
    key, *names = _names(table)
    changes = ", ".join(f"{name} = changed.{name}" for name in names)
    return (
        f"UPDATE {_into(table)} AS stored SET {changes} "  # noqa: S608  (names of models)
        f"FROM {unnest(_columns(table))} AS changed ({', '.join((key, *names))}) "
        f"WHERE stored.{key} = changed.{key} AND {table.condition}"
    )


@cache
def _row_sql(table: UpdateTable) -> str:
    key, *names = _names(table)
    changes = ", ".join(f"{name} = %s" for name in names)
    return f"UPDATE {_into(table)} AS stored SET {changes} WHERE stored.{key} = %s AND {table.condition}"  # noqa: S608  (names)
