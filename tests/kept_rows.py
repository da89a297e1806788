"""The rows that migrations make, put back after a test that emptied every table.

Django puts them back by saving each object, which is two statements a row: half a second for each such test.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction


@dataclass(frozen=True)
class KeptTable:
    """The rows of one table as they were when the database was made."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def put_back(self) -> None:
        """Insert the rows, unless no test emptied the table yet; all in one transaction, for the foreign keys."""
        table, *columns = map(connection.ops.quote_name, (self.name, *self.columns))
        values = ", ".join(["%s"] * len(columns))
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT 1 FROM {table} LIMIT 1")
            if cursor.fetchone() is None:
                cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})", self.rows)


def keep_rows() -> None:
    """Keep what is in the tables now; where a test asks for ``serialized_rollback``, this is what it begins with."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    kept = [table for table in map(_kept, names) if table.rows]

    def put_back(data: str) -> None:
        _put_back(kept)

    connection.creation.deserialize_db_from_string = put_back  # type: ignore[method-assign]


def _kept(name: str) -> KeptTable:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")
        columns = tuple(column[0] for column in cursor.description)
        return KeptTable(name, columns, tuple(cursor.fetchall()))


def _put_back(tables: Sequence[KeptTable]) -> None:
    with transaction.atomic():
        for table in tables:
            table.put_back()
