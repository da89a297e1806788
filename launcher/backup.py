"""``./gateway backup FOLDER``: database, declaration and, on request, the keys; the gateway may run meanwhile."""

import argparse
import getpass
import os
import sys
from pathlib import Path

from cti.api import JournalUnavailable
from gateway_site.backup.make import make_backup
from gateway_site.backup.manifest import BackupError
from launcher.redis import running_redis
from launcher.supervisor import say


def parser() -> argparse.ArgumentParser:
    """Return the parser of the words after ``./gateway backup``."""
    found = argparse.ArgumentParser(prog="./gateway backup", description=__doc__, allow_abbrev=False)
    found.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder for the backup")
    found.add_argument("--with-keys", action="store_true", help="the keys too, encrypted; asks for a passphrase")
    return found


def passphrase(is_asked: bool) -> str | None:
    """Return ``BACKUP_PASSPHRASE``, or what the person types; None where no keys are asked for."""
    if not is_asked:
        return None
    return os.environ.get("BACKUP_PASSPHRASE") or getpass.getpass("Passphrase for the keys: ")


def run(words: list[str]) -> int:
    """Make the backup and say what it holds; 1 where it cannot be made."""
    asked = parser().parse_args(words)
    try:
        with running_redis():
            made = make_backup(asked.folder.resolve(), passphrase(asked.with_keys))
    except (BackupError, JournalUnavailable, OSError) as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    say(f"{asked.folder}: {', '.join(made.files)}, of version {made.version}")
    if not asked.with_keys:
        say("The keys (SECRET_KEY, VAULT_KEYS) are not in it: keep them elsewhere, or add --with-keys.")
    return 0
