"""Ask a service by hand, with nothing but the standard library."""

import base64
import hashlib
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.qms.foreign_soap import jaxws_wsdl, wcf_wsdl
from tests.qms.foreign_soap.archive import Archive, Field, Person
from tests.qms.foreign_soap.wsse import SECURITY, UTILITY
from tests.qms.foreign_soap.xml import SOAP11, SOAP12, leaf, tag

ALICE = Person(1, "alice", "Alice", "Ames", "2001", agent_id="A1", department="Sales")
BOB = Person(2, "bob", "Bob", "Bell", "2002", is_active=False, licence="OnDemand")


def archive() -> Archive:
    """Return an archive with two users and two fields."""
    return Archive([ALICE, BOB], [Field("AgentName", 10), Field("QueueName")])


@dataclass(frozen=True)
class Heard:
    """An answer."""

    status: int
    text: str
    headers: dict[str, list[str]]


def fetch(address: str, data: bytes | None = None, **headers: str) -> Heard:
    """Send a request and return the answer, whatever its status."""
    words = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data, words), timeout=20) as answer:
            return Heard(answer.status, answer.read().decode(), {})
    except urllib.error.HTTPError as error:
        with error:
            names = {name: error.headers.get_all(name) or [] for name in error.headers}
            return Heard(error.code, error.read().decode(), names)


def ask_wcf(address: str, body: str, is_soap12: bool = False, **headers: str) -> Heard:
    """Send a body to a port of the WCF-like service."""
    space, path = (SOAP12, wcf_wsdl.PATH12) if is_soap12 else (SOAP11, wcf_wsdl.PATH)
    kind = "application/soap+xml" if is_soap12 else "text/xml"
    words = {"Content_Type": f"{kind}; charset=utf-8"} | headers
    return fetch(address + path, tag("e:Envelope", tag("e:Body", body), xmlns__e=space).encode(), **words)


def wcf(name: str, *content: str) -> str:
    """Write an element of the WCF-like service's contract."""
    return tag(name, *content, xmlns=wcf_wsdl.CONTRACT)


def ask_jaxws(address: str, name: str, *content: str, header: str = "") -> Heard:
    """Send an operation to the JAX-WS-like service."""
    body = tag("e:Body", tag(f"n:{name}", *content, xmlns__n=jaxws_wsdl.NAMESPACE))
    whole = tag("e:Envelope", tag("e:Header", header), body, xmlns__e=SOAP11)
    return fetch(address + jaxws_wsdl.PATH, whole.encode(), Content_Type="text/xml; charset=utf-8")


def wcf_tags(values: Iterable[tuple[str, str]]) -> str:
    """Write the tags of a TagCall."""
    tags = (tag("a:Tag", leaf("a:Key", name), leaf("a:Text", value)) for name, value in values)
    return tag("tags", *tags, xmlns__a=wcf_wsdl.DATA)


def username_token(password: str, nonce: bytes | None = None, age: timedelta = timedelta(0)) -> str:
    """Write a security header, with the digest of the password where a nonce is given."""
    created = datetime.now(UTC) - age
    stamp = tag("u:Timestamp", leaf("u:Created", created.isoformat()),
                leaf("u:Expires", (created + timedelta(minutes=5)).isoformat()))  # fmt: skip
    kind, given, rest = "PasswordText", password, ""
    if nonce is not None:
        digest = hashlib.sha1(nonce + created.isoformat().encode() + password.encode()).digest()
        kind, given = "PasswordDigest", base64.b64encode(digest).decode()
        rest = leaf("s:Nonce", base64.b64encode(nonce).decode()) + leaf("u:Created", created.isoformat())
    word = leaf("s:Password", given, Type=f"http://docs.oasis-open.org/x#{kind}")
    token = tag("s:UsernameToken", leaf("s:Username", "gateway"), word, rest)
    return tag("s:Security", stamp, token, xmlns__s=SECURITY, xmlns__u=UTILITY)
