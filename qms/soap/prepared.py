"""The three calls that are made for every leg, prepared: envelopes filled in as bytes, plain answers read by lxml.

zeep makes each envelope once, with marks in the place of the values, whatever the WSDL and the dialect; the marks are
then replaced. An answer of exactly the shape that the WSDL states is read here; any other (a fault, a detour, something
added) raises ``Unusual`` and is left to zeep. A property test holds both ways together.
"""

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from lxml import etree

from qms.port import Flag, Recording
from qms.soap.dialect import Dialect
from qms.soap.xml_text import escaped

_ENV = "{http://schemas.xmlsoap.org/soap/envelope/}"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_parsers = threading.local()


class Unusual(Exception):
    """The answer is not of the plain shape; zeep is to read it."""


class Contract(Protocol):
    """What is asked of ``soap_contract.SoapContract``."""

    dialect: Dialect

    def envelope(self, operation: str, fields: Mapping[str, Any]) -> bytes:
        """Return zeep's envelope."""

    def operation(self, operation: str) -> Any:
        """Return zeep's operation."""


class Envelope:
    """An envelope with gaps; made from zeep's own with a mark in each gap."""

    def __init__(self, envelope: bytes, marks: Sequence[str]) -> None:
        pieces = []
        for mark in marks:
            before, found, envelope = envelope.partition(mark.encode())
            if not found or mark.encode() in envelope:
                raise Unusual
            pieces.append(before)
        self.pieces = [*pieces, envelope]

    def filled(self, *values: str) -> bytes:
        """Return the envelope with the values in its gaps."""
        parts = [self.pieces[0]]
        for value, piece in zip(values, self.pieces[1:], strict=True):
            parts += (escaped(value), piece)
        return b"".join(parts)


class FlagsEnvelope:
    """The envelope of WriteFlags, whose flag may be repeated."""

    def __init__(self, contract: Contract) -> None:
        marks = _marks(5)
        flags = [{"name": marks[1], "value": marks[2]}, {"name": marks[3], "value": marks[4]}]
        whole = Envelope(contract.envelope("WriteFlags", {"recordingGuid": marks[0], "flag": flags}), marks).pieces
        self._begin, self._open, self._middle, self._between, middle, self._end = whole
        if middle != self._middle:
            raise Unusual

    def filled(self, guid: str, flags: Iterable[Flag]) -> bytes:
        """Return the envelope for these flags."""
        each = self._between.join(escaped(flag.name) + self._middle + escaped(flag.value) for flag in flags)
        return b"".join((self._begin, escaped(guid), self._open, each, self._end))


class Prepared:
    """The prepared calls of one contract; raises ``Unusual`` where its shape does not allow them."""

    def __init__(self, contract: Contract) -> None:
        dialect = contract.dialect
        if dialect.values or dialect.assume or any("/" in name for name in dialect.elements.values()):
            raise Unusual
        extension, since, guid = _marks(3)
        asked = {"extension": extension}
        self._find = Envelope(contract.envelope("FindLiveRecording", asked), [extension])
        asked["notStartedBefore"] = since
        offers_since = bool(dialect.element("FindLiveRecording", "notStartedBefore"))
        marks = [extension, since] if offers_since else [extension]
        self._find_since = Envelope(contract.envelope("FindLiveRecording", asked), marks)
        self._offers_since = offers_since
        self._get = Envelope(contract.envelope("GetFlags", {"recordingGuid": guid}), [guid])
        self._write = FlagsEnvelope(contract)
        self._found = _Shape(contract, "FindLiveRecording", "recording")
        self._carried = _Shape(contract, "GetFlags", "flag")
        self._written = _Shape(contract, "WriteFlags", "written")

    def find(self, extension: str, since: str | None) -> bytes:
        """Return the envelope of FindLiveRecording."""
        if since is None or not self._offers_since:
            return self._find.filled(extension)
        return self._find_since.filled(extension, since)

    def write(self, guid: str, flags: Sequence[Flag]) -> bytes:
        """Return the envelope of WriteFlags."""
        return self._write.filled(guid, flags)

    def get(self, guid: str) -> bytes:
        """Return the envelope of GetFlags."""
        return self._get.filled(guid)

    def found(self, content: bytes) -> Recording | None:
        """Read the answer to FindLiveRecording; raises ``Unusual``."""
        items = self._found.items(content)
        if not items:
            return None
        if len(items) > 1:
            raise Unusual
        guid, extension, started, *ended = self._found.texts(
            items[0], ("recordingGuid", "extension", "startedAt", "endedAt"), 3
        )
        if not guid:
            raise Unusual
        return Recording(guid, extension, _time(started), _time(ended[0]) if ended else None)

    def carried(self, content: bytes) -> list[Flag]:
        """Read the answer to GetFlags; raises ``Unusual``."""
        texts = (self._carried.texts(item, ("name", "value"), 2) for item in self._carried.items(content))
        return [Flag(name, value) for name, value in texts]

    def written(self, content: bytes) -> int:
        """Read the answer to WriteFlags; raises ``Unusual``."""
        items = self._written.items(content)
        text = items[0].text or "" if len(items) == 1 and not len(items[0]) else ""
        if not _COUNT.fullmatch(text):
            raise Unusual
        return int(text)


class _Shape:
    """The one plain shape of an answer: a wrapper that holds items of one name, and in each texts of known names."""

    def __init__(self, contract: Contract, operation: str, item: str) -> None:
        wrapper = contract.operation(operation).output.body
        self._dialect = contract.dialect
        self._wrapper = wrapper.qname.text
        scope = f"{operation}Response"
        name = self._dialect.element(scope, item)
        elements = dict(wrapper.type.elements)
        if set(elements) != {name}:
            raise Unusual
        self._item = elements[name].qname.text
        self._scope = {"recording": "Recording", "flag": "Flag"}.get(item, "")
        inner = elements[name].type.elements if self._scope else []
        self._names = {part: element.qname.text for part, element in inner}

    def items(self, content: bytes) -> list[Any]:
        """Return the items of an answer."""
        body = _body(content)
        if len(body) != 1 or body[0].tag != self._wrapper or body[0].attrib:
            raise Unusual
        items = list(body[0])
        if any(item.tag != self._item or item.attrib for item in items):
            raise Unusual
        return items

    def texts(self, item: Any, fields: Sequence[str], required: int) -> list[str]:
        """Return an item's texts in the order of the fields, of which the last ones may be absent."""
        wanted = [self._names.get(self._dialect.element(self._scope, field)) for field in fields]
        parts = list(item)
        if not required <= len(parts) <= len(wanted) or [part.tag for part in parts] != wanted[: len(parts)]:
            raise Unusual
        if any(len(part) or part.attrib for part in parts):
            raise Unusual
        return [part.text or "" for part in parts]


def _body(content: bytes) -> Any:
    parser = getattr(_parsers, "plain", None)
    if parser is None:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=False)
        _parsers.plain = parser
    try:
        envelope = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Unusual from None  # its text quotes the answer
    tree: Any = envelope.getroottree()  # the stubs lack doctype
    if tree.docinfo.doctype or envelope.tag != f"{_ENV}Envelope":
        raise Unusual
    body = envelope[-1] if len(envelope) else None
    if body is None or body.tag != f"{_ENV}Body" or len(envelope) > 1:
        raise Unusual
    return body


def _time(text: str) -> datetime:
    if not _TIME.fullmatch(text):
        raise Unusual
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Unusual from None


def _marks(count: int) -> list[str]:
    """Return texts that no WSDL and no login holds: of the private use area, and as XML carries them."""
    return [f"\ue000{number}\ue001" for number in range(count)]
