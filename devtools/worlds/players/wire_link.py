"""Run the product's session of a source against a PBX in memory, and hand back the events that it makes of the bytes.

The session is the product's own: it connects, logs in, sets monitors, takes snapshots and decodes. What the listener
adds, that a link was lost and is there again, is added here.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from cti.events import AnyEvent, Event, LinkLost, LinkRestored
from cti.sources.port import DeviceClass, LinkError, MonitorRefusal, Quarantined, Session, Stamp
from devtools.worlds.players.recorder import moment
from devtools.worlds.players.simulated_loop import SimulatedLoop

NewSession = Callable[[Stamp, Callable[[], datetime]], Session]
#: From the first connection to the first event, in seconds.
BEFORE = 5.0


def be_quiet() -> None:
    """Let the product's sessions log nothing: thousands of links are made in a minute."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))


class Pbx(Protocol):
    """A PBX in memory, which plays a scenario: a protocol for each connection, and a script."""

    #: When the link is lost, and when the client can connect again; in seconds of the scenario.
    lost: tuple[float, float] | None

    def connected(self) -> asyncio.Protocol:
        """Return the PBX's end of a new connection."""

    async def play(self) -> None:
        """Say all that is to be said, each at its time, and close the connection at the end."""


class WireOutlet:
    """Take what a session makes, as the listener does."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self.events: list[Event] = []
        self.quarantined: list[Quarantined] = []
        self.stamp = Stamp("worlds", "0")
        self.is_lost = False

    def now(self) -> datetime:
        """Return the simulated time."""
        return moment(self._loop.now)

    def lost(self) -> None:
        """Note that the link was lost."""
        self.is_lost = True
        self.events.append(self.stamp.link(LinkLost, received=self.now()))

    async def linked(self) -> None:
        """Note that the link is there again."""
        if self.is_lost:
            self.is_lost = False
            self.events.append(self.stamp.link(LinkRestored, received=self.now()))

    async def accept(self, events: Sequence[Event]) -> None:
        """Keep events."""
        self.events += events

    async def pace(self, size: int) -> None:
        """Hold nothing up."""

    async def quarantine(self, message: Quarantined) -> None:
        """Keep a message that could not be read."""
        self.quarantined.append(message)

    async def refused(self, device: str, refusal: MonitorRefusal | None) -> None:
        """Do nothing with a refusal."""

    async def devices(self, seen: Sequence[DeviceClass]) -> None:
        """Do nothing with the devices that were seen."""

    async def lacks(self, lack: MonitorRefusal) -> None:
        """Do nothing with a lack."""


def read(pbx: Pbx, new_session: NewSession, loop: SimulatedLoop) -> WireOutlet:
    """Let a session follow a PBX to the end of its script."""
    outlet = WireOutlet(loop)
    loop.listening = pbx.connected
    try:
        loop.run_until_complete(_follow(pbx, new_session, outlet))
    finally:
        loop.close()
    return outlet


async def _follow(pbx: Pbx, new_session: NewSession, outlet: WireOutlet) -> None:
    loop = asyncio.get_running_loop()
    playing = loop.create_task(pbx.play())
    await _run(new_session(Stamp("worlds", "1"), outlet.now), outlet)
    if pbx.lost is not None and not playing.done():
        outlet.lost()
        await asyncio.sleep(pbx.lost[1] - loop.time())
        await _run(new_session(Stamp("worlds", "2"), outlet.now), outlet)
    await playing


async def _run(session: Session, outlet: WireOutlet) -> None:
    try:
        await session.run(outlet)
    except LinkError as error:
        if not error.retryable:
            raise


def events_in(outlet: WireOutlet) -> list[AnyEvent]:
    """Return the events that were made, each under an id of its own."""
    return list(outlet.events)  # type: ignore[arg-type]
