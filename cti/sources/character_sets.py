"""Turn the bytes of names into text. Pure.

A PBX passes names on as it got them, so one link may carry UTF-8 and an older 8-bit set side by side.
"""

FALLBACK = "cp1252"
#: What a program writes where it could not read a character; it stands for something that is lost.
LOST = "\ufffd"


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
        return plain.decode(encoding) == plain.decode("ascii")
    except (LookupError, UnicodeError):
        return False


def _decoded_line(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        return _cut_short(raw, error) if not encoding else _by_fallback(raw)


def _cut_short(raw: bytes, error: UnicodeDecodeError) -> str:
    """Drop a last character that is incomplete, as a cut after a fixed number of bytes leaves it."""
    before = raw[: error.start]
    is_cut = error.reason == "unexpected end of data" and not before.isascii()
    return before.decode() if is_cut else _by_fallback(raw)


def _by_fallback(raw: bytes) -> str:
    try:
        return raw.decode(FALLBACK)
    except UnicodeDecodeError:
        return raw.decode("latin-1")  # Five bytes are not assigned in Windows-1252.
