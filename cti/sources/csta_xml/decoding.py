"""Turn a CSTA XML message into CTI events.

A ``Decoder`` belongs to one connection to one server: it knows the monitors, and remembers which opaque ids were
outside parties and who logged on where. What it knows of calls (their interactions and queues) outlasts the connection.
Duplicates are not dropped: the core is idempotent.
"""

from datetime import datetime
from typing import Any, get_args

from msgspec.structs import replace

from cti.events import (
    AgentData,
    AgentEvent,
    CallData,
    CallEvent,
    CallInformation,
    Conferenced,
    ConnectionCleared,
    ConnectionItem,
    Delivered,
    Direction,
    Diverted,
    Established,
    Event,
    LocalState,
    LoggedOff,
    LoggedOn,
    NetworkReached,
    Queued,
)
from cti.sources.csta_xml.agents import AgentAt
from cti.sources.csta_xml.bounded_cache import BoundedCache, ConnectionPlace
from cti.sources.csta_xml.call_linkage import SNAPSHOT
from cti.sources.csta_xml.call_memory import CallMemory
from cti.sources.csta_xml.device_resolver import DeviceResolver, connection_id
from cti.sources.csta_xml.devices import NOBODY, Device, DeviceReader, read_device
from cti.sources.csta_xml.event_table import AGENTS, CALLS, IGNORED, MERGES, EventShape, MergeShape
from cti.sources.csta_xml.merging import Merge, read_merge
from cti.sources.csta_xml.options import CstaOptions, written_numbers
from cti.sources.csta_xml.parsing import CstaMessageError, UnknownMessage, XmlElement, children, descend, local, text_of
from cti.sources.csta_xml.private_data import NAME, TEXT, Private, PrivateReader, query_data
from cti.sources.csta_xml.snapshot import ALERTING, HOLD, KINDS, FoundConnection
from cti.sources.port import SourceConfig, Stamp

_STATES: frozenset[str] = frozenset(get_args(LocalState))
#: What an event of a call or an agent has, whatever else it is.
_IDENTIFYING = frozenset({"callID", "agentID", "agentDevice"})
_NAMING_QUEUES = (Delivered, Established)


