"""The test of a connection, step by step, as an engineer would do it: each step with what was found and what to do."""

import itertools
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
from django.template.defaultfilters import pluralize

from qms.connections import connection_of
from qms.health import CLOCK_TOLERANCE_SECONDS
from qms.models import RecordingService
from qms.port import QmsError
from qms.soap.dialect import OPERATIONS
from qms.soap.http import AnswerLost, NotReached
from qms.soap.service import SoapRecordingService

ENOUGH_USERS = 500
_SILENT = (
    "The host takes connections but sends no whole answer: see whether QMS's web services hang, and whether the port is"
    " theirs; where they are only slow, raise the time-out of a call."
)


class ConnectionStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the test. ``tried`` is False where an earlier step failed; then nothing is known."""

    name: str
    ok: bool
    took_ms: int = 0
    found: str = ""
    advice: str = ""
    tried: bool = True


class _Check(msgspec.Struct, frozen=True):
    """A step before it is done: ``look`` returns what it found, ``advice`` says what to do when it fails."""

    name: str
    look: Callable[[SoapRecordingService, RecordingService], str]
    advice: str


StepsCallback = Callable[[list[ConnectionStep]], object]


def test_connection(service: RecordingService, tell: StepsCallback = list) -> list[ConnectionStep]:  # noqa: PT028  (no test)
    """Try the way to a Recording Service from the network to the flags. Changes nothing there; raises nothing.

    Every step is told, also those that were not tried because one before failed; ``tell`` is called after each one
    that was. Takes at most the service's time-out for each answer, and what a name server takes.
    """
    try:
        port = SoapRecordingService(connection_of(service))
    except QmsError as error:
        advice = "Set the variable in the gateway's environment and start it again, or enter the password."
        return _told([ConnectionStep(name="Settings", ok=False, found=str(error), advice=advice)])
    steps: list[ConnectionStep] = []
    for check in _CHECKS:
        steps.append(_done(check, port, service))
        tell(steps)
        if not steps[-1].ok:
            break
    port.line.close()
    return _told(steps)


test_connection.__test__ = False  # type: ignore[attr-defined]  # pytest would take it for a test


def _done(check: _Check, port: SoapRecordingService, service: RecordingService) -> ConnectionStep:
    began = time.monotonic()
    try:
        found, ok, advice = check.look(port, service), True, ""
    except QmsError as error:
        found, ok, advice = str(error), False, _advice(check, error)
    took_ms = round((time.monotonic() - began) * 1000)
    return ConnectionStep(name=check.name, ok=ok, took_ms=took_ms, found=found, advice=advice)


def _advice(check: _Check, error: QmsError) -> str:
    """Return what to do: what the cause tells, where it does, and else what the step is about."""
    cause = error.__cause__
    if isinstance(cause, NotReached) and cause.advice:
        return cause.advice
    if isinstance(cause, AnswerLost):
        return _SILENT
    return check.advice


def _told(steps: list[ConnectionStep]) -> list[ConnectionStep]:
    left = _CHECKS[len(steps) :] if steps[0].name == _CHECKS[0].name else _CHECKS
    return [*steps, *(ConnectionStep(name=check.name, ok=False, tried=False, found="Not tried.") for check in left)]


def _reach(port: SoapRecordingService, service: RecordingService) -> str:
    port.line.reach()
    return f"{urlsplit(service.url).netloc.rpartition('@')[2]} accepts connections."


def _tls(port: SoapRecordingService, service: RecordingService) -> str:
    port.line.open()
    if urlsplit(service.url).scheme == "https":
        return "The server's certificate is trusted."
    return "Not used: user name and password travel readable. Use https outside of one machine."


def _wsdl(port: SoapRecordingService, service: RecordingService) -> str:
    missing = [name for name in OPERATIONS if not port.line.contract.offers(name)]
    source = service.wsdl or "the gateway's own copy"
    return f"Read from {source}." + (f" It lacks {', '.join(missing)}." if missing else " It has every operation.")


def _login(port: SoapRecordingService, _: RecordingService) -> str:
    info = port.service_info()
    offset = port.line.clock_offset_seconds or 0.0
    side = "ahead" if offset > 0 else "behind"
    clock = f" Its clock is {abs(offset):g} s {side}." if abs(offset) > CLOCK_TOLERANCE_SECONDS else ""
    return f"{info.recording_service} on {info.data_server} answers, version {info.version}.{clock}"


def _users(port: SoapRecordingService, _: RecordingService) -> str:
    count = len(list(itertools.islice(port.users(), ENOUGH_USERS)))
    return "No users." if not count else f"{count} user{pluralize(count)}{' or more' if count == ENOUGH_USERS else ''}."


def _flags(port: SoapRecordingService, _: RecordingService) -> str:
    names = [definition.name for definition in port.flag_definitions()]
    return (
        f"{len(names)} flag{pluralize(len(names))}: {', '.join(names)}."
        if names
        else "No flags yet; create them on the page Flags."
    )


_CHECKS = (
    _Check("Reach", _reach, "Check host and port of the address, the network, and whether QMS's web services run."),
    _Check("TLS", _tls, "Give the CA file of the authority that signed the certificate, or mend the certificate."),
    _Check("WSDL", _wsdl, "Check the WSDL and the dialect file; leave both empty for the gateway's own contract."),
    _Check("Login", _login, "Check user name, password and kind of login, and the user's rights in QMS."),
    _Check("Users", _users, "The user needs the right to read users; see QMS's own log."),
    _Check("Flag definitions", _flags, "The user needs the right to manage flags; see whether the Data Server runs."),
)
#: The steps of a test in their order.
NAMES = tuple(check.name for check in _CHECKS)
