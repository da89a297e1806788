"""The forms of an export's parts that no signature covers: none of them can say anything to whoever opens the file."""

import re
from collections.abc import Iterator
from datetime import date, datetime

import msgspec

from evidence.records import (
    EvidenceExport,
    ExportedEntry,
    ExportedSeal,
    ExportedValue,
    KeyChange,
    SignedKeyChange,
    as_text,
)

# Their lengths are exact: a number, such as a caller's, is hexadecimal as well.
_SALT = re.compile(r"[0-9a-f]{32}")
_HASH = _PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")


def unsigned_words(export: EvidenceExport) -> Iterator[str]:
    """Name the parts that could carry words which nobody of the site signed; none where all are as exports have them.

    Salts, paths and signatures are lower-case hexadecimal of the length that each has, days are dates, and a change of
    keys holds two keys and a moment. Beside no value a salt may be empty, and so is the signature of no statement.
    Raises ``MsgspecError`` where a change is none.
    """
    for change in export.key_changes:
        if not _is_plain(change):
            yield f"a change of keys says more than its keys and its time: {change.text[:80]}"
    for seal in export.seals:
        if not _is_date(seal.day) or not _is_signature(seal):
            yield f"the seal of {seal.day[:80]} has a day or a signature that is none"
    for number, entry in enumerate(export.entries, 1):
        if not (_has_hashes(entry) and all(_is_salt(one) for one in entry.values)):
            yield f"of the {number}. entry in the file a salt or a hash is none: it has another length, or other signs"


def _has_hashes(entry: ExportedEntry) -> bool:
    return all(_HASH.fullmatch(one) for one in (*entry.path, *entry.block_path))


def _is_salt(one: ExportedValue) -> bool:
    is_left_out = one.value is None and not one.salt
    return is_left_out or _SALT.fullmatch(one.salt) is not None


def _is_signature(seal: ExportedSeal) -> bool:
    is_waiting = not seal.statement and not seal.signature
    return is_waiting or _SIGNATURE.fullmatch(seal.signature) is not None


def _is_plain(change: SignedKeyChange) -> bool:
    """Say whether a change of keys is written as the gateway writes it, byte for byte."""
    said = msgspec.json.decode(change.text, type=KeyChange)
    signatures = all(_SIGNATURE.fullmatch(one) for one in (change.by_old, change.by_new))
    keys = all(_PUBLIC_KEY.fullmatch(one) for one in (said.old, said.new))
    return signatures and keys and _is_moment(said.at) and as_text(said) == change.text


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