class Decoder:
    """Reads the events of one link. ``monitors``: monitorCrossRefID -> device, kept by the session."""

    def __init__(
        self, config: SourceConfig, options: CstaOptions, stamp: Stamp, memory: CallMemory | None = None
    ) -> None:
        self._stamp, self._memory = stamp, memory or CallMemory()
        self._queues = {read_device(device).number: name for device, name in config.queues.items()}
        self._ignored = frozenset(read_device(device).number for device in options.ignored_devices)
        self._devices = frozenset(read_device(device).number for device in config.devices)
        self._reader = DeviceReader(written_numbers(config, options))
        self._places = DeviceResolver(self._devices | self._ignored | self._queues.keys(), self._reader)
        self._private = PrivateReader(options)
        self._agents: BoundedCache[str, str] = BoundedCache()
        self.monitors: dict[str, str] = {}

    def device(self, element: XmlElement | None) -> str:
        """Return the device in a parameter of a request or an event, as the site numbers it."""
        return self._reader.of(element).number

    def decode(self, root: XmlElement, received: datetime) -> list[Event]:
        """Return a message's events; none for what is well known and nothing to a recording.

        Raises ``CstaMessageError`` when the message is unknown or lacks what its events need.
        """
        name = local(root.tag)
        fields = children(root)
        if shape := CALLS.get(name):
            return self._call(shape, fields, received)
        if kind := AGENTS.get(name):
            return [self._agent(kind, fields, received)]
        if merge := MERGES.get(name):
            return self._merge(merge, fields, received)
        if name in IGNORED:
            return []
        raise UnknownMessage(name[:TEXT], may_be_event=_may_be_news(name, root))

    def found(self, one: FoundConnection, device: str, state: str, received: datetime) -> Event | None:
        """Return the event that says a connection of a snapshot is in progress; None when it is not, or nobody's."""
        kind = KINDS.get(state)
        if kind is None or device in self._ignored or not 0 < len(one.call) <= TEXT:
            return None
        shape = EventShape(kind, "connectionIdentifier")
        data, _ = self._facts(shape, one.fields, one.call, ConnectionPlace(device), NOBODY, is_snapshot=True)
        states: dict[str, LocalState] = {ALERTING: "alerting", HOLD: "hold"}
        data = replace(data, local_state=states.get(state, "connected"))
        return self._stamp.call(kind, data, received=received)

    def logged_on(self, one: AgentAt, device: str, received: datetime) -> list[Event]:
        """Return the events that report an agent who is logged on already."""
        if len(one.agent_id) > TEXT:
            return []
        self._agents.put(device, one.agent_id)
        data = AgentData(agent_id=one.agent_id, device_id=device)
        kinds = (LoggedOn, one.doing) if one.doing else (LoggedOn,)
        return [self._stamp.agent(kind, data, received=received) for kind in kinds]

    def logged_off(self, device: str, received: datetime) -> Event:
        """Return the event that reports that nobody is logged on: the log-off was missed."""
        self._agents.drop(device)
        return self._stamp.agent(LoggedOff, AgentData(agent_id="", device_id=device), received=received)

    def _call(self, shape: EventShape, fields: dict[str, XmlElement], received: datetime) -> list[Event]:
        call, raw = connection_id(fields.get(shape.connection))
        place, subject = self._located(shape, fields, call, raw)
        if shape.kind is ConnectionCleared:
            self._places.end(call, raw)
        _demand(call, f"{shape.connection}/callID")
        if "device_id" in shape.kind.required:
            _demand(place.device_id, f"{shape.connection}/deviceID")
        if place.device_id in self._ignored:
            return []
        data = self._facts(shape, fields, call, place, subject)
        return self._with_wrapup(self._stamp.call(shape.kind, data[0], received=received), data[1], received)

    def _located(
        self, shape: EventShape, fields: dict[str, XmlElement], call: str, raw: str
    ) -> tuple[ConnectionPlace, Device]:
        if shape.kind is NetworkReached and raw:
            return self._places.outside(call, raw), NOBODY
        subject = self._reader.of(fields.get(shape.subject)) if shape.subject else NOBODY
        if not raw and not subject.number and "device_id" not in shape.kind.required:
            return ConnectionPlace(""), subject
        is_own = shape.own_state and text_of(fields.get("localConnectionInfo")).lower() == shape.own_state
        own = self._monitored(fields) if is_own else ""
        return self._places.locate(call, raw, subject.number, fields, own), subject

    def _monitored(self, fields: dict[str, XmlElement]) -> str:
        return self.monitors.get(text_of(fields.get("monitorCrossRefID")), "")

    def _facts(
        self,
        shape: EventShape,
        fields: dict[str, XmlElement],
        call: str,
        place: ConnectionPlace,
        subject: Device,
        *,
        is_snapshot: bool = False,
    ) -> tuple[CallData, Private]:
        private = self._private.read(fields.get("extensions"))
        calling, called = self._preferred(fields, "Calling"), self._preferred(fields, "Called")
        direction = self._direction(shape, fields, calling, called)
        cause = SNAPSHOT if is_snapshot else text_of(fields.get("cause"))
        linkage = fields.get("callLinkageData")
        if linkage is None:
            linkage = descend(fields.get("callLinkageDataList"), "newCallLinkageData")
        interaction = self._memory.interactions.of(shape.kind, call, place.device_id, linkage, cause)
        members: dict[str, Any] = {
            "call_id": call,
            "device_id": place.device_id or None,
            "outside": place.outside,
            "direction": direction,
            "calling_number": calling.number[:TEXT] or None,
            "called_number": called.number[:TEXT] or None,
            "queue_name": self._queue(shape, fields, call, place, private, interaction, is_snapshot=is_snapshot),
            "agent_id": subject.agent[:TEXT] or None if shape.kind is Established else None,
            "interaction_id": interaction[:TEXT] or None,
            "cause": cause[:TEXT] or None,
            "query_data": query_data(fields, private),
            **self._caller(fields, calling, direction, private),
            **_rest(fields),
        }
        if shape.kind is Diverted:
            members["new_destination"] = self._reader.of(fields.get("newDestination")).number[:TEXT] or None
        if shape.kind is CallInformation:
            members["wrapup"] = private.wrapup
        return CallData(**members), private

    def _preferred(self, fields: dict[str, XmlElement], end: str) -> Device:
        """Return one end of the call: the network's number stays, the switch's changes with each transfer."""
        own = self._reader.of(fields.get("callingDevice" if end == "Calling" else "calledDevice"))
        network = self._reader.of(fields.get(f"network{end}Device"))
        if not network.number:
            return own
        return network if network.name or own.number != network.number else Device(network.number, own.name)

    def _with_wrapup(self, event: CallEvent, private: Private, received: datetime) -> list[Event]:
        """Report a wrap-up that came with another event as an event of its own."""
        if private.wrapup is None or isinstance(event, CallInformation):
            return [event]
        data = CallData(call_id=event.data.call_id, device_id=event.data.device_id, wrapup=private.wrapup)
        return [event, self._stamp.call(CallInformation, data, received=received)]

    def _direction(
        self, shape: EventShape, fields: dict[str, XmlElement], calling: Device, called: Device
    ) -> Direction | None:
        if "associatedCallingDevice" in fields or "networkCallingDevice" in fields:
            return "inbound"
        if "associatedCalledDevice" in fields or shape.kind is NetworkReached:
            return "outbound"
        is_ours, is_to_ours = self._places.is_known(calling.number), self._places.is_known(called.number)
        if is_ours and is_to_ours:
            return "internal"
        if is_ours and called.number.startswith("+"):
            return "outbound"
        return "inbound" if is_to_ours and calling.number.startswith("+") else None

    def _queue(
        self,
        shape: EventShape,
        fields: dict[str, XmlElement],
        call: str,
        place: ConnectionPlace,
        private: Private,
        interaction: str,
        *,
        is_snapshot: bool,
    ) -> str | None:
        """Return the queue that a message names; the rules are in ``call_queues``."""
        queues, kind, is_queue = self._memory.queues, shape.kind, place.device_id in self._queues
        number, said = "", interaction if kind in (Queued, *_NAMING_QUEUES) else ""
        queues.follow(call, said)
        if kind is Queued:
            queue = self._reader.of(fields.get("queue")).number or place.device_id
            number = queues.enter(call, queue) if queue else ""
        elif kind is Diverted and is_queue:
            number = self._queue_left(fields, call, place.device_id)
        elif kind in _NAMING_QUEUES and is_queue:
            number = queues.enter(call, place.device_id)
        elif kind in _NAMING_QUEUES:
            last, called = self._queue_in(fields, "lastRedirectionDevice"), self._queue_in(fields, "calledDevice")
            number = queues.at_phone(call, place.device_id, last, called, is_snapshot=is_snapshot)
        is_phone = bool(place.device_id) and not (is_queue or place.outside or kind is Queued)
        queues.note(kind, call, place.device_id, is_phone=is_phone, outside=place.outside, interaction=said)
        may_be_private = number or kind is not Diverted or not is_queue
        name = (private.queue_name if may_be_private else "") or self._queues.get(number, "") or number
        return name[:TEXT] or None

    def _queue_left(self, fields: dict[str, XmlElement], call: str, queue: str) -> str:
        to, cause = self._reader.of(fields.get("newDestination")).number, text_of(fields.get("cause"))
        is_to_queue = to in self._queues and to != queue
        return self._memory.queues.leave(call, queue, cause, to=to, is_to_queue=is_to_queue)

    def _queue_in(self, fields: dict[str, XmlElement], name: str) -> str:
        number = self._reader.of(fields.get(name)).number
        return number if number in self._queues else ""

    def _caller(
        self, fields: dict[str, XmlElement], calling: Device, direction: Direction | None, private: Private
    ) -> dict[str, Any]:
        """Return the caller's name; where our own extension calls out, the name at its number is not the other's."""
        if private.caller_name:
            return {"caller_name": private.caller_name[:NAME], "caller_name_source": private.caller_name_source}
        if not calling.name or direction == "outbound":
            return {}
        if direction is None and calling.number in self._devices:
            return {}
        is_from_network = self._reader.of(fields.get("networkCallingDevice")).name == calling.name
        return {"caller_name": calling.name[:NAME], "caller_name_source": "isdn" if is_from_network else None}

    def _merge(self, shape: MergeShape, fields: dict[str, XmlElement], received: datetime) -> list[Event]:
        merge = read_merge(shape, fields, self._places)
        _demand(merge.primary, "primaryOldCall/callID")
        items = tuple(item for item in merge.items if item.new.device_id not in self._ignored)
        has_only_recorder_joined = merge.is_a_mere_joining and merge.added in self._ignored
        if shape.kind is Conferenced and has_only_recorder_joined:
            return []
        private = self._private.read(fields.get("extensions"))
        is_transfer = shape.kind is not Conferenced
        interaction = self._interaction_of(merge, fields)
        self._follow_merge(merge, items, interaction, is_transfer=is_transfer)
        data = CallData(
            primary_old_call_id=merge.primary,
            secondary_old_call_id=merge.secondary or None,
            resulting_call_id=merge.resulting or None,
            connections=items,
            interaction_id=interaction[:TEXT] or None,
            query_data=query_data(fields, private),
            cause=text_of(fields.get("cause"))[:TEXT] or None,
            **_roles(merge, is_transfer=is_transfer),
            **_rest(fields),
        )
        return [self._stamp.call(shape.kind, data, received=received)]

    def _interaction_of(self, merge: Merge, fields: dict[str, XmlElement]) -> str:
        linkage = fields.get("callLinkageDataList")
        return self._memory.interactions.of_merged(merge.resulting, linkage, merge.actor)

    def _follow_merge(
        self, merge: Merge, items: tuple[ConnectionItem, ...], interaction: str, *, is_transfer: bool
    ) -> None:
        olds = tuple(one for one in (merge.primary, merge.secondary) if one)
        phones = frozenset(item.new.device_id for item in items) & (self._devices - self._queues.keys())
        left = merge.actor if is_transfer else ""
        self._memory.queues.merge(olds, merge.resulting, phones=phones, left=left, interaction=interaction)

    def _agent(self, kind: type[AgentEvent], fields: dict[str, XmlElement], received: datetime) -> Event:
        named = self._reader.of(fields.get("agentDevice"))
        device = named.number or self._monitored(fields)
        agent = text_of(fields.get("agentID")) or named.agent or self._agents.get(device) or ""
        _demand(agent, "agentID")
        _demand(device, "agentDevice")
        self._remember_agent(kind, device, agent)
        private = self._private.read(fields.get("extensions"))
        reason = private.agent_reason or text_of(fields.get("cause"))
        data = AgentData(
            agent_id=agent, device_id=device, agent_name=private.agent_name[:TEXT] or None, reason=reason[:TEXT] or None
        )
        return self._stamp.agent(kind, data, received=received)

    def _remember_agent(self, kind: type[AgentEvent], device: str, agent: str) -> None:
        if kind is LoggedOff:
            self._agents.drop(device)
        else:
            self._agents.put(device, agent)


def _roles(merge: Merge, *, is_transfer: bool) -> dict[str, Any]:
    actor, added = merge.actor or None, merge.added[:TEXT] or None
    if is_transfer:
        return {"transferring_device_id": actor, "transferred_to_device_id": added}
    return {"conferencing_device_id": actor, "added_party_id": added}


def _rest(fields: dict[str, XmlElement]) -> dict[str, Any]:
    state = text_of(fields.get("localConnectionInfo")).lower()
    stamped = text_of(descend(fields.get("extensions"), "security", "timestamp"))
    return {"local_state": state if state in _STATES else None, "source_time": stamped[:TEXT] or None}


def _may_be_news(name: str, root: XmlElement) -> bool:
    """Say whether an unknown message may be an event of a call or an agent: it names one."""
    return name.endswith("Event") and any(local(one.tag) in _IDENTIFYING for one in root.iter())


def _demand(text: str, place: str) -> None:
    """Refuse an event without an identity, or with one that would have to be cut."""
    if not text or len(text) > TEXT:
        what = f"is longer than {TEXT} characters" if text else "is missing"
        raise CstaMessageError(f"{place} {what}", kind="event", place=place)
