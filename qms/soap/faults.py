"""From what a Recording Service answers to what the gateway does about it: faults and statuses become ``QmsError``s.

A fault refuses only where it says so by a code that is known, or blames the sender (Client, Sender). Any other says
that the service had trouble: a write may have been carried out. The codes of WS-Security are failed logins: writes
wait.

The text of an error never repeats what the service wrote: it may hold call data. Only codes, and names that this side
sent, are named.
"""

import re
from collections.abc import Collection, Iterator
from http import HTTPStatus
from typing import Any

import msgspec
from lxml import etree

from qms.port import (
    FlagAlreadyWritten,
    QmsBusy,
    QmsError,
    QmsLoginFailed,
    QmsRejected,
    QmsUnavailable,
    QmsUnclear,
    RecordingNotFound,
    UnknownFlag,
    ValueTooLong,
)
from qms.soap.dialect import Dialect

_ERRORS: dict[str, tuple[type[QmsError], str]] = {
    "AuthenticationFailed": (QmsLoginFailed, "The service does not accept the user name or password."),
    "NotAuthorised": (QmsLoginFailed, "The user may not do this in QMS; it needs the right to manage flags."),
    "AccessDenied": (QmsLoginFailed, "The user may not do this in QMS; it needs the right to manage flags."),
    "RecordingNotFound": (RecordingNotFound, "QMS has no such recording."),
    "UnknownFlag": (UnknownFlag, "The flag was not created on the Data Server."),
    "FlagAlreadyWritten": (FlagAlreadyWritten, "The flag already has another value."),
    "FlagAlreadyExists": (QmsRejected, "The flag exists already."),
    "ValueTooLong": (ValueTooLong, "The value is longer than the flag allows."),
    "InvalidRequest": (QmsRejected, "The service does not understand the request."),
    "ServiceBusy": (QmsBusy, "The service is busy."),
    "InternalError": (QmsBusy, "The service had an error of its own."),
}
#: The codes of our contract.
CODES = tuple(_ERRORS)
#: Web Services Security 1.1, section 12, with the words of WCF (AccessDenied, BadContextToken) and of WSS4J.
_LOGIN_FAULTS = {
    "UnsupportedSecurityToken",
    "UnsupportedAlgorithm",
    "InvalidSecurity",
    "InvalidSecurityToken",
    "FailedAuthentication",
    "FailedCheck",
    "SecurityTokenUnavailable",
    "MessageExpired",
    "BadContextToken",
    "SecurityError",
}
#: Faults of SOAP, WS-Addressing and WCF by which a service says that it cannot be asked in this way; nothing was done.
_CONFIGURATION_FAULTS = {
    "ActionNotSupported": "The service does not know the operation; check the address, the port and the WSDL.",
    "DestinationUnreachable": "The service does not know the address; check it.",
    "EndpointUnavailable": "The service is not available at this address.",
    "VersionMismatch": "The service speaks another version of SOAP; name another port of its WSDL in the dialect.",
    "MustUnderstand": "The service does not understand WS-Security; choose another kind of login.",
}
#: Statuses of HTTP that say more than that nobody answers at the address; nothing was done.
_REFUSING_STATUSES: dict[int, str] = {
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "A proxy in front of the service asks for a login",
    HTTPStatus.REQUEST_TIMEOUT: "The service gave up waiting for the request",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The request is longer than the service allows",
}
_SENDER_FAULTS = {"Client", "Sender"}
#: Kinds of login in HTTP (RFC 7235), as a service asks for them.
_LOGIN_KINDS = ("Basic", "Digest", "NTLM", "Negotiate", "Bearer")
_SPOKEN_LOGINS = ("Basic", "NTLM")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,32}")


class SoapFault(msgspec.Struct, frozen=True):
    """A fault of SOAP 1.1 or 1.2.

    :param codes: the local names of its code and subcodes, the most general first.
    :param detail: the element of its detail; None where it has none.
    """

    codes: tuple[str, ...]
    detail: Any = None


def read_fault(element: Any) -> SoapFault:
    """Read a Fault element of either version of SOAP."""
    parts = {etree.QName(child).localname: child for child in element}
    detail = parts.get("detail", parts.get("Detail"))
    if "faultcode" in parts:
        return SoapFault((_local(parts["faultcode"].text),), detail)
    return SoapFault(tuple(_values(parts.get("Code"))), detail)


def lost(message: str, *, is_write: bool) -> QmsError:
    """Return the error of an answer that did not come or cannot be read: a write may have been carried out."""
    return QmsUnclear(message) if is_write else QmsUnavailable(message)


