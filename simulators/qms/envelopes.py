"""SOAP 1.1 as the simulated QMS speaks it: envelope in, operation and credentials out; answers and faults back.

Written by hand over lxml, apart from the adapter's zeep, so that the two check each other.
"""

import base64
import binascii
import functools
import hmac
from pathlib import Path
from typing import Any

import msgspec
from lxml import etree

import qms
from qms.port import QmsRejected

NS = "urn:qms:recording-service:1"
ENV = "http://schemas.xmlsoap.org/soap/envelope/"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSDL = (Path(qms.__file__).parent / "wsdl" / "recording_service.wsdl").read_bytes()

SoapElement = etree._Element  # noqa: SLF001  lxml has no public name for its element type


class BadRequest(Exception):
    """The request is no SOAP that the contract knows; the text says where."""


class Credentials(msgspec.Struct, frozen=True):
    """What a request shows of who sends it."""

    username: str
    password: str

    def is_same(self, other: "Credentials | None") -> bool:
        """Compare in constant time."""
        mine = f"{self.username}\0{self.password}".encode()
        theirs = f"{other.username}\0{other.password}".encode() if other else b""
        return hmac.compare_digest(mine, theirs)


class SoapRequest(msgspec.Struct, frozen=True):
    """An operation that was asked for."""

    operation: str
    element: SoapElement
    credentials: Credentials | None


@functools.cache
def _schema() -> etree.XMLSchema:
    schema = etree.fromstring(WSDL).find(".//{http://www.w3.org/2001/XMLSchema}schema")
    assert schema is not None
    return etree.XMLSchema(etree.fromstring(etree.tostring(schema)))  # by itself, with the WSDL's namespaces


def read(body: bytes, authorization: str) -> SoapRequest:
    """Read a request; raises ``BadRequest``."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    try:
        envelope = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise BadRequest(f"no XML: line {error.lineno}") from error
    tree: Any = envelope.getroottree()  # the stubs lack doctype
    if tree.docinfo.doctype:
        raise BadRequest("a DTD is not accepted")
    content = envelope.find(f"{{{ENV}}}Body")
    if envelope.tag != f"{{{ENV}}}Envelope" or content is None or len(content) != 1:
        raise BadRequest("no SOAP 1.1 envelope with one element in its body")
    schema = _schema()
    if not schema.validate(content[0]):
        errors: Any = schema.error_log
        raise BadRequest(errors.last_error.message)
    name = etree.QName(content[0]).localname
    return SoapRequest(name, content[0], _token(envelope) or _basic(authorization))


def answer(content: SoapElement) -> bytes:
    """Wrap an answer."""
    envelope = etree.Element(f"{{{ENV}}}Envelope", nsmap={"s": ENV})
    etree.SubElement(envelope, f"{{{ENV}}}Body").append(content)
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


def fault(code: str, subject: str = "") -> bytes:
    """Make a fault as the WSDL's QmsFault states it."""
    at_fault = "Server" if code in ("ServiceBusy", "InternalError") else "Client"
    element = etree.Element(f"{{{ENV}}}Fault", nsmap={"s": ENV})
    etree.SubElement(element, "faultcode").text = f"s:{at_fault}"
    etree.SubElement(element, "faultstring").text = code
    detail = etree.SubElement(etree.SubElement(element, "detail"), f"{{{NS}}}QmsFault", nsmap={None: NS})  # type: ignore[dict-item]
    etree.SubElement(detail, f"{{{NS}}}code").text = code
    etree.SubElement(detail, f"{{{NS}}}message").text = f"The simulated QMS refuses: {code}."
    if subject:
        etree.SubElement(detail, f"{{{NS}}}subject").text = subject
    return answer(element)


def rejected(error: QmsRejected) -> bytes:
    """Make the fault of a refusal."""
    return fault(error.code, str(error))


def _token(envelope: SoapElement) -> Credentials | None:
    token = envelope.find(f"{{{ENV}}}Header/{{{WSSE}}}Security/{{{WSSE}}}UsernameToken")
    if token is None:
        return None
    return Credentials(token.findtext(f"{{{WSSE}}}Username") or "", token.findtext(f"{{{WSSE}}}Password") or "")


def _basic(authorization: str) -> Credentials | None:
    kind, _, coded = authorization.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        username, _, password = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return Credentials(username, password)
