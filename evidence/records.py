"""The texts that are hashed and signed, and what an export holds; pure. The texts are kept and hashed as they stand."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

EXPORT_FORMAT = "qms-gateway-evidence/1"
#: What stands before the first block and the first seal.
NOTHING_BEFORE = "0" * 64
#: Days after it are none of a recording: some are beyond what can be computed with.
LAST_YEAR = 9998


class SealedFlag(msgspec.Struct, frozen=True):
    """One flag of an entry: its value only as a commitment; empty where the value was erased before it was sealed."""

    name: str
    commitment: str
    cut: bool = False
    masked: bool = False


class BlockHeader(msgspec.Struct, frozen=True):
    """What a block says of its entries. ``previous``: the hash of the block before; ``root``: over the entries."""

    block: int
    previous: str
    first_entry: int
    entries: int
    root: str
    at: str


class SealStatement(msgspec.Struct, frozen=True):
    """What is signed of a day. ``previous``: the hash of the statement before; ``root``: over the blocks' hashes."""

    day: str
    previous: str
    first_block: int
    blocks: int
    last_entry: int
    root: str
    at: str
    key: str


class KeyChange(msgspec.Struct, frozen=True):
    """What both keys sign when one follows the other: who trusts one may trust the other."""

    old: str
    new: str
    at: str


class SignedKeyChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key change as text with both signatures, in hexadecimal."""

    text: str
    by_old: str
    by_new: str


class ExportedValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A flag's value and the salt of its commitment; exports of earlier releases have salts without a value."""

    name: str
    salt: str
    value: str | None


class ExportedEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry as text, with the way from it to its block and from the block to its day's seal."""

    body: str
    index: int
    path: Sequence[str]
    header: str
    block_index: int
    block_path: Sequence[str]
    day: str
    values: Sequence[ExportedValue]


class ExportedSeal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A day's statement as text and its signature; both empty where the day is not sealed yet."""

    day: str
    statement: str
    signature: str


class EvidenceExport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that proves what was decided and written for one recording."""

    format: str
    recording: str
    entries: Sequence[ExportedEntry]
    seals: Sequence[ExportedSeal]
    key_changes: Sequence[SignedKeyChange]


def day_of(text: str) -> date:
    """Read a day that another one can follow. Raises ``ValueError``."""
    day = date.fromisoformat(text)
    if day.year > LAST_YEAR or text != day.isoformat():
        raise ValueError(f"{text} is no day")
    return day


def commitment(salt: bytes, name: str, value: str) -> str:
    """Return what stands for a value: without the salt nobody can find the value by trying."""
    return hashlib.sha256(salt + name.encode() + b"\x00" + value.encode()).hexdigest()


def text_hash(text: str) -> str:
    """Return the hash by which a header or a statement is named."""
    return hashlib.sha256(text.encode()).hexdigest()


def marked(sentence: str, *texts: str) -> str:
    """Return a sentence with what stands for the texts that it is about: who accepts it accepts these, and no others.

    128 bits: nobody finds two contents of one mark, to have the one accepted for the other.
    """
    return f"{sentence} (now {text_hash(as_text({str(at): text for at, text in enumerate(texts)}))[:32]})"


def as_text(record: msgspec.Struct | Mapping[str, object]) -> str:
    """Return a record as the text that is kept and hashed."""
    return msgspec.json.encode(record, order="deterministic").decode()
