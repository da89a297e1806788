"""Two calls become one: transfers and conferences, whether the PBX says so or the bridges show it."""

from cti.events import Conferenced, ConnectionItem, Transferred
from cti.sources.asterisk_ami.call_registry import CallRegistry
from cti.sources.asterisk_ami.channels import around
from cti.sources.asterisk_ami.event_builder import EventBuilder
from cti.sources.asterisk_ami.legs import OpenLegs, item
from cti.sources.asterisk_ami.values import Channel, ChannelKind, EventTime, PbxCall, PbxLeg


class Transfers:
    """Hand legs over from one call to another, and report it once."""

    def __init__(self, call_registry: CallRegistry, open_legs: OpenLegs, builder: EventBuilder) -> None:
        self._call_registry, self._open_legs, self._builder = call_registry, open_legs, builder

    def blind(self, leg: PbxLeg, destination: str, partners: set[Channel], now: EventTime) -> None:
        """An extension hands its call over to a destination that is still to answer, and leaves."""
        call = leg.call
        call.is_reported = True
        items = [item(call, one) for one in sorted(partners, key=_order)]
        self._leave(leg)
        self._builder.call(
            Transferred,
            now,
            call_id=call.id,
            device_id=leg.device,
            primary_old_call_id=call.id,
            resulting_call_id=call.id,
            transferring_device_id=leg.device,
            transferred_to_device_id=destination,
            interaction_id=call.interaction,
            connections=tuple(items),
        )
        self._call_registry.released(call, now)

    def parker(self, parkee: Channel) -> PbxLeg | None:
        """Return the leg of the extension that alone talked with a channel which is parked; None if it has left it."""
        legs = [leg for leg in parkee.call.legs if parkee in leg.partners] if parkee.call is not None else []
        return legs[0] if len(legs) == 1 else None

    def attended(self, first: PbxLeg, second: PbxLeg, now: EventTime) -> None:
        """An extension joins its two calls and leaves; who was in the consultation goes on in the customer's call."""
        kept, consulted = _main_first(first, second)
        call, before = kept.call, consulted.call
        movers = [leg for leg in self._others(before, first.device) if leg.call is before]
        items = [self._handed(leg, call, before) for leg in movers]
        items += [item(call, one) for one in sorted(kept.partners, key=_order) if one.kind is ChannelKind.OUTSIDE]
        self._leave(first)
        self._leave(second)
        call.is_reported = True
        self._builder.call(
            Transferred,
            now,
            call_id=call.id,
            device_id=first.device,
            primary_old_call_id=call.id,
            secondary_old_call_id=before.id,
            resulting_call_id=call.id,
            transferring_device_id=first.device,
            transferred_to_device_id=movers[0].device if movers else "",
            interaction_id=call.interaction,
            connections=tuple(items),
            new_segment=True,
        )
        self._call_registry.released(before, now)

    def _others(self, call: PbxCall, device: str) -> list[PbxLeg]:
        legs = [leg for leg in call.legs if leg.device != device]
        return sorted(legs, key=lambda leg: leg.channel.order)

    def _handed(self, leg: PbxLeg, call: PbxCall, before: PbxCall) -> ConnectionItem:
        """Move a leg into the customer's call; its partners there follow from the bridges."""
        channel = leg.channel
        self._open_legs.waits_no_more(leg)
        self._open_legs.move(leg, call)
        found = around(channel.bridge) - {channel}
        if leg.is_away:
            channel.away.remove(leg)
            channel.leg, leg.is_away = leg, False
        leg.ended = leg.successor = leg.grown = None
        leg.is_held, leg.bridge = False, channel.bridge
        leg.partners = found or {one for one in call.channels if one.kind is ChannelKind.OUTSIDE}
        return item(call, channel, before)

    def _leave(self, leg: PbxLeg) -> None:
        leg.channel.is_leaving = leg.channel.bridge is not None
        leg.channel.last_leg = leg
        self._open_legs.forget(leg)

    def infer(self, leg: PbxLeg, since: EventTime) -> bool:
        """Recognise an attended transfer without an event: the consulted party reaches the consulter's partner."""
        found = around(leg.channel.bridge) - {leg.channel}
        for consulter in leg.partners - found:
            kept = self._waiting_for(consulter, leg, found)
            own = next((one for one in self._open_legs.at(consulter.device) if one.call is leg.call), None)
            if kept is not None and own is not None and consulter not in found:
                self.attended(kept, own, since)
                return True
        return False

    def _waiting_for(self, consulter: Channel, leg: PbxLeg, found: set[Channel]) -> PbxLeg | None:
        """Return the consulter's other leg if it has lost to ``found`` the partner that it had."""
        legs = [
            one for one in self._open_legs.at(consulter.device) if one.call is not leg.call and one.partners & found
        ]
        return next((one for one in legs if not one.partners & around(one.channel.bridge) or one.is_away), None)

    def unite(self, leg: PbxLeg, now: EventTime) -> None:
        """Report that all who hear each other are in one call now."""
        everybody = around(leg.channel.bridge)
        legs = [other for one in sorted(everybody, key=_order) for other in one.legs if other.ended is None]
        main = _main_call(everybody, legs)
        host = next((one.channel for one in legs if one.call is main and self._has_second(one, legs)), leg.channel)
        others: list[PbxCall | None] = list(dict.fromkeys(one.call for one in legs if one.call is not main))
        items = self._gathered(legs, main)
        items += [item(main, one) for one in sorted(everybody, key=_order) if one.kind is ChannelKind.OUTSIDE]
        newest = max(everybody - {host}, key=_order)
        main.is_reported = True
        for other in others or [None]:
            self._builder.call(
                Conferenced,
                now,
                call_id=main.id,
                device_id=host.device,
                primary_old_call_id=main.id,
                secondary_old_call_id=other.id if other else "",
                resulting_call_id=main.id,
                conferencing_device_id=host.device,
                added_party_id=item(main, newest).new.device_id,
                interaction_id=main.interaction,
                connections=tuple(items),
            )
            self._call_registry.released(other, now)

    def _has_second(self, leg: PbxLeg, legs: list[PbxLeg]) -> bool:
        """Say whether a leg's device has another in a call that is joined, perhaps by a channel of its own."""
        calls = {one.call for one in legs if one.call is not leg.call}
        return any(other is not leg and other.call in calls for other in self._open_legs.at(leg.device))

    def _gathered(self, legs: list[PbxLeg], main: PbxCall) -> list[ConnectionItem]:
        """Move all legs into the main call; of two legs of one channel the one in the main call goes on."""
        items: list[ConnectionItem] = []
        for leg in legs:
            before, channel = leg.call, leg.channel
            if before is not main and any(one.call is main for one in self._open_legs.at(leg.device) if one is not leg):
                self._open_legs.forget(leg)
                continue
            if before is not main:
                self._open_legs.move(leg, main)
            items.append(item(main, channel, before))
        for leg in legs:
            if leg.call is main:
                _made_present(leg)
                self._open_legs.waits_no_more(leg)
        return items


