"""Text as XML 1.0 can carry it."""

import re

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(value: str) -> str:
    """Return the value without the characters that XML 1.0 forbids; with one of them, the message could never leave."""
    return _FORBIDDEN.sub("", value)


def escaped(value: str) -> bytes:
    """Return the value as the text of an element, in UTF-8, escaped as libxml2 does."""
    text = xml_text(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return text.encode()
