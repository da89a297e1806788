"""Probe what the gateway depends on; health, metrics and the installation test share them."""

import functools
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from pkgutil import iter_modules

import msgspec
from django.apps import apps
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

import clock
from cti.api import START, JournalError, read_journal
from cti.models import CtiSource
from gateway_site.ops.version_guard import version_problem
from gateway_site.version import VERSION


class Probe(msgspec.Struct, frozen=True):
    """What a look showed. ``detail`` is for people; it names no call and no secret."""

    name: str
    ok: bool
    detail: str


class _Received(msgspec.Struct, frozen=True):
    """Of an event in the journal, only its times."""

    time: datetime
    gatewaytime: datetime | None = None


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


@functools.cache
def _in_code() -> frozenset[tuple[str, str]]:
    """Return the names of the migrations that the code has, without loading them: that takes 40 ms and megabytes."""
    folders = {app.label: Path(app.path) / "migrations" for app in apps.get_app_configs()}
    found = ((label, one.name) for label, folder in folders.items() for one in iter_modules([str(folder)]))
    return frozenset((label, name) for label, name in found if name[0] not in "_~")


def migrations() -> str:
    """Compare the database's tables with what the code expects."""
    try:
        if _in_code() <= MigrationRecorder(connection).applied_migrations().keys():
            return "all applied"
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


def journal_lag_seconds(slug: str, after: str) -> float:
    """Return how long the oldest event that is not yet folded has waited; 0 when all are.

    Raises ``JournalError``.
    """
    waiting = read_journal(slug, after, 1)
    if not waiting:
        return 0.0
    try:
        event = msgspec.json.decode(waiting[0].payload, type=_Received)
    except msgspec.DecodeError:  # The consumer puts it into quarantine and goes on to the next.
        return 0.0
    return max((clock.now() - (event.gatewaytime or event.time)).total_seconds(), 0.0)


def journal_lags() -> dict[str, float]:
    """Return the lag of each enabled source's journal, in seconds. Raises ``JournalError``."""
    sources = CtiSource.objects.filter(enabled=True).values_list("slug", "checkpoint__last_id")
    return {slug: journal_lag_seconds(slug, last_id or START) for slug, last_id in sources}


def journal() -> str:
    """Read each source's journal; a lag is reported, and is no reason to refuse events."""
    try:
        lags = journal_lags()
    except JournalError as error:
        raise ProbeFailed(f"cannot be read: {error}") from error
    return "; ".join(f"{slug}: {lag:.1f} s behind" for slug, lag in lags.items()) or "no source yet"


def version() -> str:
    """Compare this program's version with the newest that has migrated the database."""
    if problem := version_problem():
        raise ProbeFailed(problem)
    return VERSION


#: What must be well for the gateway to take events.
VITAL: dict[str, Callable[[], str]] = {
    "database": database,
    "migrations": migrations,
    "version": version,
    "redis": redis,
    "journal": journal,
}

#: Without these the other looks cannot be taken.
NEEDED_BY_ALL = ("database", "migrations")


def vital() -> Iterator[Probe]:
    """Look at everything without which no event can be taken."""
    for name, look in VITAL.items():
        try:
            yield Probe(name, ok=True, detail=look())
        except ProbeFailed as error:
            yield Probe(name, ok=False, detail=str(error))
            if name in NEEDED_BY_ALL:
                return
