"""Take snapshots of devices: what the server answers, corrected by the live events that came since it was asked."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from cti.events import Event, LinkData, SnapshotBegan, SnapshotEnded
from cti.sources.csta_xml.devices import read_device
from cti.sources.csta_xml.link_context import LinkContext
from cti.sources.csta_xml.logged_on_agents import LoggedOnAgents
from cti.sources.csta_xml.segments import SnapshotIncomplete
from cti.sources.csta_xml.snapshot import FoundConnection, LiveStates
from cti.sources.port import Quarantined

log = structlog.get_logger()

#: Learns what is in progress at a device; None where that cannot be known.
DeviceQuery = Callable[[str], Coroutine[Any, Any, list[FoundConnection] | None]]


class DeviceSnapshots:
    """The snapshots of one link; one is taken at a time."""

    def __init__(self, context: LinkContext, agents: LoggedOnAgents) -> None:
        self._context, self._agents = context, agents
        self._lock = asyncio.Lock()
        self._live: LiveStates | None = None
        self._incomplete: set[str] = set()

    def watch(self, event: Event) -> None:
        """Note a live event: it wins over what the server answers about the same moment."""
        if self._live is not None:
            self._live.watch(event)

    async def take(self, devices: tuple[str, ...], query: DeviceQuery | None = None, reason: str = "") -> None:
        """Take a snapshot of devices. With a reason, for the ledger of gaps, only if any of them answers."""
        async with self._lock:
            self._live = LiveStates()
            self._context.status.reset()
            query = query or self.connections
            queries = {device: self._context.tasks.create_task(query(device)) for device in devices}
            await asyncio.wait(queries.values())
            answers = {device: found for device, one in queries.items() if (found := one.result()) is not None}
            async with self._context.outlet as outlet:
                is_reported = self._context.options.snapshot and (not reason or bool(answers))
                events = self._events(answers, self._live, reason) if is_reported else []
                self._live = None
                await outlet.accept(events)

    async def connections(self, device: str) -> list[FoundConnection] | None:
        """Return what is in progress at a monitored device, call by call; None when the server does not say."""
        if self._context.has_agents(device):
            self._agents.start(device)
        if not self._context.options.snapshot:
            return None
        self._context.status.unanswered["snapshot"].discard(device)
        try:
            found = await self._context.status.in_progress(device)
        except SnapshotIncomplete as error:
            await self._report_incomplete(device, error)
            return None
        self._incomplete.discard(device)
        return found

    async def _report_incomplete(self, device: str, error: SnapshotIncomplete) -> None:
        """Show that a device's snapshot cannot be used, and take it again, with growing intervals."""
        log.warning("snapshot_incomplete", source=self._context.config.slug, device=device, reason=str(error))
        text = f"The snapshot of a device is incomplete, its open calls stay as they are: {error}"
        async with self._context.outlet as outlet:
            await outlet.quarantine(Quarantined(b"", "message", text, f"SnapshotDevice {device}"))
        if device not in self._incomplete:
            self._incomplete.add(device)
            self._context.tasks.create_task(self._retry(device))

    async def _retry(self, device: str) -> None:
        interval = self._context.options.retry_seconds
        while device in self._incomplete:
            await asyncio.sleep(interval)
            interval = min(interval * 2, self._context.options.retry_limit_seconds)
            if device in self._context.monitored:
                await self.take((device,), reason=f"the snapshot of {device} was incomplete")

    def _events(self, answers: dict[str, list[FoundConnection]], live: LiveStates, reason: str) -> list[Event]:
        """Make the snapshot's events: what the server answered, corrected by what live events have said since."""
        at, decoder, stamp = self._context.now(), self._context.decoder, self._context.stamp
        numbers = {device: read_device(device).number for device in answers}
        connections = {(one.call, numbers[device]): one for device, found in answers.items() for one in found}
        for call, number in live.alive():
            if number in numbers.values():
                connections.setdefault((call, number), FoundConnection(call=call, raw=number, state=""))
        found = [
            decoder.found(one, number, live.state(call, number, one.state), at)
            for (call, number), one in connections.items()
        ]
        data = LinkData(reason=reason or None, devices=tuple(numbers.values()))
        began = stamp.link(SnapshotBegan, data, received=at)
        return [began, *(one for one in found if one is not None), stamp.link(SnapshotEnded, data, received=at)]
