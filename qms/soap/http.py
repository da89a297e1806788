"""HTTP/1.1 below SOAP, on kept-alive connections, every wait bounded.

``requests`` and ``urllib3`` bound each read, so that a server which drips a byte a second passes any time-out, and they
look up proxies for every call. Here the whole exchange is bounded, the headers included; no redirect is followed and no
proxy used; and each failure says whether the request had left. A ``HttpConnection`` belongs to one thread of a process.

``HttpExchangeError``
├── ``NotReached``   nothing was sent
└── ``AnswerLost``   the request left, its answer did not come whole; ``dropped``: the connection ended
"""

import functools
import http.client
import io
import select
import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPMessage
from urllib.parse import SplitResult, urlsplit

import msgspec

import clock
from qms import endpoints
from qms.soap.plain_answers import plain_head


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How long each wait may last, and how long an answer may be."""

    connect_seconds: float = 2.0
    read_seconds: float = 5.0
    total_seconds: float = 5.0
    max_bytes: int = 8 * 1024 * 1024


_UNANSWERED = "Check the address; see whether the host is on, and whether a firewall or the route drops what is sent."
_REFUSED = "Check the port of the address, and whether QMS's web services run on that host."
_UNKNOWN = "Check the spelling of the host, and whether this machine's name server knows it; or enter its IP address."


class HttpExchangeError(Exception):
    """The exchange failed; the text names the cause, never what was sent or received."""


class NotReached(HttpExchangeError):
    """The server was not reached; nothing was sent. ``advice`` says what to do where the cause is known."""

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class AnswerLost(HttpExchangeError):
    """The request left; its answer did not come whole."""

    def __init__(self, message: str, *, dropped: bool = False) -> None:
        super().__init__(message)
        self.dropped = dropped


class HttpReply(msgspec.Struct, frozen=True):
    """An answer with its status."""

    status_code: int
    content: bytes
    headers: HTTPMessage
    #: When the time of the call is over, by the monotonic clock; reading the answer ends then too.
    deadline: float = float("inf")


class _BoundedReader(io.RawIOBase):
    """Read from a socket; each read is bounded by its own time-out and by what is left of the deadline."""

    def __init__(self, connection: socket.socket, read_seconds: float, deadline: float) -> None:
        self._connection = connection
        self._read_seconds = read_seconds
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        self._connection.settimeout(min(self._read_seconds, _left(self._deadline)))
        return self._connection.recv_into(buffer)


class _Begun:
    """An answer of which some bytes are read already."""

    def __init__(self, buffer: "io.BufferedReader[_BoundedReader]") -> None:
        self._buffer = buffer

    def makefile(self, _: str) -> "io.BufferedReader[_BoundedReader]":
        """Give ``http.client`` its file."""
        return self._buffer


def address(url: str) -> SplitResult:
    """Return the parts of a URL that can be called; raises ``NotReached``."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or any(character <= " " for character in url):
        raise NotReached("The address is no http or https URL.")
    return parts


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline of the call has passed")
    return left


def _not_reached(error: Exception) -> NotReached:
    """Return what an attempt to connect came to, in words that distinguish the likely causes."""
    if isinstance(error, TimeoutError):
        return NotReached("The connection was not answered in time.", advice=_UNANSWERED)
    if isinstance(error, ConnectionRefusedError):
        return NotReached("The host refused the connection: nothing listens at this port.", advice=_REFUSED)
    if isinstance(error, socket.gaierror | UnicodeError):  # UnicodeError: a name that no resolver takes
        return NotReached("The host name is not known here.", advice=_UNKNOWN)
    return NotReached(f"The connection failed: {getattr(error, 'strerror', '') or type(error).__name__}.")


#: What a server's alert says about our certificate (RFC 8446, 6.2), by OpenSSL's name of it.
_CERTIFICATE_ALERTS = {
    "CERTIFICATE_REQUIRED": "none was shown",
    "BAD_CERTIFICATE": "it cannot be read or its signature is wrong",
    "UNSUPPORTED_CERTIFICATE": "it is of another kind than is asked for",
    "CERTIFICATE_REVOKED": "it was revoked",
    "CERTIFICATE_EXPIRED": "it has expired",
    "CERTIFICATE_UNKNOWN": "it is not accepted",
    "UNKNOWN_CA": "its authority is not trusted there",
    "ACCESS_DENIED": "it gives no access",
}
_CERTIFICATE_ADVICE = (
    "Enter the client certificate that the service's administrator issued for the gateway, with its key."
)


