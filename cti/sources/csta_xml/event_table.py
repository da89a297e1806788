"""The events of ECMA-323 as tables: what their elements are called and what they become."""

import msgspec

from cti.events import (
    AgentEvent,
    Busy,
    CallCleared,
    CallEvent,
    CallInformation,
    Conferenced,
    ConnectionCleared,
    Delivered,
    Diverted,
    Established,
    Failed,
    Held,
    LoggedOff,
    LoggedOn,
    NetworkReached,
    NotReady,
    Originated,
    Queued,
    Ready,
    Retrieved,
    ServiceInitiated,
    Transferred,
    WorkingAfterCall,
)


class Shape(msgspec.Struct, frozen=True):
    """A call event: the elements of its connection and of the device that the connection is at.

    ``own_state``: the localConnectionInfo with which the monitored device itself is the one meant.
    """

    kind: type[CallEvent]
    connection: str
    subject: str = ""
    own_state: str = ""


class MergeShape(msgspec.Struct, frozen=True):
    """An event that makes one call of two or hands it on: who did it, who came in, who is connected now."""

    kind: type[CallEvent]
    actor: str
    added: str
    connections: str


CALLS = {
    "ServiceInitiatedEvent": Shape(ServiceInitiated, "initiatedConnection", "initiatingDevice", "initiated"),
    "OriginatedEvent": Shape(Originated, "originatedConnection", "callingDevice"),
    "DeliveredEvent": Shape(Delivered, "connection", "alertingDevice", "alerting"),
    "EstablishedEvent": Shape(Established, "establishedConnection", "answeringDevice"),
    "HeldEvent": Shape(Held, "heldConnection", "holdingDevice", "hold"),
    "RetrievedEvent": Shape(Retrieved, "retrievedConnection", "retrievingDevice"),
    "QueuedEvent": Shape(Queued, "queuedConnection", "queue", "queued"),
    "DivertedEvent": Shape(Diverted, "connection", "divertingDevice", "null"),
    "ConnectionClearedEvent": Shape(ConnectionCleared, "droppedConnection", own_state="null"),
    "CallClearedEvent": Shape(CallCleared, "clearedCall"),
    "FailedEvent": Shape(Failed, "failedConnection", "failingDevice", "fail"),
    "NetworkReachedEvent": Shape(NetworkReached, "outboundConnection"),
    "CallInformationEvent": Shape(CallInformation, "connection", "device"),
}

_TRANSFERRED = MergeShape(Transferred, "transferringDevice", "transferredToDevice", "transferredConnections")
MERGES = {
    "TransferredEvent": _TRANSFERRED,
    "TransferedEvent": _TRANSFERRED,
    "ConferencedEvent": MergeShape(Conferenced, "conferencingDevice", "addedParty", "conferenceConnections"),
}

AGENTS: dict[str, type[AgentEvent]] = {
    "AgentLoggedOnEvent": LoggedOn,
    "AgentLoggedOffEvent": LoggedOff,
    "AgentReadyEvent": Ready,
    "AgentNotReadyEvent": NotReady,
    "AgentBusyEvent": Busy,
    "AgentWorkingAfterCallEvent": WorkingAfterCall,
}

#: Well known, and nothing to a recording.
IGNORED = frozenset(
    {
        "OfferedEvent", "DigitsDialedEvent", "BridgedEvent", "NetworkCapabilitiesChangedEvent", "ChargingEvent",
        "DoNotDisturbEvent", "ForwardingEvent", "BackInServiceEvent", "OutOfServiceEvent", "PartiallyInServiceEvent",
        "DeviceCapabilitiesChangedEvent", "ButtonInformationEvent", "ButtonPressEvent", "DisplayUpdatedEvent",
        "HookswitchEvent", "LampModeEvent", "MessageWaitingEvent", "MicrophoneGainEvent", "MicrophoneMuteEvent",
        "RingerStatusEvent", "SpeakerMuteEvent", "SpeakerVolumeEvent", "AgentAutoAnswerEvent", "AutoAnswerEvent",
        "AutoWorkModeEvent", "CallBackEvent", "CallBackMessageEvent", "CallerIDStatusEvent", "PresenceStateEvent",
        "RouteingModeEvent", "DigitsGeneratedEvent", "TelephonyTonesGeneratedEvent", "MediaAttachedEvent",
        "MediaDetachedEvent",
    }
)  # fmt: skip
