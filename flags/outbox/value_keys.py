"""The keys of flags on PostgreSQL: wide ones, as the model names them, or narrow ones, which take half the room.

Six flags to a recording, each with an entry of the GUID and the flag's name, and one of a number that nobody asks for:
that is more than the flags themselves. The narrow key has 128 bits of a hash instead of the text, and the number none.
It refuses a second flag of the same recording and name as the wide one does, since equal texts have equal hashes; two
that differ are taken for equal once in 10 to the 20 recordings, and the flag is refused then.

Releases up to 0.2.0 name the wide key in their statements: a database that one of them has used keeps it until
``manage compact_flag_keys``.
"""

from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "flags_flagvalue"
NARROW, WIDE, NUMBER = "flags_value_once", "flags_value_at_most_once", "flags_flagvalue_pkey"
#: First of the recording alone, so that the flags of one stand beside each other.
COLUMNS = {
    NARROW: "hashtextextended(recording_guid, 0), hashtextextended(recording_guid || '/' || name, 1)",
    WIDE: "recording_guid, name",
    NUMBER: "id",
}
#: Without a primary key, logical replication has to know by what it names a row.
DROP_WIDE = (
    f"ALTER TABLE {TABLE} REPLICA IDENTITY FULL, DROP CONSTRAINT IF EXISTS {WIDE}, DROP CONSTRAINT IF EXISTS {NUMBER}"
)
ADD_WIDE = (
    f"ALTER TABLE {TABLE} ADD CONSTRAINT {WIDE} UNIQUE USING INDEX {WIDE},"
    f" ADD CONSTRAINT {NUMBER} PRIMARY KEY USING INDEX {NUMBER}, REPLICA IDENTITY DEFAULT"
)
#: What holds the table for a moment waits at most this long behind others, and holds them up no longer.
PATIENCE = "5s"
_STATE = "SELECT x.indisvalid FROM pg_class AS i JOIN pg_index AS x ON x.indexrelid = i.oid WHERE i.relname = %s"


def are_keys_narrow(connection: BaseDatabaseWrapper) -> bool:
    """Say whether the narrow key stands alone, on PostgreSQL."""
    return bool(_state(connection, NARROW)) and _state(connection, WIDE) is None


def narrow_keys(connection: BaseDatabaseWrapper, say: Callable[[str], Any]) -> None:
    """Build the narrow key beside the work, then drop the wide ones; may be interrupted and repeated.

    Outside a transaction. At any moment one of the keys that enforce it stands.
    """
    say("Building the narrow key ...")
    _build(connection, NARROW)
    _at_once(connection, DROP_WIDE)
    _drop(connection, WIDE, NUMBER)  # What an interrupted ``widen_keys`` left.


def widen_keys(connection: BaseDatabaseWrapper, say: Callable[[str], Any]) -> None:
    """Go back to the wide keys, in the same way."""
    if not _are_constraints(connection):
        for name in (WIDE, NUMBER):
            say(f"Building {name} ...")
            _build(connection, name)
        _at_once(connection, ADD_WIDE)
    _drop(connection, NARROW)


def narrow_keys_of_nothing(execute: Callable[[str], Any]) -> None:
    """Exchange the keys of a table that is empty, in a migration."""
    execute(f"CREATE UNIQUE INDEX {NARROW} ON {TABLE} ({COLUMNS[NARROW]})")
    execute(DROP_WIDE)


def widen_keys_at_once(execute: Callable[[str], Any]) -> None:
    """Go back where a migration is taken back; holds the table while the keys are built."""
    for name in (WIDE, NUMBER):
        execute(f"CREATE UNIQUE INDEX {name} ON {TABLE} ({COLUMNS[name]})")
    execute(ADD_WIDE)
    execute(f"DROP INDEX {NARROW}")


def _state(connection: BaseDatabaseWrapper, name: str) -> bool | None:
    """Return whether an index is whole; None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [name])
        row = cursor.fetchone()
    return None if row is None else bool(row[0])


def _are_constraints(connection: BaseDatabaseWrapper) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_constraint WHERE conname IN (%s, %s)", [WIDE, NUMBER])
        return bool(cursor.fetchone()[0] == 2)


def _build(connection: BaseDatabaseWrapper, name: str) -> None:
    """Build an index while the table is written to; one that was left half-built is built again."""
    state = _state(connection, name)
    with connection.cursor() as cursor:
        if state is False:
            cursor.execute(f"DROP INDEX CONCURRENTLY {name}")
        if not state:
            cursor.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {TABLE} ({COLUMNS[name]})")


def _drop(connection: BaseDatabaseWrapper, *names: str) -> None:
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def _at_once(connection: BaseDatabaseWrapper, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{PATIENCE}'")
        try:
            cursor.execute(text)
        finally:
            cursor.execute("RESET lock_timeout")
