"""The open legs by extension, and the decisions about them that are scheduled."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from cti.events import Connection, ConnectionCleared, ConnectionItem, Held, Retrieved
from cti.sources.asterisk_ami.call_registry import CallRegistry
from cti.sources.asterisk_ami.event_builder import EventBuilder
from cti.sources.asterisk_ami.values import Channel, ChannelKind, EventTime, PbxCall, PbxLeg

#: Who takes another's place in a bridge enters it this soon after the other left.
REPLACED_WITHIN = timedelta(milliseconds=100)


class OpenLegs:
    """Keep legs from beginning to end."""

    def __init__(self, call_registry: CallRegistry, builder: EventBuilder) -> None:
        self._call_registry, self._builder = call_registry, builder
        self._by_device: dict[str, dict[PbxLeg, None]] = {}
        self._waiting: dict[PbxLeg, None] = {}

    def open(self, leg: PbxLeg) -> None:
        """Add a leg, and make it the current one of its channel."""
        channel = leg.channel
        channel.leg = channel.last_leg = leg
        channel.is_ringing = False
        self._call_registry.assign(channel, leg.call)
        leg.call.legs.add(leg)
        self._by_device.setdefault(leg.device, {})[leg] = None

    def forget(self, leg: PbxLeg) -> None:
        """Take a leg from its channel and call."""
        channel = leg.channel
        self._waiting.pop(leg, None)
        leg.call.legs.discard(leg)
        mine = self._by_device.get(leg.device, {})
        mine.pop(leg, None)
        if not mine:
            self._by_device.pop(leg.device, None)
        if channel.leg is leg:
            channel.leg = None
        if leg in channel.away:
            channel.away.remove(leg)

    def finish(self, leg: PbxLeg, moment: EventTime) -> None:
        """Report that a leg is over."""
        self.forget(leg)
        self.report(ConnectionCleared, leg, _until_replaced(leg.call, moment))
        self._call_registry.released(leg.call, moment)

    def move(self, leg: PbxLeg, call: PbxCall) -> None:
        """Put a leg into another call."""
        before = leg.call
        before.legs.discard(leg)
        leg.call = call
        call.legs.add(leg)
        self._call_registry.assign(leg.channel, call)

    def at(self, device: str) -> list[PbxLeg]:
        """Return the open legs of an extension."""
        return list(self._by_device.get(device, ()))

    def away(self) -> list[PbxLeg]:
        """Return the legs that wait while their channel is elsewhere."""
        return [leg for legs in self._by_device.values() for leg in legs if leg.is_away]

    def held_at(self, device: str) -> PbxLeg | None:
        """Return the leg that an extension has on hold or left waiting."""
        return next((leg for leg in self.at(device) if leg.ended is None and (leg.is_held or leg.is_away)), None)

    def report(
        self, kind: type[Held] | type[Retrieved] | type[ConnectionCleared], leg: PbxLeg, moment: EventTime
    ) -> None:
        """Report a change of a leg's connection."""
        self._builder.call(kind, moment, call_id=leg.call.id, device_id=leg.device)

    def wait(self, leg: PbxLeg, since: EventTime, patience: timedelta) -> None:
        """Schedule a decision about a leg."""
        leg.due = EventTime(since.time + patience, since.received + patience)
        self._waiting[leg] = None

    def waits_no_more(self, leg: PbxLeg) -> None:
        """Cancel the decision about a leg."""
        self._waiting.pop(leg, None)

    def due(self, now: EventTime, *, is_final: bool) -> Iterator[PbxLeg]:
        """Yield the legs whose decision is due, each once, in the order of their due time."""
        for leg in sorted(self._waiting, key=_due_time):
            is_due = leg.due is None or now.time >= leg.due.time or now.received >= leg.due.received
            if leg in self._waiting and (is_final or is_due):
                del self._waiting[leg]
                yield leg

    @property
    def is_waiting(self) -> bool:
        """Say whether a decision is scheduled."""
        return bool(self._waiting)


def _due_time(leg: PbxLeg) -> float:
    return leg.due.time.timestamp() if leg.due else 0.0


def connection(call: PbxCall, channel: Channel) -> Connection:
    """Name a channel's part in a call: an extension by its number, an outside party by its channel."""
    name = channel.device if channel.kind is ChannelKind.EXTENSION else channel.name
    return Connection(call_id=call.id[:255], device_id=name[:255])


def item(call: PbxCall, channel: Channel, before: PbxCall | None = None) -> ConnectionItem:
    """Say who is in the resulting call, and in which it was before."""
    return ConnectionItem(new=connection(call, channel), old=connection(before or call, channel))


def _until_replaced(call: PbxCall, ended: EventTime) -> EventTime:
    """Return when a leg ended: not before the leg that took its place, for the call was never without one."""
    joined = call.joined
    if joined is None or not timedelta(0) < joined.time - ended.time <= REPLACED_WITHIN:
        return ended
    return replace(ended, time=joined.time)
