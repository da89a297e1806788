"""The envelope of an answer: parsed within bounds of shape and time, to the one element that its body holds.

An answer of hostile shape (a million attributes, deep nesting) costs a parser minutes and a gigabyte. Small answers are
bounded by their size; a larger one is walked in pieces before a tree is made of it, and given up at the deadline.
"""

import binascii
import codecs
import email.parser
import quopri
import re
import threading
import time
from email.message import Message
from typing import Any
from xml.parsers import expat

from lxml import etree
from zeep.wsdl.messages.multiref import process_multiref

from qms.soap.http import HttpReply
from qms.soap.reading import AnswerTooLate

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
#: An answer up to this size, in bytes, needs no walk: its size bounds its shape.
SMALL_BYTES = 64 * 1024
#: Maximum depth of an answer's elements.
MAXIMUM_DEPTH = 32
#: Maximum number of attributes of an element.
MAXIMUM_ATTRIBUTES = 64
#: Maximum number of elements directly in another.
MAXIMUM_CHILDREN = 50_000
#: Maximum number of elements of an answer.
MAXIMUM_ELEMENTS = 500_000
# Length of a piece fed to the parser, in bytes.
_PIECE_BYTES = 64 * 1024
_FAULTS = (f"{{{SOAP_11}}}Fault", f"{{{SOAP_12}}}Fault")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:-]+)""", re.IGNORECASE)
_BOUNDARY = re.compile(r"""\bboundary\s*=\s*(?:"([^"]+)"|([^;\s]+))""", re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
# Maximum number of parts of a multipart answer, and length of a part's head in bytes.
_MAXIMUM_PARTS, _MAXIMUM_HEAD_BYTES = 64, 8192
_START = re.compile(r"""\bstart\s*=\s*["']?([^"';\s]+)""", re.IGNORECASE)
_DECLARATION = re.compile(r"""\s*<\?xml\s[^>]*?\?>""")
_DECLARED_ENCODING = re.compile(rb"""<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
#: Codecs of Python that are no charset of a document; some take the square of its length in time.
_NO_CHARSETS = ("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7")
_parsers = threading.local()


class BadShape(ValueError):
    """The answer is no envelope, or has a shape that no service needs."""


def body_of(reply: HttpReply) -> Any:
    """Return the element in the body of an envelope. Raises ``BadShape``, ``AnswerTooLate``."""
    content = _in_utf_8(*_root_part(reply))
    if len(content) > SMALL_BYTES:
        check_shape(content, reply.deadline)
    envelope = _parsed(content)
    if reply.deadline < time.monotonic():
        raise AnswerTooLate
    body = _body(envelope)
    if body is None or len(body) == 0:
        raise BadShape("the envelope's body is empty")
    if len(body) > 1 and (fault := next((one for one in body if one.tag in _FAULTS), None)) is not None:
        return fault
    if len(body) > 1 or body[0].get("href"):  # As Axis 1 writes objects: apart, with references to them.
        process_multiref(body)  # type: ignore[no-untyped-call]
    return body[0]


def _body(envelope: Any) -> Any:
    """Return the Body of an envelope; None where it has none."""
    for namespace in (SOAP_11, SOAP_12):
        if envelope.tag == f"{{{namespace}}}Envelope":
            return next((one for one in envelope if one.tag == f"{{{namespace}}}Body"), None)
    raise BadShape("the answer is no SOAP envelope")


def check_shape(content: bytes, deadline: float) -> None:
    """Walk over a document without making a tree of it. Raises ``BadShape``, and ``AnswerTooLate`` at the deadline."""
    _Walk(deadline).over(content)


def _parsed(content: bytes) -> Any:
    parser = getattr(_parsers, "plain", None)
    if parser is None:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
        _parsers.plain = parser
    try:
        envelope = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise BadShape("the answer is no XML") from None  # its text quotes the answer
    tree: Any = envelope.getroottree()  # the stubs lack docinfo
    if tree.docinfo.doctype:
        raise BadShape("it has a document type (DTDForbidden)")
    return envelope


def _root_part(reply: HttpReply) -> tuple[bytes, str]:
    """Return the envelope and its type: of an answer with attachments (MTOM) the part named as its start, or the first.

    Raises ``BadShape``.
    """
    packed = reply.headers.get("Content-Encoding", "identity")
    if packed.lower() not in ("identity", ""):
        raise BadShape(f"it is compressed ({packed[:20]!r}), which was not asked for")
    kind = reply.headers.get("Content-Type", "")
    if not kind.lower().startswith("multipart/related"):
        return reply.content, kind
    parts = _parts(reply.content, kind)
    start = _START.search(kind)
    fields, payload = next((one for one in parts if start and _field(one[0], "Content-ID") == start[1]), parts[0])
    return _decoded(payload, _field(fields, "Content-Transfer-Encoding")), _field(fields, "Content-Type")


def _parts(content: bytes, kind: str) -> list[tuple[Message, bytes]]:
    """Return the parts of a multipart answer, each with its fields; what is nested in them stays as it is.

    ``email.parser`` goes into nested parts as deep as they are, and takes the square of their number in time.
    Raises ``BadShape``.
    """
    named = _BOUNDARY.search(kind)
    boundary = (named[1] or named[2]).encode("latin-1", "replace") if named else b""
    found = []
    for piece in (b"\n" + content).split(b"\n--" + boundary, _MAXIMUM_PARTS)[1:] if boundary else ():
        if piece.startswith(b"--"):
            break
        head, *rest = _BLANK_LINE.split(piece, maxsplit=1)
        fields = email.parser.BytesHeaderParser().parsebytes(head.lstrip()[:_MAXIMUM_HEAD_BYTES])
        found.append((fields, rest[0].removesuffix(b"\r") if rest else b""))
    if not found:
        raise BadShape("the answer has no part")
    return found


def _field(fields: Message, name: str) -> str:
    """Return a field as a text; the library gives one with odd bytes as an object."""
    return str(fields.get(name, "")).strip()


def _decoded(payload: bytes, encoding: str) -> bytes:
    try:
        match encoding.lower():
            case "base64":
                return binascii.a2b_base64(payload)
            case "quoted-printable":
                return quopri.decodestring(payload)
    except binascii.Error:
        raise BadShape("its part is no base64") from None
    return payload


def _in_utf_8(content: bytes, kind: str) -> bytes:
    """Return a document that its parser reads in the right encoding.

    A byte order mark counts first, then the charset of the Content-Type, then the declaration (RFC 7303): .NET
    writes ``encoding="utf-16"`` above UTF-8. A charset in which the document cannot be read is no help.
    """
    if content[:1].isspace():  # XML allows nothing before its declaration; some services send an empty line.
        content = content.lstrip()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content
    is_marked = content.startswith(codecs.BOM_UTF8)
    given = _CHARSET.search(kind)
    charset = "utf-8" if is_marked else given[1].lower() if given else ""
    declared = _DECLARED_ENCODING.match(content, len(codecs.BOM_UTF8) if is_marked else 0)
    if not charset or charset == (declared[1].decode().lower() if declared else "utf-8"):
        return content
    try:
        if codecs.lookup(charset).name in _NO_CHARSETS:
            return content
        text = content.decode("utf-8-sig" if is_marked else charset)
    except (LookupError, UnicodeDecodeError):
        return content
    if not text.lstrip("\ufeff \t\r\n").startswith("<"):
        return content
    return _DECLARATION.sub("", text, count=1).encode()


class _Walk:
    """Walk over a document, piece by piece, and refuse what no service needs."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.elements = 0
        self.children = [0]
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._begins
        self.parser.EndElementHandler = lambda _: self.children.pop()
        self.parser.StartDoctypeDeclHandler = _refuse_doctype

    def over(self, content: bytes) -> None:
        """Raises ``BadShape``, ``AnswerTooLate``."""
        try:
            for start in range(0, len(content), _PIECE_BYTES):
                if time.monotonic() > self.deadline:
                    raise AnswerTooLate
                self.parser.Parse(content[start : start + _PIECE_BYTES], False)
                self._check_progress(start)
        except expat.ExpatError:
            raise BadShape("the answer is no XML") from None

    def _check_progress(self, start: int) -> None:
        """Refuse a tag that does not end: all its attributes are kept until it does."""
        if start - self.parser.CurrentByteIndex > 2 * _PIECE_BYTES:
            raise BadShape("a tag or text of the answer is too long")

    def _begins(self, _: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        self.children[-1] += 1
        self.children.append(0)
        if len(attributes) > MAXIMUM_ATTRIBUTES:
            raise BadShape(f"an element has more than {MAXIMUM_ATTRIBUTES} attributes")
        if len(self.children) > MAXIMUM_DEPTH or self.children[-2] > MAXIMUM_CHILDREN:
            raise BadShape("the answer is nested too deeply, or an element has too many children")
        if self.elements > MAXIMUM_ELEMENTS:
            raise BadShape("the answer has too many elements")


def _refuse_doctype(*_: object) -> None:
    raise BadShape("it has a document type (DTDForbidden)")
