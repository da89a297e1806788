"""Play worlds as the Manager Interface of an Asterisk: through the product's session and decoder, then its core."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from cti.events import AnyEvent
from cti.sources.asterisk_ami.session import AmiSession
from cti.sources.port import SourceConfig, Stamp
from devtools.worlds.judge.scenario import Event, Scenario
from devtools.worlds.judge.world import World
from devtools.worlds.players.core import CorePlayer
from devtools.worlds.players.csta import batches_until
from devtools.worlds.players.recorder import BEGIN
from devtools.worlds.players.simulated_loop import SimulatedLoop
from devtools.worlds.players.wire_link import BEFORE, WireOutlet, events_in, read
from devtools.worlds.wires.ami_calls import AmiCalls
from devtools.worlds.wires.ami_worlds import ami_world


def _simulated() -> float:
    return BEGIN.timestamp() + asyncio.get_running_loop().time()


LISTS = {"CoreShowChannels", "QueueStatus", "BridgeList", "Agents"}


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
        """Answer actions."""
        *whole, self._buffer = (self._buffer + data).split(b"\r\n\r\n")
        for action in whole:
            fields = dict(line.split(": ", 1) for line in action.decode().splitlines() if ": " in line)
            self._pbx.write(self._pbx.answer(fields["Action"], fields["ActionID"]))


class AmiPbx:
    """An Asterisk in memory, which says what a scenario says; see `Pbx`."""

    lost: tuple[float, float] | None = None

    def __init__(self, scenario: Scenario, now: Callable[[], float] | None = None) -> None:
        self.events, self.calls, self.is_followed = scenario.events, AmiCalls(BEGIN.timestamp()), False
        self.now = now or _simulated
        self.transport: asyncio.Transport | None = None

    def connected(self) -> AmiLinkEnd:
        """Take a connection of the client."""
        return AmiLinkEnd(self)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if data and self.transport is not None:
            self.transport.write(data)

    def answer(self, action: str, number: str) -> bytes:
        """Return the answer to an action."""
        head = f"Response: Success\r\nActionID: {number}\r\n"
        if action == "Login":
            booted = "Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n"
            return f"{head}Message: Authentication accepted\r\n\r\n{booted}".encode()
        if action == "Ping":
            return f"{head}Ping: Pong\r\nTimestamp: {self.now():.6f}\r\n\r\n".encode()
        if action in LISTS:
            self.is_followed = True
            end = f"Event: {action}Complete\r\nActionID: {number}\r\nEventList: Complete\r\nListItems: 0\r\n\r\n"
            return f"{head}EventList: start\r\nMessage: follows\r\n\r\n{end}".encode()
        return f"Response: Error\r\nActionID: {number}\r\nMessage: Invalid/unknown command\r\n\r\n".encode()

    def begin(self, zero: datetime) -> None:
        """Set second 0 of the scenario."""
        self.calls.begin(zero.timestamp())

    def say(self, event: Event) -> None:
        """Say an event now."""
        self.write(self.calls.say(event))

    async def play(self) -> None:
        """Say each event at its time."""
        loop = asyncio.get_running_loop()
        for event in self.events:
            await asyncio.sleep(max(0.0, event.heard - loop.time()))
            self.say(event)
        await asyncio.sleep(5.0)
        if self.transport is not None:
            self.transport.close()


def read_scenario(scenario: Scenario) -> WireOutlet:
    """Return what the product makes of the events of a scenario's Asterisk."""
    options = {"phone_users": False, "ping_seconds": 60.0}
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

    first = min((x.heard for x in scenario.events), default=0.0)
    return read(AmiPbx(scenario), new_session, SimulatedLoop(first - BEFORE))


class AmiCorePlayer(CorePlayer):
    """Play scenarios as an Asterisk through the core."""

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
