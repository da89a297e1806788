"""Keep the channels and bridges, and find who is connected with each other. Pure."""

from cti.sources.asterisk_ami.channel_names import Peer, peer_of
from cti.sources.asterisk_ami.classification import Birth, PeerClassifier
from cti.sources.asterisk_ami.messages import BRIDGE, CHANNEL, UNIQUEID, AmiMessage, AmiMessageError, checked
from cti.sources.asterisk_ami.values import Bridge, Channel, ChannelKind


class ChannelTable:
    """The PBX's channels by Uniqueid and by name, and its bridges."""

    def __init__(self, classifier: PeerClassifier) -> None:
        self._classifier = classifier
        self._by_name: dict[str, Channel] = {}
        self._count = 0
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, Bridge] = {}

    @property
    def newest(self) -> int:
        """Return the order of the channel that was created last."""
        return self._count

    def add(self, message: AmiMessage) -> Channel:
        """Add the channel that a message shows.

        A caller's number may forge a Uniqueid before the true one; after it nothing of the caller's is unescaped, so
        the last one counts. Raises ``AmiMessageError`` when the channel is not plausible or another has its names.
        """
        name = checked(message.get("Channel"), CHANNEL, "Channel")
        uid = checked(message.last("Uniqueid"), UNIQUEID, "Uniqueid")
        known = self._by_name.get(name)
        if known is not None and known.uid == uid:
            return known
        if known is not None or uid in self.channels:
            raise AmiMessageError("Channel or Uniqueid is that of another channel")
        linked = message.last("Linkedid")
        return self._put(name, uid, linked if UNIQUEID.fullmatch(linked) else uid, message)

    def _put(self, name: str, uid: str, linked: str, message: AmiMessage) -> Channel:
        self._count += 1
        birth = Birth(message.get("Context"), message.get("CallerIDNum"), message.get("ChannelState"))
        changes, kind = self._classifier.changes, self._classifier.kind(name, birth)
        if self._classifier.changes != changes:
            self.reclassify(peer_of(name), kind)
        channel = Channel(
            uid=uid,
            name=name,
            linked=linked,
            kind=kind,
            device=self._classifier.device(name),
            order=self._count,
            born=message.time(),
            number=message.get("CallerIDNum"),
            caller_name=message.text("CallerIDName"),
            exten=message.get("Exten"),
        )
        self.channels[uid] = self._by_name[name] = channel
        if channel.kind is ChannelKind.LOCAL:
            self._pair(channel)
        return channel

    def _pair(self, half: Channel) -> None:
        """Tie the two halves of a Local channel together by their name."""
        stem, half_number = half.name[:-2], half.name[-2:]
        other = self._by_name.get(stem + {";1": ";2", ";2": ";1"}.get(half_number, ""))
        if other is not None and other is not half:
            half.other, other.other = other, half

    def named(self, name: str) -> Channel | None:
        """Return the channel that has a name."""
        return self._by_name.get(name)

    def uid_of(self, name: str) -> str | None:
        """Return the Uniqueid of the channel that has a name."""
        channel = self._by_name.get(name)
        return channel.uid if channel else None

    def find(self, message: AmiMessage, prefix: str = "") -> Channel | None:
        """Return the known channel that a message is about; None when it is not known.

        Raises ``AmiMessageError`` when it names no channel, or a known one with a Uniqueid that is not its own.
        """
        name = checked(message.get(f"{prefix}Channel"), CHANNEL, f"{prefix}Channel")
        uids = message.all(f"{prefix}Uniqueid")
        channel = self._by_name.get(name)
        if channel is None or channel.uid in uids:
            return channel
        if uids and self._are_exchanged(channel, self.channels.get(uids[-1])):
            return self._by_name[name]
        raise AmiMessageError(f"{prefix}Uniqueid is not that of {prefix}Channel")

    def _are_exchanged(self, channel: Channel, other: Channel | None) -> bool:
        """Follow a masquerade: two channels that were renamed into each other may have exchanged their Uniqueids."""
        if other is None or not (channel.was_renamed and other.was_renamed):
            return False
        self._name(channel, other.name, other)
        return True

    def _name(self, channel: Channel, name: str, other: Channel) -> None:
        other.name, channel.name = channel.name, name
        for one in (channel, other):
            self._by_name[one.name] = one
            self._classify(one)

    def _classify(self, channel: Channel) -> None:
        if channel.leg is None:
            channel.kind, channel.device = self._classifier.kind(channel.name), self._classifier.device(channel.name)

    def rename(self, message: AmiMessage) -> None:
        """Give a channel another name, as a masquerade does."""
        channel = self.find(message)
        name = checked(message.get("Newname"), CHANNEL, "Newname")
        if channel is None:
            return
        if self._by_name.get(name) not in (None, channel):
            raise AmiMessageError("Newname is that of another channel")
        self._by_name.pop(channel.name, None)
        channel.name, channel.was_renamed = name, True
        self._by_name[name] = channel
        self._classify(channel)

    def reclassify(self, peer: Peer, kind: ChannelKind) -> None:
        """Change what the existing channels of a peer stand for, except those that are in a conversation."""
        for one in self.channels.values():
            if one.kind is not kind and one.leg is None and peer_of(one.name) == peer:
                one.kind, one.device = kind, self._classifier.device(one.name)

    def drop(self, channel: Channel) -> None:
        """Forget a channel that is gone."""
        channel.is_gone = True
        self.channels.pop(channel.uid, None)
        if self._by_name.get(channel.name) is channel:
            del self._by_name[channel.name]
        if channel.other is not None:
            channel.other.other = None
            channel.other = None

    def bridge(self, message: AmiMessage, key: str = "BridgeUniqueid") -> Bridge:
        """Return the bridge that a message names, new when it is not known."""
        return self.bridge_named(checked(message.get(key), BRIDGE, key))

    def bridge_named(self, name: str) -> Bridge:
        """Return a bridge by its id, new when it is not known."""
        bridge = self.bridges.get(name)
        if bridge is None:
            bridge = self.bridges[name] = Bridge(name)
        return bridge

    def enter(self, channel: Channel, bridge: Bridge) -> None:
        """Put a channel into a bridge; repeated it changes nothing."""
        if channel.bridge is not bridge:
            self.leave(channel)
        bridge.members[channel] = None
        channel.bridge = bridge

    def leave(self, channel: Channel) -> None:
        """Take a channel out of its bridge; an empty bridge is forgotten."""
        bridge = channel.bridge
        if bridge is not None:
            bridge.members.pop(channel, None)
            channel.bridge = None
            if not bridge.members:
                self.bridges.pop(bridge.id, None)


