"""What each table takes of a PostgreSQL database, and how its rows were changed: none of it depends on the load."""

from dataclasses import dataclass

from django.db import connection

#: Tables that take less of a call than this, in bytes, are summed up.
LEAST_BYTES = 20
_SIZES = """
SELECT c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid),
       coalesce(s.n_tup_upd, 0), coalesce(s.n_tup_hot_upd, 0)
FROM pg_class AS c LEFT JOIN pg_stat_user_tables AS s ON s.relid = c.oid
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
ORDER BY pg_total_relation_size(c.oid) DESC
"""


@dataclass(frozen=True)
class TableSize:
    """A table: bytes of its rows and of its indexes, updates, and those in place (HOT)."""

    name: str
    rows: int
    indexes: int
    updates: int
    in_place: int


def table_sizes() -> list[TableSize]:
    """Return the tables of the database, the largest first; none on SQLite."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(_SIZES)
        return [TableSize(*row) for row in cursor.fetchall()]


def log_position() -> int:
    """Return how many bytes PostgreSQL has written to its write-ahead log, ever; none on SQLite."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
        return int(cursor.fetchone()[0])


def vacuum_every(seconds: int) -> None:
    """Have PostgreSQL look that often for what is to be vacuumed, instead of every minute."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER SYSTEM SET autovacuum_naptime = {seconds}")
            cursor.execute("SELECT pg_reload_conf()")


def size_lines(tables: list[TableSize], before: dict[str, TableSize], calls: int) -> list[str]:
    """Say what a call takes of each table, in bytes, besides what was there before."""
    lines, rest = [], 0
    for one in tables:
        past = before.get(one.name, TableSize(one.name, 0, 0, 0, 0))
        rows, indexes = (one.rows - past.rows) / calls, (one.indexes - past.indexes) / calls
        if rows + indexes < LEAST_BYTES:
            rest += one.rows - past.rows + one.indexes - past.indexes
            continue
        updates, in_place = (one.updates - past.updates) / calls, (one.in_place - past.in_place) / calls
        lines.append(
            f"{one.name}: {rows:,.0f} bytes a call, indexes {indexes:,.0f}; "
            f"updates {updates:.2f}, in place {in_place:.2f}"
        )
    return [*lines, f"all other tables: {rest / calls:,.0f} bytes a call"] if tables else []
