"""The CTI event vocabulary: CSTA (ECMA-269) facts wrapped as CloudEvents 1.0.

One class per event type of ``cti/schema/cti-event.schema.json``; the JSON member ``type`` is the tag.
Everything here is pure: no Django, no sockets, no clock.

``Event``
├── ``CallEvent``    ServiceInitiated ... CallInformation (``data``: ``CallData``)
├── ``AgentEvent``   LoggedOn ... WorkingAfterCall (``data``: ``AgentData``)
└── ``LinkEvent``    SnapshotBegan, SnapshotEnded, LinkLost, LinkRestored (``data``: ``LinkData``)
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec

Text = Annotated[str, msgspec.Meta(max_length=255)]
LongText = Annotated[str, msgspec.Meta(max_length=4096)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]

LocalState = Literal["null", "initiated", "alerting", "connected", "hold", "queued", "fail"]
Direction = Literal["inbound", "outbound", "internal"]
NameSource = Literal["global_phonebook", "external_phonebook", "isdn", "personal", "unknown"]


#: The cause (ECMA-269) with which a call leaves its queue unanswered: the call is no longer in the queue.
QUEUE_CLEARED = "queueCleared"
#: The cause of ``Diverted`` where a device that talked parked its call: it has left.
PARKED = "park"
#: The cause of ``Transferred`` where one call is handed on, and joined with none.
SINGLE_STEP = "singleStepTransfer"
#: The causes with which a phone stops ringing because nobody answered there, not because the caller gave up.
NOT_ANSWERED = ("callNotAnswered", "noAnswer")


class Data(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Members of ``data`` are camelCase on the wire, as in the schema."""


class Connection(Data, frozen=True):
    """One device's part in one call (CSTA ConnectionID)."""

    call_id: Text
    device_id: Text


class ConnectionItem(Data, frozen=True):
    """Say who is connected in the resulting call, and as what before (CSTA ConnectionListItem)."""

    new: Connection
    old: Connection | None = None
    endpoint: Text | None = None


class Wrapup(Data, frozen=True):
    """The result of a queue call: template and result (flag CTIWrapup)."""

    result: Text
    template: Text | None = None


class CallData(Data, frozen=True):
    """What a call event may say; which members a type requires stands in its class."""

    call_id: Text | None = None
    device_id: Text | None = None
    local_state: LocalState | None = None
    interaction_id: Text | None = None
    direction: Direction | None = None
    calling_number: Text | None = None
    called_number: Text | None = None
    caller_name: Annotated[str, msgspec.Meta(max_length=1024)] | None = None
    caller_name_source: NameSource | None = None
    queue_name: Text | None = None
    agent_id: Text | None = None
    cause: str | None = None
    new_destination: Text | None = None
    primary_old_call_id: Text | None = None
    secondary_old_call_id: Text | None = None
    resulting_call_id: Text | None = None
    transferring_device_id: Text | None = None
    transferred_to_device_id: Text | None = None
    conferencing_device_id: Text | None = None
    added_party_id: Text | None = None
    connections: Annotated[tuple[ConnectionItem, ...], msgspec.Meta(max_length=64)] = ()
    wrapup: Wrapup | None = None
    query_data: Annotated[dict[str, LongText], msgspec.Meta(max_length=64)] | None = None
    #: Ours, not the schema's: the connection named is an outside party's (a trunk), never an extension.
    outside: bool = False
    #: Ours: Transferred, the PBX itself begins a new segment at the destination (Asterisk: another bridge).
    new_segment: bool = False
    #: Ours: the source's own stamp where ``time`` is the receipt (ECMA-269 security/timestamp).
    source_time: str | None = None
    #: Ours: the call is one that the gateway itself had the PBX make (a canary call).
    is_canary: bool = False


class AgentData(Data, frozen=True):
    """What an agent event may say."""

    agent_id: Text
    agent_name: Text | None = None
    device_id: Text | None = None
    reason: Text | None = None
    #: Ours: "offered" or "configured", where the agent did not log on at the device but a queue offers calls so.
    known_by: str | None = None


