"""Calls that the gateway has the PBX make (canary calls): MakeCall, the marks of their events, ClearConnection."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from cti.events import CallCleared, CallEvent, ConnectionCleared, Event
from cti.sources.csta_xml.device_resolver import connection_id
from cti.sources.csta_xml.link import CstaLink, RequestDenied, RequestTimedOut
from cti.sources.csta_xml.options import CstaOptions
from cti.sources.csta_xml.parsing import CstaMessageError, XmlElement, children
from cti.sources.csta_xml.segments import SnapshotIncomplete
from cti.sources.csta_xml.snapshot import GONE
from cti.sources.csta_xml.status_requests import StatusRequests
from cti.sources.port import CallNotMade, CallRequest, LinkError

log = structlog.get_logger()

#: Maximum number of calls whose events are marked: a test extension makes one at a time.
MAXIMUM_CALLS = 40
NOT_ALLOWED = 'Switch on "Allow canary calls" in the settings of the source, or choose events alone.'
PERMISSION = "Give the gateway's CSTA user the permission to make calls for the test extension."
#: What a switch's reason (CSTAErrorCode) means, and what to do.
REASONS = {
    "invalidcallingdevice": ("it does not know the test extension", "Correct the test extension."),
    "invaliddeviceid": ("it does not know the test extension or the number", "Correct the extension and the number."),
    "invalidcalleddevice": ("it does not know the number to call", "Correct the canary's number to call."),
    "invaliddestination": ("the number cannot be called", "Correct the canary's number to call."),
    "privilegeviolationspecifieddevice": ("the gateway may not make calls for this extension", PERMISSION),
    "privilegeviolationcallingdevice": ("the gateway may not make calls for this extension", PERMISSION),
    "servicenotsupported": ("it does not offer MakeCall", "Choose events alone in the settings of the source."),
    "deviceoutofservice": ("the test phone is out of service", "Connect the test phone and register it."),
    "devicebusy": ("the test phone was busy", "Keep the test extension for the canary alone."),
    "invalidconnectionstate": ("the test phone was busy", "Keep the test extension for the canary alone."),
    "invaliddevicestate": ("the test phone was busy", "Keep the test extension for the canary alone."),
}
ASK_PBX = "See in the PBX why; the extension and the number stand in the settings of the source."


class _MadeCall(msgspec.Struct, frozen=True):
    """A call as the switch named it (ConnectionID), and the test extension."""

    call: str
    raw: str
    extension: str


class MadeCalls:
    """The calls that were made over one link."""

    def __init__(self, link: CstaLink, status: StatusRequests, options: CstaOptions, slug: str) -> None:
        self._link, self._status, self._options, self._slug = link, status, options, slug
        self._open: dict[str, _MadeCall] = {}
        #: Call id -> extension, of the calls whose events are still marked.
        self._marked: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def make(self, request: CallRequest) -> str:
        """Make a call and return its id. Raises ``CallNotMade`` or ``LinkError``."""
        if not self._options.make_calls:
            raise CallNotMade("The settings of the source do not allow canary calls: nothing was asked.", NOT_ALLOWED)
        if await self._is_busy(request.extension):
            todo = "Keep the test extension for the canary alone."
            raise CallNotMade("The phone was busy: another call is at the test extension.", todo)
        await self._ask(request)
        made = self._open[request.key]
        self._spawn(self._end_after(request.key, request.seconds))
        return made.call

    async def end(self, key: str) -> None:
        """Clear the connection of a call, once. Raises ``LinkError``."""
        made = self._open.pop(key, None)
        if made is None:
            return
        try:
            await self._link.ask(self._status.requests.clear_connection(made.call, made.raw))
        except (RequestDenied, RequestTimedOut) as error:
            log.info("csta_call_not_cleared", source=self._slug, reason=str(error))

    def close(self) -> list[bytes]:
        """Stop all that waits: the link ends. Returns the requests that clear the calls which still last."""
        for task in self._tasks:
            task.cancel()
        return [self._status.requests.clear_connection(made.call, made.raw) for made in self._open.values()]

    def marked(self, events: list[Event]) -> list[Event]:
        """Mark the events of the calls that were made."""
        return [self._one_marked(event) for event in events] if self._marked else events

    def _one_marked(self, event: Event) -> Event:
        if not isinstance(event, CallEvent) or event.data.call_id not in self._marked:
            return event
        has_left = isinstance(event, ConnectionCleared) and event.data.device_id == self._marked[event.data.call_id]
        if has_left or isinstance(event, CallCleared):
            del self._marked[event.data.call_id]  # The id may name another call from now on.
        return replace(event, data=replace(event.data, is_canary=True))

    async def _is_busy(self, extension: str) -> bool:
        try:
            found = await self._status.in_progress(extension)
        except SnapshotIncomplete:
            return False  # The switch does not say; a second call is seen by its leg.
        return any(one.state != GONE for one in found or ())

    async def _ask(self, request: CallRequest) -> None:
        def note(answer: XmlElement) -> None:
            # Before anything after the answer is read: the call's events may have come with it.
            self._note(request, answer)

        def clear(answer: XmlElement) -> None:
            self._note(request, answer)
            self._spawn(self._end_after(request.key, 0))

        try:
            await self._link.ask(self._status.requests.make_call(request.extension, request.destination), note, clear)
        except RequestDenied as error:
            raise _refused(str(error)) from error
        except RequestTimedOut as error:
            text = f"The PBX did not answer MakeCall: {error}."
            raise CallNotMade(text, "See on the PBX whether its CSTA service works.") from error
        if request.key not in self._open:
            text = "The PBX's answer to MakeCall names no call."
            raise CallNotMade(text, "Choose events alone in the settings of the source.")

    def _note(self, request: CallRequest, answer: XmlElement) -> None:
        try:
            call, raw = connection_id(children(answer).get("callingDevice"))
        except CstaMessageError:
            return
        if call:
            self._open[request.key] = _MadeCall(call, raw, request.extension)
            self._marked[call] = request.extension
            while len(self._marked) > MAXIMUM_CALLS:
                del self._marked[next(iter(self._marked))]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end_after(self, key: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with contextlib.suppress(LinkError):
            await self.end(key)


def _refused(reason: str) -> CallNotMade:
    """Say in words why the switch refuses; its own reason stays in the text."""
    code = reason.rpartition(":")[2].strip()
    said, todo = REASONS.get(code.lower(), ("", ASK_PBX))
    words = f"{said} ({reason})" if said else reason
    return CallNotMade(f"The PBX refused MakeCall: {words}.", todo)
