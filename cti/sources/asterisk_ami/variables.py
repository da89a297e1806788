"""Query data and wrap-up: channel variables and UserEvents."""

from collections import OrderedDict

from cti.events import CallInformation, Wrapup
from cti.sources.asterisk_ami.agents import Agents
from cti.sources.asterisk_ami.call_registry import CallRegistry
from cti.sources.asterisk_ami.event_builder import EventBuilder
from cti.sources.asterisk_ami.messages import UNIQUEID, AmiMessage, unescaped
from cti.sources.asterisk_ami.options import AmiOptions
from cti.sources.asterisk_ami.values import Channel, EventTime, PbxCall, PbxLeg

#: Maximum number of ended legs that are remembered for a wrap-up that comes after the call.
REMEMBERED = 20_000


class ChannelVariables:
    """Report what is new in the variables of a call's channels."""

    def __init__(self, options: AmiOptions, call_registry: CallRegistry, agents: Agents, builder: EventBuilder) -> None:
        self._options, self._call_registry, self._agents, self._builder = options, call_registry, agents, builder
        #: Uniqueid of the customer's channel -> call and extensions that had a leg with it.
        self._past: OrderedDict[str, tuple[str, frozenset[str]]] = OrderedDict()
        #: Names for which a VarSet is worth reading.
        self.names: set[str] = set(options.wrapup_variables) | set(options.query_variables or ())

    def seen(self, channel: Channel, found: dict[str, str], now: EventTime) -> None:
        """Take the variables that a message shows of a channel."""
        if self._options.query_variables is None:
            self.names.update(found)
        for name, value in found.items():
            self._changed(channel, name, value, now)

    def born(self, channel: Channel, found: dict[str, str]) -> None:
        """Take what a new channel inherits: nothing of it is news but its query data."""
        if self._options.query_variables is None:
            self.names.update(found)
        channel.variables.update(found)

    def is_set(self, channel: Channel, message: AmiMessage, now: EventTime) -> None:
        """A variable was set; inherited ones are named with underscores."""
        name = message.last("Variable").lstrip("_")
        if name in self.names:
            self._changed(channel, name, unescaped(message.last("Value")), now)

    def _changed(self, channel: Channel, name: str, value: str, now: EventTime) -> None:
        if channel.variables.get(name, "") == value:
            return
        channel.variables[name] = value
        if name in self._options.wrapup_variables:
            self._wrap_up(channel, now)
        elif value and self._is_query(name) and channel.call is not None:
            self._learn(channel, channel.call, {name: value}, now)

    def _is_query(self, name: str) -> bool:
        wanted = self._options.query_variables
        return name in wanted if wanted is not None else name not in self._options.wrapup_variables

    def taken_up(self, channel: Channel) -> None:
        """Give a call what a channel of it knew before it was in the call."""
        if channel.call is not None:
            found = {name: value for name, value in channel.variables.items() if value and self._is_query(name)}
            _add(channel, channel.call, found)

    def _learn(self, channel: Channel, call: PbxCall, found: dict[str, str], now: EventTime) -> None:
        if _add(channel, call, found) and call.is_reported:
            self._builder.call(CallInformation, now, call_id=call.id, query_data=dict(call.query))

    def _wrap_up(self, channel: Channel, now: EventTime) -> None:
        """Give a wrap-up to the leg that the channel is or was last in touch with."""
        result = channel.variables.get(self._options.wrapup_variable, "")
        leg = channel.last_leg if channel.is_extension else self._agents_leg(channel)
        if result and leg is not None:
            template = channel.variables.get(self._options.wrapup_template_variable, "")
            self._report_wrap_up(leg.call.id, leg.device, result, template, now)

    def _agents_leg(self, channel: Channel) -> PbxLeg | None:
        """Return the only leg that a customer is in, else the last."""
        legs = [leg for leg in channel.call.legs if channel in leg.partners] if channel.call else []
        return legs[0] if len(legs) == 1 else channel.last_leg if not legs else None

    def _report_wrap_up(self, call_id: str, device: str, result: str, template: str, now: EventTime) -> None:
        wrapup = Wrapup(result=result[:255], template=template[:255] or None)
        self._builder.call(CallInformation, now, call_id=call_id, device_id=device, wrapup=wrapup)

    def remember(self, leg: PbxLeg) -> None:
        """Remember where a leg's wrap-up would belong, for after the call."""
        for uid in {leg.call.id, leg.channel.uid, *(one.uid for one in leg.partners)}:
            _, devices = self._past.pop(uid, ("", frozenset[str]()))
            self._past[uid] = leg.call.id, devices | {leg.device}
        while len(self._past) > REMEMBERED:
            self._past.popitem(last=False)

    def user_event(self, message: AmiMessage, now: EventTime) -> None:
        """Take a wrap-up that an agent's desktop sends as a UserEvent, during the call or after it."""
        options = self._options
        if not options.wrapup_event or message.get("UserEvent") != options.wrapup_event:
            return
        uid = message.get("CallUniqueid") or message.get("Uniqueid")
        result = message.get(options.wrapup_event_result)
        if not result or not UNIQUEID.fullmatch(uid) or uid not in self._past:
            return
        call_id, devices = self._past[uid]
        device = self._device(message.get("Agent"), devices)
        if device:
            self._report_wrap_up(call_id, device, result, message.get(options.wrapup_event_template), now)

    def _device(self, agent: str, devices: frozenset[str]) -> str:
        """Return the extension that a wrap-up is of: it names an extension or an agent, or there was only one."""
        if agent in devices:
            return agent
        by_agent = [one for one in devices if agent and self._agents.agent_id_at(one) == agent]
        if by_agent or agent:
            return by_agent[0] if len(by_agent) == 1 else ""
        return next(iter(devices)) if len(devices) == 1 else ""


def _add(channel: Channel, call: PbxCall, found: dict[str, str]) -> bool:
    """Add query data to a call: the channel that began it has the last word. Say whether anything is new."""
    news = {
        name: value
        for name, value in found.items()
        if call.query.get(name) != value and (channel is call.owner or name not in call.query)
    }
    call.query.update(news)
    return bool(news)