def _refused_by_tls(error: ssl.SSLError, files: "TlsFiles") -> NotReached | None:
    """Return what a server's alert says about our certificate: it did nothing then. None for any other error."""
    reason = error.reason or ""
    if "ALERT" not in reason:
        return None
    why = next((text for name, text in _CERTIFICATE_ALERTS.items() if reason.endswith(name)), "")
    if not why and reason.endswith("HANDSHAKE_FAILURE") and not files.client_certificate:
        why = "none was shown"  # TLS 1.2 has no alert of its own for it.
    if not why:
        return None
    return NotReached(f"The service does not accept the client certificate: {why}.", advice=_CERTIFICATE_ADVICE)


class TlsFiles(msgspec.Struct, frozen=True):
    """The files of a TLS connection; empty: the system's authorities, and no certificate of our own.

    :param client_certificate: a PEM file with the certificate that the service asks for, and its key, not encrypted.
    """

    ca_file: str = ""
    client_certificate: str = ""


@functools.cache
def _tls(files: TlsFiles) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=files.ca_file or None)
    except OSError as error:
        raise NotReached(f"The CA file cannot be used: {_file_problem(error)}.") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # From Python 3.13 on certificates of a site's own CA would be refused for their form (no Authority Key Identifier).
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    try:
        if files.client_certificate:
            context.load_cert_chain(files.client_certificate, password=_no_password)
    except (OSError, ValueError) as error:
        raise NotReached(f"The client certificate cannot be used: {_file_problem(error)}.") from error
    return context


