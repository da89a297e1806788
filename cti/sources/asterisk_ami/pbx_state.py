"""The state of the PBX: AMI messages in, CTI events out. Pure: no socket, no clock, no randomness.

One rule per AMI event. A message about a channel counts only when Channel and Uniqueid are those of one known channel,
so that what callers forge into their own messages cannot change another call.
"""

from datetime import datetime

from cti.events import Event
from cti.sources.asterisk_ami.agent_rules import AgentRules, Rule
from cti.sources.asterisk_ami.agents import Agents, Membership
from cti.sources.asterisk_ami.call_registry import CallRegistry
from cti.sources.asterisk_ami.channel_names import peer_of, persons_name
from cti.sources.asterisk_ami.channels import ChannelTable, around
from cti.sources.asterisk_ami.classification import PeerClassifier, is_like_any
from cti.sources.asterisk_ami.dialling import Dialling
from cti.sources.asterisk_ami.event_builder import EventBuilder
from cti.sources.asterisk_ami.leg_tracker import LegTracker
from cti.sources.asterisk_ami.legs import OpenLegs
from cti.sources.asterisk_ami.messages import AmiMessage, AmiMessageError
from cti.sources.asterisk_ami.options import read_options
from cti.sources.asterisk_ami.pbx_clock import PbxClock
from cti.sources.asterisk_ami.transfers import Transfers, two_legs
from cti.sources.asterisk_ami.values import Bridge, Channel, ChannelKind, EventTime, Left, Offer
from cti.sources.asterisk_ami.variables import ChannelVariables
from cti.sources.port import SourceConfig, Stamp

_RINGING = "5"


