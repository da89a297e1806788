"""Make a canary call and end it: by events alone, or by a real call that the PBX makes from the test extension."""

import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from typing import Any, Literal
from urllib.parse import urlsplit

from msgspec.structs import replace

from calls.core.canary import canary_call_id
from cti.api import (
    Arrival,
    JournalError,
    append_unique,
    ask_for_call,
    ask_to_end_call,
    hand_to_listener,
    reported_call,
)
from cti.events import CallData, CallEvent, ConnectionCleared, Established, encode
from cti.models import CanaryWay, CtiSource, LinkState, LinkStatus
from cti.sources.port import CallRequest
from cti.sources.registry import has_session
from gateway_site.canary.models import CanaryCall
from gateway_site.canary.steps import LATE, CanaryStep
from qms.api import is_guarded_host
from qms.port import MAXIMUM_GUID_LENGTH

#: Timeout of the recorder's control address, in seconds: to connect, and again for its whole answer.
RECORDER_TIMEOUT = 5.0
#: Duration after which a real call is ended whatever became of the canary, in seconds.
CALL_SECONDS = 60.0
KEEP_FREE = "Keep the test extension for the canary alone; the other call was counted and flagged as any other."
#: What it means that a step of a real call does not come.
LATE_TEXTS = {
    CanaryStep.CALL: "The listener did not say in time what became of the call.",
    CanaryStep.LEG: "The PBX took the call, and it was not answered in time.",
    CanaryStep.END: "The PBX did not report the end of the call in time.",
}
#: What to do where the listener does not take, or does not answer, a request.
LISTENER_LATE = "See on the dashboard that the listener of source {source} runs and answers; restart it if it does not."
#: Maximum size of its answer, in bytes.
MAXIMUM_ANSWER = 64 * 1024
_CONNECTIONS: dict[str, type[HTTPConnection]] = {"http": HTTPConnection, "https": HTTPSConnection}


class CanaryCallFailed(Exception):
    """The call could not be made or ended. ``todo``: what a person does about it."""

    retryable = False

    def __init__(self, text: str, todo: str) -> None:
        super().__init__(text)
        self.todo = todo


def make(call: CanaryCall, now: datetime) -> None:
    """Make the call, and note in it what is known of it then. Raises ``CanaryCallFailed``."""
    source = call.source
    if call.way == CanaryWay.ORIGINATE:
        _ask(call)
        return
    if guid := _tapped(source, call.extension, "connected"):
        call.recording_guid, call.call_id = guid, canary_call_id(uuid.uuid4().hex[:16], guid)
        call.save(update_fields=["recording_guid", "call_id"])  # Whoever ends the call must know it.
    _hear(source, call, Established, now)


def end(call: CanaryCall, now: datetime) -> None:
    """End the call. Raises ``CanaryCallFailed``."""
    if call.way == CanaryWay.ORIGINATE:
        with _journal_errors():
            ask_to_end_call(call.source.slug, _request(call))
        return
    try:
        _tapped(call.source, call.extension, "disconnected")
    finally:  # No leg stays open because a recorder does not answer.
        _hear(call.source, call, ConnectionCleared, now)


def is_made(call: CanaryCall) -> bool:
    """Say whether the call was made, and note the PBX's id of it. Raises ``CanaryCallFailed`` where it never will be.

    Events alone are made at once; of a real call the listener says what became of the request.
    """
    if call.way == CanaryWay.EVENTS:
        raise CanaryCallFailed("The gateway was stopped while it made the call.", "Wait for the next canary call.")
    with _journal_errors():
        report = reported_call(call.source.slug, _request(call).key)
    if report is None:
        return False
    if not report.call_id:
        raise CanaryCallFailed(report.text, report.todo or LATE[CanaryStep.LEG])
    call.call_id = report.call_id
    return True


