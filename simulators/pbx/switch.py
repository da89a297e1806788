"""The switch between world and clients: who monitors which device, and which client gets which event."""

from collections.abc import Mapping
from itertools import count
from typing import Protocol

from simulators.pbx.call import SimulatedCall
from simulators.pbx.made_calls import hang_up_test_call, make_test_call
from simulators.pbx.people import QUEUES, TEST_PHONE, SimulatedAgent
from simulators.pbx.reports import SwitchMessage, SwitchReport
from simulators.pbx.switchboard import Switchboard
from simulators.pbx.world import World

NEVER = float("inf")


class ClientLink(Protocol):
    """A client's link."""

    def deliver(self, message: SwitchMessage, references: list[str]) -> None:
        """Send an event at each of the named monitors of the client."""

    def flush(self) -> None:
        """Send what waits."""

    def end(self) -> None:
        """End the link in order."""


class Switch:
    """A world with monitors. Events at which nobody listens are not kept, as on a real switch."""

    def __init__(self, world: World, heartbeat_seconds: float = 30.0) -> None:
        self.heartbeat_seconds = heartbeat_seconds
        self._world = world
        self._queues = {queue.device for queue in QUEUES}
        self._monitors: dict[str, dict[ClientLink, list[str]]] = {}
        self._listened_since: dict[str, float] = {}
        self._sessions = count(1)
        self._listeners: set[ClientLink] = set()
        #: Events sent, counted once for each monitor; and events that nobody monitored.
        self.sent = self.unheard = 0
        #: How often a monitor was started, so that it can be seen whether more are coming.
        self.monitors_started = 0

    @property
    def switchboard(self) -> Switchboard:
        """Return what truly stands."""
        return self._world.switchboard

    @property
    def agents(self) -> dict[str, SimulatedAgent]:
        """Return who sits where."""
        return self._world.agents

    @property
    def has_monitors(self) -> bool:
        """Say whether anybody listens anywhere."""
        return any(self._monitors.values())

    def has_device(self, device: str) -> bool:
        """Say whether there is such a device."""
        return device in self.agents or device in self._queues or device == TEST_PHONE

    def agents_at(self, device: str) -> list[SimulatedAgent]:
        """Return the agent at a device, if there is one."""
        return [self.agents[device]] if device in self.agents else []

    def make_call(self, extension: str, number: str) -> SimulatedCall:
        """Let a client call a number from the test phone."""
        return make_test_call(self._world, extension, number)

    def clear_connection(self, call: SimulatedCall, extension: str) -> None:
        """Let a client have the test phone hang up."""
        hang_up_test_call(self._world, call, extension)

    def next_session(self) -> int:
        """Return the number of a new session."""
        return next(self._sessions)

    def joined(self, listener: ClientLink) -> None:
        """Note that a client has connected."""
        self._listeners.add(listener)

    def monitored(self, listener: ClientLink, device: str, reference: str) -> None:
        """Let a client listen at a device."""
        self.monitors_started += 1
        if not self._monitors.get(device):
            self._listened_since[device] = self._world.now
        self._monitors.setdefault(device, {}).setdefault(listener, []).append(reference)

    def unmonitored(self, listener: ClientLink, device: str, reference: str) -> None:
        """Let a client listen no longer."""
        references = self._monitors[device][listener]
        references.remove(reference)
        if not references:
            del self._monitors[device][listener]
        if not self._monitors[device]:
            self._listened_since[device] = NEVER

    def forget(self, listener: ClientLink, monitors: Mapping[str, str]) -> None:
        """Note that a client with these monitors has gone."""
        self._listeners.discard(listener)
        for reference, device in monitors.items():
            self.unmonitored(listener, device, reference)

    def publish(self, fact: SwitchReport) -> None:
        """Bring a moment's events to those who listen, and note which legs were heard to their end."""
        for message in fact.messages:
            listening = self._monitors.get(message.device)
            if not listening:
                self.unheard += 1
                continue
            for listener, references in listening.items():
                listener.deliver(message, references)
                self.sent += len(references)
        for leg in fact.closed:
            leg.heard = self._listened_since.get(leg.agent.extension, NEVER) <= leg.connected_at

    def flush(self) -> None:
        """Send what waits."""
        for listener in list(self._listeners):
            listener.flush()

    def hang_up(self) -> None:
        """End all links in order."""
        for listener in list(self._listeners):
            listener.end()
