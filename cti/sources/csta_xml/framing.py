"""Cut the bytes of a CSTA link into frames (ECMA-323 Annex J). Pure and incremental; memory is bounded by one frame.

A frame: two bytes 0 (XML without SOAP), two bytes length of the whole, four ASCII digits invoke id, the XML.
"""

import msgspec

#: Length of a frame's header and the maximum length of a frame, in bytes.
HEADER = 8
#: Maximum length of a message, in bytes.
LENGTH_LIMIT = 0xFFFF
#: The invoke id of events.
EVENT_INVOKE = 9999
#: Maximum bytes of a broken frame that are kept to show.
EXCERPT = 2048


class CstaFrame(msgspec.Struct, frozen=True, gc=False):
    """One message; ``number`` counts the link's frames from 1, ``offset`` is its place in the stream."""

    invoke: int
    xml: bytes
    number: int
    offset: int

    @property
    def place(self) -> str:
        """Say where the frame stands in the stream."""
        return f"frame {self.number}, byte {self.offset}"


class CstaFrameError(msgspec.Struct, frozen=True, gc=False):
    """The stream cannot be read from here on: the start of the next frame is not known."""

    raw: bytes
    error: str
    number: int
    offset: int

    @property
    def place(self) -> str:
        """Say where in the stream reading stopped."""
        return f"frame {self.number}, byte {self.offset}"


class CstaFramer:
    """Feed bytes, take frames. The same bytes give the same frames, however they are split.

    A ``CstaFrameError`` is the last thing that a framer gives; it takes nothing after it.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._offset = 0
        self._count = 0
        self._is_broken = False

    @property
    def has_rest(self) -> bool:
        """Say whether a frame has begun and not ended."""
        return bool(self._buffer) and not self._is_broken

    def feed(self, data: bytes) -> list[CstaFrame | CstaFrameError]:
        """Return the frames that ``data`` completes, in order."""
        if self._is_broken:
            return []
        self._buffer += data
        found: list[CstaFrame | CstaFrameError] = []
        start = 0
        while True:
            error = _header_error(self._buffer, start)
            if error:
                found.append(self._refusal(start, error))
                return found
            end = start + int.from_bytes(self._buffer[start + 2 : start + 4])
            if len(self._buffer) - start < HEADER or len(self._buffer) < end:
                break
            found.append(self._frame(start, end))
            start = end
        self._drop(start)
        return found

    def _frame(self, start: int, end: int) -> CstaFrame:
        self._count += 1
        invoke = int(self._buffer[start + 4 : start + HEADER])
        return CstaFrame(invoke, bytes(self._buffer[start + HEADER : end]), self._count, self._offset + start)

    def _refusal(self, start: int, error: str) -> CstaFrameError:
        raw = bytes(self._buffer[start : start + EXCERPT])
        self._buffer.clear()
        self._is_broken = True
        return CstaFrameError(raw, error, self._count + 1, self._offset + start)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._offset += count


def _header_error(buffer: bytearray, start: int) -> str | None:
    """Name what is wrong with as much of a header as there is."""
    size = len(buffer) - start
    if any(buffer[start : start + 2]):
        return _format_error(bytes(buffer[start : start + HEADER]))
    if size >= 4 and int.from_bytes(buffer[start + 2 : start + 4]) <= HEADER:
        return f"the length is {int.from_bytes(buffer[start + 2 : start + 4])}, less than a header and a message"
    invoke = buffer[start + 4 : start + HEADER]
    if invoke and not (invoke.isdigit() and invoke.isascii()):
        return f"the invoke id is 0x{invoke.hex()}, not four digits"
    return None


def _format_error(header: bytes) -> str | None:
    """Name a frame with a length of 32 bits as what it is; None while the header may still show that it is one."""
    may_be_long = header[0] == 0 and (len(header) < 5 or header[4:].isdigit())
    if not may_be_long:
        return f"the format is 0x{header[:2].hex()}, not 0x0000"
    if len(header) < HEADER:
        return None
    return (
        f"a frame of {int.from_bytes(header[:4]):,} bytes with a 32-bit length, as some tools write them; a frame of "
        f"ECMA-323 Annex J has 16 bits for its length, and at most {LENGTH_LIMIT:,} bytes: let the server send shorter "
        "messages, and snapshots in segments"
    )


def framed(invoke: int, xml: bytes) -> bytes:
    """Return a message as it goes on the wire. Raises ``ValueError`` when it is too long for a frame."""
    size = HEADER + len(xml)
    if size > LENGTH_LIMIT:
        raise ValueError(f"a message of {len(xml)} bytes is too long for a frame")
    return b"\0\0" + size.to_bytes(2) + b"%04d" % invoke + xml
