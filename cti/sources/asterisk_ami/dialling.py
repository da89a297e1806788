"""What happens before a conversation: dialling, ringing, waiting in a queue, being offered and passed over."""

from cti.events import ConnectionCleared, Delivered, Diverted, Originated, Queued, ServiceInitiated
from cti.sources.asterisk_ami.call_registry import CallRegistry, number_of
from cti.sources.asterisk_ami.channel_names import dialled_number
from cti.sources.asterisk_ami.event_builder import EventBuilder
from cti.sources.asterisk_ami.leg_tracker import LegTracker, facts
from cti.sources.asterisk_ami.legs import OpenLegs
from cti.sources.asterisk_ami.values import Channel, ChannelKind, EventTime, Left, Offer, PbxCall


class Dialling:
    """Follow who calls which phone, and for which queue."""

    def __init__(
        self, call_registry: CallRegistry, open_legs: OpenLegs, leg_tracker: LegTracker, builder: EventBuilder
    ) -> None:
        self._call_registry, self._open_legs, self._leg_tracker = call_registry, open_legs, leg_tracker
        self._builder = builder

    def dials(self, caller: Channel, called: Channel, dial_string: str, now: EventTime) -> None:
        """Note that one channel dials another, which joins the caller's call."""
        if called is caller or not self._tie(caller, called):
            return
        if caller.kind is ChannelKind.LOCAL:
            called.offer = called.offer or caller.offer
        call = self._begun(caller)
        if called.kind is ChannelKind.OUTSIDE and call.direction == "internal" and not call.legs:
            call.direction = "outbound"
            call.called_number = dialled_number(dial_string, caller.exten)
        self._originate(caller, call, now)
        if called.is_party:
            self.rings(called, now)

    def _tie(self, caller: Channel, called: Channel) -> bool:
        """Note who dials a channel; a channel that is in a call already cannot be dialled."""
        called.is_called = True
        if called.call is not None or called.leg is not None or called.bridge is not None:
            return called.dialled_by is caller
        called.dialled_by = caller
        return True

    def _begun(self, caller: Channel) -> PbxCall:
        """Return the caller's call; a consultation belongs to the interaction of the call that made it necessary."""
        is_new = caller.call is None
        call = self._call_registry.call_of(caller)
        if is_new and call.interaction == call.id and call.owner in (caller, caller.other):
            call.interaction = self._interaction_behind(caller) or call.interaction
        return call

    def _interaction_behind(self, caller: Channel) -> str:
        """Return the interaction that an extension has on hold, or that a Local pair was made for."""
        if caller.is_extension:
            held = self._open_legs.held_at(caller.device)
            return held.call.interaction if held is not None else ""
        if caller.kind is not ChannelKind.LOCAL:
            return ""
        made_for = self._call_registry.known(caller.linked)
        return made_for.interaction if made_for is not None else caller.linked

    def _originate(self, caller: Channel, call: PbxCall, now: EventTime) -> None:
        if not caller.is_extension or caller.has_dialled or (caller.is_called and not caller.is_originated):
            return
        caller.has_dialled = True
        self._leg_tracker.introduce(caller, None, now)
        call.is_reported = True
        self._builder.call(Originated, now, device_id=caller.device, **facts(call))

    def is_rung_to_dial(self, channel: Channel, now: EventTime) -> None:
        """Follow click-to-dial: the PBX rings an extension, which dials when it answers."""
        channel.is_called = channel.is_originated = True
        if channel.is_extension and channel.call is None:
            call = self._call_registry.call_of(channel)
            call.calling_number = call.calling_number or number_of(channel)
            self._leg_tracker.introduce(channel, None, now)
            call.is_reported = True
            self._builder.call(ServiceInitiated, now, device_id=channel.device, cause="makeCall", **facts(call))

    def rings(self, channel: Channel, now: EventTime) -> None:
        """Report once that a dialled channel rings."""
        if channel.is_ringing or channel.leg is not None or channel.is_originated or not channel.is_party:
            return
        call = self._call_registry.call_of(channel)
        if call.owner is channel:
            return
        channel.is_ringing = call.is_reported = True
        if channel.is_extension:
            offer = self._leg_tracker.offer_of(channel, call)
            self._leg_tracker.introduce(channel, None, now)
            queue = offer.queue if offer else ""
            self._leg_tracker.report_queue_left(call, channel, offer, now)
            self._builder.call(
                Delivered, now, device_id=channel.device, local_state="alerting", queue_name=queue, **facts(call)
            )
        else:
            self._builder.call(Delivered, now, device_id=channel.name, outside=True, **facts(call))

    def joins_queue(self, channel: Channel, queue: str, now: EventTime) -> None:
        """Report that a caller waits in a queue."""
        call = self._begun(channel)
        self._originate(channel, call, now)
        call.served, call.left = "", None
        call.is_reported = True
        self._builder.call(Queued, now, device_id=queue, queue_name=queue, local_state="queued", **facts(call))

    def leaves_queue(self, call: PbxCall, left: Left) -> None:
        """Note that a caller left the queue; whether an agent answered, the next events show."""
        call.left = None if call.served == left.queue else left

    def offers(self, caller: Channel, called: Channel, offer: Offer) -> None:
        """Note that a queue offers its caller to a member."""
        called.offer = offer
        if called.other is not None:
            called.other.offer = offer
        self._tie(caller, called)

    def passed_over(self, channel: Channel, now: EventTime) -> None:
        """Report that a channel stopped ringing without an answer."""
        if channel.is_ringing and channel.is_extension and channel.call is not None:
            self._builder.call(Diverted, now, call_id=channel.call.id, device_id=channel.device)
        channel.is_ringing = False

    def hung_up(self, channel: Channel, now: EventTime) -> None:
        """Report that a channel has left what it began or took part in."""
        call = channel.call
        self.passed_over(channel, now)
        if channel.is_extension and channel.last_leg is None and (channel.has_dialled or channel.is_originated):
            if call is not None:
                self._builder.call(ConnectionCleared, now, call_id=call.id, device_id=channel.device)
        elif channel.kind is ChannelKind.OUTSIDE and call is not None and call.is_reported:
            self._builder.call(ConnectionCleared, now, call_id=call.id, device_id=channel.name, outside=True)
        if call is not None:
            call.channels.discard(channel)
            self._call_registry.released(call, now)
