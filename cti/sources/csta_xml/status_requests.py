"""Ask a server what is in progress and who is logged on; what it does not answer is told, and asked for later."""

import asyncio
import time
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from cti.sources.csta_xml.link import CstaLink, Heed, RequestDenied, RequestTimedOut
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


class _Looked(msgspec.Struct, frozen=True):
    """The answer to a question for a snapshot, and what it or its segments list."""

    answer: XmlElement
    entries: list[XmlElement]


class StatusRequests:
    """The questions of one link. ``unheard``: the devices for which one was not answered, or not asked, by service."""

    def __init__(self, link: CstaLink, options: CstaOptions, on_deaf: Callable[[str], None]) -> None:
        self._link, self._on_deaf = link, on_deaf
        self.requests = Requests("", options)
        self.segments = Segments(options.request_seconds, options.snapshot_seconds)
        self.slots = asyncio.Semaphore(options.parallel)
        self.unheard: dict[str, set[str]] = {"snapshot": set(), "agents": set()}
        self._hearing = {name: Responsiveness(time.monotonic) for name in ("snapshot", "segments", "agents")}

    async def ask(self, service: str, device: str, xml: bytes, heed: Heed | None = None) -> XmlElement | None:
        """Ask for what may be missing: None when it is refused, or the server has been deaf to its like."""
        hearing, answer = self._hearing[service], None
        if hearing.is_deaf:
            self.unheard[service].add(device)
            return None
        asked_at = hearing.asked()
        try:
            answer = await self._link.ask(xml, heed)
        except RequestDenied:
            pass
        except RequestTimedOut:
            self.unheard[service].add(device)
            self._missed(service, service, asked_at)
            return None
        hearing.answered()
        return answer

    def hear_anew(self, *services: str) -> None:
        """Forget what was not answered, of some services or of all."""
        for service in services or self._hearing:
            self._hearing[service].begin_anew()

    def _missed(self, hearing: str, service: str, asked_at: float) -> None:
        """Count what was not answered; say where that is the last straw, so that the others are asked later."""
        if self._hearing[hearing].missed(asked_at):
            self._on_deaf(service)

    async def _look(self, device: str, xml: bytes) -> _Looked | None:
        """Ask for a snapshot; None when there is no answer. Raises ``SnapshotIncomplete``."""
        awaited: list[Collection] = []

        def heed(root: XmlElement) -> None:
            # Before anything after the answer is read: its first segment may have come with it.
            if reference := promised(root):
                awaited.append(self.segments.expect(root, reference))

        async with self.slots:
            try:
                if self._hearing["segments"].is_deaf:
                    self.unheard["snapshot"].add(device)
                    return None
                answer = await self.ask("snapshot", device, xml, heed)
                if answer is None or not awaited:
                    return None if answer is None else _Looked(answer, list(entries_in(answer)))
                return _Looked(answer, await self._collected(awaited[0]))
            finally:
                for collection in awaited:
                    self.segments.forget(collection)

    async def _collected(self, awaited: Collection) -> list[XmlElement]:
        asked_at = self._hearing["segments"].asked()
        try:
            entries = await awaited.whole()
        except SnapshotIncomplete as error:
            if error.is_late:
                self._missed("segments", "snapshot", asked_at)
            raise
        self._hearing["segments"].answered()
        return entries

    async def in_progress(self, device: str) -> list[FoundConnection] | None:
        """Return the calls at a device; None when the server does not say. Raises ``SnapshotIncomplete``."""
        looked = await self._look(device, self.requests.snapshot_device(device))
        try:
            found = read_device_snapshot(looked.entries) if looked is not None else None
            return None if found is None else [await self._completed(device, one) for one in found if one.call]
        except CstaMessageError as error:
            raise SnapshotIncomplete(f"it could not be read: {error}") from error

    async def _completed(self, device: str, found: FoundConnection) -> FoundConnection:
        """Add what the server says of the call."""
        asked = self.requests.snapshot_call(found.call, found.raw)
        looked = await self._look(device, asked) if found.raw else None
        if looked is not None:
            call = read_call_snapshot(looked.answer, looked.entries)
            state = found.state or call.state_of(found.raw)
            found = replace(found, state=state, fields={**found.fields, **call.fields})
        if not found.state:
            raise SnapshotIncomplete("the state of a call is not said")
        return found
