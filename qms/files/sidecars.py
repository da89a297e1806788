"""The flags of a recording that is a file: JSON files beside it, each written once and whole, never changed.

``a.wav`` gets ``a.wav.flags.json`` with its first flags, ``a.wav.flags.2.json`` with those that come later (a wrap-up).
A file appears under its name only when it is whole and on the disk (a hard link to a finished file), and a name that
exists is never taken again: whatever dies or races, a flag is written once. What is read is what all files say.
"""

import contextlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from qms.port import Flag, FlagAlreadyWritten, QmsUnavailable, QmsUnclear

#: A recording's flags are in at most this many files: base flags, a wrap-up, and a few of somebody else's.
MAXIMUM_FILES = 16
# Maximum length of a flags file, in bytes.
_MAXIMUM_BYTES = 256 * 1024


class Sidecar(msgspec.Struct, frozen=True, rename="camel"):
    """What a sidecar file holds: the recording's path in the folder, its flags, and when they were written."""

    recording: str
    flags: dict[str, str]
    written_at: str = ""


def read_flags(recording: Path) -> dict[str, str]:
    """Return the flags of a recording; the first file that names a flag counts. Raises ``QmsUnavailable``."""
    found: dict[str, str] = {}
    for number in range(1, MAXIMUM_FILES + 1):
        sidecar = _read(_sidecar(recording, number))
        if sidecar is None:
            return found
        found = {**sidecar.flags, **found}
    return found


def add_flags(recording: Path, name: str, flags: Sequence[Flag], written_at: str) -> int:
    """Add flags to a recording, all or none, and return how many were new.

    Raises ``FlagAlreadyWritten``, ``QmsUnavailable`` (nothing was written) and ``QmsUnclear``.
    """
    for number in range(1, MAXIMUM_FILES + 1):
        if _read(_sidecar(recording, number)) is not None:
            continue
        new = _new(read_flags(recording), flags)
        if not new or _write_once(_sidecar(recording, number), Sidecar(name, new, written_at)):
            return len(new)
    raise QmsUnavailable(f"The recording has {MAXIMUM_FILES} files of flags already.")


def write_once(place: Path, content: bytes) -> bool:
    """Write a file whole, or not at all where the name is taken. Returns whether it was written.

    Raises ``QmsUnavailable`` (nothing was written), and ``QmsUnclear`` where the disk failed after the name was taken.
    """
    try:
        handle, unfinished = tempfile.mkstemp(dir=place.parent, prefix=".flags-", suffix=".tmp")
    except OSError as error:
        raise QmsUnavailable(f"The folder cannot be written to: {error.strerror}.") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(unfinished, 0o644)  # noqa: PTH101  (the file is named by a text)
        return _named(unfinished, place)
    except OSError as error:
        raise QmsUnavailable(f"The flags cannot be written: {error.strerror}.") from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)  # noqa: PTH108


def _named(unfinished: str, place: Path) -> bool:
    """Give a finished file its name; False where the name is taken."""
    try:
        os.link(unfinished, place)
    except FileExistsError:
        return False
    try:
        folder = os.open(place.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise QmsUnclear(f"The flags may not be on the disk yet: {error.strerror}.") from error
    return True


def _write_once(place: Path, sidecar: Sidecar) -> bool:
    return write_once(place, msgspec.json.format(msgspec.json.encode(sidecar), indent=2) + b"\n")


def _new(held: Mapping[str, str], flags: Sequence[Flag]) -> dict[str, str]:
    """Return the flags that are not held; raises ``FlagAlreadyWritten`` for one that is held with another value."""
    for flag in flags:
        if held.get(flag.name, flag.value) != flag.value:
            raise FlagAlreadyWritten(f"The flag already has another value ({flag.name}).")
    return {flag.name: flag.value for flag in flags if flag.name not in held}


def _sidecar(recording: Path, number: int) -> Path:
    ending = ".flags.json" if number == 1 else f".flags.{number}.json"
    return recording.with_name(recording.name + ending)


def _read(place: Path) -> Sidecar | None:
    """Return a sidecar; None where there is none. One that cannot be read may hold flags: nothing is decided."""
    try:
        with place.open("rb") as file:
            return msgspec.json.decode(file.read(_MAXIMUM_BYTES), type=Sidecar)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise QmsUnavailable(f"The flags of a recording cannot be read: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise QmsUnavailable("The flags of a recording cannot be read: its file is no JSON of the gateway's.") from None
