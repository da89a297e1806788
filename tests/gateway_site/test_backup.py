"""A backup holds what is needed, says of itself what it is, and comes back with what may have been sent in doubt."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from cti.models import CtiSource
from devtools.servers import free_port, start_postgresql, stopped
from gateway_site.backup import keys
from gateway_site.backup.make import make_backup
from gateway_site.backup.manifest import BackupError, read_manifest
from gateway_site.backup.put_back import restore_backup
from gateway_site.ops import worker_heartbeat
from launcher.paths import ROOT, sealed_environment

PASSPHRASE = "correct horse battery"


@pytest.mark.django_db
def test_a_backup_says_what_it_holds_and_a_damaged_one_is_refused(tmp_path: Path, redis: Any) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("pg_dump sees only what is committed")
    CtiSource.objects.create(slug="pbx", kind="http")

    made = make_backup(tmp_path / "backup")

    assert read_manifest(tmp_path / "backup") == made
    assert set(made.files) == {"database.sqlite3", "config.toml"}
    assert made.journals["pbx"].last_id == "0-0"
    assert 'slug = "pbx"' in (tmp_path / "backup" / "config.toml").read_text()
    (tmp_path / "backup" / "config.toml").write_text("")
    with pytest.raises(BackupError, match=r"config.toml is missing or not what was written"):
        read_manifest(tmp_path / "backup")


def test_keys_are_opened_by_their_passphrase_alone(tmp_path: Path, settings: Any) -> None:
    settings.VAULT_KEYS = ["first", "second"]
    keys.save_keys(tmp_path, PASSPHRASE)

    assert keys.load_keys(tmp_path, PASSPHRASE).vault_keys == ["first", "second"]
    assert b"first" not in (tmp_path / keys.NAME).read_bytes()
    with pytest.raises(BackupError, match="the passphrase is another one"):
        keys.load_keys(tmp_path, PASSPHRASE + "x")
    with pytest.raises(BackupError, match="characters"):
        keys.save_keys(tmp_path, "short")


@pytest.mark.django_db
def test_a_restore_is_refused_before_anything_is_changed(tmp_path: Path, redis: Any) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("pg_dump sees only what is committed")
    folder = tmp_path / "backup"
    make_backup(folder)

    with pytest.raises(BackupError, match="not empty: --replace"):
        restore_backup(folder, tmp_path)
    worker_heartbeat.note("events")
    with pytest.raises(BackupError, match="The gateway runs: stop it"):
        restore_backup(folder, tmp_path, replace=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["migrations"]["calls"] = "9999_of_the_future"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BackupError, match=r"does not know \(calls.9999_of_the_future\)"):
        restore_backup(folder, tmp_path, replace=True)


SCRIPT = """
import django; django.setup()
from datetime import timedelta
import clock
from calls.models import Checkpoint
from calls.pipeline import restore_guard
from cti.models import CtiSource
from flags.models import FlagWrite
from qms.models import DataServer, RecordingService
now = clock.now()
service = RecordingService.objects.create(slug="n", url="http://a/", data_server=DataServer.objects.create(slug="d"))
source = CtiSource.objects.create(slug="pbx", kind="http")
Checkpoint.objects.create(source=source, version=3, folded_at=now)
FlagWrite.objects.create(leg_id=1, source_id=source.pk, service=service, recording_guid="g", part="base",
                         not_before=now, created_at=now)
restore_guard.compare(now)
"""
LATER = """
import django; django.setup()
from calls.models import Checkpoint
from cti.api import remember_fold
from flags.models import FlagWrite
FlagWrite.objects.update(state="written")
Checkpoint.objects.update(version=9)
remember_fold(Checkpoint.objects.get().source_id, 9)
"""
SEEN = """
import django; django.setup()
from calls.models import Checkpoint, Gap
from cti.api import remembered_database
from flags.models import FlagWrite
checkpoint = Checkpoint.objects.get()
print(FlagWrite.objects.get().state, checkpoint.version, checkpoint.read_back_before is not None)
print(Gap.objects.get().reason[:33], remembered_database().folds == {checkpoint.source_id: checkpoint.version})
"""


@pytest.fixture
def postgresql() -> Iterator[str]:
    """Start a PostgreSQL of the test's own, and give its address."""
    with tempfile.TemporaryDirectory(prefix="gateway-backup-") as name:
        folder, port = Path(name), free_port()
        folder.chmod(0o755)  # PostgreSQL runs as a user of its own, which pytest's own folders keep out.
        try:
            server = start_postgresql(folder, port)
        except FileNotFoundError as error:
            pytest.skip(str(error))
        with stopped(server, signal.SIGINT):
            yield f"postgres://gateway@127.0.0.1:{port}/postgres"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_restored_database_doubts_what_was_sent_since(
    tmp_path: Path, kind: str, redis: Any, request: pytest.FixtureRequest
) -> None:
    environment = sealed_environment() | {
        "GATEWAY_VAR": str(tmp_path / "var"),
        "REDIS_URL": os.environ["REDIS_URL"],
        "BACKUP_PASSPHRASE": PASSPHRASE,
    }
    if kind == "postgresql":
        environment["DATABASE_URL"] = request.getfixturevalue("postgresql")

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("manage.py", "migrate", "--verbosity", "0")
    run("-c", SCRIPT)
    made = run("-m", "launcher", "backup", "--with-keys", str(tmp_path / "backup"))
    run("-c", LATER)
    restored = run("-m", "launcher", "restore", "--replace", "--with-keys", str(tmp_path / "backup"))
    seen = run("-c", SEEN)

    assert "keys.encrypted" in made
    assert "is read back from QMS before it is sent" in restored
    assert seen.splitlines() == ["unclear 3 True", "The database went back in time (a True"]
