"""What is in progress when the link comes up, from the answers to CoreShowChannels, QueueStatus, BridgeList, Agents."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from cti.events import LinkData, SnapshotBegan, SnapshotEnded
from cti.sources.asterisk_ami.agents import membership
from cti.sources.asterisk_ami.channels import around, reached
from cti.sources.asterisk_ami.messages import BRIDGE, AmiMessage, AmiMessageError
from cti.sources.asterisk_ami.pbx_state import PbxState
from cti.sources.asterisk_ami.values import Bridge, Channel, ChannelKind, EventTime, Left, Offer

#: Asked in any order; each answer ends by itself.
ACTIONS = ("CoreShowChannels", "QueueStatus", "BridgeList", "Agents")
_CALLED = ("AppDial", "AppQueue", "AppDial2", "AppOriginate")
_RINGING = "5"
_BIRTH = re.compile(r"([0-9]{1,12})\.([0-9]{1,12})$")


@dataclass(slots=True)
class Lists:
    """The answers' items, by the event that carries them, and the actions whose answers are complete."""

    items: dict[str, list[AmiMessage]] = field(default_factory=dict)
    complete: set[str] = field(default_factory=set)
    #: The channels of each bridge that BridgeInfo was asked about; its items do not repeat the bridge.
    inside: list[tuple[str, AmiMessage]] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Say whether the channels were all listed."""
        return "CoreShowChannels" in self.complete

    @property
    def has_all_agents(self) -> bool:
        """Say whether all members of queues and all agents of the pool were listed."""
        return {"QueueStatus", "Agents"} <= self.complete

    def add(self, message: AmiMessage, bridge: str = "") -> None:
        """Keep one item; ``bridge``: the one that was asked about."""
        if bridge:
            self.inside.append((bridge, message))
        else:
            self.items.setdefault(message.get("Event"), []).append(message)

    def of(self, event: str) -> list[AmiMessage]:
        """Return the items of one kind."""
        return self.items.get(event, [])


def uncovered_bridges(lists: Lists) -> list[str]:
    """Return the bridges whose channels CoreShowChannels did not name, so that BridgeInfo must."""
    covered = {message.get("BridgeId") for message in lists.of("CoreShowChannel")}
    listed = [message for message in lists.of("BridgeListItem") if not _is_holding(message)]
    ids = [one.get("BridgeUniqueid") for one in listed if one.get("BridgeNumChannels") != "0"]
    return [name for name in ids if name not in covered and BRIDGE.fullmatch(name)]


def take(pbx: PbxState, lists: Lists, now: EventTime) -> list[tuple[AmiMessage, AmiMessageError]]:
    """Put what was listed into the state of the PBX and report it; return the items that are not plausible.

    Where the channels could not be listed, the snapshot covers no device: nothing may be concluded from its silence.
    """
    data = LinkData() if lists.is_complete else LinkData(devices=())
    pbx.builder.link(SnapshotBegan, now, data)
    taking = _SnapshotInProgress(pbx, lists, now)
    pbx.leg_tracker.cause = "snapshot"
    taking.take()
    pbx.leg_tracker.cause = ""
    has_all_agents = lists.has_all_agents and not taking.refused
    pbx.builder.link(SnapshotEnded, now, replace(data, agents_told=has_all_agents or None))
    return taking.refused


class _SnapshotInProgress:
    def __init__(self, pbx: PbxState, lists: Lists, now: EventTime) -> None:
        self._pbx, self._lists, self._now = pbx, lists, now
        self._holding = {one.get("BridgeUniqueid") for one in lists.of("BridgeListItem") if _is_holding(one)}
        self._offers: dict[Channel, Offer] = {}
        #: The bridge of each channel that is listed, empty where it is in none.
        self._places: dict[Channel, str] = {}
        self.refused: list[tuple[AmiMessage, AmiMessageError]] = []

    def take(self) -> None:
        for message in self._lists.of("Agents"):
            self._pbx.agents.named(message.get("Agent"), message.get("Name"))
        for message in self._lists.of("QueueMember"):
            self._tried(message, self._member)
        self._pbx.agents.all_listed(self._pbx.clock.before_events(self._now.received))
        listed = sorted(self._lists.of("CoreShowChannel"), key=_age)
        shown = [(message, self._tried(message, self._channel)) for message in listed]
        channels = [(message, channel) for message, channel in shown if channel is not None]
        self._places = {channel: message.last("BridgeId") for message, channel in channels}
        for message, channel in channels:
            self._relate(message, channel)
        for _, channel in channels:
            self._direct(channel)
        for message, channel in channels:
            self._out_of_queues(message, channel)
        for message in self._lists.of("Agents"):
            self._pool_agent(message)
        for message in self._lists.of("QueueEntry"):
            self._tried(message, self._waiting)
        self._ring([channel for message, channel in channels if message.get("ChannelState") == _RINGING])
        self._connect_parties(channels)

    def _tried(self, message: AmiMessage, act: Callable[[AmiMessage], Channel | None]) -> Channel | None:
        try:
            return act(message)
        except AmiMessageError as error:
            self.refused.append((message, error))
            return None

    def _member(self, message: AmiMessage) -> Channel | None:
        member = membership(message)
        self._pbx.learn_member(member)
        self._pbx.agents.listed(member)
        return None

    def _channel(self, message: AmiMessage) -> Channel:
        return self._pbx.appeared(message, self._pbx.clock.before_events(self._now.received))

    def _relate(self, message: AmiMessage, channel: Channel) -> None:
        """Find who dials a channel, and for which queue."""
        application = message.last("Application")
        channel.is_called = application in _CALLED
        if channel.is_called:
            channel.dialled_by = self._dialler(message, channel)
        if application == "Queue":
            queue = message.last("ApplicationData").partition(",")[0]
            self._offers[channel] = Offer(channel, self._pbx.queue_name(queue), queue_id=queue)
        self._pbx.variables.taken_up(channel)

    def _dialler(self, message: AmiMessage, channel: Channel) -> Channel | None:
        """Return who dials or dialled a channel: of those with its Linkedid the one that can.

        A Local channel that is bridged with it, or that waits as it does; else whoever began the call, unless that
        one is in a bridge while this channel still rings.
        """
        origin = self._pbx.channel_table.channels.get(channel.linked)
        origin = None if origin is channel else origin
        if message.last("Application") == "AppQueue":
            return origin
        place = self._places.get(channel, "")
        halves = [one for one in self._places if one.linked == channel.linked and one.name.endswith(";2")]
        halves = [one for one in halves if one not in (channel, channel.other) and self._places[one] == place]
        if len(halves) == 1:
            return halves[0]
        is_possible = origin is not None and not halves and (place or not self._places.get(origin))
        return origin if is_possible else None

    def _direct(self, channel: Channel) -> None:
        """Note that a call to the outside is an outbound one."""
        origin = channel.dialled_by
        if origin is not None and channel.kind is ChannelKind.OUTSIDE and origin.is_extension:
            call = self._pbx.call_registry.call_of(origin)
            call.direction, call.called_number = "outbound", origin.exten

    def _out_of_queues(self, message: AmiMessage, channel: Channel) -> None:
        """Note that a caller is in no queue, for he may have left it while the link was lost.

        Whoever talks with a queue's agent is in the application Queue still.
        """
        is_elsewhere = message.last("Application") not in ("", "Queue")
        if is_elsewhere and channel.kind is ChannelKind.OUTSIDE and not channel.is_called:
            self._pbx.call_registry.call_of(channel).left = Left("", -1)

    def _pool_agent(self, message: AmiMessage) -> None:
        channel = self._pbx.channel_table.named(message.get("LoggedInChan"))
        if channel is not None and channel.is_extension:
            agent = message.get("Agent")
            moment = self._pbx.clock.before_events(self._now.received)
            self._pbx.agents.pool_logged_on(agent, channel.device, moment)

    def _waiting(self, message: AmiMessage) -> Channel | None:
        channel = self._pbx.channel_table.find(message)
        if channel is not None and message.get("Queue"):
            self._pbx.call_registry.call_of(channel)
            self._pbx.variables.taken_up(channel)
            self._pbx.dialling.joins_queue(channel, self._pbx.queue_name(message.get("Queue")), self._now)
        return channel

    def _ring(self, channels: list[Channel]) -> None:
        for channel in channels:
            if channel.dialled_by is not None:
                channel.offer = self._offers.get(channel.dialled_by)
                self._pbx.dialling.rings(channel, self._now)

    def _connect_parties(self, channels: list[tuple[AmiMessage, Channel]]) -> None:
        bridges: dict[str, Bridge] = {}
        for name, channel in [*self._shown(channels), *self._listed()]:
            bridge = bridges.setdefault(name, self._pbx.channel_table.bridge_named(name))
            bridge.is_holding = name in self._holding
            self._pbx.channel_table.enter(channel, bridge)
        everybody = {one for bridge in bridges.values() for one in around(bridge)}
        for channel in sorted(everybody, key=_order):
            if channel.kind is ChannelKind.OUTSIDE:
                self._pbx.call_registry.call_of(channel)
                self._pbx.variables.taken_up(channel)
        for _, channel in channels:
            if channel.dialled_by is not None and channel.offer is None:
                channel.offer = self._offers.get(channel.dialled_by)
        self._resume_consulters(everybody)
        self._pbx.connect(everybody, self._now)

    def _resume_consulters(self, everybody: set[Channel]) -> None:
        """Take up the legs of extensions that have left the bridge in which a customer waits for them."""
        waiting = [one for one in everybody if one.kind is ChannelKind.OUTSIDE and not reached(one)]
        for customer in sorted(waiting, key=_order):
            colleagues = [one for one in everybody if one.is_extension and one.bridge is not customer.bridge]
            own = [one for one in colleagues if one.dialled_by is customer or customer.dialled_by is one]
            if own:
                self._pbx.leg_tracker.resume_away(min(own, key=_order), customer, self._now)

    def _shown(self, channels: list[tuple[AmiMessage, Channel]]) -> list[tuple[str, Channel]]:
        named = [(message.last("BridgeId"), channel) for message, channel in channels]
        return [(name, channel) for name, channel in named if BRIDGE.fullmatch(name)]

    def _listed(self) -> list[tuple[str, Channel]]:
        found: list[tuple[str, Channel]] = []
        for name, message in self._lists.inside:
            channel = self._tried(message, self._pbx.channel_table.find)
            if channel is not None and channel.bridge is None and BRIDGE.fullmatch(name):
                found.append((name, channel))
        return found


def _age(message: AmiMessage) -> tuple[float, int]:
    """Order channels by their birth, as the usual form of a Uniqueid (``[SYSTEM-]SECONDS.COUNT``) shows it."""
    found = _BIRTH.search(message.last("Uniqueid"))
    return (float(found[1]), int(found[2])) if found else (float("inf"), 0)


def _order(channel: Channel) -> int:
    return channel.order


def _is_holding(message: AmiMessage) -> bool:
    return message.get("BridgeTechnology") == "holding_bridge"
