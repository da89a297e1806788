"""What a backup is made of, in its ``manifest.json``: from which version and when, each file with its checksum."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

NAME = "manifest.json"
#: The version of the backup's format.
FORMAT = 1


class BackupError(Exception):
    """A backup cannot be made or put back; the text says why and what to do. Nothing was changed unless it says so."""


class JournalPlace(msgspec.Struct, frozen=True):
    """How far a source's journal was folded when the backup was made, and its last entry then."""

    folded_to: str
    last_id: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A backup. ``migrations``: the last one of each app; ``files``: names and SHA-256."""

    format: int = FORMAT
    version: str
    made_at: datetime
    database: Literal["postgresql", "sqlite"]
    migrations: dict[str, str]
    journals: dict[str, JournalPlace]
    files: dict[str, str]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest last: a folder without one is no backup."""
    (folder / NAME).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))


def read_manifest(folder: Path) -> Manifest:
    """Read a manifest and compare every file with its checksum. Raises ``BackupError``."""
    try:
        found = msgspec.json.decode((folder / NAME).read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise BackupError(f"{folder} is no backup: it has no {NAME}.") from error
    except msgspec.DecodeError as error:
        raise BackupError(f"{folder / NAME} cannot be read: {error}.") from error
    for name, checksum in found.files.items():
        if not (folder / name).is_file() or sha256(folder / name) != checksum:
            raise BackupError(f"{folder / name} is missing or not what was written: take another backup.")
    return found


def sha256(file: Path) -> str:
    """Return a file's checksum."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
