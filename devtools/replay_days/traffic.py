"""A day of the demo's PBX without a network: what its switch sends, decoded as the listener decodes it, and its taps.

The simulated PBX serves its one client over a line in memory, at the day's own times; plan and seed decide the day.
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from cti.events import Event
from cti.sources.csta_xml.framing import framed
from cti.sources.csta_xml.options import CstaOptions
from cti.sources.csta_xml.requests import Requests, namespace_of
from cti.sources.csta_xml.trace import CstaTrace
from cti.sources.port import SourceConfig, Stamp
from simulators.pbx.client_session import ClientSession
from simulators.pbx.plan import Plan
from simulators.pbx.reports import TapReport
from simulators.pbx.scenarios import day
from simulators.pbx.switch import Switch
from simulators.pbx.world import World

#: Time from the switch's event until the listener has it.
ON_THE_WAY = timedelta(milliseconds=2)
#: Maximum number of turns of the loop in which the client's monitors are started.
MAXIMUM_TURNS = 10_000
#: Directions of the line.
CLIENT, SWITCH = 0, 1


class Tapped(msgspec.Struct, frozen=True):
    """A conversation that begins or ends, as the network shows it to QMS."""

    at: datetime
    report: TapReport


class DemoTraffic(msgspec.Struct, frozen=True):
    """A day: the events as the listener appends them, and what QMS's tap sees."""

    events: Sequence[Event]
    taps: Sequence[Tapped]


class _Line:
    """The client's side of a line in memory: what the switch writes is kept with the moment of the day."""

    def __init__(self, trace: CstaTrace, begin: datetime) -> None:
        self.trace, self.at = trace, begin
        self.transport = self

    def write(self, data: bytes) -> None:
        self.trace.feed(SWITCH, data, self.at)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """Have nothing to close."""


def demo_traffic(config: SourceConfig, plan: Plan, seed: int, begin: datetime, length: timedelta) -> DemoTraffic:
    """Return the traffic of a world that takes calls from ``begin`` for ``length``, until the last one has ended."""
    trace = CstaTrace(config, Stamp(config.slug, f"demo-{seed}"))
    world = day(plan, seed)
    taps = asyncio.run(_played(world, config, trace, begin, length))
    found = trace.end()
    assert not found.quarantined, found.quarantined[:1]
    return DemoTraffic(found.events, taps)


async def _played(
    world: World, config: SourceConfig, trace: CstaTrace, begin: datetime, length: timedelta
) -> list[Tapped]:
    switch, reader, line = Switch(world), asyncio.StreamReader(), _Line(trace, begin)
    session = ClientSession(switch, reader, line)  # type: ignore[arg-type]  # the part of a writer that it uses
    switch.joined(session)
    serving = asyncio.create_task(session.serve())
    devices = [*config.devices, *config.queues]
    for data in _requests(devices):
        trace.feed(CLIENT, data, begin)
        reader.feed_data(data)
    for _ in range(MAXIMUM_TURNS):
        if switch.monitors_started == len(devices):
            break
        await asyncio.sleep(0)
    assert switch.monitors_started == len(devices), "the switch did not start every monitor"
    taps = list(_passed(world, switch, line, begin, length))
    reader.feed_eof()
    await serving
    return taps


def _requests(devices: Sequence[str]) -> Iterator[bytes]:
    """Yield what a client asks for: a monitor of each device."""
    requests = Requests(namespace_of("ed3"), CstaOptions())
    for number, device in enumerate(devices, 1):
        yield framed(number, requests.monitor_start(device))


def _passed(world: World, switch: Switch, line: _Line, begin: datetime, length: timedelta) -> Iterator[Tapped]:
    """Let the day pass; no new call comes after ``length``."""
    while (next_at := world.next_at) is not None:
        if next_at > length.total_seconds():
            world.close()
        for report in world.run(next_at):
            at = begin + timedelta(seconds=report.at)
            line.at = at + ON_THE_WAY
            switch.publish(report)
            switch.flush()
            yield from (Tapped(at, one) for one in report.taps)