class LinkData(Data, frozen=True):
    """What the link to the source went through; ``reason`` is for the ledger of gaps."""

    reason: Text | None = None
    #: The devices that this is about: those that the snapshot could see, those whose events are missed though the link
    #: stands, or are no longer. None means all of the source's.
    devices: tuple[str, ...] | None = None
    #: On ``SnapshotEnded``: every agent who is logged on was named in it.
    agents_told: bool | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """One fact about a call or an agent.

    ``time`` is the source's clock. ``gatewaytime`` is the same moment by the gateway's clock: the receipt for a live
    TCP link, ``time`` itself for the HTTP intake. Deadlines count from ``gatewaytime``; what is shown is ``time``.
    ``heldsince``: since when, by the gateway's clock, a link that stalls may have held the event back, where it was
    received late enough for that to be seen. ``gatewayreceived``: when the HTTP intake received the event, where that
    was well after ``time``.
    """

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    time: Moment
    specversion: Literal["1.0"]
    gatewaytime: Moment | None = None
    heldsince: Moment | None = None
    gatewayreceived: Moment | None = None

    @property
    def at(self) -> datetime:
        """Return the moment by the gateway's clock."""
        return self.gatewaytime or self.time


class CallEvent(Event, frozen=True):
    """A fact about a call; ``required`` names the members of ``data`` that the schema demands of this type."""

    required: ClassVar[tuple[str, ...]] = ("call_id", "device_id")
    data: CallData

    def __post_init__(self) -> None:
        for name in self.required:
            if getattr(self.data, name) is None:
                raise ValueError(f"{type(self).__name__} requires the member data.{camel(name)}")


class AgentEvent(Event, frozen=True):
    """A fact about an agent's state at an extension."""

    data: AgentData


class LinkEvent(Event, frozen=True):
    """A fact about the link between source and gateway."""

    data: LinkData


class ServiceInitiated(CallEvent, frozen=True, tag="csta.call.ServiceInitiated"):
    """A device went off-hook; ECMA-269 ServiceInitiated."""


class Originated(CallEvent, frozen=True, tag="csta.call.Originated"):
    """A device dials out; ECMA-269 Originated."""


class Delivered(CallEvent, frozen=True, tag="csta.call.Delivered"):
    """A device rings; ECMA-269 Delivered."""


class Established(CallEvent, frozen=True, tag="csta.call.Established"):
    """A device answered; ECMA-269 Established."""


class Held(CallEvent, frozen=True, tag="csta.call.Held"):
    """A device put its connection on hold; ECMA-269 Held."""


class Retrieved(CallEvent, frozen=True, tag="csta.call.Retrieved"):
    """A device took its connection back; ECMA-269 Retrieved."""


class Queued(CallEvent, frozen=True, tag="csta.call.Queued"):
    """A call waits in a queue; ECMA-269 Queued."""

    required: ClassVar[tuple[str, ...]] = ("call_id",)


class Diverted(CallEvent, frozen=True, tag="csta.call.Diverted"):
    """A call left a device unanswered; ECMA-269 Diverted."""


class Transferred(CallEvent, frozen=True, tag="csta.call.Transferred"):
    """A device handed its call over and left; ECMA-269 Transferred."""

    required: ClassVar[tuple[str, ...]] = ("primary_old_call_id",)


class Conferenced(CallEvent, frozen=True, tag="csta.call.Conferenced"):
    """Calls became one with three or more parties; ECMA-269 Conferenced."""

    required: ClassVar[tuple[str, ...]] = ("primary_old_call_id",)


class ConnectionCleared(CallEvent, frozen=True, tag="csta.call.ConnectionCleared"):
    """One device left a call; ECMA-269 ConnectionCleared."""


class CallCleared(CallEvent, frozen=True, tag="csta.call.CallCleared"):
    """A call ended for all; ECMA-269 CallCleared."""

    required: ClassVar[tuple[str, ...]] = ("call_id",)


class Failed(CallEvent, frozen=True, tag="csta.call.Failed"):
    """A call could not be completed; ECMA-269 Failed."""


class NetworkReached(CallEvent, frozen=True, tag="csta.call.NetworkReached"):
    """A call left on a trunk that may report nothing more; ECMA-269 NetworkReached."""


class CallInformation(CallEvent, frozen=True, tag="csta.call.CallInformation"):
    """Data about a call came or changed; ECMA-269 CallInformation."""

    required: ClassVar[tuple[str, ...]] = ("call_id",)


