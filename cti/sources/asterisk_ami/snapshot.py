"""What is in progress when the link comes up, from the answers to CoreShowChannels, QueueStatus, BridgeList, Agents."""

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from cti.events import LinkData, SnapshotBegan, SnapshotEnded
from cti.sources.asterisk_ami.channels import around
from cti.sources.asterisk_ami.messages import BRIDGE, AmiMessage, AmiMessageError
from cti.sources.asterisk_ami.pbx_state import PbxState, membership
from cti.sources.asterisk_ami.values import Bridge, Channel, ChannelKind, EventTime, Offer

#: Asked in any order; each answer ends by itself.
ACTIONS = ("CoreShowChannels", "QueueStatus", "BridgeList", "Agents")
_CALLED = ("AppDial", "AppQueue", "AppDial2", "AppOriginate")
_RINGING = "5"


@dataclass(slots=True)
class Lists:
    """The answers' items, by the event that carries them, and the actions whose answers are complete."""

    items: dict[str, list[AmiMessage]] = field(default_factory=dict)
    complete: set[str] = field(default_factory=set)

    @property
    def is_complete(self) -> bool:
        """Say whether the channels were all listed."""
        return "CoreShowChannels" in self.complete

    @property
    def has_all_agents(self) -> bool:
        """Say whether all members of queues and all agents of the pool were listed."""
        return {"QueueStatus", "Agents"} <= self.complete

    def add(self, message: AmiMessage) -> None:
        """Keep one item."""
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


def take(picture: PbxState, lists: Lists, now: EventTime) -> list[tuple[AmiMessage, AmiMessageError]]:
    """Put what was listed into the picture and tell it; return the items that are not plausible.

    Where the channels could not be listed, the snapshot covers no device: nothing may be concluded from its silence.
    """
    data = LinkData() if lists.is_complete else LinkData(devices=())
    picture.teller.link(SnapshotBegan, now, data)
    taking = _SnapshotInProgress(picture, lists, now)
    picture.conversations.cause = "snapshot"
    taking.take()
    picture.conversations.cause = ""
    has_all_agents = lists.has_all_agents and not taking.refused
    picture.teller.link(SnapshotEnded, now, replace(data, agents_told=has_all_agents or None))
    return taking.refused


class _SnapshotInProgress:
    def __init__(self, picture: PbxState, lists: Lists, now: EventTime) -> None:
        self._picture, self._lists, self._now = picture, lists, now
        self._holding = {one.get("BridgeUniqueid") for one in lists.of("BridgeListItem") if _is_holding(one)}
        self._offers: dict[Channel, Offer] = {}
        self.refused: list[tuple[AmiMessage, AmiMessageError]] = []

    def take(self) -> None:
        for message in self._lists.of("Agents"):
            self._picture.agents.named(message.get("Agent"), message.get("Name"))
        for message in self._lists.of("QueueMember"):
            self._tried(message, self._member)
        self._picture.agents.all_listed(self._now)
        shown = [(message, self._tried(message, self._channel)) for message in self._lists.of("CoreShowChannel")]
        channels = [(message, channel) for message, channel in shown if channel is not None]
        for message, channel in channels:
            self._relate(message, channel)
        for message in self._lists.of("Agents"):
            self._pool_agent(message)
        for message in self._lists.of("QueueEntry"):
            self._tried(message, self._waiting)
        self._ring([channel for message, channel in channels if message.get("ChannelState") == _RINGING])
        self._connect(channels)

    def _tried(self, message: AmiMessage, act: Callable[[AmiMessage], Channel | None]) -> Channel | None:
        try:
            return act(message)
        except AmiMessageError as error:
            self.refused.append((message, error))
            return None

    def _member(self, message: AmiMessage) -> Channel | None:
        member = membership(message)
        self._picture.learn_member(member)
        self._picture.agents.listed(member)
        return None

    def _channel(self, message: AmiMessage) -> Channel:
        return self._picture.appeared(message)

    def _relate(self, message: AmiMessage, channel: Channel) -> None:
        """Find who dials a channel by its Linkedid, and for which queue."""
        channel.is_called = message.last("Application") in _CALLED
        origin = self._picture.board.channels.get(channel.linked)
        if channel.is_called and origin is not None and origin is not channel:
            channel.dialled_by = origin
            if channel.kind is ChannelKind.OUTSIDE and origin.is_extension:
                call = self._picture.callbook.call_of(origin)
                call.direction, call.called_number = "outbound", origin.exten
        if message.last("Application") == "Queue":
            queue = self._picture.queue_name(message.last("ApplicationData").partition(",")[0])
            self._offers[channel] = Offer(queue, "", "")
        self._picture.variables.taken_up(channel)

    def _pool_agent(self, message: AmiMessage) -> None:
        channel = self._picture.board.named(message.get("LoggedInChan"))
        if channel is not None and channel.is_extension:
            agent = message.get("Agent")
            self._picture.agents.pool_logged_on(agent, channel.device, self._now)

    def _waiting(self, message: AmiMessage) -> Channel | None:
        channel = self._picture.board.find(message)
        if channel is not None and message.get("Queue"):
            self._picture.callbook.call_of(channel)
            self._picture.variables.taken_up(channel)
            self._picture.dialling.joins_queue(channel, self._picture.queue_name(message.get("Queue")), self._now)
        return channel

    def _ring(self, channels: list[Channel]) -> None:
        for channel in channels:
            if channel.dialled_by is not None:
                channel.offer = self._offers.get(channel.dialled_by)
                self._picture.dialling.rings(channel, self._now)

    def _connect(self, channels: list[tuple[AmiMessage, Channel]]) -> None:
        bridges: dict[str, Bridge] = {}
        for name, channel in [*self._shown(channels), *self._listed()]:
            bridge = bridges.setdefault(name, self._picture.board.bridge_named(name))
            bridge.is_holding = name in self._holding
            self._picture.board.enter(channel, bridge)
        everybody = {one for bridge in bridges.values() for one in around(bridge)}
        for channel in sorted(everybody, key=lambda one: one.order):
            if channel.kind is ChannelKind.OUTSIDE:
                self._picture.callbook.call_of(channel)
                self._picture.variables.taken_up(channel)
            elif channel.dialled_by is not None and channel.offer is None:
                channel.offer = self._offers.get(channel.dialled_by)
        self._picture.connect(everybody, self._now)

    def _shown(self, channels: list[tuple[AmiMessage, Channel]]) -> list[tuple[str, Channel]]:
        named = [(message.last("BridgeId"), channel) for message, channel in channels]
        return [(name, channel) for name, channel in named if BRIDGE.fullmatch(name)]

    def _listed(self) -> list[tuple[str, Channel]]:
        found: list[tuple[str, Channel]] = []
        for message in self._lists.of("BridgeInfoChannel"):
            channel = self._tried(message, self._picture.board.find)
            name = message.get("BridgeUniqueid")
            if channel is not None and channel.bridge is None and BRIDGE.fullmatch(name):
                found.append((name, channel))
        return found


def _is_holding(message: AmiMessage) -> bool:
    return message.get("BridgeTechnology") == "holding_bridge"
