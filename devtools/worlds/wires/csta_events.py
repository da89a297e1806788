"""A world's events as messages of a CSTA server (ECMA-323)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from devtools.worlds.judge.scenario import AGENT_TYPES, Event

from .csta_parts import Devices, document, private, tag, text, thread
from .habits import Habits


class Shape(Struct, frozen=True):
    """Hold how an event of one type is written: its root, its connection, and the device that it is about.

    `is_redirected`: it has calling, called and last redirection device. `cause`: where the world gives none, for ECMA
    demands one.
    """

    root: str
    connection: str
    subject: str = ""
    is_redirected: bool = False
    state: str = ""
    cause: str = "normal"


SHAPES = {
    "ServiceInitiated": Shape("ServiceInitiatedEvent", "initiatedConnection", "initiatingDevice", state="initiated",
                              cause="newCall"),
    "Originated": Shape("OriginatedEvent", "originatedConnection", "callingDevice", state="connected", cause="newCall"),
    "Delivered": Shape("DeliveredEvent", "connection", "alertingDevice", is_redirected=True, state="alerting"),
    "Established": Shape("EstablishedEvent", "establishedConnection", "answeringDevice", is_redirected=True,
                         state="connected"),
    "Held": Shape("HeldEvent", "heldConnection", "holdingDevice", state="hold"),
    "Retrieved": Shape("RetrievedEvent", "retrievedConnection", "retrievingDevice", state="connected"),
    "Queued": Shape("QueuedEvent", "queuedConnection", "queue", is_redirected=True, cause="enteringDistribution"),
    "Diverted": Shape("DivertedEvent", "connection", "divertingDevice", state="null"),
    "ConnectionCleared": Shape("ConnectionClearedEvent", "droppedConnection", "releasingDevice", state="null",
                               cause="normalClearing"),
    "CallCleared": Shape("CallClearedEvent", "clearedCall", cause="normalClearing"),
    "Failed": Shape("FailedEvent", "failedConnection", "failingDevice", is_redirected=True, state="fail"),
    "NetworkReached": Shape("NetworkReachedEvent", "outboundConnection", "networkInterfaceUsed", is_redirected=True),
    "CallInformation": Shape("CallInformationEvent", "connection", "device", cause=""),
}  # fmt: skip
MERGES = {
    "Transferred": ("TransferredEvent", "transferringDevice", "transferredToDevice", "transferredConnections"),
    "Conferenced": ("ConferencedEvent", "conferencingDevice", "addedParty", "conferenceConnections"),
}


class CstaEvents:
    """Write the events of one server; `queues`: the number of each queue by its name."""

    def __init__(self, habits: Habits, phones: tuple[str, ...], queues: Mapping[str, str]) -> None:
        self.habits, self._queues, self._phones = habits, queues, frozenset(phones)
        self.devices = Devices(habits, self._phones | frozenset(queues.values()))
        self._monitor = ""
        self._renewed: dict[str, int] = {}
        self._dialled: dict[str, str] = {}
        self._answered: dict[str, str] = {}
        self._outside_answered: set[str] = set()
        self._last_phone: dict[str, str] = {}

    def begin_link(self) -> None:
        """Forget who dialled: the calls of before may be over."""
        self._dialled.clear()
        self._answered.clear()
        self._outside_answered.clear()

    def monitor(self, device: str, link: int) -> str:
        """Return the id of a device's monitor."""
        return f"{link}-{device}-{self._renewed.get(device, 0)}"

    def renew(self, device: str) -> None:
        """Let a device's next monitor have another id."""
        self._renewed[device] = self._renewed.get(device, 0) + 1

    def messages(self, event: Event, link: int) -> list[bytes]:
        """Return the messages of an event; `link` numbers the client's connections, each with monitors of its own.

        A party outside that answered leaves before the phone that called it does.
        """
        call = str(event.data.get("callId", ""))
        is_left = event.type == "ConnectionCleared" and self._dialled.get(call) == event.data["deviceId"]
        if is_left and call in self._outside_answered:
            self._outside_answered.discard(call)
            data = event.data | {"deviceId": f"T{call}"}
            return [self._message(replace(event, data=data), link), self._message(event, link)]
        return [self._message(event, link)]

    def _message(self, event: Event, link: int) -> bytes:
        self._monitor = text("monitorCrossRefID", self.monitor(self._at(event), link))
        if event.type in AGENT_TYPES:
            return self._agent(event)
        if event.type in MERGES:
            return self._merge(event)
        return self._call(event)

    def _at(self, event: Event) -> str:
        """Return the device whose monitor reports an event."""
        data, call = event.data, str(event.data.get("callId", ""))
        sides = ("deviceId", "transferringDeviceId", "conferencingDeviceId")
        if event.id.endswith("-b"):
            sides = ("deviceId", "transferredToDeviceId", "addedPartyId")
        named = next((data[side] for side in sides if data.get(side) in self._phones), "")
        if named:
            self._last_phone[call] = named
        return named or self._last_phone.get(call, "") or min(self._phones)

    def _call(self, event: Event) -> bytes:
        shape, data = SHAPES[event.type], event.data
        device, agent = self._device(event), str(data.get("agentId", ""))
        # The connection of a party outside is the trunk's, and the device that answered is the number outside.
        seen = device if device != f"T{data['callId']}" else "+4900"
        subject = self.devices.device(shape.subject, seen, agent) if shape.subject else ""
        named = "" if event.type == "CallCleared" else device
        return document(
            shape.root,
            self.habits.edition,
            self._monitor,
            self.devices.connection(shape.connection, data["callId"], named),
            subject,
            self._ends(event, shape),
            self._state(event, shape),
            text("cause", self._cause(event, shape, device)) if shape.cause else "",
            self._outside(event, device),
            self._linkage(event),
            self._private(data),
        )

    def _device(self, event: Event) -> str:
        """Return the device of an event's connection.

        Of an Established it is the one that answered, for the caller's monitor reports no other.
        """
        data, kind = event.data, event.type
        call, device = data["callId"], str(data.get("deviceId", ""))
        if kind in ("Queued", "Diverted"):
            return self._queues.get(device or data.get("queueName", ""), device)
        if kind == "Originated":
            self._dialled[call] = device
            self._answered.pop(call, None)
        if kind == "Established" and self.habits.answerer and self._dialled.get(call) == device:
            return self._answered.get(call) or self._trunk(call)
        if kind == "Established":
            self._answered[call] = device
        if kind == "CallCleared" or (kind == "ConnectionCleared" and self._dialled.get(call) == device):
            self._dialled.pop(call, None)
        return device

    def _trunk(self, call: str) -> str:
        self._outside_answered.add(call)
        return f"T{call}"

    def _ends(self, event: Event, shape: Shape) -> str:
        data = event.data
        if event.type == "Diverted":
            to = str(data.get("newDestination", ""))
            return self.devices.device("newDestination", self._queues.get(to, to)) + _redirected("")
        if not shape.is_redirected:
            return ""
        queue = self._queues.get(data.get("queueName", ""), "") if event.type != "Queued" else ""
        called = self.devices.device("calledDevice", "")
        calling = self._dialled.get(data["callId"], "") or data.get("callingNumber", "")
        return self.devices.device("callingDevice", calling) + called + _redirected(queue)

    def _state(self, event: Event, shape: Shape) -> str:
        """Return the state at the monitored device, where that is the one meant."""
        is_own = event.data.get("deviceId") in self._phones
        return text("localConnectionInfo", shape.state) if shape.state and is_own else ""

    def _outside(self, event: Event, device: str) -> str:
        is_outbound = event.data.get("direction") == "outbound" or device == f"T{event.data['callId']}"
        return self.devices.device("associatedCalledDevice", "T1") if is_outbound else ""

    def _cause(self, event: Event, shape: Shape, device: str) -> str:
        is_called = event.type in ("Delivered", "Established") and device in self._phones
        is_new = is_called and self._dialled.get(str(event.data["callId"]), device) != device
        default = "newCall" if is_new and self.habits.new_call else shape.cause
        return str(event.data.get("cause") or default)

    def _linkage(self, event: Event) -> str:
        inside = thread(str(event.data.get("interactionId", "")))
        if event.type == "CallInformation" and inside:
            return tag("callLinkageDataList", tag("newCallLinkageData", inside))
        return tag("callLinkageData", inside) if inside else ""

    def _private(self, data: Mapping[str, Any]) -> str:
        wrapup = data.get("wrapup") or {}
        return private(
            callerName=data.get("callerName", ""),
            callerNameSource=data.get("callerNameSource", ""),
            WrapupResult=wrapup.get("result", ""),
            WrapupTemplate=wrapup.get("template", ""),
            **data.get("queryData", {}),
        )

    def _merge(self, event: Event) -> bytes:
        root, actor, added, listed = MERGES[event.type]
        data, devices = event.data, self.devices
        sides = ("transferringDeviceId", "transferredToDeviceId")
        by, to = (data[x] for x in (sides if event.type == "Transferred" else ("conferencingDeviceId", "addedPartyId")))
        first, second, result = data["primaryOldCallId"], data.get("secondaryOldCallId", ""), data["resultingCallId"]
        for call in (first, second, result):
            self._dialled.pop(call, None)
        items = devices.moved((result, f"T{first}"), (first, f"T{first}"))
        for one in data.get("connections", ()):
            items += devices.moved(_pair(one["new"]), _pair(one["old"]))
        inside = thread(str(data.get("interactionId", "")))
        return document(
            "TransferedEvent" if self.habits.one_r and event.type == "Transferred" else root,
            self.habits.edition,
            self._monitor,
            devices.connection("primaryOldCall", first, by),
            devices.connection("secondaryOldCall", second, by) if second else "",
            devices.device(actor, by),
            devices.device(added, to),
            tag(listed, items),
            text("cause", "transfer" if event.type == "Transferred" else "conference"),
            tag("callLinkageDataList", tag("newCallLinkageData", inside)) if inside else "",
        )

    def _agent(self, event: Event) -> bytes:
        data = event.data
        return document(
            f"Agent{event.type}Event",
            self.habits.edition,
            self._monitor,
            self.devices.device("agentDevice", data["deviceId"]),
            text("agentID", data["agentId"]),
            private(agentName=data.get("agentName", "")),
        )


def _pair(connection: Mapping[str, str]) -> tuple[str, str]:
    return connection["callId"], connection["deviceId"]


def _redirected(number: str) -> str:
    inside = text("numberDialed", number) if number else "<notRequired/>"
    return tag("lastRedirectionDevice", inside)
