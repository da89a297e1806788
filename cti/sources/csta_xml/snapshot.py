"""What is in progress at the devices: the answers to SnapshotDevice and SnapshotCall, and the live events since."""

from collections.abc import Iterable

import msgspec

from cti.events import (
    CallCleared,
    CallData,
    CallEvent,
    Conferenced,
    ConnectionCleared,
    Delivered,
    Diverted,
    Established,
    Event,
    Failed,
    Held,
    Originated,
    Retrieved,
    Transferred,
)
from cti.sources.csta_xml.device_resolver import connection_id
from cti.sources.csta_xml.devices import device_of
from cti.sources.csta_xml.parsing import XmlElement, children, descend, local, members, text_of

CONNECTED, HOLD, ALERTING, DIALLING, GONE = "connected", "hold", "alerting", "dialling", "gone"

#: The event that reports a state.
KINDS: dict[str, type[CallEvent]] = {
    CONNECTED: Established,
    HOLD: Held,
    ALERTING: Delivered,
    DIALLING: Originated,
}

#: ECMA-269 simpleCallState by name and code.
_SIMPLE = {
    "callreceived": ALERTING,
    "callreceivedonhold": ALERTING,
    "32": ALERTING,
    "42": ALERTING,
    "callestablished": CONNECTED,
    "callestablishedonhold": CONNECTED,
    "33": CONNECTED,
    "43": CONNECTED,
    "callestablishedheld": HOLD,
    "34": HOLD,
    "calldeliveredheld": HOLD,
    "24": HOLD,
    "callqueuedheld": HOLD,
    "54": HOLD,
    "calloriginated": DIALLING,
    "03": DIALLING,
    "calldelivered": DIALLING,
    "23": DIALLING,
    "callqueued": DIALLING,
    "53": DIALLING,
    "callpending": GONE,
    "01": GONE,
    "callfailed": GONE,
    "63": GONE,
    "callblocked": GONE,
    "60": GONE,
    "callnull": GONE,
    "00": GONE,
}
_OWN = {"connected": CONNECTED, "hold": HOLD, "alerting": ALERTING}


class FoundConnection(msgspec.Struct, frozen=True, kw_only=True):
    """A connection in progress. ``call`` and ``raw`` as the server named it; state "" where it did not say."""

    call: str
    raw: str
    state: str
    fields: dict[str, XmlElement] = {}


def promised(root: XmlElement) -> str:
    """Return the cross reference under which the data is still to come; empty when the answer has it."""
    within = text_of(descend(root, "crossRefIDorSnapshotData", "serviceCrossRefID"))
    return within or text_of(descend(root, "serviceCrossRefID"))


def entries_in(root: XmlElement) -> Iterable[XmlElement]:
    """Return what an answer itself lists."""
    return members(descend(root, "crossRefIDorSnapshotData", "snapshotData"))


def read_device_snapshot(entries: Iterable[XmlElement]) -> list[FoundConnection]:
    """Return the connections at a device. Raises ``CstaMessageError`` when one has an identity that cannot be."""
    infos = [children(one) for one in entries if local(one.tag) == "snapshotDeviceResponseInfo"]
    return [_found(info) for info in infos]


def _found(info: dict[str, XmlElement]) -> FoundConnection:
    call, raw = connection_id(info.get("connectionIdentifier"))
    return FoundConnection(call=call, raw=raw, state=_local_call_state(info.get("localCallState")), fields=info)


def _local_call_state(element: XmlElement | None) -> str:
    compound = descend(element, "compoundCallState")
    if compound is not None:
        return _compound([text_of(one).lower() for one in compound])
    for name in ("simpleCallState", "simpleCallDetailedState"):
        simple = text_of(descend(element, name)).lower().removeprefix("0x")
        if simple:
            return _SIMPLE.get(simple, "")
    return ""


def _compound(states: list[str]) -> str:
    """Read the device's own state, which stands first; connected to nobody who is, it still dials."""
    own, others = _OWN.get(states[0], GONE) if states else "", states[1:]
    return DIALLING if own == CONNECTED and others and not {"connected", "hold"} & set(others) else own


