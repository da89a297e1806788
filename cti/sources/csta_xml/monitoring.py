"""Monitor every device of the site, and ask again where the server refuses."""

import asyncio
import contextlib
from datetime import timedelta

import structlog

from cti.events import AgentEvent, Event
from cti.sources.csta_xml.device_snapshots import DeviceSnapshots
from cti.sources.csta_xml.devices import read_device
from cti.sources.csta_xml.link import RequestDenied, RequestTimedOut
from cti.sources.csta_xml.link_context import LinkContext
from cti.sources.csta_xml.logged_on_agents import LoggedOnAgents
from cti.sources.csta_xml.parsing import XmlElement, children, text_of
from cti.sources.csta_xml.resynchronisation import Resynchronisation
from cti.sources.csta_xml.snapshot import FoundConnection
from cti.sources.csta_xml.unanswered_requests import UnansweredRequests
from cti.sources.port import MonitorRefusal

log = structlog.get_logger()


class Monitoring:
    """The monitors of one link, each followed by its device's snapshot."""

    def __init__(self, context: LinkContext) -> None:
        self._context = context
        self._agents = LoggedOnAgents(context)
        self._snapshots = DeviceSnapshots(context, self._agents)
        self.resynchronisation = Resynchronisation(context, self._snapshots)
        context.status.on_unanswered = UnansweredRequests(context, self._snapshots, self._agents).begin
        self._grants: dict[str, asyncio.Event] = {}
        self._refusals: dict[str, str] = {}

    def watch(self, events: list[Event]) -> None:
        """Note live events: they win over what the server answers about the same moment."""
        for event in events:
            self._snapshots.watch(event)
            if isinstance(event, AgentEvent):
                self._agents.watch(event)

    async def begin(self) -> None:
        """Start all monitors; report what is in progress when every device has answered."""
        if not self._context.devices:
            return
        began = self._context.now()
        await self._snapshots.take(self._context.devices, self._monitored_connections)
        refusals, self._refusals = self._refusals, {}
        if refusals:
            await self._context.report_loss(refusals, f"not monitored: {next(iter(refusals.values()))}", began)
        for device, reason in refusals.items():
            self._context.tasks.create_task(self._retry(device, reason))

    def stopped(self, monitor: str) -> None:
        """Start a monitor again that the server has ended."""
        number = self._context.decoder.monitors.pop(monitor, None)
        device = next((one for one in self._context.devices if read_device(one).number == number), None)
        if device is not None:
            self._context.monitored.discard(device)
            self._context.tasks.create_task(self._restart(device))

    async def _restart(self, device: str) -> None:
        """Report that a device is no longer monitored, and ask again until it is."""
        reason = "the server ended the monitor"
        await self._context.report_loss((device,), reason, self._context.now())
        await self._retry(device, reason)

    async def _monitored_connections(self, device: str) -> list[FoundConnection] | None:
        """Monitor a device and return what is in progress there; None when that cannot be known."""
        reason = await self._start(device)
        if reason is not None:
            self._refusals[device] = reason
            return None
        return await self._snapshots.connections(device)

    async def _retry(self, device: str, reason: str) -> None:
        """Ask for a monitor with growing intervals until the server grants it."""
        options = self._context.options
        interval, logged = options.retry_seconds, ""
        while True:
            if reason != logged:
                log.info("monitor_refused", source=self._context.config.slug, device=device)
            again_at = self._context.now() + timedelta(seconds=interval)
            await self._report_refusal(device, MonitorRefusal(reason, again_at))
            await self._wait_for_grant(device, interval)
            logged, answer = reason, await self._start(device)
            if answer is None:
                break
            reason, interval = answer, min(interval * 2, options.retry_limit_seconds)
        await self._report_refusal(device, None)
        await self._snapshots.take((device,))
        await self._context.report_recovery((device,))

    async def _report_refusal(self, device: str, refusal: MonitorRefusal | None) -> None:
        async with self._context.outlet as outlet:
            await outlet.refused(device, refusal)

    async def _start(self, device: str) -> str | None:
        """Start a monitor; return why not, or None."""
        if device in self._context.monitored:
            return None

        def on_grant(root: XmlElement) -> None:
            self._granted(device, root)

        try:
            async with self._context.status.slots:
                await self._context.link.ask(self._context.requests.monitor_start(device), on_grant, late=on_grant)
        except (RequestDenied, RequestTimedOut) as error:
            # What was granted late may be why this was refused.
            return None if device in self._context.monitored else str(error)
        self._context.monitored.add(device)
        return None

    def _granted(self, device: str, root: XmlElement) -> None:
        """Use a monitor, also one that was granted late; of two for one device, end the second."""
        fields = children(root)
        monitor = text_of(fields.get("monitorCrossRefID", fields.get("crossRefIdentifier")))
        monitors = self._context.decoder.monitors
        if device in self._context.monitored and monitor and monitor not in monitors:
            log.info("monitor_surplus", source=self._context.config.slug, device=device)
            self._context.tasks.create_task(self._end(monitor))
            return
        if monitor:
            monitors[monitor] = read_device(device).number
        self._context.monitored.add(device)
        self._grants.pop(device, asyncio.Event()).set()

    async def _end(self, monitor: str) -> None:
        try:
            async with self._context.status.slots:
                await self._context.link.ask(self._context.requests.monitor_stop(monitor))
        except (RequestDenied, RequestTimedOut) as error:
            log.info("monitor_not_ended", source=self._context.config.slug, reason=str(error))

    async def _wait_for_grant(self, device: str, seconds: float) -> None:
        """Wait for a time, but no longer once a monitor that was given up is granted after all."""
        if device in self._context.monitored:
            return
        granted = self._grants.setdefault(device, asyncio.Event())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await granted.wait()