def _made_present(leg: PbxLeg) -> None:
    channel = leg.channel
    if leg in channel.away:
        channel.away.remove(leg)
    channel.leg = leg
    leg.is_away = leg.is_held = False
    leg.away_since = leg.ended = leg.successor = leg.grown = None
    leg.bridge, leg.partners = channel.bridge, around(channel.bridge) - {channel}


def two_legs(first: Channel, second: Channel) -> list[PbxLeg]:
    """Return the transferring extension's two legs: with the customer, and the consultation."""
    if first is second:
        return first.legs
    return [leg for leg in (first.leg, second.leg) if leg is not None]


def _main_first(first: PbxLeg, second: PbxLeg) -> tuple[PbxLeg, PbxLeg]:
    """Return the customer's leg, then the consultation."""
    if _is_outside(second) and not _is_outside(first):
        return second, first
    return first, second


def _is_outside(leg: PbxLeg) -> bool:
    return any(one.kind is ChannelKind.OUTSIDE for one in leg.partners)


def _main_call(everybody: set[Channel], legs: list[PbxLeg]) -> PbxCall:
    outside = [
        one.call for one in sorted(everybody, key=_order) if one.kind is ChannelKind.OUTSIDE and one.call is not None
    ]
    of_legs = [leg.call for leg in legs]
    return next((call for call in outside if call in of_legs), of_legs[0])


def _order(channel: Channel) -> int:
    return channel.order
