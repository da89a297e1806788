"""Turn the bytes of names into text. Pure.

A PBX passes names on as it got them, so one link may carry UTF-8 and an older 8-bit set side by side.
"""

import re

FALLBACK = "cp1252"
#: What a program writes where it could not read a character; it stands for something that is lost.
LOST = "\ufffd"
_HIGH = bytes(range(128, 256))
#: How Python keeps a byte that is not UTF-8.
_ESCAPED = frozenset(map(chr, range(0xDC80, 0xDD00)))
#: The beginning of a character of UTF-8 at the end of a text.
_CUT_OFF = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")


def decoded(raw: bytes, encoding: str = "") -> str:
    """Return bytes as text: in ``encoding``, else UTF-8 where a line is valid UTF-8 and Windows-1252 where not."""
    try:
        return raw.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        return "\r\n".join(_decoded_line(line, encoding) for line in raw.split(b"\r\n"))


def is_usable(encoding: str) -> bool:
    """Say whether an encoding is known and writes ASCII as ASCII, as the protocols' own words need."""
    plain = bytes(range(32, 127))
    try:
        return plain.decode(encoding) == plain.decode("ascii") and _reads_or_refuses(_HIGH, encoding)
    except (LookupError, UnicodeError):
        return False


def _reads_or_refuses(raw: bytes, encoding: str) -> bool:
    """Say whether bytes beyond ASCII are text or refused as such; other errors are those of no character set."""
    try:
        return bool(raw.decode(encoding))
    except UnicodeDecodeError:
        return True


def _decoded_line(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        return _by_fallback(raw) if encoding else _mixed(raw)


def _mixed(raw: bytes) -> str:
    """Read a line that is not valid UTF-8.

    One that has characters of UTF-8 is UTF-8: a last character that was cut off is dropped, and bytes between them are
    read for themselves. Any other is in Windows-1252.
    """
    kept = raw[: match.start()] if (match := _CUT_OFF.search(raw)) else raw
    text = kept.decode("utf-8", "surrogateescape")
    if all(one.isascii() or one in _ESCAPED for one in text):
        return _by_fallback(raw)
    return "".join(_by_fallback(one.encode("utf-8", "surrogateescape")) if one in _ESCAPED else one for one in text)


def _by_fallback(raw: bytes) -> str:
    try:
        return raw.decode(FALLBACK)
    except UnicodeDecodeError:
        return raw.decode("latin-1")  # Five bytes are not assigned in Windows-1252.