def from_status(status: int, challenges: str = "") -> QmsError | None:
    """Return the error that an HTTP status says by itself, whatever the body; None when the body decides.

    :param challenges: the header WWW-Authenticate: the kinds of login that the service asks for.
    """
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        kinds = [kind for kind in _LOGIN_KINDS if re.search(rf"\b{kind}\b", challenges, re.IGNORECASE)]
        wanted = f" It asks for {' or '.join(kinds)}." if kinds else ""
        if kinds and not set(kinds) & set(_SPOKEN_LOGINS):
            wanted += " The gateway does not speak that; have Basic or NTLM allowed for its user."
        return QmsLoginFailed(f"The service does not accept the login (HTTP {status}).{wanted}")
    if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        text = "The service does not take this version of SOAP (HTTP 415); name another port in the dialect."
        return QmsUnavailable(text, code="Configuration")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return QmsBusy("The service asks to send less (HTTP 429).")
    is_elsewhere = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    if is_elsewhere and status != HTTPStatus.SEE_OTHER:  # "See other" follows something that was done.
        return QmsUnavailable(f"The service sends us elsewhere (HTTP {status}); redirects are not followed.")
    return None


def from_faultless(status: int, problem: str = "", *, is_write: bool) -> QmsError:
    """Return the error of an answer that is neither the expected one nor a fault; ``problem`` says what it is."""
    if status in _REFUSING_STATUSES:
        return QmsUnavailable(f"{_REFUSING_STATUSES[status]} (HTTP {status}).")
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return QmsUnavailable(f"No Recording Service answers at this address (HTTP {status}).")
    return lost(f"The answer (HTTP {status}) cannot be read{problem}.", is_write=is_write)


def unreadable(problem: str, *, is_write: bool) -> QmsError:
    """Return the error of an answer of which a value is missing or wrong; ``problem`` says which and how."""
    return lost(f"The answer cannot be read. {problem}.", is_write=is_write)


def from_fault(fault: SoapFault, dialect: Dialect, sent: Collection[str], *, is_write: bool) -> QmsError:
    """Return the error that a fault stands for. ``sent``: names that may be repeated as the fault's subject."""
    codes = list(_codes(fault, dialect))
    subject = _detail(fault, dialect, "subject")
    named = f" ({subject})" if subject in sent else ""
    for code in codes:
        ours = dialect.faults.get(code, code)
        if ours in _ERRORS:
            kind, text = _ERRORS[ours]
            return kind(text + named, code=ours)
        if ours in _LOGIN_FAULTS or ours.startswith("Client.Authentication"):
            return QmsLoginFailed(f"The service does not accept the login (fault {_shown(ours)}).")
        if ours in _CONFIGURATION_FAULTS:
            return QmsUnavailable(_CONFIGURATION_FAULTS[ours], code="Configuration")
    return _unknown(fault, codes, named, is_write=is_write)


def _unknown(fault: SoapFault, codes: list[str], named: str, *, is_write: bool) -> QmsError:
    """Return the error of a fault without a known code: only one that blames the sender refuses."""
    specific = codes[0] if codes else ""
    is_coded = specific != "" and specific not in fault.codes[:1]
    if any(code.partition(".")[0] in _SENDER_FAULTS for code in fault.codes[:1]):
        words = "" if is_coded else " with a fault that has no code"
        return QmsRejected(f"The service refused the request{words}.{named}", code=_shown(specific) if is_coded else "")
    shown = _shown(specific) if specific else "without a code"
    return lost(f"The service answered with a fault of its own ({shown}).", is_write=is_write)


def _codes(fault: SoapFault, dialect: Dialect) -> Iterator[str]:
    """Yield the codes of a fault, the most specific first: that of its detail, its subcodes, its code."""
    if detail := _detail(fault, dialect, "code"):
        yield detail
    yield from reversed(fault.codes)


def _shown(code: str) -> str:
    """Return a code that may be shown; another may be a sentence with call data in it."""
    return code if _CODE.fullmatch(code) else "InvalidRequest"


def _detail(fault: SoapFault, dialect: Dialect, field: str) -> str:
    """Return a field of the fault's detail, by its local name wherever it is."""
    name = dialect.element("QmsFault", field)
    if fault.detail is None or not name:
        return ""
    found = (one for one in fault.detail.iter(etree.Element) if etree.QName(one).localname == name)
    return next((one.text or "" for one in found), "").strip()


def _values(code: Any) -> Iterator[str]:
    """Yield the values of a SOAP 1.2 code and of its subcodes, outermost first."""
    while code is not None:
        parts = {etree.QName(child).localname: child for child in code}
        yield _local(parts["Value"].text if "Value" in parts else "")
        code = parts.get("Subcode")


def _local(code: str | None) -> str:
    return (code or "").strip().rpartition(":")[2]
