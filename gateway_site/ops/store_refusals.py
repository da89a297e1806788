"""A sentence for a person at the prompt where the database or Redis cannot be used, instead of a traceback."""

from collections.abc import Iterator

from django.db import Error

#: What SQLite and PostgreSQL say, or name the error, and the sentence; the first that fits is taken.
_DATABASE = (
    (
        ("no such table", "no such column", "UndefinedTable", "UndefinedColumn"),
        "The database lacks what this version needs ({reason}). Bring it up to date: ./gateway manage migrate",
    ),
    (
        ("unable to open database file", "ConnectionTimeout", "connection failed", "failed to resolve host"),
        "DATABASE_URL: the database does not answer ({reason}). Start it, or correct the address.",
    ),
    (
        ("database is locked", "database table is locked", "LockNotAvailable", "DeadlockDetected", "QueryCanceled"),
        "The database is busy: another program holds it ({reason}). Try again; if it stays so, restart the gateway.",
    ),
    (
        ("AdminShutdown", "CrashShutdown", "CannotConnectNow", "connection unexpectedly", "connection is closed"),
        "The connection to the database was lost ({reason}). Try again when it answers.",
    ),
    (
        ("disk is full", "DiskFull", "disk I/O error", "readonly database", "ReadOnlySqlTransaction"),
        "The database cannot be written to ({reason}). See the disk's free space, and whose the files are.",
    ),
    (
        ("file is not a database", "disk image is malformed"),
        "The database cannot be read ({reason}). Put a backup in its place: ./gateway restore",
    ),
)
_REDIS = "REDIS_URL: Redis cannot be used ({reason}). Start it, or correct the address."


def sentence(error: BaseException) -> str:
    """Return why a store cannot be used and what to do; empty for an error that only its traceback explains."""
    if isinstance(error, Error):
        return _of_database(error)
    # Of the module's name, so that a command that needs no Redis loads no client.
    found = next((one for one in _causes(error) if type(one).__module__ == "redis.exceptions"), None)
    return _REDIS.format(reason=str(found).strip().rstrip(".")) if found else ""


def _of_database(error: Error) -> str:
    reason = str(error).strip().partition("\n")[0]
    found = f"{type(error.__cause__).__name__}: {reason}"
    return next((said.format(reason=reason) for signs, said in _DATABASE if any(one in found for one in signs)), "")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
