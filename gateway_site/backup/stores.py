"""A database as a file and back, by its own tools: ``pg_dump`` and ``pg_restore``, SQLite's online backup."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, connections

from gateway_site.backup.manifest import BackupError

FILES = {"postgresql": "database.dump", "sqlite": "database.sqlite3"}


def dump_to(file: Path) -> None:
    """Write a consistent copy of the database; the gateway may run meanwhile. Raises ``BackupError``."""
    if connection.vendor == "postgresql":
        _postgresql("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={file}", _conninfo())
        return
    # A connection of its own: Django's may be in a transaction, on which SQLite's backup waits without end.
    with (
        closing(sqlite3.connect(str(settings.DATABASES["default"]["NAME"]))) as own,
        closing(sqlite3.connect(file)) as copy,
    ):
        own.backup(copy)


def restore_from(file: Path) -> None:
    """Put a copy in the place of the database. Raises ``BackupError``; nothing else may use the database meanwhile."""
    if connection.vendor == "postgresql":
        _postgresql("pg_restore", "--list", str(file))  # Readable at all? Only then is anything dropped.
        _drop_tables()
        words = ("--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
        _postgresql("pg_restore", *words, f"--dbname={_conninfo()}", str(file))
    else:
        _replace_sqlite(file)
    connections.close_all()


def is_empty() -> bool:
    """Say whether the database has no table yet."""
    return not connection.introspection.table_names()


def _conninfo() -> str:
    """Return the database's address without its password, which goes by the environment."""
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415  (SQLite needs no libpq)

    found: dict[str, Any] = settings.DATABASES["default"]
    options = {name: value for name, value in found["OPTIONS"].items() if name != "options"}
    named = {"host": found["HOST"], "port": found["PORT"], "user": found["USER"], "dbname": found["NAME"]}
    return make_conninfo(**{name: str(value) for name, value in (named | options).items() if value})


def _postgresql(program: str, *words: str) -> None:
    environment = os.environ | {"PGPASSWORD": str(settings.DATABASES["default"]["PASSWORD"])}
    try:
        done = subprocess.run([program, *words], env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise BackupError(f"{program} is not installed (Debian: apt-get install postgresql-client).") from error
    if done.returncode != 0:
        raise BackupError(f"{program} failed: {done.stderr.strip()[-500:]}")


def _drop_tables() -> None:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"DROP TABLE IF EXISTS {connection.ops.quote_name(table)} CASCADE")


def _replace_sqlite(file: Path) -> None:
    target = Path(str(settings.DATABASES["default"]["NAME"]))
    connections.close_all()
    fresh = target.with_suffix(".restored")
    fresh.write_bytes(file.read_bytes())
    for suffix in ("-wal", "-shm"):  # They belong to the file that goes.
        Path(f"{target}{suffix}").unlink(missing_ok=True)
    fresh.replace(target)
