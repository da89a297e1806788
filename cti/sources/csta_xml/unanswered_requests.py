"""Ask again later for what a server does not answer, and show meanwhile what is not known."""

import asyncio
from datetime import timedelta

import structlog

from cti.sources.csta_xml.device_snapshots import DeviceSnapshots
from cti.sources.csta_xml.link_context import LinkContext
from cti.sources.csta_xml.logged_on_agents import LoggedOnAgents
from cti.sources.port import MonitorRefusal

log = structlog.get_logger()

#: What the page of a source says of a server that does not answer these requests, while all else goes on.
UNANSWERED = {
    "snapshot": "The server does not say what is in progress (three snapshots in a row were not answered): "
    "open calls of the devices that were not asked for stay as they are",
    "agents": "The server does not say who is logged on (three GetAgentState in a row were not answered): "
    "who is logged on at the devices that were not asked for is known from the next event only",
}


class UnansweredRequests:
    """The services that one link's server does not answer, each asked again with growing intervals."""

    def __init__(self, context: LinkContext, snapshots: DeviceSnapshots, agents: LoggedOnAgents) -> None:
        self._context, self._snapshots, self._agents = context, snapshots, agents
        self._retried: set[str] = set()

    def begin(self, service: str) -> None:
        """Leave the other devices out for now, and ask again later."""
        if service not in self._retried:
            self._retried.add(service)
            self._context.tasks.create_task(self._retry(service))

    async def _retry(self, service: str) -> None:
        options, status, slug = self._context.options, self._context.status, self._context.config.slug
        interval = options.retry_seconds
        log.warning("csta_service_unanswered", source=slug, service=service)
        while True:
            async with self._context.outlet as outlet:
                again_at = self._context.now() + timedelta(seconds=interval)
                await outlet.lacks(MonitorRefusal(UNANSWERED[service], again_at))
            await asyncio.sleep(interval)
            interval = min(interval * 2, options.retry_limit_seconds)
            devices = tuple(sorted(status.unanswered[service] & self._context.monitored))
            status.unanswered[service].clear()
            await self._request(service, devices)
            if not status.unanswered[service]:
                break
        self._retried.discard(service)
        log.info("csta_service_answered", source=slug, service=service)

    async def _request(self, service: str, devices: tuple[str, ...]) -> None:
        if service == "snapshot" and devices:
            await self._snapshots.take(devices, reason="the server did not answer for a while")
        elif service == "agents":
            self._context.status.reset(service)
            await asyncio.gather(*(self._agents.report(device) for device in devices))