def _ask(call: CanaryCall) -> None:
    """Have the source's listener ask the PBX for a call."""
    source = call.source
    status = LinkStatus.objects.filter(source=source).first()
    if status is None or status.state != LinkState.UP:
        word = status.get_state_display() if status else "never connected"
        todo = "See on the page of the source why its link is not up."
        raise CanaryCallFailed(f"The link to the PBX is down ({word}): no call was asked for.", todo)
    with _journal_errors():
        ask_for_call(source.slug, _request(call))


def _request(call: CanaryCall) -> CallRequest:
    return CallRequest(
        key=f"{call.pk}-{call.began_at:%Y%m%d%H%M%S}",
        extension=call.extension,
        destination=call.source.canary_destination,
        seconds=CALL_SECONDS,
    )


@contextmanager
def _journal_errors() -> Iterator[None]:
    try:
        yield
    except JournalError as error:
        said = f"The request could not be handed to the listener: {type(error).__name__}."
        raise CanaryCallFailed(said, "See on the dashboard how Redis is.") from error


def _hear(source: CtiSource, call: CanaryCall, kind: type[CallEvent], now: datetime) -> None:
    """Put an event into the source's journal, as its writer: the intake's, or the listener's."""
    event = kind(
        id=f"{call.call_id}-{kind.__name__}",
        source=source.slug,
        time=now,
        specversion="1.0",
        gatewaytime=now,
        data=_data(call),
    )
    try:
        if has_session(source.kind):
            hand_to_listener(source.slug, [encode(event)])
        else:
            append_unique(source.slug, [Arrival(event.id, encode(event))])
    except JournalError as error:
        raise CanaryCallFailed(
            f"The journal did not take the event: {type(error).__name__}.", "See on the dashboard how Redis is."
        ) from error


def _data(call: CanaryCall) -> CallData:
    return replace(CallData(call_id=call.call_id, device_id=call.extension), direction="internal")


def _tapped(source: CtiSource, extension: str, state: Literal["connected", "disconnected"]) -> str:
    """Have the recorder begin or end a recording, where it can be driven. Returns the recording's GUID, or ""."""
    if not source.canary_recorder_api:
        return ""
    answer = _posted(f"{source.canary_recorder_api.rstrip('/')}/tap", {"extension": extension, "state": state})
    guid = answer[0].get("guid") if isinstance(answer, list) and answer and isinstance(answer[0], dict) else None
    is_guid = isinstance(guid, str) and 0 < len(guid) <= MAXIMUM_GUID_LENGTH and guid.isprintable()
    if state == "connected" and not is_guid:
        raise CanaryCallFailed(
            "The recorder's control address began no recording of the test extension.",
            "Give QMS an active and licensed user with this extension.",
        )
    return str(guid) if is_guid else ""


def _posted(url: str, body: dict[str, str]) -> Any:
    """Send JSON and return the JSON of the answer; no redirect is followed: nobody entered where it leads."""
    todo = "Correct the recorder's control address in the source's settings, or start that recorder."
    try:
        parts = urlsplit(url)
        if parts.scheme not in _CONNECTIONS or not parts.hostname or is_guarded_host(parts.hostname):
            raise CanaryCallFailed("The recorder's control address may not be called.", todo)
        connection = _CONNECTIONS[parts.scheme](parts.hostname, parts.port, timeout=RECORDER_TIMEOUT)
        with closing(connection), _ended_in_time(connection):
            connection.request("POST", parts.path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read(MAXIMUM_ANSWER)
        if answer.status == HTTPStatus.OK:
            return json.loads(text)
    except (OSError, ValueError, HTTPException, RecursionError) as error:
        said = f"The recorder's control address gave no answer that can be read: {type(error).__name__}."
        raise CanaryCallFailed(said, todo) from error
    raise CanaryCallFailed(f"The recorder's control address answered {answer.status}.", todo)


@contextmanager
def _ended_in_time(connection: HTTPConnection) -> Iterator[None]:
    """Connect, and end the connection when its time is over: a recorder may send a byte at a time."""
    connection.connect()
    watchdog = Timer(RECORDER_TIMEOUT, connection.sock.shutdown, [socket.SHUT_RDWR])
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
