"""NTLM (Windows authentication, [MS-NLMP]) on a kept-alive connection: the connection is what is logged in.

Three messages go over one connection: ours, the server's challenge in its 401, our answer together with the request.
Requests after that carry no login. A 401 means that a request was not carried out, so it may be sent again.

pyspnego makes the messages: NTLMv2 with its signatures is no protocol to write by hand. It is imported at the first
login, so that sites without NTLM never load it.
"""

import base64
import hashlib
import time
from collections.abc import Sequence
from email.message import Message
from http import HTTPStatus
from typing import Any

from cryptography import x509

from qms.soap.http import AnswerLost, HttpConnection, HttpReply, Limits, NotReached, TlsFiles
from vault.fields import Secret

_LENGTH = b"Content-Length: "
#: Hashes that a channel binding replaces by SHA-256 (RFC 5929, 4.1).
_WEAK_HASHES = ("md5", "sha1")
_LOGIN_ADVICE = "Enter the user, as in DOMAIN\\name, and the password."


class NtlmConnection(HttpConnection):
    """A connection that logs in by NTLM. Not for use by two threads."""

    def __init__(self, url: str, limits: Limits, files: TlsFiles, username: str, password: Secret) -> None:
        """``username``: as in ``DOMAIN\\name``, or the name alone."""
        super().__init__(url, limits, files)
        self._username, self._password = username, password

    def exchange(
        self, head: bytes, body: bytes = b"", *, repeatable: bool = False, max_bytes: int | None = None
    ) -> HttpReply:
        """Send a request on a connection that is logged in; the time-out holds for the login and the request."""
        deadline = time.monotonic() + self._limits.total_seconds
        if self._is_alive():
            try:
                reply = self._exchanged(head, body, deadline, max_bytes=max_bytes)
            except AnswerLost as error:
                if not (repeatable and error.dropped):
                    raise
            else:
                if reply.status_code != HTTPStatus.UNAUTHORIZED:
                    return reply
        return self._logged_in(head, body, deadline, max_bytes)

    def _logged_in(self, head: bytes, body: bytes, deadline: float, max_bytes: int | None) -> HttpReply:
        """Log in and send the request with the last message. A service that asks for something else answers 401."""
        self.close()
        self._socket = self._connected(deadline)
        context = _context(self._username, self._password, self._host, self._bindings())
        try:
            challenged = self._exchanged(_with_token(head, _step(context)), b"", deadline)
        except AnswerLost as error:
            raise NotReached(f"The service does not take part in the NTLM login. {error}") from error
        token = _challenge(challenged.headers)
        if challenged.status_code != HTTPStatus.UNAUTHORIZED or token is None:
            return self._without_login(challenged, head, body, deadline, max_bytes)
        if not self._is_alive():
            raise NotReached("The service closed the connection during the NTLM login; a proxy may stand between.")
        return self._exchanged(_with_token(head, _step(context, token)), body, deadline, max_bytes=max_bytes)

    def _without_login(
        self, reply: HttpReply, head: bytes, body: bytes, deadline: float, max_bytes: int | None
    ) -> HttpReply:
        """Return a refusal as it is; ask once more without a login where the service wants none."""
        if reply.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return reply
        return self._exchanged(head, body, deadline, max_bytes=max_bytes)

    def _bindings(self) -> bytes:
        """Return what binds the login to the TLS connection (Extended Protection); empty without TLS."""
        certificate = getattr(self._socket, "getpeercert", lambda _: None)(True)
        if not certificate:
            return b""
        found = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
        name = "sha256" if found is None or found.name in _WEAK_HASHES else found.name
        return b"tls-server-end-point:" + hashlib.new(name, certificate).digest()


def _context(username: str, password: Secret, host: str, bindings: bytes) -> Any:
    import spnego  # noqa: PLC0415  (see above)
    from spnego.channel_bindings import GssChannelBindings  # noqa: PLC0415

    binding = GssChannelBindings(application_data=bindings) if bindings else None
    secret = password.reveal()
    try:
        return spnego.client(username, secret, hostname=host, service="http", protocol="ntlm", channel_bindings=binding)
    except Exception as error:  # noqa: BLE001  (whatever the library makes of a login that is none)
        raise NotReached(f"The NTLM login cannot be used ({type(error).__name__}).", advice=_LOGIN_ADVICE) from None


def _step(context: Any, token: bytes | None = None) -> bytes:
    """Return our next message. Raises ``NotReached`` for a challenge that cannot be answered."""
    try:
        return context.step(token) or b""
    except Exception as error:  # noqa: BLE001  (whatever the library makes of a challenge that is none)
        raise NotReached(f"The service's NTLM challenge cannot be answered ({type(error).__name__}).") from None


def _with_token(head: bytes, token: bytes) -> bytes:
    return head.removesuffix(_LENGTH) + b"Authorization: NTLM " + base64.b64encode(token) + b"\r\n" + _LENGTH


def _challenge(headers: Message) -> bytes | None:
    """Return the server's message; None where it sends none."""
    fields: Sequence[str] = headers.get_all("WWW-Authenticate", [])
    tokens = (field.strip()[5:].strip() for field in fields if field.strip()[:5].upper() == "NTLM ")
    token = next((one for one in tokens if one), "")
    try:
        return base64.b64decode(token, validate=True) or None
    except ValueError:
        return None
