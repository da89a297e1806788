"""Follow legs: they begin when an extension reaches somebody, and end when it reaches nobody.

A beginning is reported at once, because the recording must be found within seconds. An end or a change of partners
waits a moment (``SETTLES``), because a transfer shows first as channels that leave bridges and enter others, and only
then says what it was.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from cti.events import QUEUE_CLEARED, Diverted, Established, Held, Retrieved
from cti.sources.asterisk_ami.agents import Agents
from cti.sources.asterisk_ami.call_registry import CallRegistry
from cti.sources.asterisk_ami.channel_names import is_agents_number
from cti.sources.asterisk_ami.channels import around, local_channels, reached
from cti.sources.asterisk_ami.event_builder import EventBuilder
from cti.sources.asterisk_ami.legs import OpenLegs
from cti.sources.asterisk_ami.transfers import Transfers
from cti.sources.asterisk_ami.values import Bridge, Channel, ChannelKind, EventTime, Offer, PbxCall, PbxLeg

#: Maximum time in which a channel may find the same partner again (both redirected into a conference room).
RETURNS = timedelta(seconds=1)
#: Maximum time that the PBX may take to explain a change of partners.
SETTLES = timedelta(seconds=0.3)


class LegTracker:
    """Follow every extension's legs through bridges."""

    def __init__(
        self,
        call_registry: CallRegistry,
        open_legs: OpenLegs,
        transfers: Transfers,
        agents: Agents,
        builder: EventBuilder,
    ) -> None:
        self._call_registry, self._open_legs, self._transfers = call_registry, open_legs, transfers
        self._agents, self._builder = agents, builder
        #: "snapshot" while calls are reported that were in progress already.
        self.cause = ""

    def review(self, channels: Iterable[Channel], now: EventTime, *, is_swap: bool = False) -> None:
        """Look at channels whose bridges changed. ``is_swap``: one took another's place, as transfers do."""
        for channel in sorted(channels, key=_order):
            if channel.is_extension and not channel.is_gone and not channel.is_leaving:
                self._review(channel, now, is_swap=is_swap)

    def _review(self, channel: Channel, now: EventTime, *, is_swap: bool) -> None:
        found, leg = reached(channel), channel.leg
        if leg is None:
            if found:
                self._begin_leg(channel, found, now)
        elif found & leg.partners:
            self._go_on(leg, found, now)
        elif not is_swap and _is_waited_for(leg):
            self._step_away(leg, now)
            if found:
                self._begin_leg(channel, found, now)
        else:
            self._doubt(leg, found, now)

    def settle(self, now: EventTime, *, is_final: bool = False) -> None:
        """Decide what has waited long enough."""
        for leg in self._open_legs.due(now, is_final=is_final):
            if leg.is_away:
                self._decide_away(leg)
            elif leg.ended is not None:
                self._decide_end(leg, leg.ended)
            elif leg.grown is not None:
                self._transfers.unite(leg, leg.grown)

    def _decide_away(self, leg: PbxLeg) -> None:
        if leg.ended is not None:
            self._open_legs.finish(leg, leg.ended)
        elif leg.away_since is not None and not leg.is_held:
            leg.is_held = True
            self._open_legs.report(Held, leg, leg.away_since)

    def _decide_end(self, leg: PbxLeg, ended: EventTime) -> None:
        channel, since = leg.channel, leg.successor
        found = set() if channel.is_gone else reached(channel)
        if since is None or not found:
            self._open_legs.finish(leg, ended)
        elif self._call_for(channel, found) is leg.call:
            self._go_on(leg, found, since)
        elif not self._transfers.infer(leg, since):
            self._open_legs.finish(leg, ended)
            self._begin_leg(channel, found, since)

    # -- beginnings ------------------------------------------------------------------------------------------------

    def _begin_leg(self, channel: Channel, found: set[Channel], now: EventTime) -> None:
        waiting = next((leg for leg in channel.away if leg.partners & found), None)
        if waiting is not None:
            self._return(waiting, found, now)
            return
        call = self._call_for(channel, found)
        if channel.is_ringing and channel.call is not None and channel.call is not call:
            self._builder.call(Diverted, now, call_id=channel.call.id, device_id=channel.device)
        is_internal = call.owner.kind is ChannelKind.LOCAL or all(one.is_extension for one in found)
        if call.interaction == call.id and is_internal:
            call.interaction = self._consulted_for(call, {channel, *found}) or call.interaction
        leg = PbxLeg(call, channel, found, channel.bridge)
        self._open_legs.open(leg)
        self._report_begin(leg, now)

    def _report_begin(self, leg: PbxLeg, now: EventTime) -> None:
        offer = self.offer_of(leg.channel, leg.call)
        # This leg answers it: it does not apply to a later consultation on the same channel or through the same wire.
        for one in (leg.channel, *local_channels(leg.channel.bridge)):
            one.offer = None
        self.report_queue_left(leg.call, leg.channel, offer, now)
        self._served(leg, offer)
        self.introduce(leg.channel, offer, now)
        session = self._agents.session(leg.device)
        leg.call.is_reported, leg.call.joined = True, now
        self._builder.call(
            Established,
            now,
            device_id=leg.device,
            local_state="connected",
            agent_id=session.agent_id if session else "",
            queue_name=offer.queue if offer else "",
            cause=self.cause,
            **facts(leg.call),
        )

    def _served(self, leg: PbxLeg, offer: Offer | None) -> None:
        """Note that a queue's agent answered: the call keeps the queue when it is handed on."""
        left = leg.call.left
        queue = offer.queue if offer else left.queue if left else ""
        for call in (leg.call, *(one.call for one in leg.partners)) if queue else ():
            if call is not None:
                call.served, call.left = queue, None

    def report_queue_left(self, call: PbxCall, channel: Channel, offer: Offer | None, now: EventTime) -> None:
        """Report that the caller has left the queue, before a phone is reached that the queue did not ring."""
        left = call.left
        if left is None or offer is not None or (left.may_have_rung(channel) and channel.linked == call.owner.linked):
            return
        call.left = None
        self._builder.call(Diverted, now, call_id=call.id, device_id=left.queue or channel.device, cause=QUEUE_CLEARED)

    def introduce(self, channel: Channel, offer: Offer | None, now: EventTime) -> None:
        """Say who is at an extension before its event, where that is known. ``offer``: the one that it answers."""
        if offer is not None:
            self._agents.answered(channel.device, offer, now)
        if offer is not None and is_agents_number(offer.member_name):
            self._agents.unnamed(channel.device, now)
        else:
            self._agents.called(channel.device, now)

    def offer_of(self, channel: Channel, call: PbxCall) -> Offer | None:
        """Return the queue's offer of a call by which an extension was reached, through Local channels too.

        An offer whose answer was missed is not that of another call.
        """
        offers = (one.offer for one in (channel, *local_channels(channel.bridge)))
        return next((one for one in offers if one is not None and one.caller.call in (None, call)), None)

    def _call_for(self, channel: Channel, found: set[Channel]) -> PbxCall:
        """Return a conversation's call: the customer's, else the originator's; never one the device has already."""
        outside = [one for one in found if one.kind is ChannelKind.OUTSIDE]
        call = self._call_registry.call_of(min(outside, key=_order)) if outside else self._internal_call(channel, found)
        if all(leg.call is not call or leg is channel.leg for leg in self._open_legs.at(channel.device)):
            return call
        own = next(
            (one.uid for one in (*sorted(local_channels(channel.bridge), key=_order), channel) if one.uid != call.id),
            "",
        )
        return self._call_registry.begin(channel, own or f"{channel.uid}-2", call.interaction)

    def _internal_call(self, channel: Channel, found: set[Channel]) -> PbxCall:
        for one in sorted(found, key=_order):
            if one.leg is not None and one.leg.ended is None and channel in one.leg.partners:
                return one.leg.call
        if channel.away or any(one.away for one in found):
            linked = sorted(local_channels(channel.bridge), key=_order)
            if linked:
                return self._call_registry.call_of(linked[0])
        everybody = {channel, *found}
        beginners = {one for one in everybody if not one.is_called or one.is_originated}
        likely = [*sorted(beginners, key=_order), *sorted(local_channels(channel.bridge) | everybody, key=_order)]
        calls = (self._call_registry.call_of(one) for one in likely)
        own = next((call for call in calls if not _is_others(call)), None)
        return own or self._call_registry.begin(min(everybody, key=_order))

    def _consulted_for(self, call: PbxCall, colleagues: set[Channel]) -> str:
        """Return the interaction of the call that whoever began this one has on hold: it is a consultation.

        A colleague who is called while a customer is on hold consults nobody.
        """
        owner = call.owner
        begun_by = [owner] if owner.kind is not ChannelKind.LOCAL else [one for one in colleagues if one.away]
        held = [self._held_beside(call, one) for one in sorted(begun_by, key=_order) if one in colleagues]
        return next((leg.call.interaction for leg in held if leg is not None), "")

    def _held_beside(self, call: PbxCall, channel: Channel) -> PbxLeg | None:
        """Return the leg that an extension has on hold beside a call; a snapshot shows no hold, only both calls."""
        others = [leg for leg in self._open_legs.at(channel.device) if leg.call is not call and leg.ended is None]
        held = [leg for leg in others if leg.is_held or leg.is_away or self.cause]
        return held[0] if held else None

    # -- going on --------------------------------------------------------------------------------------------------

    def _go_on(self, leg: PbxLeg, found: set[Channel], now: EventTime) -> None:
        joined = found - leg.partners
        leg.partners, leg.bridge, leg.ended, leg.successor = found, leg.channel.bridge, None, None
        self._open_legs.waits_no_more(leg)
        if len(found) < 2:
            leg.grown = None
        elif joined and leg.grown is None:
            leg.grown = now
        if leg.grown is not None:
            self._open_legs.wait(leg, leg.grown, SETTLES)

    def _doubt(self, leg: PbxLeg, found: set[Channel], now: EventTime) -> None:
        leg.ended = leg.ended or now
        if not found:
            leg.successor = None
            self._open_legs.wait(leg, leg.ended, RETURNS)
        elif leg.successor is None:
            leg.successor = now
            self._open_legs.wait(leg, now, SETTLES)

    def _step_away(self, leg: PbxLeg, now: EventTime) -> None:
        channel = leg.channel
        leg.is_away, leg.away_since, leg.ended, leg.successor, leg.grown = True, leg.ended or now, None, None, None
        channel.away.append(leg)
        channel.leg = None
        self._open_legs.wait(leg, now, SETTLES)

    def _return(self, leg: PbxLeg, found: set[Channel], now: EventTime) -> None:
        """Take up a leg that waited; report it as retrieved if it was reported as held."""
        channel = leg.channel
        channel.away.remove(leg)
        channel.leg = channel.last_leg = leg
        leg.is_away, leg.away_since = False, None
        self._call_registry.assign(channel, leg.call)
        if leg.is_held:
            leg.is_held = False
            self._open_legs.report(Retrieved, leg, now)
        self._go_on(leg, found, now)

    def resume_away(self, channel: Channel, partner: Channel, now: EventTime) -> None:
        """Take up the leg of an extension that consults somebody in another bridge while its partner waits."""
        leg = PbxLeg(self._call_registry.call_of(partner), channel, {partner}, partner.bridge)
        self._open_legs.open(leg)
        self._report_begin(leg, now)
        leg.is_away = leg.is_held = True
        leg.away_since = now
        channel.away.append(leg)
        channel.leg = None
        self._open_legs.report(Held, leg, now)

    def check_away(self, bridge: Bridge | None, now: EventTime) -> None:
        """End the legs that wait in a bridge for a partner who has left it."""
        for leg in self._open_legs.away():
            if leg.bridge is bridge and leg.ended is None and not leg.partners & around(bridge):
                leg.ended = now
                self._open_legs.wait(leg, now, RETURNS)

    def hold(self, channel: Channel, now: EventTime, *, is_held: bool) -> None:
        """Hold or retrieve a channel's leg; repeated it changes nothing."""
        leg = channel.leg
        if leg is not None and leg.is_held != is_held and leg.ended is None:
            leg.is_held = is_held
            self._open_legs.report(Held if is_held else Retrieved, leg, now)

    def hung_up(self, channel: Channel, now: EventTime) -> None:
        """End the legs of a channel that is gone; where it had two, a transfer may still explain it."""
        is_explained_later = bool(channel.away)
        for leg in channel.legs:
            leg.ended, leg.successor = leg.ended or now, None
            if is_explained_later:
                self._open_legs.wait(leg, now, RETURNS)
            else:
                self._open_legs.finish(leg, leg.ended)


def facts(call: PbxCall) -> dict[str, Any]:
    """Return what an event says about its call."""
    return {
        "call_id": call.id,
        "interaction_id": call.interaction,
        "direction": call.direction,
        "calling_number": call.calling_number,
        "called_number": call.called_number,
        "caller_name": call.caller_name,
        "caller_name_source": "isdn" if call.caller_name else "",
        "query_data": dict(call.query),
    }


def _is_others(call: PbxCall) -> bool:
    """Say whether an outside party began a call: a conversation of extensions alone is not part of it."""
    return call.owner.kind is ChannelKind.OUTSIDE


def _is_waited_for(leg: PbxLeg) -> bool:
    """Say whether a channel is in another bridge while its partner stays in the first one."""
    here = leg.channel.bridge
    if here is None or here.is_holding or leg.bridge is None or leg.bridge is here:
        return False
    return bool(leg.partners & around(leg.bridge))


def _order(channel: Channel) -> int:
    return channel.order
