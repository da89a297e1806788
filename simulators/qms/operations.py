"""The operations of the WSDL over the simulated QMS: an element in, an element out."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from lxml import etree

from qms.port import Flag, FlagDefinition, ListedUser, QmsRejected, Recording
from simulators.qms.envelopes import NS, SoapElement
from simulators.qms.site import SimulatedQms

#: Items in one page.
PAGE = 500
OperationItem = TypeVar("OperationItem")


def perform(qms: SimulatedQms, service: str, operation: str, request: SoapElement, now: datetime) -> SoapElement:
    """Carry out an operation and return its answer; raises ``QmsRejected``."""
    qms.calls[f"{service}:{operation}"] += 1
    response = etree.Element(f"{{{NS}}}{operation}Response", nsmap={None: NS})  # type: ignore[dict-item]
    _OPERATIONS[operation](qms, service, request, response, now)
    return response


def _get_service_info(qms: SimulatedQms, service: str, _: SoapElement, response: SoapElement, __: datetime) -> None:
    info = qms.service_info(service)
    _add(response, "recordingService", info.recording_service)
    _add(response, "dataServer", info.data_server)
    _add(response, "version", info.version)
    for identifier in info.identifiers:
        _add(response, "identifier", identifier)


def _list_users(qms: SimulatedQms, service: str, request: SoapElement, response: SoapElement, _: datetime) -> None:
    users, token = _page(qms.users_of(service), request)
    for user in users:
        _add_user(_add(response, "user"), user)
    _add_token(response, token)


def _find(qms: SimulatedQms, service: str, request: SoapElement, response: SoapElement, now: datetime) -> None:
    since = _text(request, "notStartedBefore")
    found = qms.find_live_recording(service, _text(request, "extension"), _time(since) if since else None, now)
    if found is not None:
        _add_recording(_add(response, "recording"), found)


def _list_definitions(qms: SimulatedQms, service: str, _: SoapElement, response: SoapElement, __: datetime) -> None:
    for definition in qms.flag_definitions(service):
        _add_definition(_add(response, "definition"), definition)


def _create_definition(
    qms: SimulatedQms, service: str, request: SoapElement, response: SoapElement, _: datetime
) -> None:
    length = _text(request[0], "maxLength")
    asked = FlagDefinition(_text(request[0], "name"), int(length) if length else None, _text(request[0], "description"))
    _add_definition(_add(response, "definition"), qms.create_flag_definition(service, asked))


def _write_flags(qms: SimulatedQms, service: str, request: SoapElement, response: SoapElement, _: datetime) -> None:
    flags = [Flag(_text(one, "name"), _text(one, "value")) for one in request.iterfind(f"{{{NS}}}flag")]
    _add(response, "written", str(qms.write_flags(service, _text(request, "recordingGuid"), flags)))


def _get_flags(qms: SimulatedQms, service: str, request: SoapElement, response: SoapElement, _: datetime) -> None:
    for flag in qms.flags(service, _text(request, "recordingGuid")):
        _add_flag(response, flag)


def _list_recordings(qms: SimulatedQms, service: str, request: SoapElement, response: SoapElement, _: datetime) -> None:
    begin, end = _time(_text(request, "from")), _time(_text(request, "to"))
    recordings, token = _page(qms.recordings_between(service, begin, end), request)
    for one in (recording.with_flags() for recording in recordings):
        element = _add(response, "recording")
        _add_recording(_add(element, "recording"), one.recording)
        for flag in one.flags:
            _add_flag(element, flag)
    _add_token(response, token)


_OPERATIONS: dict[str, Callable[[SimulatedQms, str, SoapElement, SoapElement, datetime], None]] = {
    "GetServiceInfo": _get_service_info,
    "ListUsers": _list_users,
    "FindLiveRecording": _find,
    "ListFlagDefinitions": _list_definitions,
    "CreateFlagDefinition": _create_definition,
    "WriteFlags": _write_flags,
    "GetFlags": _get_flags,
    "ListRecordings": _list_recordings,
}
NAMES = frozenset(_OPERATIONS)


def _text(element: SoapElement, name: str) -> str:
    return element.findtext(f"{{{NS}}}{name}") or ""


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise QmsRejected("a time that is none", code="InvalidRequest") from None
    if time.tzinfo is None:
        raise QmsRejected("a time without an offset", code="InvalidRequest")
    return time


def _page(items: Sequence[OperationItem], request: SoapElement) -> tuple[Sequence[OperationItem], str]:
    """Return the page that was asked for, and the token of the next one; empty on the last."""
    size = min(max(int(_text(request, "pageSize") or PAGE), 1), PAGE)
    token = _text(request, "pageToken") or "0"
    if not token.isascii() or not token.isdigit():
        raise QmsRejected("a page token that is none of ours", code="InvalidRequest")
    end = int(token) + size
    return items[int(token) : end], str(end) if end < len(items) else ""


def _add(parent: SoapElement, name: str, text: str | None = None) -> SoapElement:
    element = etree.SubElement(parent, f"{{{NS}}}{name}")
    element.text = text
    return element


def _add_token(response: SoapElement, token: str) -> None:
    if token:
        _add(response, "nextPageToken", token)


def _add_user(element: SoapElement, user: ListedUser) -> None:
    _add(element, "userId", user.user_id)
    _add(element, "userName", user.user_name)
    _add(element, "firstName", user.first_name)
    _add(element, "lastName", user.last_name)
    _add(element, "extension", user.extension)
    if user.agent_id:
        _add(element, "agentId", user.agent_id)
    if user.department_name:
        _add(element, "departmentName", user.department_name)
    _add(element, "recordingService", user.recording_service)
    _add(element, "active", "true" if user.active else "false")
    _add(element, "licence", user.licence)


def _add_recording(element: SoapElement, recording: Recording) -> None:
    _add(element, "recordingGuid", recording.guid)
    _add(element, "extension", recording.extension)
    _add(element, "startedAt", recording.started_at.isoformat())
    if recording.ended_at is not None:
        _add(element, "endedAt", recording.ended_at.isoformat())


def _add_definition(element: SoapElement, definition: FlagDefinition) -> None:
    _add(element, "name", definition.name)
    if definition.max_length is not None:
        _add(element, "maxLength", str(definition.max_length))
    if definition.description:
        _add(element, "description", definition.description)


def _add_flag(parent: SoapElement, flag: Flag) -> None:
    element = _add(parent, "flag")
    _add(element, "name", flag.name)
    _add(element, "value", flag.value)