def around(bridge: Bridge | None) -> set[Channel]:
    """Return who is in a bridge and in those that Local channels wire to it."""
    parties, _ = _walked(bridge)
    return parties


def local_channels(bridge: Bridge | None) -> set[Channel]:
    """Return the Local channels by which a bridge reaches others."""
    _, found = _walked(bridge)
    return found


def reached(channel: Channel) -> set[Channel]:
    """Return the parties that a channel hears.

    A canary's number may be an announcement: nobody, behind a Local channel, which stands for it.
    """
    parties, wires = _walked(channel.bridge)
    parties.discard(channel)
    return wires if channel.is_canary and not parties else parties


def _walked(bridge: Bridge | None) -> tuple[set[Channel], set[Channel]]:
    parties: set[Channel] = set()
    locals_: set[Channel] = set()
    if bridge is None or bridge.is_holding:
        return parties, locals_
    seen, todo = {bridge.id}, [bridge]
    while todo:
        for member in todo.pop().members:
            if member.is_party:
                parties.add(member)
            elif member.kind is ChannelKind.LOCAL:
                locals_.add(member)
                beyond = member.other.bridge if member.other else None
                if beyond is not None and not beyond.is_holding and beyond.id not in seen:
                    seen.add(beyond.id)
                    todo.append(beyond)
    return parties, locals_
