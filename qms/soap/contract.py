"""A WSDL as zeep understands it: envelopes out, answers in, in the words of our contract. It sends nothing itself.

zeep's own transport is not used: it waits for ever by default, follows redirects, repeats bodies in its errors and logs
passwords. A ``SoapContract`` may be shared by threads: it is only read.
"""

from collections.abc import Collection, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import zeep
from lxml import etree
from zeep.exceptions import Fault
from zeep.helpers import serialize_object
from zeep.transports import Transport
from zeep.wsse.username import UsernameToken

from qms.port import QmsError, QmsRejected, QmsUnavailable
from qms.soap.dialect import Dialect, DialectError, read_dialect
from qms.soap.faults import from_fault, from_faultless, from_status
from qms.soap.http import HttpConnection, HttpExchangeError, HttpReply, Limits
from vault.fields import Secret

OWN_WSDL = Path(__file__).parent.parent / "wsdl" / "recording_service.wsdl"
_ENV = "{http://schemas.xmlsoap.org/soap/envelope/}"
_SETTINGS = {"strict": True, "forbid_dtd": True, "forbid_entities": True, "forbid_external": True}


class ConnectionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where a Recording Service is, how to log in, and how long to wait. Shows no password.

    :param login: ``username_token``, ``basic``, or empty for none.
    :param wsdl: a file or URL; empty: our own contract.
    :param dialect: a TOML file; empty: our own names.
    """

    url: str
    username: str = ""
    password: Secret = Secret("")
    login: str = "username_token"
    wsdl: str = ""
    dialect: str = ""
    ca_file: str = ""
    limits: Limits = Limits()


class _Loader(Transport):
    """Read WSDL and XSD files for zeep; an entry over HTTP goes through our wire, and leads to no local file."""

    def __init__(self, connection: ConnectionSettings) -> None:
        super().__init__()
        self._connection = connection
        self._remote = urlsplit(connection.wsdl).scheme in ("http", "https")

    def load(self, url: str) -> bytes:
        """Return a document; raises ``QmsUnavailable``."""
        try:
            return self._fetched(url) if self._remote else _file(url).read_bytes()
        except OSError as error:
            raise QmsUnavailable(f"The WSDL cannot be read: {error.strerror}.", code="Configuration") from error
        except HttpExchangeError as error:
            raise QmsUnavailable(f"The WSDL cannot be fetched. {error}") from error

    def _fetched(self, url: str) -> bytes:
        wire = HttpConnection(url, self._connection.limits, self._connection.ca_file)
        try:
            reply = wire.exchange(wire.head("GET"))
        finally:
            wire.close()
        if reply.status_code != HTTPStatus.OK:
            raise QmsUnavailable(f"The WSDL cannot be fetched (HTTP {reply.status_code}).")
        return reply.content


class _Expected(zeep.Plugin):
    """Refuse an answer to another question: zeep would take it for an answer without content."""

    def ingress(self, envelope: Any, http_headers: Any, operation: Any) -> tuple[Any, Any]:
        """Look at what the body holds."""
        body = envelope.find(f"{_ENV}Body")
        if body is None or len(body) == 0 or body[0].tag not in (f"{_ENV}Fault", operation.output.body.qname.text):
            raise ValueError("the body holds another element")
        return envelope, http_headers


class SoapContract:
    """The operations of one Recording Service, as its WSDL and dialect name them."""

    def __init__(self, connection: ConnectionSettings) -> None:
        """Load the WSDL and the dialect; raises ``QmsUnavailable`` when they cannot be used."""
        self.dialect = _dialect(connection)
        try:
            self._client = zeep.Client(
                connection.wsdl or str(OWN_WSDL),
                wsse=_token(connection),
                transport=_Loader(connection),
                settings=zeep.Settings(**_SETTINGS),
                plugins=[_Expected()],
            )
            self._binding = self._chosen_binding()
            self._service = self._client.create_service(self._binding.name.text, connection.url)
        except QmsError:
            raise
        except Exception as error:  # zeep's parser fails in as many ways as there are bad WSDLs
            raise QmsUnavailable(
                f"The WSDL cannot be understood ({type(error).__name__}).", code="Configuration"
            ) from error

    def offers(self, operation: str) -> bool:
        """Say whether the WSDL has the operation."""
        return bool(self.dialect.operation(operation)) and self.dialect.operation(operation) in self._binding.all()

    def action(self, operation: str) -> str:
        """Return the SOAPAction of an operation; raises ``QmsRejected`` when the WSDL has none such."""
        return str(self.operation(operation).soapaction or "")

    def operation(self, operation: str) -> Any:
        """Return zeep's operation; raises ``QmsRejected`` when the WSDL has none such."""
        if not self.offers(operation):
            raise QmsRejected(f"The service does not offer {operation}.", code="NotOffered")
        return self._binding.get(self.dialect.operation(operation))

    def envelope(self, operation: str, fields: Mapping[str, Any]) -> bytes:
        """Return the request's envelope; raises ``QmsRejected`` when the fields don't fit the WSDL."""
        name = self.operation(operation).name
        try:
            element = self._client.create_message(self._service, name, **self.dialect.request(operation, fields))
        except Exception as error:  # whatever zeep's types raise for our fields in a foreign schema
            raise QmsRejected(f"The request does not fit the WSDL ({type(error).__name__}).") from error
        return etree.tostring(element, xml_declaration=True, encoding="utf-8")

    def answer(
        self, operation: str, reply: HttpReply, sent: Collection[str] = (), *, is_write: bool = False
    ) -> dict[str, Any]:
        """Return the answer's fields in our names; raises ``QmsError``. ``sent``: names that an error may repeat."""
        error = from_status(reply.status_code)
        if error is not None:
            raise error
        try:
            return self._fields(operation, reply)
        except Fault as fault:
            if fault.code is None:  # zeep's way to say that there was none
                raise from_faultless(reply.status_code, is_write=is_write) from None
            raise from_fault(fault, self.dialect, sent, is_write=is_write) from None
        except Exception:  # noqa: BLE001  a foreign answer in a foreign parser; its text may hold the body: from None
            raise from_faultless(reply.status_code, is_write=is_write) from None

    def _fields(self, operation: str, reply: HttpReply) -> dict[str, Any]:
        known = self.operation(operation)
        if not reply.content:
            raise ValueError("an empty answer")
        result = serialize_object(self._binding.process_reply(self._client, known, reply), dict)
        return self.dialect.answer(f"{operation}Response", _wrapped(known.output.body, result) or {})

    def _chosen_binding(self) -> Any:
        ports = {name: port for service in self._client.wsdl.services.values() for name, port in service.ports.items()}
        return ports[self.dialect.port].binding if self.dialect.port else next(iter(ports.values())).binding


def _wrapped(wrapper: Any, result: Any) -> Any:
    """Put a result back into the wrappers that zeep takes away: that of a single element, and one within it."""
    elements = wrapper.type.elements
    if len(elements) != 1:
        return result
    name, element = elements[0]
    inner: Any = getattr(element.type, "elements", ())
    if len(inner) == 1 and not element.type.attributes and not element.accepts_multiple:
        result = {inner[0][0]: result}
    return {name: result}


def _dialect(connection: ConnectionSettings) -> Dialect:
    if not connection.dialect:
        return Dialect()
    try:
        return read_dialect(Path(connection.dialect))
    except DialectError as error:
        raise QmsUnavailable(f"The dialect cannot be used: {error}.", code="Configuration") from error


def _token(connection: ConnectionSettings) -> UsernameToken | None:
    if connection.login != "username_token":
        return None
    return UsernameToken(connection.username, connection.password.reveal())


def _file(url: str) -> Path:
    return Path(unquote(urlsplit(url).path) if url.startswith("file://") else url)
