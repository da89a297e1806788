"""The keys of flags on PostgreSQL: wide ones, as the model names them, or narrow ones, which take half the room.

Six flags to a recording, each with an entry of the GUID and the flag's name, and one of a number that nobody asks for:
that is more than the flags themselves. The narrow key has 128 bits of a hash instead of the text, and the number none.
It refuses a second flag of the same recording and name as the wide one does, since equal texts have equal hashes; two
that differ are taken for equal once in 10 to the 20 recordings, and the second cannot be queued then.

Releases up to 0.2.0 name the wide key in their statements: a database that one of them has used keeps it until
``manage compact_flag_keys``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

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
_STATE = f"""
SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s) AND indrelid = '{TABLE}'::regclass
"""  # noqa: S608  (a constant)
_CONSTRAINTS = f"""
SELECT count(*) FROM pg_constraint WHERE conrelid = '{TABLE}'::regclass AND conname IN (%s, %s)
"""  # noqa: S608  (a constant)
#: Keeps out who builds or drops an index, and holds up nobody who reads or writes.
_LOCK = f"LOCK TABLE {TABLE} IN SHARE UPDATE EXCLUSIVE MODE"


class KeyMissing(Exception):
    """The key that is to stand alone is not whole: another run has dropped it. Nothing was changed; run it again."""

    retryable = True


def are_keys_narrow(connection: BaseDatabaseWrapper) -> bool:
    """Say whether the narrow key stands alone, on PostgreSQL."""
    with connection.cursor() as cursor:
        return bool(_state(cursor, NARROW)) and _state(cursor, WIDE) is None


def narrow_keys(connection: BaseDatabaseWrapper, say: Callable[[str], Any]) -> None:
    """Build the narrow key beside the work, then drop the wide ones; may be interrupted and repeated.

    Outside a transaction. At any moment one of the keys that enforce it stands, whoever else runs this. Raises
    ``DatabaseError``, ``KeyMissing``: nothing is left half-built then, but where the process or the database died.
    """
    _build(connection, NARROW, say)
    with _alone(connection) as cursor:
        _require(cursor, NARROW)
        cursor.execute(DROP_WIDE)
        _drop(cursor, WIDE, NUMBER)  # What an interrupted ``widen_keys`` left.


def widen_keys(connection: BaseDatabaseWrapper, say: Callable[[str], Any]) -> None:
    """Go back to the wide keys, in the same way."""
    for name in (WIDE, NUMBER):
        _build(connection, name, say)
    with _alone(connection) as cursor:
        if not _are_constraints(cursor):
            _require(cursor, WIDE, NUMBER)
            cursor.execute(ADD_WIDE)
        _drop(cursor, NARROW)


def narrow_keys_of_nothing(execute: Callable[[str], Any]) -> None:
    """Exchange the keys of a table that is empty, in a migration."""
    execute(f"CREATE UNIQUE INDEX {NARROW} ON {TABLE} ({COLUMNS[NARROW]})")
    execute(DROP_WIDE)


def widen_keys_at_once(connection: BaseDatabaseWrapper) -> None:
    """Go back where a migration is taken back, from wherever an exchange of the keys has stopped.

    In its transaction; holds the table while the keys are built, however long that takes.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        if not _are_constraints(cursor):
            _drop(cursor, WIDE, NUMBER)
            for name in (WIDE, NUMBER):
                cursor.execute(f"CREATE UNIQUE INDEX {name} ON {TABLE} ({COLUMNS[name]})")
            cursor.execute(ADD_WIDE)
        _drop(cursor, NARROW)


def _state(cursor: CursorWrapper, name: str) -> bool | None:
    """Return whether an index is whole; None where there is none."""
    cursor.execute(_STATE, [name])
    row = cursor.fetchone()
    return None if row is None else bool(row[0])


def _are_constraints(cursor: CursorWrapper) -> bool:
    cursor.execute(_CONSTRAINTS, [WIDE, NUMBER])
    return bool(cursor.fetchone()[0] == 2)


def _require(cursor: CursorWrapper, *names: str) -> None:
    for name in names:
        if not _state(cursor, name):
            raise KeyMissing(f"{name} is gone: another run has dropped it. Nothing was changed; run the command again.")


def _build(connection: BaseDatabaseWrapper, name: str, say: Callable[[str], Any]) -> None:
    """Build an index while the table is written to; one that was left half-built is built again."""
    _drop_half_built(connection, name)
    with connection.cursor() as cursor:
        if _state(cursor, name):
            return
    say(f"Building {name} ...")
    try:
        with _unlimited(connection) as cursor:
            cursor.execute(f"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {TABLE} ({COLUMNS[name]})")
    except BaseException:
        _drop_half_built(connection, name)
        raise


def _drop_half_built(connection: BaseDatabaseWrapper, name: str) -> None:
    """Drop an index that nobody builds any more; one that is being built keeps the lock until it is whole."""
    with connection.cursor() as cursor:
        if _state(cursor, name) is not False:
            return
    with _alone(connection) as cursor:
        if _state(cursor, name) is False:
            _drop(cursor, name)


def _drop(cursor: CursorWrapper, *names: str) -> None:
    for name in names:
        cursor.execute(f"DROP INDEX IF EXISTS {name}")


@contextmanager
def _alone(connection: BaseDatabaseWrapper) -> Iterator[CursorWrapper]:
    """Give a transaction in which nobody else builds or drops an index of the table."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        cursor.execute(_LOCK)
        yield cursor


@contextmanager
def _unlimited(connection: BaseDatabaseWrapper) -> Iterator[CursorWrapper]:
    """Give a session whose statements take as long as they need: elsewhere 30 s, and 5 s for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SET lock_timeout = 0")
        try:
            yield cursor
        finally:
            cursor.execute("RESET lock_timeout")
            cursor.execute("RESET statement_timeout")
