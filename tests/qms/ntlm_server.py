"""A server behind Windows authentication: NTLMv2 as [MS-NLMP] 2.2.1, 3.3.2 describes it, checked by hand.

It shares no code with the gateway's library. The connection is what is logged in: the three messages go over one, and
requests after them on it carry no login.
"""

import base64
import hashlib
import hmac
import os
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DOMAIN, USER, PASSWORD = "OFFICE", "gateway", "Password"
#: NTOWFv1("Password"), [MS-NLMP] 4.2.2.1.2: MD4 is in no library of Python's any more.
NT_HASH = bytes.fromhex("a4f49c406510bdcab6824ee7c30fd852")
SIGNATURE = b"NTLMSSP\0"
#: Unicode, target name, NTLM, always sign, domain, extended session security, target info, version, 128 and 56 bits.
FLAGS = 0x1 | 0x4 | 0x200 | 0x8000 | 0x10000 | 0x80000 | 0x800000 | 0x2000000 | 0x20000000 | 0x80000000
_COMPUTER, _DOMAIN_NAME, _TIME, _BINDINGS = 1, 2, 7, 10
#: A time in the server's answer, in tenths of microseconds since 1601.
_THEN = struct.pack("<Q", 134_000_000_000_000_000)


class NtlmServer:
    """Answer requests of logged-in connections with one answer each.

    :param answer: the envelope.
    :param persists: whether a connection stays logged in; IIS can be set to ask for each request.
    :param bindings: what a login over TLS must be bound to (Extended Protection); empty: nothing is checked.
    """

    def __init__(self, answer: str, *, persists: bool = True, bindings: bytes = b"") -> None:
        self.answer, self.persists, self.bindings = answer, persists, bindings
        #: The bodies that were taken, in order.
        self.taken: list[bytes] = []
        self.challenges_sent = 0

    def is_right(self, challenge: bytes, message: bytes) -> bool:
        """Say whether a third message proves the password, for this challenge."""
        response, domain, user = (_field(message, place) for place in (20, 28, 36))
        key = hmac.digest(NT_HASH, user.decode("utf-16-le").upper().encode("utf-16-le") + domain, hashlib.md5)
        proof, blob = response[:16], response[16:]
        fits = hmac.compare_digest(hmac.digest(key, challenge + blob, hashlib.md5), proof)
        names = (domain.decode("utf-16-le"), user.decode("utf-16-le")) == (DOMAIN, USER)
        return fits and names and (not self.bindings or _pairs(blob[28:]).get(_BINDINGS) == self.bindings)


def challenge_message(challenge: bytes) -> bytes:
    """Return the second message."""
    target = DOMAIN.encode("utf-16-le")
    pairs = b"".join(
        struct.pack("<HH", number, len(value)) + value
        for number, value in ((_DOMAIN_NAME, target), (_COMPUTER, "VAULT".encode("utf-16-le")), (_TIME, _THEN))
    )
    pairs += bytes(4)
    head = SIGNATURE + struct.pack("<IHHII", 2, len(target), len(target), 56, FLAGS) + challenge + bytes(8)
    return head + struct.pack("<HHI", len(pairs), len(pairs), 56 + len(target)) + bytes(8) + target + pairs


def bindings_of(certificate: bytes) -> bytes:
    """Return the hash of the channel bindings of a TLS server's certificate (RFC 5929, [MS-NLMP] 2.2.2.1)."""
    data = b"tls-server-end-point:" + hashlib.sha256(certificate).digest()
    return hashlib.md5(bytes(16) + struct.pack("<I", len(data)) + data).digest()


@contextmanager
def serving(server: NtlmServer, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Listen while the block runs; gives the address."""

    class Handler(_Handler):
        ntlm = server

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads, listener.block_on_close = True, False
    if tls is not None:
        listener.socket = tls.wrap_socket(listener.socket, server_side=True)
    threading.Thread(target=listener.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.server_port}/recording-service"
    finally:
        listener.shutdown()
        listener.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    ntlm: NtlmServer
    challenge = b""
    is_logged_in = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answered(body)

    def do_GET(self) -> None:
        self._answered(b"")

    def _answered(self, body: bytes) -> None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        message = base64.b64decode(token) if scheme == "NTLM" else b""
        if message[8:12] == struct.pack("<I", 1):
            self.challenge, self.is_logged_in = os.urandom(8), False
            self.ntlm.challenges_sent += 1
            self._refused("NTLM " + base64.b64encode(challenge_message(self.challenge)).decode())
            return
        if message:
            self.is_logged_in = bool(self.challenge) and self.ntlm.is_right(self.challenge, message)
            self.challenge = b""
        if not self.is_logged_in:
            self._refused("NTLM")
            return
        self.is_logged_in = self.ntlm.persists
        self.ntlm.taken.append(body)
        self._sent(200, self.ntlm.answer.encode())

    def _refused(self, challenge: str) -> None:
        self._sent(401, b"<html>denied</html>", ("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", challenge))

    def _sent(self, status: int, content: bytes, *fields: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*fields, ("Content-Type", "text/xml"), ("Content-Length", str(len(content)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _field(message: bytes, place: int) -> bytes:
    length, _, offset = struct.unpack_from("<HHI", message, place)
    return message[offset : offset + length]


def _pairs(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        number, length = struct.unpack_from("<HH", data)
        if not number:
            break
        found[number], data = data[4 : 4 + length], data[4 + length :]
    return found
