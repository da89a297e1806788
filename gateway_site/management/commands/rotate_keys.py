"""``rotate_keys``: exchange VAULT_KEYS and SECRET_KEY without losing a stored credential or a hash."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from gateway_site.config.environment import new_secret
from vault.fields import VaultError
from vault.rotation import encrypt_again, needing_old_keys

FILES = ("vault_key", "secret_key")


class Command(BaseCommand):
    """Three steps with a restart after the first and the last; each says what comes next."""

    help = (
        "Exchange keys. 1: --prepare puts a new key before the old in var/vault_key and var/secret_key (keys given by "
        "VAULT_KEYS, SECRET_KEY and SECRET_KEY_FALLBACKS: do it there). Restart. 2: without an option: encrypt every "
        "stored credential with the first key. 3: --finish removes the old keys. Restart."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        steps = parser.add_mutually_exclusive_group()
        steps.add_argument("--prepare", action="store_true", help="put new keys before the old")
        steps.add_argument("--finish", action="store_true", help="remove the old keys")

    def handle(self, *_: Any, prepare: bool, finish: bool, **__: Any) -> None:
        step = self._prepare if prepare else self._finish if finish else self._encrypt
        step()

    def _prepare(self) -> None:
        for file in _files():
            keys = file.read_text().split()
            if len(keys) > 1:
                raise CommandError(f"{file} has two keys already: run rotate_keys, then rotate_keys --finish.")
            _write(file, [new_secret(), *keys])
            self.stdout.write(f"{file}: a new key stands first")
        self.stdout.write("Restart the gateway, then run rotate_keys. People stay logged in.")

    def _encrypt(self) -> None:
        try:
            count = encrypt_again()
        except VaultError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} stored credential{'' if count == 1 else 's'} encrypted with the first key.")
        self.stdout.write("Next: rotate_keys --finish (or take the old keys out of VAULT_KEYS), then restart.")

    def _finish(self) -> None:
        left = needing_old_keys()
        if left:
            raise CommandError(f"{left} stored credentials still need an old key: run rotate_keys first.")
        for file in _files():
            _write(file, file.read_text().split()[:1])
            self.stdout.write(f"{file}: only the new key is left")
        self.stdout.write("Restart the gateway. Keep backups of the old keys as long as backups of the database.")


def _files() -> list[Path]:
    """Return the key files that are in use; a key given by a variable has none."""
    return [path for name in FILES if (path := settings.VAR_DIR / name).exists()]


def _write(file: Path, keys: list[str]) -> None:
    """Replace the file at once, readable by its owner alone."""
    fresh = file.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text("\n".join(keys))
    fresh.replace(file)
