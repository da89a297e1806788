"""A WSDL as zeep understands it, in the words of our contract: envelopes out, answers in. It sends nothing itself.

zeep makes envelopes. Its transport is not used: it waits without end by default, follows redirects, repeats bodies in
its errors and logs passwords. Neither is its parser of answers: it refuses elements that an update of the service
added. A ``SoapContract`` may be shared by threads: it is only read.
"""

import re
import uuid
from collections.abc import Collection, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import zeep
from lxml import etree
from zeep.wsa import WsAddressingPlugin
from zeep.wsdl.bindings.soap import Soap12Binding, SoapBinding

from qms.port import QmsError, QmsRejected, QmsUnavailable
from qms.soap.dialect import OPERATIONS, Dialect, DialectError, read_dialect
from qms.soap.documents import WsdlDocuments
from qms.soap.envelopes import BadShape, body_of
from qms.soap.faults import from_fault, from_faultless, from_status, read_fault, unreadable
from qms.soap.http import HttpConnection, HttpReply, Limits, TlsFiles
from qms.soap.ntlm import NtlmConnection
from qms.soap.reading import AnswerNode, AnswerTooLate
from qms.soap.security import CHANGING_LOGINS, basic_field, security_header, with_header
from vault.fields import Secret

OWN_WSDL = Path(__file__).parent.parent / "wsdl" / "recording_service.wsdl"
_SETTINGS = {"strict": True, "forbid_dtd": True, "forbid_entities": True}
#: Maximum length of an answer in bytes. Pages of users and recordings are long; all others are a few lines.
_SHORT_BYTES = 64 * 1024
# Maximum length of an answer with a list, in bytes.
_LONG_BYTES = 8 * 1024 * 1024
_LONG_ANSWERS = ("ListUsers", "ListRecordings", "ListFlagDefinitions")
_MESSAGE_ID = re.compile(rb"urn:uuid:[0-9a-f-]{36}")


class ConnectionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where a Recording Service is, how to log in, and how long to wait. Shows no password.

    :param login: ``username_token``, ``username_token_timestamp``, ``username_digest``, ``basic``, ``ntlm``; empty:
        none.
    :param wsdl: a file or URL; empty: our own contract.
    :param dialect: a TOML file; empty: our own names.
    :param client_certificate: a PEM file with a certificate and its key; empty: none is shown.
    """

    url: str
    username: str = ""
    password: Secret = Secret("")
    login: str = "username_token"
    wsdl: str = ""
    dialect: str = ""
    ca_file: str = ""
    client_certificate: str = ""
    limits: Limits = Limits()

    @property
    def tls_files(self) -> TlsFiles:
        """Return the files of a TLS connection."""
        return TlsFiles(self.ca_file, self.client_certificate)

    def anonymous(self, url: str) -> HttpConnection:
        """Return a connection to another server, which does not get our login."""
        return HttpConnection(url, self.limits, self.tls_files)

    def connection_to(self, url: str) -> HttpConnection:
        """Return a connection that logs in by itself where the kind of login belongs to connections."""
        if self.login == "ntlm":
            return NtlmConnection(url, self.limits, self.tls_files, self.username, self.password)
        return HttpConnection(url, self.limits, self.tls_files)


class SoapContract:
    """The operations of one Recording Service, as its WSDL and dialect name them."""

    def __init__(self, connection: ConnectionSettings, dialect: Dialect | None = None) -> None:
        """Load the WSDL and the dialect; raises ``QmsUnavailable`` when they cannot be used."""
        self._connection = connection
        self.dialect = dialect or _dialect(connection)
        self._client = _client(connection)
        self.port_name, self._binding = self._chosen_port()
        self.is_soap_12 = isinstance(self._binding, Soap12Binding)
        self._names: dict[str, tuple[str, ...]] = {}
        is_constant = connection.login not in CHANGING_LOGINS
        self._header = _security(connection) if is_constant else None

    def offers(self, operation: str) -> bool:
        """Say whether the WSDL has the operation."""
        return bool(self.dialect.operation(operation)) and self.dialect.operation(operation) in self._binding.all()

    def action(self, operation: str) -> str:
        """Return the SOAPAction of an operation; raises ``QmsRejected`` when the WSDL has none such."""
        return str(self.operation(operation).soapaction or "")

    def fields(self, operation: str) -> list[tuple[str, str]]:
        """Return the fields of HTTP for a request; raises ``QmsRejected`` when the WSDL has no such operation."""
        action = self.action(operation)
        login = [basic_field(self._connection.username, self._connection.password)] if self._is_basic else []
        if self.is_soap_12:
            return [("Content-Type", f'application/soap+xml; charset=utf-8; action="{action}"'), *login]
        return [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", f'"{action}"'), *login]

    def maximum_bytes(self, operation: str) -> int:
        """Return how long the answer of an operation may be."""
        return _LONG_BYTES if operation in _LONG_ANSWERS else _SHORT_BYTES

    def operation(self, operation: str) -> Any:
        """Return zeep's operation; raises ``QmsRejected`` when the WSDL has none such."""
        if not self.offers(operation):
            raise QmsRejected(f"The service does not offer {operation}.", code="NotOffered")
        return self._binding.get(self.dialect.operation(operation))

    def envelope(self, operation: str, fields: Mapping[str, Any]) -> bytes:
        """Return the request's envelope without a login; raises ``QmsRejected`` when the fields don't fit the WSDL."""
        known = self.operation(operation)
        try:
            element = known.create(**self.dialect.request(operation, fields)).content
            if self.is_soap_12 and known.abstract.wsa_action:  # WS-Addressing belongs to the ports of SOAP 1.2.
                element, _ = WsAddressingPlugin().egress(element, {}, known, {"address": self._connection.url})
        except Exception as error:  # whatever zeep's types raise for our fields in a foreign schema
            raise QmsRejected(f"{operation}: the request does not fit the WSDL ({type(error).__name__}).") from error
        return etree.tostring(element, xml_declaration=True, encoding="utf-8")

    def sealed(self, envelope: bytes) -> bytes:
        """Return an envelope with the login that belongs into it, and a message id of its own."""
        header = _security(self._connection) if self._header is None else self._header
        envelope = with_header(envelope, header)
        if self.is_soap_12:
            return _MESSAGE_ID.sub(f"urn:uuid:{uuid.uuid4()}".encode(), envelope, count=1)
        return envelope

    def answer(
        self, operation: str, reply: HttpReply, sent: Collection[str] = (), *, is_write: bool = False
    ) -> AnswerNode:
        """Return the answer, to be read by our names; raises ``QmsError``. ``sent``: names that an error may repeat."""
        if reply.status_code != HTTPStatus.OK:
            self._check_status(reply)
        try:
            body = body_of(reply)
        except AnswerTooLate:
            raise unreadable("The time-out passed while it was being read", is_write=is_write) from None
        except BadShape as problem:
            raise from_faultless(reply.status_code, f": {problem}", is_write=is_write) from None
        name = body.tag[body.tag.find("}") + 1 :]
        if name == "Fault":
            raise from_fault(read_fault(body), self.dialect, sent, is_write=is_write)
        if reply.status_code != HTTPStatus.OK:
            raise from_faultless(reply.status_code, is_write=is_write)
        if name not in self._answer_names(operation):
            raise from_faultless(reply.status_code, ": it answers another question", is_write=is_write)
        return AnswerNode(body, f"{operation}Response", self.dialect, (operation,), reply.deadline)

    def _check_status(self, reply: HttpReply) -> None:
        challenges = ", ".join(reply.headers.get_all("WWW-Authenticate", []))
        if (error := from_status(reply.status_code, challenges)) is not None:
            raise error

    def _answer_names(self, operation: str) -> tuple[str, ...]:
        names = self._names.get(operation)
        if names is None:
            names = self._names[operation] = self._read_answer_names(operation)
        return names

    def _read_answer_names(self, operation: str) -> tuple[str, ...]:
        """Return how an answer's element may be called: as the WSDL says; in rpc style after the operation."""
        known = self.operation(operation)
        qname = getattr(known.output.body, "qname", None)
        names = (qname.localname,) if qname is not None else ()
        return (*names, f"{known.name}Response") if known.style == "rpc" else names

    @property
    def _is_basic(self) -> bool:
        return self._connection.login == "basic"

    def _chosen_port(self) -> tuple[str, Any]:
        """Return the port that the dialect names, or the best one: of SOAP 1.1, with most of the operations."""
        ports = soap_ports(self._client)
        if not ports:
            raise _unusable("The WSDL has no port for SOAP over HTTP.")
        if self.dialect.port:
            if self.dialect.port not in ports:
                names = ", ".join(ports)
                raise _unusable(f"The WSDL has no port {self.dialect.port!r}; the dialect may name {names}.")
            return self.dialect.port, ports[self.dialect.port]
        return min(ports.items(), key=lambda port: (isinstance(port[1], Soap12Binding), -self._offered(port[1])))

    def _offered(self, binding: Any) -> int:
        return sum(self.dialect.operation(name) in binding.all() for name in OPERATIONS)


def soap_ports(client: zeep.Client) -> dict[str, Any]:
    """Return the bindings of a WSDL's ports for SOAP over HTTP, by the ports' names."""
    ports = ((name, port.binding) for one in client.wsdl.services.values() for name, port in one.ports.items())
    return {name: binding for name, binding in ports if isinstance(binding, SoapBinding)}


def load_wsdl(connection: ConnectionSettings) -> zeep.Client:
    """Load a WSDL with what it imports; raises ``QmsUnavailable``."""
    return _client(connection)


def _client(connection: ConnectionSettings) -> zeep.Client:
    wsdl = connection.wsdl or str(OWN_WSDL)
    is_ours = urlsplit(wsdl).hostname == urlsplit(connection.url).hostname
    login = (basic_field(connection.username, connection.password),) if is_ours and connection.login == "basic" else ()
    documents = WsdlDocuments(wsdl, connection.connection_to if is_ours else connection.anonymous, login)
    try:
        return zeep.Client(wsdl, transport=documents, settings=zeep.Settings(**_SETTINGS))
    except QmsError:
        raise
    except Exception as error:  # zeep's parser fails in as many ways as there are bad WSDLs
        raise _unusable(f"The WSDL cannot be understood ({type(error).__name__}).") from error


def _security(connection: ConnectionSettings) -> bytes:
    return security_header(connection.login, connection.username, connection.password)


def _unusable(message: str) -> QmsUnavailable:
    return QmsUnavailable(message, code="Configuration")


def _dialect(connection: ConnectionSettings) -> Dialect:
    if not connection.dialect:
        return Dialect()
    try:
        return read_dialect(Path(connection.dialect))
    except DialectError as error:
        raise _unusable(f"The dialect cannot be used: {error}.") from error
