"""The frames of ECMA-323 Annex J, written for the server's side: format 0, length of the whole, invoke id, XML.

On purpose not the gateway's own framing: a mistake in one must not be hidden by the same in the other.
"""

from typing import Final

from lxml import etree

RequestElement = etree._Element  # noqa: SLF001 - lxml has no public name for the type

#: Length of the header, in bytes.
HEADER: Final = 8
#: Maximum length of a message, in bytes.
MAXIMUM_BYTES: Final = 0xFFFF
EVENT_INVOKE: Final = b"9999"

ECMA: Final = "http://www.ecma-international.org/standards/ecma-323/csta/"
ED2: Final = "http://www.ecma.ch/standards/ecma-323/csta/ed2"
SESSION: Final = "http://www.ecma-international.org/standards/ecma-354/appl_session"
EDITIONS: Final = (*(f"{ECMA}ed{n}" for n in (3, 4, 5, 6)), ED2)
DEFAULT_EDITION: Final = f"{ECMA}ed4"

_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


class ClientFrameError(ValueError):
    """What a client sent is no frame, or no message; the text says why."""

    retryable = False


def length_of(header: bytes) -> int:
    """Return how many bytes follow a header. Raises ``ClientFrameError`` when it is none."""
    length = int.from_bytes(header[2:4])
    if header[:2] != b"\0\0" or length <= HEADER or not header[4:].isdigit():
        raise ClientFrameError(f"no frame begins with {header.hex()}")
    return length - HEADER


def frame(invoke: bytes, xml: bytes) -> bytes:
    """Return a message as it goes on the wire."""
    return b"\0\0" + (HEADER + len(xml)).to_bytes(2) + invoke + xml


def parse(xml: bytes) -> RequestElement:
    """Return a message's root. Raises ``ClientFrameError``."""
    try:
        return etree.fromstring(xml, _PARSER)
    except etree.XMLSyntaxError as error:
        raise ClientFrameError(f"no well-formed XML: {error.msg}") from error


def local(element: RequestElement) -> str:
    """Return an element's local name."""
    return str(element.tag).rpartition("}")[2]


def namespace(element: RequestElement) -> str:
    """Return an element's namespace."""
    return str(element.tag).rpartition("}")[0].removeprefix("{")


def text_at(element: RequestElement, *names: str) -> str:
    """Return the text of the first descendant with one of the local names, or nothing."""
    for one in element.iter():
        if isinstance(one.tag, str) and local(one) in names and one is not element and (one.text or "").strip():
            return str(one.text).strip()
    return ""


def texts_at(element: RequestElement, name: str) -> list[str]:
    """Return the texts of all descendants with the local name."""
    return [(one.text or "").strip() for one in element.iter() if isinstance(one.tag, str) and local(one) == name]


def document(name: str, edition: str, content: str = "") -> bytes:
    """Return a message."""
    return f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{edition}">{content}</{name}>'.encode()
