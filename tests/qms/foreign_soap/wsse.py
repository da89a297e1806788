"""Check a WS-Security UsernameToken with its Timestamp, by the profile of OASIS."""

import base64
import binascii
import hashlib
import hmac
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from xml.etree import ElementTree as ET

from .xml import child, text

SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_SKEW = timedelta(minutes=5)


class Trouble(StrEnum):
    """The local name of the fault's code."""

    FAILED_AUTHENTICATION = "FailedAuthentication"
    INVALID_SECURITY = "InvalidSecurity"
    MESSAGE_EXPIRED = "MessageExpired"


@dataclass
class Gate:
    """What lets a header pass: the pair, how the password must come, and whether a Timestamp must be there."""

    user: str
    password: str
    wants_digest: bool
    wants_timestamp: bool
    _nonces: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def trouble(self, header: ET.Element | None) -> Trouble | None:
        """Return why the header may not pass, None when it may."""
        security = child(header, "Security")
        token = child(security, "UsernameToken")
        if security is None or token is None:
            return Trouble.INVALID_SECURITY
        return self._time_trouble(child(security, "Timestamp")) or self._token_trouble(token)

    def _time_trouble(self, timestamp: ET.Element | None) -> Trouble | None:
        if timestamp is None:
            return Trouble.INVALID_SECURITY if self.wants_timestamp else None
        created, expires = _moment(text(timestamp, "Created")), _moment(text(timestamp, "Expires"))
        if created is None:
            return Trouble.INVALID_SECURITY
        now = datetime.now(UTC)
        is_over = now - created > _SKEW if expires is None else now > expires
        return Trouble.MESSAGE_EXPIRED if is_over or created - now > _SKEW else None

    def _token_trouble(self, token: ET.Element) -> Trouble | None:
        password = child(token, "Password")
        kind = "" if password is None else password.get("Type", "")
        if kind.endswith("#PasswordDigest") != self.wants_digest:
            return Trouble.INVALID_SECURITY
        given = "" if password is None else (password.text or "")
        expected = self._digest(token) if self.wants_digest else self.password
        is_right = text(token, "Username") == self.user and hmac.compare_digest(given.encode(), expected.encode())
        if not is_right:
            return Trouble.FAILED_AUTHENTICATION
        return self._nonce_trouble(text(token, "Nonce")) if self.wants_digest else None

    def _digest(self, token: ET.Element) -> str:
        try:
            nonce = base64.b64decode(text(token, "Nonce"), validate=True)
        except binascii.Error:
            return ""
        whole = nonce + text(token, "Created").encode() + self.password.encode()
        return base64.b64encode(hashlib.sha1(whole).digest()).decode()

    def _nonce_trouble(self, nonce: str) -> Trouble | None:
        """Refuse a nonce that was used before: somebody repeats a message that he heard."""
        with self._lock:
            is_known = not nonce or nonce in self._nonces
            self._nonces.add(nonce)
        return Trouble.INVALID_SECURITY if is_known else None


def _moment(written: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
