"""Put a backup back: the database of then, and what must be doubted because of it."""

from datetime import datetime
from pathlib import Path

import msgspec
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

import clock
from calls.api import notice_restore
from cti.api import JournalUnavailable, remembered_database
from gateway_site.backup import keys, stores
from gateway_site.backup.manifest import BackupError, Manifest, read_manifest
from gateway_site.ops import worker_heartbeat
from gateway_site.version import VERSION


class Restored(msgspec.Struct, frozen=True):
    """What was put back. ``keys``: where the keys are; empty where they were not asked for."""

    manifest: Manifest
    keys: str = ""


def restore_backup(folder: Path, var_dir: Path, *, replace: bool = False, passphrase: str | None = None) -> Restored:
    """Put a backup in the place of the database. ``replace``: also where the database holds something.

    All that may be in QMS already is read back before anything is sent, and the ledger names the gap. Raises
    ``BackupError``.
    """
    manifest = read_manifest(folder)
    _check(manifest, replace)
    kept = keys.load_keys(folder, passphrase) if passphrase is not None else None
    stores.restore_from(folder / stores.FILES[manifest.database])
    call_command("migrate", verbosity=0, interactive=False)
    notice_restore(clock.now())
    return Restored(manifest, keys.install_keys(kept, var_dir) if kept else "")


def _check(manifest: Manifest, replace: bool) -> None:
    """Refuse what cannot end well, before anything is changed."""
    own = "postgresql" if connection.vendor == "postgresql" else "sqlite"
    if manifest.database != own:
        raise BackupError(f"The backup is of {manifest.database}, DATABASE_URL names {own}: they do not fit.")
    if unknown := _unknown_migrations(manifest):
        raise BackupError(
            f"The backup is of version {manifest.version} and has tables that {VERSION} does not know ({unknown[0]}): "
            "install that version or a newer one."
        )
    try:
        remembered_database()
    except JournalUnavailable as error:
        raise BackupError(f"Redis does not answer ({error}): start it, the journal is needed.") from error
    if is_running(clock.now()):
        raise BackupError("The gateway runs: stop it on every machine, and wait half a minute.")
    if not replace and not stores.is_empty():
        raise BackupError("The database is not empty: --replace puts the backup in its place.")


def is_running(now: datetime) -> bool:
    """Say whether a worker of this gateway gave a sign of life lately."""
    signs = [worker_heartbeat.last(queue) for queue in worker_heartbeat.QUEUES]
    return any(sign and (now - sign).total_seconds() < worker_heartbeat.OLDEST_SECONDS for sign in signs)


def _unknown_migrations(manifest: Manifest) -> list[str]:
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    return [f"{label}.{name}" for label, name in manifest.migrations.items() if (label, name) not in known]
