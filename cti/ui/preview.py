"""A message of any bytes, made readable for a person. Pure."""

#: More than this does not help on a page.
SHOWN_CHARACTERS = 8_000
#: Maximum number of bytes shown as hexadecimal digits.
SHOWN_BYTES = 1_024
#: A message with more odd characters than this share is shown as bytes.
ODD_SHARE = 0.1


def readable(raw: bytes, size: int) -> str:
    """Show bytes as text where they are text, otherwise as a table of bytes; say how much is left out."""
    text = raw.decode(errors="replace")
    odd = sum(not (one.isprintable() or one in "\r\n\t") or one == "\ufffd" for one in text)
    is_text = odd <= ODD_SHARE * len(text)
    shown = _text(text) if is_text else _bytes(raw[:SHOWN_BYTES])
    shown_bytes = len(text[:SHOWN_CHARACTERS].encode()) if is_text else min(len(raw), SHOWN_BYTES)
    left_out = f"\n... of {size} bytes" if shown_bytes < size else ""
    return shown + left_out


def _text(text: str) -> str:
    return "".join(one if one.isprintable() or one in "\n\t" else _escaped(one) for one in text[:SHOWN_CHARACTERS])


def _escaped(one: str) -> str:
    return "" if one == "\r" else f"\\x{ord(one):02x}"


def _bytes(raw: bytes) -> str:
    rows = (raw[start : start + 16] for start in range(0, len(raw), 16))
    return "\n".join(
        f"{number * 16:06x}  {row.hex(' '):<47}  {''.join(chr(one) if 32 <= one < 127 else '.' for one in row)}"
        for number, row in enumerate(rows)
    )
