"""Parse a frame's XML: no DTD, no entities, no network, no huge trees; each failure is a typed error with its place."""

import re
from collections.abc import Iterable

from lxml import etree

_DOCTYPE = re.compile(rb"(?:\s|<\?[^>]*>|<!--(?:[^-]|-[^-])*-->)*<!DOCTYPE")
_LOCAL: dict[str, str] = {}
# Maximum number of names in the cache.
_LOCAL_LIMIT = 4096


class CstaMessageError(ValueError):
    """A message cannot be read; ``kind`` as in ``Quarantined``, ``place`` within the message. Never worth a retry."""

    retryable = False

    def __init__(self, error: str, *, kind: str = "message", place: str = "") -> None:
        super().__init__(error)
        self.kind = kind
        self.place = place


class MalformedXml(CstaMessageError):
    """A message is not well-formed XML."""


class DtdRefused(CstaMessageError):
    """A message has a DTD."""

    def __init__(self) -> None:
        super().__init__("the message has a DTD, which is never read")


class UnknownMessage(CstaMessageError):
    """A message is of a kind that is not known. ``may_be_event``: it may be an event of a call or an agent."""

    def __init__(self, name: str, *, may_be_event: bool) -> None:
        super().__init__(f"the message {name} is unknown", place=name)
        self.name, self.may_be_event = name, may_be_event


XmlElement = etree._Element  # noqa: SLF001 - lxml has no public name for the type


def _parser(encoding: str | None = None) -> etree.XMLParser:
    return etree.XMLParser(
        encoding=encoding,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=True,
        recover=False,
    )


_PARSER, _UTF8_PARSER = _parser(), _parser("utf-8")


def parse(xml: bytes) -> XmlElement:
    """Return a message's root element. Raises ``MalformedXml`` when it is no XML, ``DtdRefused`` when it has a DTD."""
    return _parsed(xml, _PARSER)


def parse_utf8(xml: bytes) -> XmlElement:
    """Do what ``parse`` does, and read UTF-8 whatever encoding the message declares."""
    return _parsed(xml, _UTF8_PARSER)


def _parsed(xml: bytes, parser: etree.XMLParser) -> XmlElement:
    if xml[:1] in b" \t\r\n<\xef":
        xml = xml.strip(b" \t\r\n\0")
    if b"<!DOCTYPE" in xml and _DOCTYPE.match(xml):
        raise DtdRefused
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise MalformedXml(f"not well-formed XML: {error.msg}", place=f"line {line}, column {column}") from error
    # Encodings that the search above cannot read.
    if root.getroottree().docinfo.internalDTD is not None:
        raise DtdRefused
    return root


def local(tag: str) -> str:
    """Return a tag's local name: editions, prefixes and missing namespaces make no difference."""
    name = _LOCAL.get(tag)
    if name is None:
        name = tag.rpartition("}")[2]
        if len(_LOCAL) < _LOCAL_LIMIT:
            _LOCAL[tag] = name
    return name


def members(element: XmlElement | None) -> Iterable[XmlElement]:
    """Return an element's children; none where there is no element, which is not to be asked by its truth."""
    return () if element is None else element


def children(element: XmlElement | None) -> dict[str, XmlElement]:
    """Return an element's children by local name; of several with one name, the first."""
    found: dict[str, XmlElement] = {}
    for child in members(element):
        found.setdefault(local(child.tag), child)
    return found


def descend(element: XmlElement | None, *path: str) -> XmlElement | None:
    """Return the element at a path of local names, or None."""
    for name in path:
        element = next((child for child in members(element) if local(child.tag) == name), None)
    return element


def text_of(element: XmlElement | None) -> str:
    """Return the text of an element, or of its first child's, and so on; stripped."""
    while element is not None and len(element):
        element = element[0]
    return (element.text or "").strip() if element is not None else ""