def _file_problem(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "the file is no PEM, lacks the certificate or its key, or the two do not belong together"
    return getattr(error, "strerror", "") or str(error)


def _no_password() -> str:
    """Refuse a key with a password: OpenSSL would ask for it at the terminal."""
    raise ValueError("the key of the client certificate has a password")


class HttpConnection:
    """A kept-alive connection to the server of one URL. Not for use by two threads."""

    def __init__(self, url: str, limits: Limits, files: TlsFiles = TlsFiles()) -> None:  # noqa: B008  (frozen)
        parts = address(url)
        self._tls = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._tls else 80)
        self._files = files
        self._limits = limits
        self._socket: socket.socket | None = None
        self._date = ""
        self._max_bytes = limits.max_bytes
        self.target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.host_header = parts.netloc.rpartition("@")[2]
        #: How far the server's clock is ahead of ours, to the second, by its Date header; None until it sent one.
        self.clock_offset_seconds: float | None = None

    def head(self, method: str, *fields: tuple[str, str]) -> bytes:
        """Return the fixed part of a request's head, up to the length of the body."""
        lines = [f"{method} {self.target} HTTP/1.1", f"Host: {self.host_header}"]
        lines += [f"{name}: {value}" for name, value in fields]
        return "\r\n".join([*lines, "Content-Length: "]).encode("latin-1", "replace")

    def exchange(
        self, head: bytes, body: bytes = b"", *, repeatable: bool = False, max_bytes: int | None = None
    ) -> HttpReply:
        """Send a request and return its answer within the limits; raises ``HttpExchangeError``.

        ``max_bytes``: how long this answer may be, where that is less than the limit of the connection.

        A server may close an idle connection in the moment of sending. A ``repeatable`` request is then sent once
        more on a new connection; any other is lost, because nobody knows whether it was read.
        """
        deadline = time.monotonic() + self._limits.total_seconds
        return self._exchanged(head, body, deadline, repeatable=repeatable, max_bytes=max_bytes)

    def _exchanged(
        self, head: bytes, body: bytes, deadline: float, *, repeatable: bool = False, max_bytes: int | None = None
    ) -> HttpReply:
        self._max_bytes = min(self._limits.max_bytes, max_bytes or self._limits.max_bytes)
        request = b"%b%d\r\n\r\n%b" % (head, len(body), body)
        reused = self._is_alive()
        try:
            return self._attempt(request, deadline)
        except AnswerLost as error:
            if not (reused and repeatable and error.dropped):
                raise
            return self._attempt(request, deadline)

    def close(self) -> None:
        """Close the connection; the next exchange opens a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __del__(self) -> None:
        """Close what a thread left open when it ended."""
        if getattr(self, "_socket", None) is not None:
            self.close()

    def reach(self) -> None:
        """Connect without TLS and close again; raises ``NotReached``."""
        try:
            self._dialled(time.monotonic() + self._limits.total_seconds).close()
        except (OSError, UnicodeError) as error:
            raise _not_reached(error) from error

    def open(self) -> None:
        """Connect without sending; raises ``NotReached``."""
        if not self._is_alive():
            self._socket = self._connected(time.monotonic() + self._limits.total_seconds)

    def _is_alive(self) -> bool:
        """Say whether a connection can be used: one with something to read between answers is closed or confused."""
        if self._socket is None:
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        if poll.poll(0):
            self.close()
            return False
        return True

    def _attempt(self, request: bytes, deadline: float) -> HttpReply:
        connection = self._socket or self._connected(deadline)
        self._socket = None  # It is kept again only after a whole answer.
        try:
            reply, keep = self._conversation(connection, request, deadline)
        except TimeoutError as error:
            connection.close()
            raise AnswerLost("The answer did not come in time.") from error
        except (ConnectionError, http.client.RemoteDisconnected, ssl.SSLEOFError) as error:
            connection.close()
            raise AnswerLost("The connection ended before the answer.", dropped=True) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            if isinstance(error, ssl.SSLError) and (refusal := _refused_by_tls(error, self._files)) is not None:
                raise refusal from error  # With TLS 1.3 a certificate is refused after the handshake.
            raise AnswerLost(f"The answer broke off or is no HTTP ({type(error).__name__}).") from None  # may quote it
        except BaseException:
            connection.close()
            raise
        if keep:
            self._socket = connection
        else:
            connection.close()
        return reply

    def _conversation(self, connection: socket.socket, request: bytes, deadline: float) -> tuple[HttpReply, bool]:
        connection.settimeout(min(self._limits.read_seconds, _left(deadline)))
        connection.sendall(request)
        reader = _BoundedReader(connection, self._limits.read_seconds, deadline)
        with io.BufferedReader(reader) as buffer:
            plain = plain_head(buffer.peek())
            if plain is not None:
                buffer.read(plain.size)
                status, headers, keep = plain.status, plain.headers, True
                content = self._whole(buffer.read(min(plain.length, self._max_bytes + 1)), plain.length)
            else:
                status, headers, keep, content = self._read_on(buffer)
        self._note_clock(headers.get("Date", ""))
        return HttpReply(status, content, headers, deadline), keep

    def _read_on(self, buffer: "io.BufferedReader[_BoundedReader]") -> tuple[int, HTTPMessage, bool, bytes]:
        """Read an answer of any form: its status and headers, whether the connection goes on, and the body."""
        with http.client.HTTPResponse(_Begun(buffer)) as response:  # type: ignore[arg-type]  # it asks only for makefile
            response.begin()
            content = self._whole(response.read(self._max_bytes + 1), 0)
            if response.length:
                raise http.client.IncompleteRead(b"")
            return response.status, response.headers, not response.will_close, content

    def _whole(self, content: bytes, length: int) -> bytes:
        """Return a body that is neither too long nor too short. Raises ``AnswerLost`` and ``HTTPException``."""
        if len(content) > self._max_bytes:
            raise AnswerLost(f"The answer is longer than {self._max_bytes} bytes.")
        if len(content) < length:
            raise http.client.IncompleteRead(b"")
        return content

    def _connected(self, deadline: float) -> socket.socket:
        try:
            return self._secured(self._dialled(deadline), deadline)
        except ssl.SSLCertVerificationError as error:
            raise NotReached(f"The server's certificate is not trusted: {error.verify_message}.") from error
        except ssl.SSLError as error:
            raise _refused_by_tls(error, self._files) or NotReached(
                f"TLS failed ({error.reason or type(error).__name__})."
            ) from error
        except (OSError, UnicodeError) as error:
            raise _not_reached(error) from error
        except ValueError as error:
            raise NotReached(f"TLS cannot be set up: {error}.") from error

    def _dialled(self, deadline: float) -> socket.socket:
        """Try each address of the host that may be called; the last failure is raised."""
        failure: OSError = OSError("the name has no address")
        give_up = min(deadline, time.monotonic() + self._limits.connect_seconds)
        for family, kind, protocol, _, address in socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM):
            if not endpoints.may_call(self._host, str(address[0])):
                raise NotReached(f"The gateway is not allowed to call {address[0]}.", advice=endpoints.ADVICE)
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(_left(give_up))
                connection.connect(address)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                connection.close()
                failure = error
            else:
                return connection
        raise failure

    def _secured(self, connection: socket.socket, deadline: float) -> socket.socket:
        if not self._tls:
            return connection
        try:
            connection.settimeout(min(self._limits.connect_seconds, _left(deadline)))
            return _tls(self._files).wrap_socket(connection, server_hostname=self._host)
        except BaseException:
            connection.close()
            raise

    def _note_clock(self, date: str) -> None:
        if not date or date == self._date:  # It changes once a second; parsing it each time would cost.
            return
        self._date = date
        try:
            theirs = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        self.clock_offset_seconds = round(theirs + 0.5 - clock.now().timestamp(), 1)
