"""The forms of an export's parts that no signature covers: none of them can say anything to whoever opens the file."""

import re
from collections.abc import Iterator
from datetime import date, datetime

import msgspec

from evidence.records import EvidenceExport, ExportedEntry, KeyChange, SignedKeyChange, as_text

_HEXADECIMAL = re.compile(r"(?:[0-9a-f]{2})*")
_PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")


def unsigned_words(export: EvidenceExport) -> Iterator[str]:
    """Name the parts that could carry words which nobody of the site signed; none where all are as exports have them.

    Salts, paths and signatures are lower-case hexadecimal, days are dates, and a change of keys holds two keys and a
    moment. Raises ``MsgspecError`` where a change is none.
    """
    for change in export.key_changes:
        if not _is_plain(change):
            yield f"a change of keys says more than its keys and its time: {change.text[:80]}"
    for seal in export.seals:
        if not _is_date(seal.day) or not _HEXADECIMAL.fullmatch(seal.signature):
            yield f"the seal of {seal.day[:80]} has a day or a signature that is none"
    for number, entry in enumerate(export.entries, 1):
        if not all(_HEXADECIMAL.fullmatch(part) for part in _parts(entry)):
            yield f"of the {number}. entry in the file a salt or a hash is not lower-case hexadecimal"


def _parts(entry: ExportedEntry) -> list[str]:
    return [*entry.path, *entry.block_path, *(one.salt for one in entry.values)]


def _is_plain(change: SignedKeyChange) -> bool:
    """Say whether a change of keys is written as the gateway writes it, byte for byte."""
    said = msgspec.json.decode(change.text, type=KeyChange)
    signatures = all(_HEXADECIMAL.fullmatch(one) for one in (change.by_old, change.by_new))
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
