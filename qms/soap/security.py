"""How a SOAP call shows who we are: a WS-Security header in the envelope, or a field of HTTP.

UsernameToken Profile 1.1: the password as text, or as a digest with a nonce and the time; a Timestamp beside it ends
five minutes after it was made.
"""

import base64
import hashlib
import os
from datetime import datetime, timedelta

import clock
from qms.soap.xml_text import escaped
from vault.fields import Secret

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
_BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
#: Kinds of login whose header is another one in every envelope.
CHANGING_LOGINS = ("username_token_timestamp", "username_digest")
#: How long a Timestamp is valid, in seconds.
TIMESTAMP_SECONDS = 300


def basic_field(username: str, password: Secret) -> tuple[str, str]:
    """Return the field of HTTP Basic (RFC 7617)."""
    credentials = f"{username}:{password.reveal()}".encode()
    return "Authorization", f"Basic {base64.b64encode(credentials).decode()}"


def security_header(login: str, username: str, password: Secret, now: datetime | None = None) -> bytes:
    """Return the Security header of a kind of login; empty where it needs none. ``now``: ours, where none is given."""
    if login == "username_token":
        return _security(_token(username, _text(password)))
    if login not in CHANGING_LOGINS:
        return b""
    now = now or clock.now()
    secret = _text(password) if login == "username_token_timestamp" else _digest(password, now)
    return _security(_timestamp(now) + _token(username, secret))


def with_header(envelope: bytes, header: bytes) -> bytes:
    """Return an envelope of zeep's with a block in its header."""
    if not header:
        return envelope
    place = b"<soap-env:Header>"
    if place in envelope:
        return envelope.replace(place, place + header, 1)
    return envelope.replace(b"<soap-env:Body", place + header + b"</soap-env:Header><soap-env:Body", 1)


def _security(content: str) -> bytes:
    return f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}">{content}</wsse:Security>'.encode()


def _token(username: str, password: str) -> str:
    name = escaped(username).decode()
    return f"<wsse:UsernameToken><wsse:Username>{name}</wsse:Username>{password}</wsse:UsernameToken>"


def _text(password: Secret) -> str:
    return f'<wsse:Password Type="{_PROFILE}#PasswordText">{escaped(password.reveal()).decode()}</wsse:Password>'


def _digest(password: Secret, now: datetime) -> str:
    """Return Base64(SHA-1(nonce + created + password)), as the profile wants it."""
    nonce, created = os.urandom(16), _written(now)
    digest = hashlib.sha1(nonce + created.encode() + password.reveal().encode(), usedforsecurity=False).digest()
    return (
        f'<wsse:Password Type="{_PROFILE}#PasswordDigest">{base64.b64encode(digest).decode()}</wsse:Password>'
        f'<wsse:Nonce EncodingType="{_BASE64}">{base64.b64encode(nonce).decode()}</wsse:Nonce>'
        f"<wsu:Created>{created}</wsu:Created>"
    )


def _timestamp(now: datetime) -> str:
    expires = now + timedelta(seconds=TIMESTAMP_SECONDS)
    times = f"<wsu:Created>{_written(now)}</wsu:Created><wsu:Expires>{_written(expires)}</wsu:Expires>"
    return f'<wsu:Timestamp wsu:Id="TS-1">{times}</wsu:Timestamp>'


def _written(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
