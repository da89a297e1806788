"""Make a canary call and end it: by events alone, or by a real call that the PBX makes from the test extension."""

import json
import urllib.error
import urllib.request
import uuid
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from msgspec.structs import replace

from calls.core.canary import canary_call_id
from cti.api import Arrival, JournalError, append_unique, hand_to_listener
from cti.events import CallData, CallEvent, ConnectionCleared, Established, encode
from cti.models import CanaryWay, CtiSource
from cti.sources.registry import has_session
from gateway_site.canary.models import CanaryCall
from qms.api import is_guarded_host

#: Timeout of the recorder's control address, in seconds.
RECORDER_TIMEOUT = 5.0
#: Maximum size of its answer, in bytes.
MAXIMUM_ANSWER = 64 * 1024


class CanaryCallFailed(Exception):
    """The call could not be made or ended. ``todo``: what a person does about it."""

    retryable = False

    def __init__(self, text: str, todo: str) -> None:
        super().__init__(text)
        self.todo = todo


def make(call: CanaryCall, now: datetime) -> None:
    """Make the call, and note in it what is known of it then. Raises ``CanaryCallFailed``."""
    source = call.source
    if call.way != CanaryWay.EVENTS:
        todo = "Choose events alone in the settings of the source."
        raise CanaryCallFailed("No kind of source makes real calls yet.", todo)
    if guid := _tapped(source, call.extension, "connected"):
        call.recording_guid, call.call_id = guid, canary_call_id(uuid.uuid4().hex[:16], guid)
        call.save(update_fields=["recording_guid", "call_id"])  # Whoever ends the call must know it.
    _hear(source, call, Established, now)


def end(call: CanaryCall, now: datetime) -> None:
    """End the call. Raises ``CanaryCallFailed``."""
    if call.way == CanaryWay.EVENTS:
        _tapped(call.source, call.extension, "disconnected")
        _hear(call.source, call, ConnectionCleared, now)


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
    if state == "connected" and not isinstance(guid, str):
        raise CanaryCallFailed(
            "The recorder's control address began no recording of the test extension.",
            "Give QMS an active and licensed user with this extension.",
        )
    return guid if isinstance(guid, str) else ""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What an address leads on to was not entered by an administrator."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _posted(url: str, body: dict[str, str]) -> Any:
    todo = "Correct the recorder's control address in the source's settings, or start that recorder."
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or is_guarded_host(parts.hostname or ""):
        raise CanaryCallFailed("The recorder's control address may not be called.", todo)
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    try:
        opener = urllib.request.build_opener(_NoRedirect)
        with opener.open(request, timeout=RECORDER_TIMEOUT) as answer:
            return json.loads(answer.read(MAXIMUM_ANSWER))
    except urllib.error.HTTPError as error:
        raise CanaryCallFailed(f"The recorder's control address answered {error.code}.", todo) from error
    except (OSError, ValueError) as error:
        said = f"The recorder's control address gave no answer: {type(error).__name__}."
        raise CanaryCallFailed(said, todo) from error
