"""Short looks at what the gateway leans on; health, metrics and the installation test share them."""

from collections.abc import Callable, Iterator

import msgspec
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor


class Probe(msgspec.Struct, frozen=True):
    """What a look showed. ``detail`` is for people; it names no call and no secret."""

    name: str
    ok: bool
    detail: str


class ProbeFailed(Exception):
    """What was looked at is not well; the text says how."""


def database() -> str:
    """Ask the database for an answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError as error:
        raise ProbeFailed(f"the database does not answer: {type(error).__name__}") from error
    return f"{connection.vendor} answers"


def migrations() -> str:
    """Compare the database's tables with what the code expects."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        raise ProbeFailed(f"cannot be read: {type(error).__name__}") from error
    if missing:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in missing[:3])
        raise ProbeFailed(f"{len(missing)} not applied ({names}{', ...' if len(missing) > 3 else ''})")
    return "all applied"


def redis() -> str:
    """Write a mark to the cache's Redis and read it back."""
    try:
        cache.set("probe", "1", timeout=10)
        answer = cache.get("probe")
    except Exception as error:
        raise ProbeFailed(f"Redis does not answer: {type(error).__name__}") from error
    if answer != "1":
        raise ProbeFailed("Redis forgot what was just written to it")
    return "Redis answers"


#: What must be well for the gateway to take events.
VITAL: dict[str, Callable[[], str]] = {"database": database, "migrations": migrations, "redis": redis}


def vital() -> Iterator[Probe]:
    """Look at everything without which no event can be taken."""
    for name, look in VITAL.items():
        try:
            yield Probe(name, ok=True, detail=look())
        except ProbeFailed as error:
            yield Probe(name, ok=False, detail=str(error))
