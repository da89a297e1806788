"""The gateway's keys in a backup, encrypted with a passphrase: without ``VAULT_KEYS`` stored passwords stay closed."""

import base64
import os
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from django.conf import settings

from gateway_site.backup.manifest import BackupError

NAME = "keys.encrypted"
#: Minimum length of the passphrase, in characters.
MINIMUM_PASSPHRASE = 12
_SALT_BYTES = 16


class SiteKeys(msgspec.Struct, frozen=True):
    """What signs sessions, and what encrypts credentials in the database."""

    secret_key: str
    vault_keys: list[str]


def save_keys(folder: Path, passphrase: str) -> None:
    """Write this gateway's keys. Raises ``BackupError`` for a passphrase that is too short."""
    if len(passphrase) < MINIMUM_PASSPHRASE:
        raise BackupError(f"The passphrase has {len(passphrase)} characters; give {MINIMUM_PASSPHRASE} or more.")
    salt = os.urandom(_SALT_BYTES)
    plain = msgspec.json.encode(SiteKeys(settings.SECRET_KEY, settings.VAULT_KEYS))
    (folder / NAME).write_bytes(salt + _fernet(passphrase, salt).encrypt(plain))


def load_keys(folder: Path, passphrase: str) -> SiteKeys:
    """Read the keys of a backup. Raises ``BackupError``."""
    try:
        found = (folder / NAME).read_bytes()
        plain = _fernet(passphrase, found[:_SALT_BYTES]).decrypt(found[_SALT_BYTES:])
    except FileNotFoundError as error:
        raise BackupError(f"{folder} holds no keys: it was made without --with-keys.") from error
    except InvalidToken as error:
        raise BackupError("The keys cannot be opened: the passphrase is another one.") from error
    return msgspec.json.decode(plain, type=SiteKeys)


def install_keys(keys: SiteKeys, var_dir: Path) -> str:
    """Put keys into place and say where; where the environment names keys, write lines for it instead."""
    if (keys.secret_key, keys.vault_keys) == (settings.SECRET_KEY, settings.VAULT_KEYS):
        return "the keys are those that are in use"
    is_named = any(name in os.environ for key in ("SECRET_KEY", "VAULT_KEYS") for name in (key, f"{key}_FILE"))
    if is_named or len(keys.vault_keys) > 1:
        file = var_dir / "restored_keys.env"
        _private(file, f"SECRET_KEY={keys.secret_key}\nVAULT_KEYS={','.join(keys.vault_keys)}\n")
        return f"the keys are in {file}: put its two lines into .env, then delete it"
    _private(var_dir / "secret_key", keys.secret_key)
    _private(var_dir / "vault_key", keys.vault_keys[0])
    return f"the keys are in {var_dir}"


def _private(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text)


def _fernet(passphrase: str, salt: bytes) -> Fernet:
    derived = Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(passphrase.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
