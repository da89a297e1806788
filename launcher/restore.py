"""``./gateway restore FOLDER``: put a backup in the place of the database; the gateway must be stopped."""

import argparse
import sys
from pathlib import Path

from gateway_site.backup.manifest import BackupError
from gateway_site.backup.put_back import restore_backup
from launcher import locks
from launcher.backup import passphrase
from launcher.paths import var_dir
from launcher.redis import running_redis
from launcher.supervisor import say


def parser() -> argparse.ArgumentParser:
    """Return the parser of the words after ``./gateway restore``."""
    found = argparse.ArgumentParser(prog="./gateway restore", description=__doc__, allow_abbrev=False)
    found.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that ./gateway backup made")
    found.add_argument("--replace", action="store_true", help="the database is not empty: replace what it holds")
    found.add_argument("--with-keys", action="store_true", help="the keys too; asks for the passphrase")
    return found


def run(words: list[str]) -> int:
    """Restore and say what follows; 1 where it cannot be done."""
    asked = parser().parse_args(words)
    try:
        locks.hold(var_dir() / "up.lock", "a restore")
        with running_redis():
            secret = passphrase(asked.with_keys)
            done = restore_backup(asked.folder.resolve(), var_dir(), replace=asked.replace, passphrase=secret)
    except locks.Locked as error:
        print(f"gateway: a gateway runs in {var_dir()} ({error.holder}): stop it first.", file=sys.stderr)
        return 1
    except (BackupError, OSError) as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    say(f"The database is that of {done.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC, version {done.manifest.version}.")
    say("What was queued or is folded again is read back from QMS before it is sent; Gaps names what may be missing.")
    if done.keys:
        say(f"Keys: {done.keys}.")
    return 0
