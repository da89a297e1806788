"""Worlds side by side at the running gateway, as a PBX says them: the product's listener connects to it over TCP."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec.structs import replace

from devtools.servers import wait_until
from devtools.worlds.judge.http import Gateway
from devtools.worlds.judge.player import Leg, Observed
from devtools.worlds.judge.scenario import Event, Scenario
from devtools.worlds.players.live import MAXIMUM_EVENTS, TICK_SECONDS, LivePlayer, Taps

#: How long the listener may take to connect and to set its monitors, in seconds.
CONNECT_SECONDS = 120.0
#: The events with which a leg begins.
BEGINNINGS = ("Established", "Transferred", "Conferenced")


class LivePbx(Protocol):
    """A PBX that waits for the product's listener."""

    #: It does not say when something happened.
    is_timeless: bool

    @property
    def is_followed(self) -> bool:
        """Say whether the listener has asked for all that it wants to hear."""
        ...

    def connected(self) -> asyncio.Protocol:
        """Return the PBX's end of a new connection."""

    def begin(self, zero: datetime) -> None:
        """Set second 0 of the scenario."""

    def say(self, event: Event) -> None:
        """Say an event now."""


class LiveLine:
    """Let a PBX listen on a port, in a thread of its own."""

    def __init__(self, pbx: LivePbx, port: int) -> None:
        self.pbx, self._port = pbx, port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        listening = self._loop.create_server(self.pbx.connected, "127.0.0.1", self._port)
        asyncio.run_coroutine_threadsafe(listening, self._loop).result(CONNECT_SECONDS)

    def await_listener(self) -> None:
        """Wait until the listener follows the PBX."""
        wait_until(lambda: self.pbx.is_followed, "the listener", CONNECT_SECONDS)

    def say(self, events: Sequence[Event]) -> None:
        """Say events in their order; return when they are on their way."""
        asyncio.run_coroutine_threadsafe(self._say(events), self._loop).result(CONNECT_SECONDS)

    async def _say(self, events: Sequence[Event]) -> None:
        for event in events:
            self.pbx.say(event)

    def stop(self) -> None:
        """End the connections with the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CONNECT_SECONDS)


class WirePlayer(LivePlayer):
    """Play a scenario over a line to the gateway's listener, and note when each event was said."""

    def __init__(self, gateway: Gateway, taps: Taps, patience: float, line: LiveLine) -> None:
        super().__init__(gateway, taps, patience)
        self.line = line

    def post_all(self, events: Sequence[Event], partition: Sequence[int] | None, zero: datetime, run: str) -> None:
        """Say events as they fall due."""
        del partition, run
        self.zero, at = zero, 0
        self.line.pbx.begin(zero)
        while at < len(events):
            now = (self.clock() - zero).total_seconds()
            due = [one for one in events[at : at + MAXIMUM_EVENTS] if one.heard <= now]
            if due:
                self.line.say(due)
                said = (self.clock() - zero).total_seconds()
                for one in due:
                    self.accepted.setdefault(one.id, said)
                at += len(due)
            self.sleep(TICK_SECONDS)

    def play(self, scenario: Scenario, partition: Sequence[int] | None) -> Observed:
        """Play a scenario; the legs of a source without times begin when the world says, not when it was heard of."""
        observed = super().play(scenario, partition)
        if not self.line.pbx.is_timeless:
            return observed
        return replace(observed, legs=tuple(begun(leg, scenario.events) for leg in observed.legs))


def begun(leg: Leg, events: Sequence[Event]) -> Leg:
    """Return a leg that begins at the source's time of what was said last of its call before it began."""
    told = [x for x in events if x.type in BEGINNINGS and leg.call in _calls(x) and x.heard <= leg.start + 0.001]
    last = max(told, key=lambda x: x.heard, default=None)
    return leg if last is None else replace(leg, start=min(leg.start, last.at))


def _calls(event: Event) -> tuple[object, object]:
    return event.data.get("callId"), event.data.get("resultingCallId")
