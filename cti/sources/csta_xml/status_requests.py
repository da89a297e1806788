"""Ask a server what is in progress and who is logged on; note what it does not answer."""

import asyncio
import time
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from cti.sources.csta_xml.link import AnswerHandler, CstaLink, RequestDenied, RequestTimedOut
from cti.sources.csta_xml.options import CstaOptions
from cti.sources.csta_xml.parsing import CstaMessageError, XmlElement
from cti.sources.csta_xml.requests import Requests
from cti.sources.csta_xml.responsiveness import Responsiveness
from cti.sources.csta_xml.segments import Collection, Segments, SnapshotIncomplete
from cti.sources.csta_xml.snapshot import (
    FoundConnection,
    entries_in,
    promised,
    read_call_snapshot,
    read_device_snapshot,
)


class _SnapshotAnswer(msgspec.Struct, frozen=True):
    """The answer to a snapshot request, and what it or its segments list."""

    root: XmlElement
    entries: list[XmlElement]


class StatusRequests:
    """The status requests of one link.

    ``unanswered``: by service, the devices whose request was not answered or not sent. ``on_unanswered``: called with
    the service when from now on it is no use to send its requests.
    """

    def __init__(self, link: CstaLink, options: CstaOptions) -> None:
        self._link = link
        self.on_unanswered: Callable[[str], None] = lambda _service: None
        self.requests = Requests("", options)
        self.segments = Segments(options.request_seconds, options.snapshot_seconds)
        self.slots = asyncio.Semaphore(options.parallel)
        self.unanswered: dict[str, set[str]] = {"snapshot": set(), "agents": set()}
        self._services = {name: Responsiveness(time.monotonic) for name in ("snapshot", "segments", "agents")}

    async def ask(
        self, service: str, device: str, xml: bytes, on_answer: AnswerHandler | None = None
    ) -> XmlElement | None:
        """Send a request; None when it is refused, or when the server has not answered several like it."""
        responsiveness, answer = self._services[service], None
        if responsiveness.is_unresponsive:
            self.unanswered[service].add(device)
            return None
        asked_at = responsiveness.asked()
        try:
            answer = await self._link.ask(xml, on_answer)
        except RequestDenied:
            pass
        except RequestTimedOut:
            self.unanswered[service].add(device)
            self._missed(service, service, asked_at)
            return None
        responsiveness.answered()
        return answer

    def reset(self, *services: str) -> None:
        """Forget what was not answered, of some services or of all."""
        for service in services or self._services:
            self._services[service].reset()

    def _missed(self, counted: str, service: str, asked_at: float) -> None:
        """Count a request without an answer; after the last that is tolerated, the others are sent later."""
        if self._services[counted].missed(asked_at):
            self.on_unanswered(service)

    async def _snapshot(self, device: str, xml: bytes) -> _SnapshotAnswer | None:
        """Ask for a snapshot; None when there is no answer. Raises ``SnapshotIncomplete``."""
        awaited: list[Collection] = []

        def on_answer(root: XmlElement) -> None:
            # Before anything after the answer is read: its first segment may have come with it.
            if reference := promised(root):
                awaited.append(self.segments.expect(root, reference))

        async with self.slots:
            try:
                if self._services["segments"].is_unresponsive:
                    self.unanswered["snapshot"].add(device)
                    return None
                answer = await self.ask("snapshot", device, xml, on_answer)
                if answer is None or not awaited:
                    return None if answer is None else _SnapshotAnswer(answer, list(entries_in(answer)))
                return _SnapshotAnswer(answer, await self._collected(awaited[0]))
            finally:
                for collection in awaited:
                    self.segments.forget(collection)

    async def _collected(self, awaited: Collection) -> list[XmlElement]:
        asked_at = self._services["segments"].asked()
        try:
            entries = await awaited.whole()
        except SnapshotIncomplete as error:
            if error.is_late:
                self._missed("segments", "snapshot", asked_at)
            raise
        self._services["segments"].answered()
        return entries

    async def in_progress(self, device: str) -> list[FoundConnection] | None:
        """Return the calls at a device; None when the server does not say. Raises ``SnapshotIncomplete``."""
        answer = await self._snapshot(device, self.requests.snapshot_device(device))
        try:
            found = read_device_snapshot(answer.entries) if answer is not None else None
            return None if found is None else [await self._completed(device, one) for one in found if one.call]
        except CstaMessageError as error:
            raise SnapshotIncomplete(f"it could not be read: {error}") from error

    async def _completed(self, device: str, found: FoundConnection) -> FoundConnection:
        """Add what the server says of the call."""
        request = self.requests.snapshot_call(found.call, found.raw)
        answer = await self._snapshot(device, request) if found.raw else None
        if answer is not None:
            call = read_call_snapshot(answer.root, answer.entries)
            state = found.state or call.state_of(found.raw)
            found = replace(found, state=state, fields={**found.fields, **call.fields})
        if not found.state:
            raise SnapshotIncomplete("it does not give the state of a call")
        return found
