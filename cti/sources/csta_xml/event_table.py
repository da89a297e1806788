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


class EventShape(msgspec.Struct, frozen=True):
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
    "ServiceInitiatedEvent": EventShape(ServiceInitiated, "initiatedConnection", "initiatingDevice", "initiated"),
    "OriginatedEvent": EventShape(Originated, "originatedConnection", "callingDevice"),
    "DeliveredEvent": EventShape(Delivered, "connection", "alertingDevice", "alerting"),
    "EstablishedEvent": EventShape(Established, "establishedConnection", "answeringDevice"),
    "HeldEvent": EventShape(Held, "heldConnection", "holdingDevice", "hold"),
    "RetrievedEvent": EventShape(Retrieved, "retrievedConnection", "retrievingDevice"),
    "QueuedEvent": EventShape(Queued, "queuedConnection", "queue", "queued"),
    "DivertedEvent": EventShape(Diverted, "connection", "divertingDevice", "null"),
    "ConnectionClearedEvent": EventShape(ConnectionCleared, "droppedConnection", own_state="null"),
    "CallClearedEvent": EventShape(CallCleared, "clearedCall"),
    "FailedEvent": EventShape(Failed, "failedConnection", "failingDevice", "fail"),
    "NetworkReachedEvent": EventShape(NetworkReached, "outboundConnection"),
    "CallInformationEvent": EventShape(CallInformation, "connection", "device"),
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
        "OfferedEvent",
        "DigitsDialedEvent",
        "BridgedEvent",
        "NetworkCapabilitiesChangedEvent",
        "ChargingEvent",
        "DoNotDisturbEvent",
        "ForwardingEvent",
        "BackInServiceEvent",
        "OutOfServiceEvent",
        "PartiallyInServiceEvent",
        "DeviceCapabilitiesChangedEvent",
        "ButtonInformationEvent",
        "ButtonPressEvent",
        "DisplayUpdatedEvent",
        "HookswitchEvent",
        "LampModeEvent",
        "MessageWaitingEvent",
        "MicrophoneGainEvent",
        "MicrophoneMuteEvent",
        "RingerStatusEvent",
        "SpeakerMuteEvent",
        "SpeakerVolumeEvent",
        "AgentAutoAnswerEvent",
        "AutoAnswerEvent",
        "AutoWorkModeEvent",
        "CallBackEvent",
        "CallBackMessageEvent",
        "CallerIDStatusEvent",
        "PresenceStateEvent",
        "RouteingModeEvent",
        "DigitsGeneratedEvent",
        "TelephonyTonesGeneratedEvent",
        "MediaAttachedEvent",
        "MediaDetachedEvent",
    }
)
