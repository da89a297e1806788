"""What the parts that follow one link share."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cti.events import LinkData, LinkLost, LinkRestored
from cti.sources.csta_xml.decoding import Decoder
from cti.sources.csta_xml.devices import read_device
from cti.sources.csta_xml.link import CstaLink
from cti.sources.csta_xml.options import CstaOptions
from cti.sources.csta_xml.outlet_lock import OrderedOutlet
from cti.sources.csta_xml.requests import Requests
from cti.sources.csta_xml.status_requests import StatusRequests
from cti.sources.port import SourceConfig, Stamp


@dataclass(frozen=True)
class LinkContext:
    """One link to a server. ``monitored``: the devices whose monitors the server granted and has not ended."""

    config: SourceConfig
    options: CstaOptions
    stamp: Stamp
    now: Callable[[], datetime]
    link: CstaLink
    decoder: Decoder
    outlet: OrderedOutlet
    tasks: asyncio.TaskGroup
    status: StatusRequests
    monitored: set[str] = field(default_factory=set)

    @property
    def requests(self) -> Requests:
        """Return what writes requests in the server's edition."""
        return self.status.requests

    @property
    def devices(self) -> tuple[str, ...]:
        """Return the devices to monitor: extensions, then queues."""
        return tuple(dict.fromkeys((*self.config.devices, *self.config.queues)))

    def has_agents(self, device: str) -> bool:
        """Say whether the server is to be asked for the agents at a device."""
        return self.options.agents and device not in self.config.queues

    async def report_loss(self, devices: Iterable[str], reason: str, since: datetime) -> None:
        """Record a gap for some devices: their events may be missed although the link is up."""
        numbers = numbers_of(devices)
        if not numbers:
            return
        subject = f"{numbers[0]}: " if len(numbers) == 1 else f"{len(numbers)} devices: "
        data = LinkData(reason=(subject + reason)[:255], devices=numbers)
        async with self.outlet as outlet:
            await outlet.accept([self.stamp.link(LinkLost, data, received=since)])

    async def report_recovery(self, devices: Iterable[str]) -> None:
        """End the gap of some devices, also where no snapshot could say what is in progress."""
        async with self.outlet as outlet:
            data = LinkData(devices=numbers_of(devices))
            await outlet.accept([self.stamp.link(LinkRestored, data, received=self.now())])


def numbers_of(devices: Iterable[str]) -> tuple[str, ...]:
    """Return the numbers of devices as the site writes them, sorted by the latter."""
    return tuple(read_device(device).number for device in sorted(devices))
