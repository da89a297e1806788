"""A CSTA server: what it answers to its client's requests. It knows the links of a scenario, but no sockets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from devtools.worlds.judge.scenario import Event

from .csta_events import CstaEvents
from .csta_parts import EVENT, HEADER, document, frame, private, tag, text, thread

SESSION = "http://www.ecma-international.org/standards/ecma-354/appl_session"
_ROOT = re.compile(rb"<(\w+)[ />]")
_ASKED = re.compile(rb"<(?:deviceObject|snapshotObject|device)(?: [^>]*)?>([^<]*)</")
_CALL = re.compile(rb"<callID>([^<]*)</callID><deviceID>([^<]*)</deviceID>")


class CstaServer:
    """Answer one client link after the other; `shown`: what a snapshot shows at a device, as the world says it."""

    def __init__(self, events: CstaEvents) -> None:
        self.events, self.link = events, 0
        self.shown: dict[str, list[Event]] = {}
        self.seats: dict[str, list[str]] = {}
        self.monitored: set[str] = set()
        self._stopped: set[str] = set()
        self._buffer = b""

    def begin_link(self) -> None:
        """Begin another link: its monitors are new ones."""
        self.link += 1
        self.monitored.clear()
        self._stopped.clear()
        self._buffer = b""
        self.events.begin_link()

    def show(self, rows: Iterable[Event], agents: Iterable[Event] | None) -> None:
        """Set what snapshots show from now on; agents None: as before."""
        self.shown = {}
        for row in rows:
            self.shown.setdefault(row.data["deviceId"], []).append(row)
        if agents is not None:
            self.seats = {row.data["deviceId"]: [row.data["agentId"]] for row in agents}

    def say(self, event: Event) -> bytes:
        """Return what is sent for an event."""
        self._seat(event)
        return b"".join(frame(EVENT, xml) for xml in self.events.messages(event, self.link))

    def _seat(self, event: Event) -> None:
        agent, device = str(event.data.get("agentId", "")), str(event.data.get("deviceId", ""))
        if event.type in ("LoggedOn", "LoggedOff"):
            self.seats = {k: [x for x in v if x != agent] for k, v in self.seats.items()}
        if event.type == "LoggedOn":
            self.seats.setdefault(device, []).append(agent)

    def requests(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the requests that came whole, with their invoke ids."""
        self._buffer += data
        found = []
        while len(self._buffer) >= HEADER and len(self._buffer) >= (size := int.from_bytes(self._buffer[2:4])):
            found.append((int(self._buffer[4:HEADER]), self._buffer[HEADER:size]))
            self._buffer = self._buffer[size:]
        return found

    def stop_monitor(self, device: str) -> bytes:
        """End a device's monitor; return what says so. The next one has another id."""
        self._stopped.add(device)
        ended = text("monitorCrossRefID", self.events.monitor(device, self.link))
        self.events.renew(device)
        return frame(1, self._document("MonitorStop", ended))

    def waits(self, request: bytes) -> bool:
        """Say whether a request asks what is in progress, or for a monitor that was ended."""
        is_ended = _name(request) == "MonitorStart" and self._device(request) in self._stopped
        return is_ended or _name(request) in ("SnapshotDevice", "GetAgentState")

    def asks_status(self, request: bytes) -> bool:
        """Say whether a request asks for the server's status."""
        return _name(request) == "RequestSystemStatus"

    def answer(self, invoke: int, request: bytes) -> bytes:
        """Return the frames that answer a request; none for an answer of the client's."""
        name = _name(request)
        if name.endswith("Response"):
            return b""
        if name == "StartApplicationSession" and self.events.habits.session:
            return frame(invoke, self._session())
        if name in ("RequestSystemStatus", "MonitorStart", "MonitorStop"):
            return frame(invoke, self._document(f"{name}Response", self._granted(name, request)))
        if name == "SnapshotDevice":
            return self._snapshot(invoke, "SnapshotDevice", self._connections(self._device(request)))
        if name == "SnapshotCall":
            return self._parties(invoke, request)
        if name == "GetAgentState" and self.events.habits.agents:
            return frame(invoke, self._document("GetAgentStateResponse", self._agents(self._device(request))))
        return frame(invoke, self._document("CSTAErrorCode", text("operation", "invalidFeature")))

    def _granted(self, name: str, request: bytes) -> str:
        if name == "MonitorStart":
            device = self._device(request)
            self.monitored.add(device)
            return text("monitorCrossRefID", self.events.monitor(device, self.link))
        return text("systemStatus", "normal") if name == "RequestSystemStatus" else ""

    def _device(self, request: bytes) -> str:
        found = _ASKED.search(request)
        return found[1].decode() if found else ""

    def _document(self, name: str, *parts: str) -> bytes:
        return document(name, self.events.habits.edition, *parts)

    def _session(self) -> bytes:
        version, seconds = text("actualProtocolVersion", self.events.habits.edition), 900_000
        body = text("sessionID", f"s{self.link}") + version + text("actualSessionDuration", seconds)
        return document("StartApplicationSessionPosResponse", SESSION, body)

    def _snapshot(self, invoke: int, name: str, entries: Sequence[str], rest: str = "") -> bytes:
        """Return a snapshot, at once or in segments of one entry each."""
        if not self.events.habits.segments:
            data = tag("snapshotData", *entries)
            return frame(invoke, self._document(f"{name}Response", tag("crossRefIDorSnapshotData", data), rest))
        reference = text("serviceCrossRefID", f"{self.link}-{invoke}")
        head = self._document(f"{name}Response", tag("crossRefIDorSnapshotData", reference), rest)
        parts, out = list(entries) or [""], frame(invoke, head)
        for number, part in enumerate(parts, 1):
            is_last = "true" if number == len(parts) else "false"
            where = text("segmentID", number) + text("lastSegment", is_last)
            out += frame(number, self._document(f"{name}Data", reference, where, tag("snapshotData", part)))
        return out

    def _connections(self, device: str) -> list[str]:
        return [self._connection(row) for row in self.shown.get(device, ())]

    def _connection(self, row: Event) -> str:
        call, device = row.data["callId"], row.data["deviceId"]
        states = text("localConnectionState", "connected") * 2
        inside = thread(str(row.data.get("interactionId", "")))
        return tag(
            "snapshotDeviceResponseInfo",
            self.events.devices.connection("connectionIdentifier", call, device),
            tag("localCallState", tag("compoundCallState", states)),
            tag("callLinkageData", inside) if inside else "",
        )

    def _parties(self, invoke: int, request: bytes) -> bytes:
        """Return who is in a call, and what is known of it: the caller's name is the server's own data."""
        found = _CALL.search(request)
        call, named = (found[1].decode(), found[2].decode()) if found else ("", "")
        rows = [row for shown in self.shown.values() for row in shown if row.data["callId"] == call]
        entries = [self._party(row) for row in rows]
        near = [row for row in rows if self.events.devices.id_of(call, row.data["deviceId"]) == named]
        data = near[0].data if near else {}
        name = {key: data.get(key, "") for key in ("callerName", "callerNameSource")}
        return self._snapshot(invoke, "SnapshotCall", entries, private(**name))

    def _party(self, row: Event) -> str:
        call, device = row.data["callId"], row.data["deviceId"]
        named = self.events.devices.connection("callIdentifier", call, device)
        state = text("localConnectionState", "connected")
        return tag("snapshotCallResponseInfo", self.events.devices.device("deviceOnCall", device), named, state)

    def _agents(self, device: str) -> str:
        entries = [
            tag("agentStateEntry", text("agentID", agent), text("loggedOnState", "true"))
            for agent in self.seats.get(device, ())
        ]
        return tag("agentStateList", *entries)


def _name(request: bytes) -> str:
    found = _ROOT.search(request)
    return found[1].decode() if found else ""
