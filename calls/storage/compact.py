"""Stored legs in a sixth of their bytes: deflated against a dictionary of what legs have in common.

Names of fields and sentences of the decision trace are most of a leg, and the same in all of them. The dictionaries
were made of the legs of ``tests/transcripts``; the second of a queue's call too, and of legs whose recurring values
stand in front (``calls.storage.recurring``). They must never change, since what was stored with one can be read with it
alone; a better one gets the next number, and the former ones stay.
"""

import zlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from calls.storage.recurring import marked, unmarked

#: The first byte of what is stored compactly. Versions stay below it; releases up to 0.2.0 take it for one, and refuse.
COMPACT = 0x40
#: The numbers of the dictionaries: for a blob as it is, and for one whose recurring values are marked.
PLAIN, MARKED = 1, 2
#: Log2 of the window and size of zlib's tables: smaller ones than usual take a tenth of the time to set up.
_WINDOW_BITS, _MEMORY_LEVEL, _LEVEL = -12, 5, 4

_dictionaries = {
    number: (Path(__file__).parent / f"leg_dictionary_{number}.bin").read_bytes() for number in (PLAIN, MARKED)
}
_prepared = {
    number: zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL, zlib.Z_DEFAULT_STRATEGY, dictionary)
    for number, dictionary in _dictionaries.items()
}


class UnknownDictionary(Exception):
    """The blob was written by a newer release, with a dictionary that this one lacks. Never worth a retry."""


def is_compact(blob: bytes | memoryview) -> bool:
    """Say whether a blob is stored compactly."""
    return bool(blob) and blob[0] == COMPACT


def compacted(blob: bytes, recurring: Sequence[bytes] = ()) -> bytes:
    """Return the compact form of a blob. ``recurring``: see ``marked``; takes longer, and a third of the bytes less."""
    data = marked(blob, recurring) if recurring else None
    return _deflated(PLAIN, blob) if data is None else _deflated(MARKED, data)


def _deflated(number: int, data: bytes) -> bytes:
    writer = _prepared[number].copy()
    return bytes([COMPACT, number]) + writer.compress(data) + writer.flush()


def expanded(blob: bytes | memoryview) -> bytes:
    """Return the blob of a compact form. Raises ``UnknownDictionary``; ``msgspec.DecodeError`` for a broken one."""
    number = blob[1]
    if number not in _dictionaries:
        raise UnknownDictionary(
            f"A leg was stored with dictionary {number}; this release has up to {max(_dictionaries)}."
        )
    reader = zlib.decompressobj(_WINDOW_BITS, _dictionaries[number])
    try:
        found = reader.decompress(blob[2:])
        if not reader.eof:
            raise msgspec.DecodeError("A stored leg cannot be read: its end is missing.")
        return unmarked(found) if number == MARKED else found
    except (zlib.error, IndexError) as error:
        raise msgspec.DecodeError(f"A stored leg cannot be read: {error}.") from error
