"""Play worlds as the messages of a CSTA server: through the product's session and decoder, then through its core."""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from msgspec.structs import replace

from cti.events import AnyEvent
from cti.sources.csta_xml import CstaSession
from cti.sources.port import SourceConfig, Stamp
from devtools.worlds.judge.player import Leg, Observed
from devtools.worlds.judge.scenario import Event, Scenario
from devtools.worlds.judge.world import World
from devtools.worlds.players.core import CorePlayer
from devtools.worlds.players.recorder import seconds_of
from devtools.worlds.players.simulated_loop import SimulatedLoop
from devtools.worlds.players.wire_link import BEFORE, WireOutlet, events_in, read
from devtools.worlds.wires.csta_events import CstaEvents
from devtools.worlds.wires.csta_server import CstaServer
from devtools.worlds.wires.csta_worlds import QUEUE_DEVICES, csta_world
from devtools.worlds.wires.habits import chosen_habits
from devtools.worlds.wires.line import OrderedLine

#: The client connects again this long before its snapshot is answered, in seconds.
AGAIN = 0.3
#: The client asks again this long after a monitor has ended, in seconds.
RETRY = 0.05


class CstaLinkEnd(asyncio.Protocol):
    """The server's end of one connection."""

    def __init__(self, pbx: "CstaPbx") -> None:
        self._pbx = pbx

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection."""
        assert isinstance(transport, asyncio.Transport)
        self._pbx.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer requests; those about what is in progress when the world's snapshot is due."""
        pbx = self._pbx
        for invoke, request in pbx.server.requests(data):
            if pbx.server.asks_status(request):
                pbx.write_in_order(pbx.server.answer(invoke, request))
            elif pbx.is_ready or not pbx.server.waits(request):
                pbx.write(pbx.server.answer(invoke, request))
            else:
                pbx.held.append((invoke, request))


class CstaPbx:
    """A CSTA server in memory, which says what a scenario says; see `Pbx`."""

    is_timeless = True

    def __init__(self, scenario: Scenario) -> None:
        events, gap = scenario.events, next((x for x in scenario.events if x.type == "link.Lost"), None)
        habits = chosen_habits(scenario.title)
        ended = next((x for x in events if x.type == "snapshot.Ended"), None)
        if ended is not None:
            habits = replace(habits, agents=bool(ended.data.get("agentsTold")))
        self.server = CstaServer(CstaEvents(habits, scenario.site.devices, QUEUE_DEVICES))
        self._line = OrderedLine(events)
        self.events, self._devices = events, len(scenario.site.devices) + len(QUEUE_DEVICES)
        self.transport: asyncio.Transport | None = None
        self.held: list[tuple[int, bytes]] = []
        self.is_ready = True
        self.lost: tuple[float, float] | None = None
        if gap is not None and ended is not None and not gap.data.get("devices"):
            self.lost = (gap.heard, max(gap.heard + 0.01, ended.heard - AGAIN))

    def connected(self) -> CstaLinkEnd:
        """Take a connection of the client."""
        self.server.begin_link()
        return CstaLinkEnd(self)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if data and self.transport is not None:
            self.transport.write(data)

    def write_in_order(self, data: bytes) -> None:
        """Send bytes behind what the line still holds back."""
        if self.transport is not None:
            self._line.send(self.transport, data)

    @property
    def is_followed(self) -> bool:
        """Say whether every device is monitored."""
        return len(self.server.monitored) == self._devices

    def begin(self, zero: datetime) -> None:
        """Do nothing: CSTA has no time of its own."""

    def say(self, event: Event) -> None:
        """Say an event now."""
        self.write(self.server.say(event))

    async def play(self) -> None:
        """Say each event at its time."""
        loop, shown = asyncio.get_running_loop(), list[Event]()
        for event in self.events:
            await asyncio.sleep(max(0.0, event.heard - loop.time()))
            if event.type == "link.Lost" and event.data.get("devices"):
                self._stop_monitors(event.data["devices"])
            elif event.type == "link.Lost":
                self._lose()
            elif event.type == "snapshot.Ended":
                self._show(shown, is_told=bool(event.data.get("agentsTold")))
            elif "gap-" in event.id:
                shown.append(event)
            else:
                self.say(event)
        await asyncio.sleep(1.0)
        self._lose()

    def _stop_monitors(self, devices: Sequence[str]) -> None:
        """End the monitors of devices; they are granted again when the world's snapshot is due."""
        self.is_ready = False
        for device in devices:
            self.write(self.server.stop_monitor(device))

    def _lose(self) -> None:
        self.is_ready = False
        if self.transport is not None:
            self.transport.close()

    def _show(self, rows: Sequence[Event], *, is_told: bool) -> None:
        agents = [x for x in rows if x.type == "LoggedOn"] if is_told else None
        self.server.show([x for x in rows if x.type == "Established"], agents)
        self.is_ready = True
        for invoke, request in self.held:
            self.write(self.server.answer(invoke, request))
        self.held.clear()


