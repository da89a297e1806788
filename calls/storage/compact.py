"""Stored legs in a sixth of their bytes: deflated against a dictionary of what legs have in common.

Names of fields and sentences of the decision trace are most of a leg, and the same in all of them. The dictionary was
made of the legs of ``tests/transcripts``. It must never change, since what was stored with it can be read with it
alone; a better one gets the next number, and the former ones stay.
"""

import zlib
from pathlib import Path

import msgspec

#: The first byte of what is stored compactly. Versions stay below it; releases up to 0.2.0 take it for one, and refuse.
COMPACT = 0x40
#: The number of the dictionary that this release writes with.
DICTIONARY = 1
#: Log2 of the window and size of zlib's tables: smaller ones than usual take a tenth of the time to set up.
_WINDOW_BITS, _MEMORY_LEVEL, _LEVEL = -12, 5, 4

_dictionaries = {1: (Path(__file__).parent / "leg_dictionary_1.bin").read_bytes()}
_prefix = bytes([COMPACT, DICTIONARY])
_prepared = zlib.compressobj(
    _LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL, zlib.Z_DEFAULT_STRATEGY, _dictionaries[DICTIONARY]
)


class UnknownDictionary(Exception):
    """The blob was written by a newer release, with a dictionary that this one lacks. Never worth a retry."""


def is_compact(blob: bytes | memoryview) -> bool:
    """Say whether a blob is stored compactly."""
    return bool(blob) and blob[0] == COMPACT


def compacted(blob: bytes) -> bytes:
    """Return the compact form of a blob."""
    writer = _prepared.copy()
    return _prefix + writer.compress(blob) + writer.flush()


def expanded(blob: bytes | memoryview) -> bytes:
    """Return the blob of a compact form. Raises ``UnknownDictionary``; ``msgspec.DecodeError`` for a broken one."""
    if blob[1] not in _dictionaries:
        raise UnknownDictionary(f"A leg was stored with dictionary {blob[1]}; this release has up to {DICTIONARY}.")
    reader = zlib.decompressobj(_WINDOW_BITS, _dictionaries[blob[1]])
    try:
        found = reader.decompress(blob[2:])
    except zlib.error as error:
        raise msgspec.DecodeError(f"A stored leg cannot be read: {error}.") from error
    if not reader.eof:
        raise msgspec.DecodeError("A stored leg cannot be read: its end is missing.")
    return found
