"""Play worlds as the Manager Interface of an Asterisk: through the product's session and decoder, then its core."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from random import Random
from typing import Any
from zlib import crc32

from cti.events import AnyEvent
from cti.sources.asterisk_ami.session import AmiSession
from cti.sources.port import SourceConfig, Stamp
from devtools.worlds.judge.emit import LATENCY
from devtools.worlds.judge.scenario import Event, Scenario
from devtools.worlds.judge.world import World
from devtools.worlds.players.core import CorePlayer
from devtools.worlds.players.csta import batches_until
from devtools.worlds.players.recorder import BEGIN
from devtools.worlds.players.simulated_loop import SimulatedLoop
from devtools.worlds.players.wire_link import BEFORE, WireOutlet, events_in, read
from devtools.worlds.wires.ami_calls import AmiCalls
from devtools.worlds.wires.ami_lists import ACTIONS, AmiLists
from devtools.worlds.wires.ami_worlds import ami_world
from devtools.worlds.wires.line import OrderedLine


def _simulated() -> float:
    return BEGIN.timestamp() + asyncio.get_running_loop().time()


#: The client connects again this long before the link is reported as restored, in seconds.
AGAIN = 0.005


class AmiLinkEnd(asyncio.Protocol):
    """Asterisk's end of one connection."""

    def __init__(self, pbx: "AmiPbx") -> None:
        self._pbx, self._buffer = pbx, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection and say who listens."""
        assert isinstance(transport, asyncio.Transport)
        self._pbx.transport = transport
        transport.write(b"Asterisk Call Manager/11.0.0\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer actions; those that list what is in progress when the world's snapshot is due."""
        *whole, self._buffer = (self._buffer + data).split(b"\r\n\r\n")
        for action in whole:
            fields = dict(line.split(": ", 1) for line in action.decode().splitlines() if ": " in line)
            if fields["Action"] == "Ping":
                self._pbx.pong(fields)
            elif self._pbx.is_ready or fields["Action"] not in ACTIONS:
                self._pbx.write(self._pbx.answer(fields))
            else:
                self._pbx.held.append(fields)