def read_scenario(scenario: Scenario, make: Callable[[Scenario], CstaPbx] = CstaPbx) -> WireOutlet:
    """Return what the product makes of the messages of a scenario."""
    queues = {number: name for name, number in QUEUE_DEVICES.items()}
    config = SourceConfig(
        slug="worlds",
        kind="csta_xml",
        host="pbx",
        devices=scenario.site.devices,
        queues=queues,
        options={"parallel": 64, "heartbeat_seconds": 900.0, "retry_seconds": RETRY},
    )

    def new_session(stamp: Stamp, now: Callable[[], datetime]) -> CstaSession:
        return CstaSession(config, stamp, now)

    first = min((x.at for x in scenario.events), default=0.0)
    return read(make(scenario), new_session, SimulatedLoop(first - BEFORE))


class CstaCorePlayer(CorePlayer):
    """Play scenarios as CSTA messages through the core."""

    has_source_times = False

    def world_of(self, seed: int, kinds: Iterable[str]) -> World:
        """Make the world of a seed as CSTA can say it."""
        return csta_world(seed, kinds)

    def events_of(self, scenario: Scenario) -> list[AnyEvent]:
        """Return what the product decodes. Raises ``AssertionError`` where it refuses a message."""
        outlet = read_scenario(scenario)
        assert not outlet.quarantined, outlet.quarantined[0]
        return events_in(outlet)

    def sizes(self, scenario: Scenario, partition: Sequence[int], events: Sequence[AnyEvent]) -> list[int]:
        """Return batches that end when the given ones do: a message may be no event, or several."""
        return batches_until(scenario, partition, events)

    def play(self, scenario: Scenario, partition: Sequence[int] | None) -> Observed:
        """Play a scenario; its legs then have the source's times, which CSTA does not say."""
        observed = super().play(scenario, partition)
        times = SourceTimes(scenario, self.read(scenario))
        return replace(observed, legs=tuple(times.leg(x) for x in observed.legs))


def batches_until(scenario: Scenario, partition: Sequence[int], events: Sequence[AnyEvent]) -> list[int]:
    """Return the sizes of batches of decoded events that end where the batches of the scenario's events end."""
    heard, ends, at = [seconds_of(x.at) for x in events], [0], 0
    for size in partition:
        at += size
        last = scenario.events[at - 1].heard if size else -1e12
        ends.append(max(ends[-1], bisect_left(heard, last + 0.011)))
    ends[-1] = len(events)
    return [b - a for a, b in pairwise(ends)]


class SourceTimes:
    """Find the source's time of what came at a moment; where several messages came, legs last from first to last."""

    def __init__(self, scenario: Scenario, events: Sequence[AnyEvent]) -> None:
        self._reads = sorted({seconds_of(x.at) for x in events})
        self._first: dict[float, float] = {}
        self._last: dict[float, float] = {}
        for one in scenario.events:
            at = bisect_left(self._reads, one.heard - 0.0006)
            if at < len(self._reads):
                read = self._reads[at]
                self._first[read] = min(self._first.get(read, one.at), one.at)
                self._last[read] = max(self._last.get(read, one.at), one.at)

    def leg(self, leg: Leg) -> Leg:
        """Return a leg with the source's times."""
        end = None if leg.end is None else self._last.get(leg.end, leg.end)
        return replace(leg, start=min(leg.start, self._first.get(leg.start, leg.start)), end=end)
