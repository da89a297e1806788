"""Make a backup: a folder that says of itself what it holds."""

from pathlib import Path
from typing import Literal

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

import clock
from calls.models import Checkpoint
from cti.api import START, journal_state
from cti.models import CtiSource
from gateway_site.backup import keys, stores
from gateway_site.backup.manifest import BackupError, JournalPlace, Manifest, sha256, write_manifest
from gateway_site.config.export import export
from gateway_site.version import VERSION


def make_backup(folder: Path, passphrase: str | None = None) -> Manifest:
    """Make a backup in a new folder; the gateway may run meanwhile. ``passphrase``: the keys as well.

    Raises ``BackupError``, ``JournalUnavailable``.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty: name a new folder.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    journals = _journals()  # Before the database: what it holds is then at least as far.
    kind: Literal["postgresql", "sqlite"] = "postgresql" if connection.vendor == "postgresql" else "sqlite"
    stores.dump_to(folder / stores.FILES[kind])
    (folder / "config.toml").write_text(export(), encoding="utf-8")
    if passphrase is not None:
        keys.save_keys(folder, passphrase)
    manifest = Manifest(
        version=VERSION,
        made_at=clock.now(),
        database=kind,
        migrations=last_migrations(),
        journals=journals,
        files={file.name: sha256(file) for file in sorted(folder.iterdir())},
    )
    write_manifest(folder, manifest)
    return manifest


def last_migrations() -> dict[str, str]:
    """Return the last applied migration of each app."""
    return dict(sorted(MigrationRecorder(connection).applied_migrations()))  # The last of an app stands.


def _journals() -> dict[str, JournalPlace]:
    folded = dict(Checkpoint.objects.values_list("source_id", "last_id"))
    return {
        source.slug: JournalPlace(folded.get(source.pk, START), journal_state(source.slug).last_id)
        for source in CtiSource.objects.all()
    }
