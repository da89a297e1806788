"""From what a Recording Service answers to what the gateway does about it: faults and statuses become ``QmsError``s.

The text of an error never repeats what the service wrote: it may hold call data. Only codes, and names that this side
sent, are named.
"""

import re
from collections.abc import Collection
from http import HTTPStatus

from lxml import etree
from zeep.exceptions import Fault

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
    "RecordingNotFound": (RecordingNotFound, "QMS has no such recording."),
    "UnknownFlag": (UnknownFlag, "The flag was not created on the Data Server."),
    "FlagAlreadyWritten": (FlagAlreadyWritten, "The flag stands already with another value."),
    "FlagAlreadyExists": (QmsRejected, "The flag exists already."),
    "ValueTooLong": (ValueTooLong, "The value is longer than the flag allows."),
    "InvalidRequest": (QmsRejected, "The service does not understand the request."),
    "ServiceBusy": (QmsBusy, "The service is busy."),
    "InternalError": (QmsBusy, "The service had an error of its own."),
}
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def lost(message: str, *, is_write: bool) -> QmsError:
    """Return the error of an answer that did not come or cannot be read: a write may have been carried out."""
    return QmsUnclear(message) if is_write else QmsUnavailable(message)


def from_status(status: int) -> QmsError | None:
    """Return the error that an HTTP status says by itself, whatever the body; None when the body decides."""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return QmsLoginFailed(f"The service does not accept the login (HTTP {status}).")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return QmsBusy("The service asks to send less (HTTP 429).")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return QmsUnavailable(f"The service sends us elsewhere (HTTP {status}); redirects are not followed.")
    return None


def from_faultless(status: int, *, is_write: bool) -> QmsError:
    """Return the error of an answer that is neither the expected one nor a fault."""
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return QmsUnavailable(f"No Recording Service answers at this address (HTTP {status}).")
    return lost(f"The answer (HTTP {status}) cannot be read.", is_write=is_write)


def from_fault(fault: Fault, dialect: Dialect, sent: Collection[str], *, is_write: bool) -> QmsError:
    """Return the error that a fault stands for. ``sent``: names that may be repeated as the fault's subject."""
    code = _detail(fault, dialect, "code")
    if not code:
        if str(fault.code or "").rpartition(":")[2].startswith("Server"):
            return lost("The service answered with a fault of its own that has no code.", is_write=is_write)
        return QmsRejected("The service refused the request with a fault that has no code.")
    code = dialect.faults.get(code, code)
    kind, text = _ERRORS.get(code, (QmsRejected, "The service refused the request."))
    subject = _detail(fault, dialect, "subject")
    named = f" ({subject})" if subject in sent else ""
    return kind(text + named, code=code if _CODE.fullmatch(code) else "InvalidRequest")


def _detail(fault: Fault, dialect: Dialect, field: str) -> str:
    """Return a field of the fault's detail, by its local name wherever it stands, or the faultcode itself."""
    name = dialect.element("QmsFault", field)
    if name == "@faultcode":
        return str(fault.code or "").rpartition(":")[2]
    if fault.detail is None or not name:
        return ""
    found = (one for one in fault.detail.iter(etree.Element) if etree.QName(one).localname == name)
    return next((one.text or "" for one in found), "").strip()
