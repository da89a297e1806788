"""Find the call of each channel, and keep what is known about calls. Pure."""

from cti.events import CallCleared
from cti.sources.asterisk_ami.channels import ChannelTable, around
from cti.sources.asterisk_ami.event_builder import EventBuilder
from cti.sources.asterisk_ami.values import CallDirection, Channel, ChannelKind, EventTime, PbxCall

_ANONYMOUS = frozenset({"anonymous", "unavailable", "restricted", "private", "unknown", "withheld"})
# Maximum number of steps to the channel that began a call.
_DEPTH = 8


class CallRegistry:
    """The calls in progress. A call is named by the Uniqueid of the channel that began it."""

    def __init__(self, channel_table: ChannelTable, builder: EventBuilder) -> None:
        self._channel_table, self._builder = channel_table, builder
        self._calls: dict[str, PbxCall] = {}
        #: Calls that a channel has left for another one since they were last looked at.
        self._left: list[PbxCall] = []

    def known(self, call_id: str) -> PbxCall | None:
        """Return a call in progress by its id."""
        return self._calls.get(call_id)

    def call_of(self, channel: Channel, depth: int = 0) -> PbxCall:
        """Return a channel's call: its own, that of the channel that dials it, or a new one."""
        if channel.call is not None:
            return channel.call
        if channel.kind is ChannelKind.LOCAL:
            return self._call_of_local(channel, depth)
        if channel.dialled_by is not None and depth < _DEPTH:
            call = self.call_of(channel.dialled_by, depth + 1)
        elif channel.kind is ChannelKind.OUTSIDE and channel.is_called and channel.linked != channel.uid:
            call = self._call_of_trunk(channel)
        else:
            call = self.begin(channel)
        self.assign(channel, call)
        return call

    def _call_of_trunk(self, channel: Channel) -> PbxCall:
        """Return the call of a line whose DialBegin was missed: its Linkedid names the channel that began the call."""
        origin = self._channel_table.channels.get(channel.linked)
        if origin is not None and origin.is_party:
            channel.dialled_by = origin
        call = self.call_of(origin) if origin is not None else self.begin(channel, channel.linked)
        if call.direction == "internal" and not call.legs:
            call.direction = "outbound"
            call.called_number = origin.exten if origin is not None else ""
        return call

    def _call_of_local(self, half: Channel, depth: int) -> PbxCall:
        """Return the call of a Local pair: its caller's, that of the outside party at either end, or one of its own."""
        pair = [half, half.other] if half.other is not None else [half]
        dialler = next((one.dialled_by for one in pair if one.dialled_by is not None), None)
        outside = [one for end in pair for one in around(end.bridge) if _may_own(one, pair)]
        if dialler is not None and depth < _DEPTH:
            call = self.call_of(dialler, depth + 1)
        elif outside and depth < _DEPTH:
            call = self.call_of(min(outside, key=_order), depth + 1)
        else:
            call = self.begin(min(pair, key=_name))
        for one in pair:
            one.call = call
        return call

    def begin(self, owner: Channel, call_id: str = "", interaction: str = "") -> PbxCall:
        """Begin a call that a channel owns."""
        call_id = call_id or owner.uid
        known = self._calls.get(call_id)
        if known is not None:
            return known
        call = PbxCall(call_id, interaction or call_id, owner, _direction(owner))
        if owner.kind is not ChannelKind.LOCAL:
            call.calling_number = number_of(owner)
            call.called_number = owner.exten if not owner.is_called else ""
        self._calls[call_id] = call
        self.refresh(call, owner)
        return call

    def refresh(self, call: PbxCall, channel: Channel) -> None:
        """Take the caller's number and name from the channel that owns the call."""
        if call.owner is channel and channel.kind is ChannelKind.OUTSIDE and not channel.is_called:
            call.calling_number = number_of(channel)
            call.caller_name = "" if channel.caller_name.lower() in _ANONYMOUS else channel.caller_name

    def assign(self, channel: Channel, call: PbxCall) -> None:
        """Put a channel into a call."""
        before = channel.call
        channel.call = call
        if channel.kind is not ChannelKind.LOCAL:
            call.channels.add(channel)
            if before is not None and before is not call:
                before.channels.discard(channel)
                self._left.append(before)

    def release_left(self, moment: EventTime) -> None:
        """Report the calls that ended because their last channel is in another one now."""
        while self._left:
            self.released(self._left.pop(), moment)

    def released(self, call: PbxCall | None, moment: EventTime) -> None:
        """Report that a call is over when nobody is left in it."""
        if call is None or not _is_over(call) or self._calls.get(call.id) is not call:
            return
        del self._calls[call.id]
        if call.is_reported:
            self._builder.call(CallCleared, moment, call_id=call.id)


def _may_own(channel: Channel, pair: list[Channel]) -> bool:
    """Say whether an outside party has a call of its own; one that the pair itself dials is in the pair's."""
    return channel.kind is ChannelKind.OUTSIDE and (channel.call is not None or channel.dialled_by not in pair)


def _is_over(call: PbxCall) -> bool:
    """Say whether nobody is left in a call.

    An extension that stays behind alone, as an agent of VICIdial in the conference, does not keep the customer's call.
    """
    if call.legs:
        return False
    is_customers = call.owner.kind is ChannelKind.OUTSIDE and call.owner not in call.channels
    return not call.channels or (is_customers and all(_stayed_behind(one) for one in call.channels))


def _stayed_behind(channel: Channel) -> bool:
    return channel.is_extension and channel.last_leg is not None and not channel.is_ringing


def number_of(channel: Channel) -> str:
    """Return a channel's number, empty when the caller withheld it."""
    return "" if channel.number.lower() in _ANONYMOUS else channel.number


def _direction(owner: Channel) -> CallDirection:
    if owner.kind is ChannelKind.OUTSIDE and not owner.is_called:
        return "inbound"
    return "internal"


def _name(channel: Channel) -> str:
    return channel.name


def _order(channel: Channel) -> int:
    return channel.order
