"""Worlds side by side at the running gateway, as a PBX says them: the product's listener connects to it over TCP."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from devtools.servers import wait_until
from devtools.worlds.judge.http import Gateway
from devtools.worlds.judge.scenario import Event
from devtools.worlds.players.live import MAXIMUM_EVENTS, TICK_SECONDS, LivePlayer, Taps

#: How long the listener may take to connect and to set its monitors, in seconds.
CONNECT_SECONDS = 120.0


class LivePbx(Protocol):
    """A PBX that waits for the product's listener."""

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
