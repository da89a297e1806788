"""Read the XML of a frame: strictly, and where that fails a second time without the characters that are damaged."""

import re

import msgspec

from cti.sources.character_sets import FALLBACK
from cti.sources.csta_xml.parsing import CstaMessageError, MalformedXml, XmlElement, parse, parse_utf8
from cti.sources.csta_xml.repair import repair
from cti.sources.port import REPAIRED

_CALL = re.compile(rb"<(?:[\w.-]+:)?callID(?:\s[^<>]*)?>\s*([!-%'-;=?-~]{1,255})\s*</")


class ReadMessage(msgspec.Struct, frozen=True):
    """A message's root element; ``repaired`` says what was wrong with it where it was read in spite of that."""

    root: XmlElement
    repaired: CstaMessageError | None = None


def call_in(xml: bytes) -> str:
    """Return the first call that a message names, whether the rest can be read or not; empty where it names none."""
    found = _CALL.search(xml)
    return found[1].decode() if found else ""


def read_message(xml: bytes, encoding: str = "") -> ReadMessage:
    """Read a message. ``encoding``: that of its text, whatever it declares; empty for what it declares.

    Raises ``CstaMessageError`` where it cannot be read without guessing.
    """
    try:
        return ReadMessage(parse_utf8(_transcoded(xml, encoding)) if encoding else parse(xml))
    except MalformedXml as error:
        return _repaired(xml, encoding, error)


def _transcoded(xml: bytes, encoding: str) -> bytes:
    try:
        return xml.decode(encoding).encode(errors="replace")
    except UnicodeDecodeError as error:
        raise MalformedXml(f"not {encoding}: {error.reason}", place=f"byte {error.start}") from error


def _repaired(xml: bytes, encoding: str, malformed: MalformedXml) -> ReadMessage:
    try:
        root, left_out = repair(xml, encoding)
    except MalformedXml:
        raise malformed from None
    except CstaMessageError as error:
        raise CstaMessageError(f"{malformed}; {error}", place=malformed.place) from malformed
    said = [f"{malformed}. The call is followed all the same: every identifier is intact"]
    said += [f"{name} is damaged and was left out" for name in left_out]
    if not _is_utf8(xml):
        said.append(
            f"text was read as {encoding or FALLBACK}: if names are wrong, set the option encoding of the source"
        )
    return ReadMessage(root, CstaMessageError("; ".join(said), kind=REPAIRED, place=malformed.place))


def _is_utf8(xml: bytes) -> bool:
    try:
        xml.decode()
    except UnicodeDecodeError:
        return False
    return True
