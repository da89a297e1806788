"""One frame of the archive: a gzip member (RFC 1952) that says in its header what it holds. Pure.

A file is a row of frames, so that ``zcat`` reads it: a line is ``ID EVENT``. The header has the length of the frame in
an extra field, as BGZF has it: a reader goes from frame to frame without unpacking, and a writer finds the end of the
last whole one.
"""

import re
import struct
import zlib
from collections.abc import Sequence
from datetime import datetime

import msgspec

from cti.journal.stream import Entry

#: The form of a frame. A reader refuses a later one, and must read every earlier one.
VERSION = 1
#: The member's header: gzip, deflate, with an extra field, no time, no flags, Unix; then the extra field's length.
_FIXED = b"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\x03"
_EXTRA = struct.Struct("<H2sHBI")
#: What a frame begins with, to find the next one after a damaged place.
BEGINNING = re.compile(re.escape(_FIXED) + rb"..QG", re.DOTALL)
#: Length of what every frame begins with: the fixed header, the extra field's lengths, the version, the frame's length.
PREFIX_BYTES = len(_FIXED) + _EXTRA.size
#: Maximum length of a frame, in bytes: what claims to be longer is no frame.
MAXIMUM_FRAME_BYTES = 256 * 1024 * 1024
_TRAILER = struct.Struct("<II")


class FrameError(Exception):
    """These bytes are no whole frame of a known form; never worth a retry."""

    retryable = False


class FrameOfLaterVersion(FrameError):
    """A later release wrote this frame."""


class FrameHeader(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a frame holds: the entries after the id ``after``, up to ``last``.

    ``begin`` and ``end``: the earliest and the latest moment of its events, by the gateway's clock. ``erased``: an
    erasure took entries of a caller out of it; ``erased_calls`` and ``erased_interactions``: what these named.
    """

    after: str
    first: str
    last: str
    count: int
    begin: datetime
    end: datetime
    erased: bool = False
    erased_calls: tuple[str, ...] = ()
    erased_interactions: tuple[str, ...] = ()


class FramePrefix(msgspec.Struct, frozen=True):
    """The lengths that a frame begins with, in bytes: of its whole, and of its header's text."""

    frame_bytes: int
    header_bytes: int


class _Moments(msgspec.Struct):
    time: datetime
    gatewaytime: datetime | None = None


_moments = msgspec.json.Decoder(_Moments)
_header = msgspec.json.Decoder(FrameHeader)


def moment_of(payload: bytes) -> datetime | None:
    """Return an event's moment by the gateway's clock; None where it cannot be read."""
    try:
        found = _moments.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    moment = found.gatewaytime or found.time
    return moment if moment.tzinfo else None


def header_of(entries: Sequence[Entry], after: str, now: datetime) -> FrameHeader:
    """Return the header of a frame of these entries; ``now`` stands for events whose moment cannot be read."""
    moments = [moment_of(entry.payload) or now for entry in entries]
    return FrameHeader(
        after=after,
        first=entries[0].id,
        last=entries[-1].id,
        count=len(entries),
        begin=min(moments),
        end=max(moments),
    )


def pack_frame(header: FrameHeader, entries: Sequence[Entry]) -> bytes:
    """Return a frame; an erasure may have left fewer entries than the header's ids span."""
    text = msgspec.json.encode(header)
    # Between the members of JSON a line end is a space; within a string it cannot stand.
    body = b"".join(b"%s %s\n" % (entry.id.encode(), entry.payload.replace(b"\n", b" ")) for entry in entries)
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(body) + packer.flush()
    length = PREFIX_BYTES + len(text) + len(packed) + _TRAILER.size
    extra = _EXTRA.pack(_EXTRA.size - 2 + len(text), b"QG", 5 + len(text), VERSION, length)
    return _FIXED + extra + text + packed + _TRAILER.pack(zlib.crc32(body), len(body) & 0xFFFFFFFF)


def read_prefix(prefix: bytes) -> FramePrefix:
    """Return the lengths with which a frame begins. Raises ``FrameError``."""
    if len(prefix) < PREFIX_BYTES or not prefix.startswith(_FIXED):
        raise FrameError("no frame begins here")
    _, name, size, version, length = _EXTRA.unpack_from(prefix, len(_FIXED))
    if name != b"QG" or size < 5:
        raise FrameError("no frame begins here")
    if version > VERSION:
        raise FrameOfLaterVersion(f"a later version of the gateway wrote it (form {version})")
    if not PREFIX_BYTES + size - 5 + _TRAILER.size <= length <= MAXIMUM_FRAME_BYTES:
        raise FrameError("its length cannot be right")
    return FramePrefix(length, size - 5)


def read_header(text: bytes) -> FrameHeader:
    """Read the header's text. Raises ``FrameError``."""
    try:
        return _header.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FrameError("its header cannot be read") from error


def unpack_body(packed: bytes) -> bytes:
    """Return the lines of a frame, given what follows its header. Raises ``FrameError`` where it is damaged."""
    try:
        body = zlib.decompress(packed[: -_TRAILER.size], -zlib.MAX_WBITS)
    except zlib.error as error:
        raise FrameError("it is damaged") from error
    checksum, size = _TRAILER.unpack_from(packed, len(packed) - _TRAILER.size)
    if zlib.crc32(body) != checksum or len(body) & 0xFFFFFFFF != size:
        raise FrameError("it is damaged")
    return body


def read_entries(body: bytes) -> list[Entry]:
    """Return the entries of a frame's lines."""
    # Not ``splitlines``: a carriage return between the members of JSON belongs to the event.
    parts = (line.partition(b" ") for line in body.split(b"\n") if line)
    return [Entry(entry_id.decode(), payload) for entry_id, _, payload in parts]