class PbxState:
    """Channels, bridges, queues and agents, folded from messages.

    Raises ``AmiOptionsError`` when the source's options cannot be read.
    """

    def __init__(self, config: SourceConfig, stamp: Stamp) -> None:
        self.options = read_options(config)
        self.classifier = PeerClassifier(config.devices, self.options)
        self.builder = EventBuilder(stamp)
        self.agents = Agents(self.classifier, self.builder, phone_users=self.options.phone_users)
        self.channel_table = ChannelTable(self.classifier)
        self.clock = PbxClock()
        self.call_registry = CallRegistry(self.channel_table, self.builder)
        open_legs = OpenLegs(self.call_registry, self.builder)
        transfers = Transfers(self.call_registry, open_legs, self.builder)
        self.variables = ChannelVariables(self.options, self.call_registry, self.agents, self.builder)
        self.leg_tracker = LegTracker(self.call_registry, open_legs, transfers, self.agents, self.builder)
        self.dialling = Dialling(self.call_registry, open_legs, self.leg_tracker, self.builder)
        self._open_legs, self._transfers = open_legs, transfers
        self._queue_names = config.queues
        self._agent_rules = AgentRules(self.agents, self.classifier, self.channel_table, self._known)
        self._rules = self._table()

    def _table(self) -> dict[str, Rule]:
        return {
            "Newchannel": self._new_channel,
            "NewCallerid": self._new_caller_id,
            "Newstate": self._new_state,
            "Rename": self._rename,
            "Hangup": self._hangup,
            "VarSet": self._var_set,
            "UserEvent": self._user_event,
            "LocalBridge": self._local_bridge,
            "BridgeEnter": self._enter,
            "BridgeLeave": self._leave,
            "BridgeMerge": self._merge,
            "BridgeDestroy": self._destroy,
            "Hold": self._hold,
            "Unhold": self._unhold,
            "DialBegin": self._dial_begin,
            "DialEnd": self._dial_end,
            "BlindTransfer": self._blind_transfer,
            "AttendedTransfer": self._attended_transfer,
            "ParkedCall": self._parked,
            "QueueCallerJoin": self._join_queue,
            "QueueCallerLeave": self._leave_queue,
            "QueueCallerAbandon": self._leave_queue,
            "AgentCalled": self._agent_called,
            "AgentConnect": self._agent_called,
            "AgentRingNoAnswer": self._dial_end,
            **self._agent_rules.table(),
        }

    def hears(self, event: str) -> bool:
        """Say whether an AMI event is worth reading."""
        return event in self._rules

    @property
    def events(self) -> frozenset[str]:
        """Return the AMI events that are worth reading."""
        return frozenset(self._rules)

    def hear(self, message: AmiMessage, received: datetime, held_since: datetime | None = None) -> None:
        """Take one AMI event. Raises ``AmiMessageError`` when it is not plausible; then it changed nothing."""
        rule = self._rules.get(message.get("Event"))
        if rule is None:
            return
        now = self.clock.read(message.time(), received, held_since)
        if self._open_legs.is_waiting:
            self.leg_tracker.settle(now)
        rule(message, now)
        self.call_registry.release_left(now)

    @property
    def is_waiting(self) -> bool:
        """Say whether a decision is due at a later time, by ``wait``."""
        return self._open_legs.is_waiting

    def wait(self, received: datetime) -> None:
        """Let time pass: carry out the decisions that are due."""
        if self._open_legs.is_waiting:
            self.leg_tracker.settle(self.clock.now(received))

    def settle(self, received: datetime) -> None:
        """Carry out every scheduled decision: no more messages will come."""
        self.leg_tracker.settle(self.clock.now(received), is_final=True)

    def taken(self) -> list[Event]:
        """Return the events since the last call."""
        return self.builder.taken()

    def learn_member(self, member: Membership) -> None:
        """Note that a queue's member is a phone."""
        self._agent_rules.learn_member(member)

    def queue_name(self, queue: str) -> str:
        """Return the name of a queue as the site calls it."""
        return self._queue_names.get(queue, queue)

    # -- channels --------------------------------------------------------------------------------------------------

    def _new_channel(self, message: AmiMessage, now: EventTime) -> None:
        channel = self.appeared(message, now)
        # A snapshot may show a name that the dialplan or click-to-dial gave the channel since, as the customer's.
        if channel.is_extension and channel.number == channel.device:
            self.agents.phone_named(channel.device, persons_name(channel.caller_name, channel.device))
        # Whoever begins a call has a Linkedid of its own, until a bridge gives it another one.
        channel.is_called = channel.is_called or channel.linked != channel.uid

    def appeared(self, message: AmiMessage, now: EventTime) -> Channel:
        """Take in the channel that a message shows. Raises ``AmiMessageError`` when it is not plausible."""
        channel = self.channel_table.add(message)
        for before, after in self.classifier.renumbered():
            self.agents.renumbered(before, after, now)
        if is_like_any(channel.caller_name, self.options.caller_name_codes):
            channel.caller_name = ""
        self.variables.born(channel, message.variables())
        return channel

    def _known(self, message: AmiMessage, now: EventTime, prefix: str = "") -> Channel | None:
        channel = self.channel_table.find(message, prefix)
        if channel is not None:
            self._show(channel, message, prefix)
            self.variables.seen(channel, message.variables(prefix), now)
        return channel

    def _show(self, channel: Channel, message: AmiMessage, prefix: str) -> None:
        """Take the caller's number and name, which every message about a channel shows, where they begin a call."""
        if channel.kind is ChannelKind.OUTSIDE and not channel.is_called and message.first.get(f"{prefix}CallerIDNum"):
            before = channel.number, channel.caller_name
            self._show_caller(channel, message, prefix)
            if before != (channel.number, channel.caller_name) and channel.call is not None:
                self.call_registry.refresh(channel.call, channel)

    def _show_caller(self, channel: Channel, message: AmiMessage, prefix: str = "") -> None:
        name = message.text(f"{prefix}CallerIDName")
        channel.number = message.get(f"{prefix}CallerIDNum")
        if not is_like_any(name, self.options.caller_name_codes):
            channel.caller_name = name

    def _new_caller_id(self, message: AmiMessage, now: EventTime) -> None:
        channel = self._known(message, now)
        if channel is not None:
            self._show_caller(channel, message)
            if channel.call is not None:
                self.call_registry.refresh(channel.call, channel)

    def _new_state(self, message: AmiMessage, now: EventTime) -> None:
        channel = self._known(message, now)
        if channel is not None and message.get("ChannelState") == _RINGING and channel.dialled_by is not None:
            self.dialling.rings(channel, now)

    def _rename(self, message: AmiMessage, _now: EventTime) -> None:
        self.channel_table.rename(message)

    def _hangup(self, message: AmiMessage, now: EventTime) -> None:
        channel = self._known(message, now)
        if channel is not None:
            self.gone(channel, now)

    def gone(self, channel: Channel, now: EventTime) -> None:
        """Remove a channel."""
        self._left(channel, now)
        for leg in channel.legs:
            self.variables.remember(leg)
        self.leg_tracker.hung_up(channel, now)
        self.dialling.hung_up(channel, now)
        self.channel_table.drop(channel)

    def _var_set(self, message: AmiMessage, now: EventTime) -> None:
        if message.first.get("Channel"):
            channel = self.channel_table.find(message)
            if channel is not None:
                self.variables.is_set(channel, message, now)

    def _user_event(self, message: AmiMessage, now: EventTime) -> None:
        self.variables.user_event(message, now)

    def _local_bridge(self, message: AmiMessage, _now: EventTime) -> None:
        one, two = self.channel_table.find(message, "LocalOne"), self.channel_table.find(message, "LocalTwo")
        if one is not None and two is not None and one is not two:
            one.other, two.other = two, one

    # -- bridges ---------------------------------------------------------------------------------------------------

    def _enter(self, message: AmiMessage, now: EventTime) -> None:
        channel = self._known(message, now)
        if channel is None:
            return
        bridge = self.channel_table.bridge(message)
        bridge.is_holding = message.get("BridgeTechnology") == "holding_bridge"
        swapped = self._swapped(message.last("SwapUniqueid"), bridge)
        if channel.bridge is not None and channel.bridge is not bridge:
            self._left(channel, now)
        self.enter(channel, bridge, now, is_swap=swapped is not None)

    def _swapped(self, uid: str, bridge: Bridge) -> Channel | None:
        """Return the channel that another one replaces in a bridge, and remove it from there."""
        channel = self.channel_table.channels.get(uid) if uid else None
        if channel is not None and channel.bridge is bridge:
            self.channel_table.leave(channel)
            self.channel_table.bridges[bridge.id] = bridge
            channel.is_leaving = False
        return channel

    def enter(self, channel: Channel, bridge: Bridge, now: EventTime, *, is_swap: bool = False) -> None:
        """Put a channel into a bridge, and find who is connected now."""
        channel.is_leaving = False
        self.channel_table.enter(channel, bridge)
        parties = around(bridge)
        for one in parties:
            if one.kind is ChannelKind.OUTSIDE:
                self.call_registry.call_of(one)
                self.variables.taken_up(one)
        self.leg_tracker.review(parties | {channel}, now, is_swap=is_swap)
        for one in parties:
            self._touch(one)

    def connect(self, parties: set[Channel], now: EventTime) -> None:
        """Find who is connected among channels that are bridged already."""
        self.leg_tracker.review(parties, now)
        for one in parties:
            self._touch(one)

    def _touch(self, channel: Channel) -> None:
        """Note at a customer's channel the leg that it was connected with last."""
        leg = channel.leg
        if leg is not None:
            self.variables.remember(leg)
            for partner in leg.partners:
                if partner.kind is ChannelKind.OUTSIDE:
                    partner.last_leg = leg

    def _leave(self, message: AmiMessage, now: EventTime) -> None:
        channel, bridge = self._known(message, now), self.channel_table.bridges.get(message.get("BridgeUniqueid"))
        if channel is not None and bridge is not None and channel.bridge is bridge:
            self._left(channel, now)

    def _left(self, channel: Channel, now: EventTime) -> None:
        bridge = channel.bridge
        channel.is_leaving = False
        if bridge is None:
            return
        before = around(bridge) | {channel}
        self.channel_table.leave(channel)
        self.leg_tracker.review(before, now)
        self.leg_tracker.check_away(bridge, now)

    def _merge(self, message: AmiMessage, _now: EventTime) -> None:
        """Note a merge: most channels that move are reported one by one, some are not."""
        source = self.channel_table.bridges.get(message.get("FromBridgeUniqueid"))
        if source is not None:
            source.merged_into = message.get("ToBridgeUniqueid")

    def _destroy(self, message: AmiMessage, now: EventTime) -> None:
        bridge = self.channel_table.bridges.get(message.get("BridgeUniqueid"))
        for channel in list(bridge.members) if bridge else []:
            target = self.channel_table.bridges.get(bridge.merged_into) if bridge else None
            if target is not None:
                self.enter(channel, target, now, is_swap=True)
            else:
                self._left(channel, now)

    def _hold(self, message: AmiMessage, now: EventTime) -> None:
        self._set_hold(message, now, is_held=True)

    def _unhold(self, message: AmiMessage, now: EventTime) -> None:
        self._set_hold(message, now, is_held=False)

    def _set_hold(self, message: AmiMessage, now: EventTime, *, is_held: bool) -> None:
        channel = self._known(message, now)
        if channel is not None:
            self.leg_tracker.hold(channel, now, is_held=is_held)

    # -- dialling and queues ---------------------------------------------------------------------------------------

    def _dial_begin(self, message: AmiMessage, now: EventTime) -> None:
        called = self._called(message, now)
        if called is None:
            return
        if not message.first.get("Channel"):
            self._learn(called, message.last("DialString"))
            self.dialling.is_rung_to_dial(called, now)
            return
        caller = self._known(message, now)
        if caller is not None:
            self._learn(called, message.last("DialString"))
            self.dialling.dials(caller, called, message.last("DialString"), now)

    def _called(self, message: AmiMessage, now: EventTime) -> Channel | None:
        """Return the dialled channel. Raises ``AmiMessageError`` when a message names two: one is forged."""
        if len(set(message.all("DestChannel"))) > 1:
            raise AmiMessageError("DestChannel is named twice")
        return self._known(message, now, "Dest")

    def _learn(self, called: Channel, dial_string: str) -> None:
        """Learn from how a channel is dialled whether it is a phone's or a trunk's."""
        kind = self.classifier.dialled(called.name, dial_string) if called.is_party else None
        if kind is not None:
            self.channel_table.reclassify(peer_of(called.name), kind)

    def _dial_end(self, message: AmiMessage, now: EventTime) -> None:
        called = self._called(message, now)
        if called is not None and message.last("DialStatus") != "ANSWER":
            self.dialling.passed_over(called, now)

    def _join_queue(self, message: AmiMessage, now: EventTime) -> None:
        channel = self._known(message, now)
        queue = message.last("Queue")
        if channel is not None and queue:
            self.call_registry.call_of(channel)
            self.variables.taken_up(channel)
            self.dialling.joins_queue(channel, self.queue_name(queue), now)

    def _leave_queue(self, message: AmiMessage, now: EventTime) -> None:
        channel, queue = self._known(message, now), message.last("Queue")
        if channel is not None and channel.call is not None and queue:
            left = Left(self.queue_name(queue), self.channel_table.newest, message.time())
            self.dialling.leaves_queue(channel.call, left)

    def _agent_called(self, message: AmiMessage, now: EventTime) -> None:
        caller, called = self._known(message, now), self._called(message, now)
        queue, interface = message.last("Queue"), message.last("Interface")
        if caller is not None and called is not None and queue and interface:
            offer = Offer(caller, self.queue_name(queue), interface, message.last("MemberName"), queue)
            self.dialling.offers(caller, called, offer)

    # -- transfers -------------------------------------------------------------------------------------------------

    def _blind_transfer(self, message: AmiMessage, now: EventTime) -> None:
        transferer = self.channel_table.find(message, "Transferer")
        if message.get("Result") != "Success" or transferer is None:
            return
        leg = transferer.leg or (transferer.away[0] if transferer.away else None)
        if leg is not None:
            self.variables.remember(leg)
            self._transfers.blind(leg, message.last("Extension"), leg.partners, now)

    def _parked(self, message: AmiMessage, now: EventTime) -> None:
        """By a feature code an extension parks a call without a transfer; with one it has handed it on already."""
        parkee = self.channel_table.find(message, "Parkee")
        leg = self._transfers.parker(parkee) if parkee is not None else None
        if leg is not None:
            self.variables.remember(leg)
            self._transfers.blind(leg, message.last("ParkingSpace"), leg.partners, now)

    def _attended_transfer(self, message: AmiMessage, now: EventTime) -> None:
        if message.get("Result") != "Success":
            return
        first, second = (self.channel_table.find(message, name) for name in ("OrigTransferer", "SecondTransferer"))
        if first is None or second is None:
            return
        if message.last("DestType") == "Threeway":
            self._three_way(first, second)
            return
        legs = two_legs(first, second)
        for leg in legs:
            self.variables.remember(leg)
        if len(legs) == 2:
            self._transfers.attended(legs[0], legs[1], now)
        elif legs and first.is_extension:
            self._transfers.blind(legs[0], "", legs[0].partners, now)

    def _three_way(self, first: Channel, second: Channel) -> None:
        leg = first.leg or second.leg
        if leg is not None and leg.grown is not None:
            self._open_legs.waits_no_more(leg)
            self._transfers.unite(leg, leg.grown)