class LoggedOn(AgentEvent, frozen=True, tag="csta.agent.LoggedOn"):
    """An agent sat down at an extension; ECMA-269 AgentLoggedOn."""

    def __post_init__(self) -> None:
        if self.data.device_id is None:
            raise ValueError("LoggedOn requires the member data.deviceId")


class LoggedOff(AgentEvent, frozen=True, tag="csta.agent.LoggedOff"):
    """An agent left; ECMA-269 AgentLoggedOff."""


class Ready(AgentEvent, frozen=True, tag="csta.agent.Ready"):
    """An agent waits for calls; ECMA-269 AgentReady."""


class NotReady(AgentEvent, frozen=True, tag="csta.agent.NotReady"):
    """An agent takes no calls; ECMA-269 AgentNotReady."""


class Busy(AgentEvent, frozen=True, tag="csta.agent.Busy"):
    """An agent is on a call; ECMA-269 AgentBusy."""


class WorkingAfterCall(AgentEvent, frozen=True, tag="csta.agent.WorkingAfterCall"):
    """An agent wraps a call up; ECMA-269 AgentWorkingAfterCall."""


class SnapshotBegan(LinkEvent, frozen=True, tag="gateway.snapshot.Began"):
    """What follows, until SnapshotEnded, states what is in progress now."""


class SnapshotEnded(LinkEvent, frozen=True, tag="gateway.snapshot.Ended"):
    """The snapshot is complete: what it did not name is over."""


class LinkLost(LinkEvent, frozen=True, tag="gateway.link.Lost"):
    """From now on events of the source may be missed."""


class LinkRestored(LinkEvent, frozen=True, tag="gateway.link.Restored"):
    """Events of the source arrive again."""


AnyEvent = (
    ServiceInitiated
    | Originated
    | Delivered
    | Established
    | Held
    | Retrieved
    | Queued
    | Diverted
    | Transferred
    | Conferenced
    | ConnectionCleared
    | CallCleared
    | Failed
    | NetworkReached
    | CallInformation
    | LoggedOn
    | LoggedOff
    | Ready
    | NotReady
    | Busy
    | WorkingAfterCall
    | SnapshotBegan
    | SnapshotEnded
    | LinkLost
    | LinkRestored
)

EVENT_TYPES: tuple[type[Event], ...] = AnyEvent.__args__

#: What has QMS asked for a recording, which it names for seconds only: a device is connected, or a call is handed on.
#: These events wait nowhere for others. ``Originated`` is one of them as it may be reported after its answer.
ASKING = (Originated, Established, Transferred, Conferenced)

_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_encoder = msgspec.json.Encoder()


class _Typed(msgspec.Struct):
    """An event of which only the type matters."""

    type: str = ""


_type_decoder = msgspec.json.Decoder(_Typed)


class EventError(ValueError):
    """A message is no event of the vocabulary; the text names the member and the place. Never worth a retry."""


def camel(name: str) -> str:
    """Return the wire's spelling of a member: ``call_id`` -> ``callId``."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def decode(payload: bytes | str) -> AnyEvent:
    """Read one CloudEvent from JSON.

    Raises ``EventError`` that names the member and its place (``$.data.callId``) when the text is not JSON or breaks
    the schema.
    """
    try:
        return _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EventError(str(error)) from error


def type_in(payload: bytes) -> str:
    """Return the wire's type of an event that is JSON, without reading the rest; "" where it has none."""
    try:
        return _type_decoder.decode(payload).type
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def from_mapping(value: Any) -> AnyEvent:
    """Read one CloudEvent from parsed JSON; raises ``EventError`` as ``decode`` does."""
    try:
        event: AnyEvent = msgspec.convert(value, AnyEvent)
    except (msgspec.ValidationError, TypeError) as error:
        raise EventError(str(error)) from error
    return event


def encode(event: Event) -> bytes:
    """Write an event as JSON, the form of the journal."""
    return _encoder.encode(event)


def type_name(event: Event | type[Event]) -> str:
    """Return the wire's type, e.g. ``csta.call.Established``."""
    return str(event.__struct_config__.tag)


def type_names(classes: Iterable[type[Event]] = EVENT_TYPES) -> list[str]:
    """Return the wire's types in the order of the schema."""
    return [type_name(one) for one in classes]