class AmiPbx:
    """An Asterisk in memory, which says what a scenario says; see `Pbx`."""

    is_timeless = False

    def __init__(self, scenario: Scenario, now: Callable[[], float] | None = None) -> None:
        self.events, self.calls, self.is_followed = scenario.events, AmiCalls(BEGIN.timestamp()), False
        self.lists, self._line = AmiLists(self.calls), OrderedLine(scenario.events)
        self.now = now or _simulated
        self.transport: asyncio.Transport | None = None
        self.held: list[dict[str, str]] = []
        self.is_ready = True
        self.lost: tuple[float, float] | None = None
        self._ended: Event | None = None
        self._prepare(scenario, {x.type: x for x in scenario.events if "gap-" in x.id})

    def _prepare(self, scenario: Scenario, gap: dict[str, Event]) -> None:
        if not gap:
            return
        begin, restored = gap["link.Lost"].heard, gap["link.Restored"].heard
        self.lost, self._ended = (begin, max(begin + 0.001, restored - AGAIN)), gap["snapshot.Ended"]
        self.lists.has_members = bool(self._ended.data.get("agentsTold"))
        self.lists.names_bridges = Random(crc32(scenario.title.encode())).random() < 0.7

    def connected(self) -> AmiLinkEnd:
        """Take a connection of the client."""
        return AmiLinkEnd(self)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if data and self.transport is not None:
            self.transport.write(data)

    def pong(self, fields: dict[str, str]) -> None:
        """Answer a ping, behind what the line still holds back."""
        if self.transport is not None:
            self._line.send(self.transport, self.answer(fields))

    def answer(self, fields: dict[str, str]) -> bytes:
        """Return the answer to an action."""
        action, number = fields["Action"], fields["ActionID"]
        head = f"Response: Success\r\nActionID: {number}\r\n"
        if action == "Login":
            booted = "Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n"
            return f"{head}Message: Authentication accepted\r\n\r\n{booted}".encode()
        if action == "Ping":
            return f"{head}Ping: Pong\r\nTimestamp: {self.now():.6f}\r\n\r\n".encode()
        if action in ACTIONS:
            self.is_followed = True
            return self.lists.answer(action, number, fields.get("BridgeUniqueid", ""))
        return f"Response: Error\r\nActionID: {number}\r\nMessage: Invalid/unknown command\r\n\r\n".encode()

    def begin(self, zero: datetime) -> None:
        """Set second 0 of the scenario."""
        self.calls.begin(zero.timestamp())

    def say(self, event: Event) -> None:
        """Say an event now."""
        self.write(self.calls.say(event))

    async def play(self) -> None:
        """Say each event at its time; what is acted on after the lists is said before they are answered."""
        loop = asyncio.get_running_loop()
        for moment, event in sorted(((self._said_at(x), x) for x in self.events), key=lambda x: x[0]):
            await asyncio.sleep(max(0.0, moment - loop.time()))
            if "gap-" in event.id:
                self._turn(event)
            else:
                self.say(event)
        await asyncio.sleep(5.0)
        if self.transport is not None:
            self.transport.close()

    def _said_at(self, event: Event) -> float:
        """Return when an event is said: it may be heard later, with those that come before the lists."""
        ended = self._ended
        is_early = ended is not None and ended.at < event.at and event.heard >= ended.heard
        return min(event.heard, event.at + LATENCY) if is_early and "gap-" not in event.id else event.heard

    def _turn(self, event: Event) -> None:
        """Lose the link, go on without it, or answer what is in progress."""
        if event.type == "link.Lost" and self.transport is not None:
            self.is_ready = False
            self.transport.close()
        elif event.type == "link.Restored":
            self._go_on(event.data.get("missed", ()), event.data.get("restart"))
        elif event.type == "snapshot.Ended":
            self.is_ready = True
            for fields in self.held:
                self.write(self.answer(fields))
            self.held.clear()

    def _go_on(self, missed: Iterable[dict[str, Any]], restart: float | None) -> None:
        for one in missed:
            if restart is not None and one["at"] > restart:
                self.calls.restart()
                restart = None
            self.calls.say(Event(one["at"], one["type"], one["data"], one["at"], ""))
        if restart is not None:
            self.calls.restart()


def read_scenario(scenario: Scenario, make: Callable[[Scenario], AmiPbx] = AmiPbx) -> WireOutlet:
    """Return what the product makes of the events of a scenario's Asterisk."""
    options = {"phone_users": False, "ping_seconds": 900.0}
    config = SourceConfig(
        slug="worlds",
        kind="asterisk_ami",
        host="pbx",
        username="gateway",
        devices=scenario.site.devices,
        options=options,
    )

    def new_session(stamp: Stamp, now: Callable[[], datetime]) -> AmiSession:
        return AmiSession(config, stamp, now)

    first = min((x.at for x in scenario.events), default=0.0)
    return read(make(scenario), new_session, SimulatedLoop(first - BEFORE))


class AmiCorePlayer(CorePlayer):
    """Play scenarios as an Asterisk through the core."""

    has_source_times = False

    def world_of(self, seed: int, kinds: Iterable[str]) -> World:
        """Make the world of a seed as Asterisk can say it."""
        return ami_world(seed, kinds)

    def events_of(self, scenario: Scenario) -> list[AnyEvent]:
        """Return what the product decodes. Raises ``AssertionError`` where it refuses a message."""
        outlet = read_scenario(scenario)
        assert not outlet.quarantined, outlet.quarantined[0]
        return events_in(outlet)

    def sizes(self, scenario: Scenario, partition: Sequence[int], events: Sequence[AnyEvent]) -> list[int]:
        """Return batches that end when the given ones do: an event of the world is many of Asterisk's."""
        return batches_until(scenario, partition, events)
