"""Cut the bytes of an AMI link into messages. Pure and incremental; memory is bounded by ``MESSAGE_LIMIT``."""

from dataclasses import dataclass

END = b"\r\n\r\n"
#: Maximum length of a line and of a message, in bytes.
LINE_LIMIT = 64 * 1024
#: Maximum length of a message, in bytes.
MESSAGE_LIMIT = 256 * 1024
#: Maximum part of a message that was too long that is kept to show, in bytes.
EXCERPT = 2048
BANNER = b"Asterisk Call Manager/"


@dataclass(frozen=True, slots=True)
class AmiFrame:
    """One message without the blank line that ends it; ``offset`` is its place in the stream."""

    raw: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class AmiFrameError:
    """A message that is too long to be kept; what follows the next blank line is read again."""

    raw: bytes
    offset: int
    error: str


class AmiFramer:
    """Feed bytes, take messages. The same bytes give the same frames, however they are split."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._offset = 0
        self._scanned = 0
        self._is_skipping = False
        self._is_first = True

    def feed(self, data: bytes) -> list[AmiFrame | AmiFrameError]:
        """Return the messages that ``data`` completes, in order."""
        self._buffer += data
        found: list[AmiFrame | AmiFrameError] = []
        if self._is_first:
            self._take_banner(found)
        start = 0
        while True:
            end = self._buffer.find(END, max(start, self._scanned))
            if end < 0:
                break
            self._take(start, end, found)
            start = self._scanned = end + len(END)
        self._keep_rest(start, found)
        return found

    def _take_banner(self, found: list[AmiFrame | AmiFrameError]) -> None:
        head = bytes(self._buffer[: len(BANNER)])
        end = self._buffer.find(b"\r\n", 0, 256)
        if not BANNER.startswith(head) or (end < 0 and len(self._buffer) > 255):
            self._is_first = False
        elif end >= 0 and head == BANNER:
            found.append(AmiFrame(bytes(self._buffer[:end]), 0))
            self._drop(end + 2)
            self._is_first = False

    def _take(self, start: int, end: int, found: list[AmiFrame | AmiFrameError]) -> None:
        if self._is_skipping:
            self._is_skipping = False
            return
        error = _too_long(self._buffer, start, end) if end - start > LINE_LIMIT else None
        if error:
            found.append(self._refusal(start, error))
            return
        while self._buffer.startswith(b"\r\n", start):
            start += 2
        if start < end:
            found.append(AmiFrame(bytes(self._buffer[start:end]), self._offset + start))

    def _keep_rest(self, start: int, found: list[AmiFrame | AmiFrameError]) -> None:
        """Keep what is incomplete; of a message that is too long already, no more than a blank line's beginning."""
        size = len(self._buffer)
        if not self._is_skipping and size - start > LINE_LIMIT:
            # A last CR may be half of a line's end.
            error = _too_long(self._buffer, start, size - self._buffer.endswith(b"\r"))
            if error:
                found.append(self._refusal(start, error))
                self._is_skipping = True
        if self._is_skipping:
            start = max(start, size - len(END) + 1)
        self._drop(start)
        self._scanned = max(0, len(self._buffer) - len(END) + 1)

    def _refusal(self, start: int, error: str) -> AmiFrameError:
        return AmiFrameError(bytes(self._buffer[start : start + EXCERPT]), self._offset + start, error)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._offset += count
        self._scanned = max(0, self._scanned - count)


def _too_long(buffer: bytearray, start: int, end: int) -> str | None:
    """Name the limit that a message breaks first."""
    line = start
    while line < end:
        stop = buffer.find(b"\r\n", line, end)
        stop = end if stop < 0 else stop
        if stop - line > LINE_LIMIT and line + LINE_LIMIT <= start + MESSAGE_LIMIT:
            return f"a line is longer than {LINE_LIMIT} bytes"
        if stop - start > MESSAGE_LIMIT:
            return f"the message is longer than {MESSAGE_LIMIT} bytes"
        line = stop + 2
    return None