class CallSnapshot(msgspec.Struct, frozen=True):
    """Who is in a call: what is said of the call, and each device's state."""

    fields: dict[str, XmlElement]
    states: dict[str, str]

    def state_of(self, raw: str) -> str:
        """Return the state of a connection by its deviceID, or nothing."""
        others = [state for device, state in self.states.items() if device != raw]
        return _compound([self.states[raw], *others]) if self.states.get(raw) else ""


def read_call_snapshot(root: XmlElement, entries: Iterable[XmlElement]) -> CallSnapshot:
    """Read the answer to SnapshotCall. Raises ``CstaMessageError`` as ``read_device_snapshot`` does."""
    states: dict[str, str] = {}
    for one in entries:
        info = children(one)
        _, raw = connection_id(info.get("callIdentifier"))
        raw = raw or device_of(info.get("deviceOnCall")).number
        states[raw] = (text_of(info.get("localConnectionState")) or text_of(info.get("localConnectionInfo"))).lower()
    return CallSnapshot(children(root), states)


class LiveStates:
    """The states that live events reported since a snapshot was requested; they win over its answers."""

    def __init__(self) -> None:
        self._calls: dict[str, dict[str, str]] = {}
        self._answered: set[str] = set()
        self._cleared: set[str] = set()

    def watch(self, event: Event) -> None:
        """Note a live event."""
        if isinstance(event, Transferred | Conferenced):
            self._merge(event)
        elif isinstance(event, CallCleared):
            self._cleared.add(event.data.call_id or "")
            self._calls.pop(event.data.call_id or "", None)
        elif isinstance(event, CallEvent) and not event.data.outside:
            self._note(event, event.data)
        if isinstance(event, Established):
            self._answer(event.data.call_id or "")

    def _note(self, event: CallEvent, data: CallData) -> None:
        states: dict[type[CallEvent], str] = {
            Delivered: ALERTING,
            Originated: DIALLING,
            Established: CONNECTED,
            Held: HOLD,
            Retrieved: CONNECTED,
            ConnectionCleared: GONE,
            Diverted: GONE,
            Failed: GONE,
        }
        state = states.get(type(event))
        if state is None or not data.call_id or not data.device_id:
            return
        states_here = self._calls.setdefault(data.call_id, {})
        if state not in (ALERTING, DIALLING) or states_here.get(data.device_id, GONE) == GONE:
            states_here[data.device_id] = state
        if state != GONE:
            self._cleared.discard(data.call_id)

    def _answer(self, call: str) -> None:
        self._answered.add(call)
        for device, state in self._calls.get(call, {}).items():
            if state == DIALLING:
                self._calls[call][device] = CONNECTED

    def _merge(self, event: CallEvent) -> None:
        """Move every listed connection to the new call, and drop the device that transferred it."""
        data = event.data
        for item in data.connections:
            if item.old is None or item.old == item.new:
                continue
            was = self._calls.get(item.old.call_id, {}).get(item.old.device_id, CONNECTED)
            if was != GONE:  # Another monitor has reported it already, or the device had left.
                self._calls.setdefault(item.old.call_id, {})[item.old.device_id] = GONE
                self._calls.setdefault(item.new.call_id, {})[item.new.device_id] = was
        if isinstance(event, Transferred) and data.transferring_device_id:
            for call in filter(None, (data.primary_old_call_id, data.secondary_old_call_id)):
                self._calls.setdefault(call, {})[data.transferring_device_id] = GONE

    def state(self, call: str, device: str, answered: str) -> str:
        """Return a connection's state: what a live event said, else what the server answered."""
        if call in self._cleared:
            return GONE
        live = self._calls.get(call, {}).get(device)
        if live is None and answered == DIALLING and call in self._answered:
            return CONNECTED
        return live or answered

    def alive(self) -> list[tuple[str, str]]:
        """Return call and device of the connections that live events showed."""
        return [
            (call, device)
            for call, devices in self._calls.items()
            for device, state in devices.items()
            if state != GONE
        ]
