"""One client of the switch: its session, its monitors, its requests and the events that it is sent."""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Final

import structlog

from simulators.pbx import messages, snapshot_replies
from simulators.pbx.framing import (
    DEFAULT_EDITION,
    EDITIONS,
    EVENT_INVOKE,
    HEADER,
    MAXIMUM_BYTES,
    SESSION,
    ClientFrameError,
    RequestElement,
    document,
    frame,
    length_of,
    local,
    namespace,
    parse,
    text_at,
    texts_at,
)
from simulators.pbx.people import TEST_PHONE
from simulators.pbx.reports import SwitchMessage
from simulators.pbx.switch import Switch
from simulators.pbx.world import STATE_EVENTS

log = structlog.get_logger()

#: Maximum duration of an application session before it must be renewed, in seconds.
MAXIMUM_SESSION_SECONDS: Final = 180
#: A client that does not read its events loses its link, as on a real switch.
MAXIMUM_UNREAD_BYTES: Final = 64 * 1024 * 1024
#: Unanswered heartbeats after which the client counts as gone.
MAXIMUM_SILENT_HEARTBEATS: Final = 3


class RequestRefused(Exception):
    """The switch refuses a request: category and reason as in CSTAErrorCode."""

    retryable = False

    def __init__(self, category: str, reason: str) -> None:
        super().__init__(reason)
        self.category, self.reason = category, reason


class ClientSession:
    """A link to a client, from its connection to its end."""

    def __init__(self, switch: Switch, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._switch, self._reader, self._writer = switch, reader, writer
        self.edition = DEFAULT_EDITION
        self.monitors: dict[str, str] = {}
        self._references, self._invokes = count(1), count(1)
        self._session = ""
        self._expiry: asyncio.TimerHandle | None = None
        self._unanswered_heartbeats = 0
        self._heads: dict[str, bytes] = {}
        self._tails: dict[str, bytes] = {}
        self._outgoing: list[bytes] = []
        self._is_over = False
        self._new_monitors: list[str] = []
        self._services: dict[str, Callable[[RequestElement], bytes | None]] = {
            "StartApplicationSession": self._start_session,
            "ResetApplicationSessionTimer": self._reset_session,
            "StopApplicationSession": self._stop_session,
            "RequestSystemStatus": self._answer_status,
            "SystemStatus": self._accept_status,
            "SystemStatusResponse": self._accept_answer,
            "SystemRegister": self._register,
            "MonitorStart": self._start_monitor,
            "MonitorStop": self._stop_monitor,
            "MonitorStopResponse": self._accept_answer,
            "SnapshotDevice": self._snapshot_device,
            "SnapshotCall": self._snapshot_call,
            "MakeCall": self._make_call,
            "ClearConnection": self._clear_connection,
            "GetAgentState": self._answer_agent_states,
            "CSTAErrorCode": self._accept_answer,
        }

    async def serve(self) -> None:
        """Serve the client until it leaves, is silent too long, or its session ends."""
        heartbeat = asyncio.create_task(self._beat())
        try:
            await self._listen()
        except (OSError, asyncio.IncompleteReadError):
            log.info("simulated_client_left", monitors=len(self.monitors))
        except ClientFrameError as error:
            log.warning("simulated_client_makes_no_sense", error=str(error))
        finally:
            heartbeat.cancel()
            if self._expiry is not None:
                self._expiry.cancel()
            self._switch.forget(self, self.monitors)
            self.end()

    async def _listen(self) -> None:
        while not (self._is_over or self._writer.is_closing()):
            header = await self._reader.readexactly(HEADER)
            body = await self._reader.readexactly(length_of(header))
            answer = self._answered(body)
            if answer is not None:
                self._send(header[4:], answer)
            self._greet()
            self.flush()

    def _answered(self, body: bytes) -> bytes | None:
        try:
            root = parse(body)
            if namespace(root) in EDITIONS and namespace(root) != self.edition:
                self._speak(namespace(root))
            service = self._services.get(local(root))
            if service is None:
                raise RequestRefused("unspecified", "the switch has no such service")
            return service(root)
        except RequestRefused as refusal:
            return self._document("CSTAErrorCode", f"<{refusal.category}>{refusal.reason}</{refusal.category}>")
        except ClientFrameError as error:
            log.warning("simulated_request_unreadable", error=str(error))
            return self._document("CSTAErrorCode", "<unspecified>unreadable</unspecified>")

    # Out.

    def deliver(self, message: SwitchMessage, references: list[str]) -> None:
        """Send an event at each monitor."""
        name = message.name
        head = self._heads.get(name)
        if head is None:
            head, tail = self._frame_of(name)
        else:
            tail = self._tails[name]
        body = message.body.encode()
        for reference in references:
            xml = head + reference.encode() + b"</monitorCrossRefID>" + body + tail
            self._outgoing.append(b"\0\0" + (HEADER + len(xml)).to_bytes(2) + EVENT_INVOKE + xml)

    def flush(self) -> None:
        """Write what waits to the network."""
        if not self._outgoing:
            return
        self._writer.write(b"".join(self._outgoing))
        self._outgoing.clear()
        if self._writer.transport.get_write_buffer_size() > MAXIMUM_UNREAD_BYTES:
            log.warning("simulated_client_does_not_read")
            self._writer.transport.abort()

    def end(self) -> None:
        """End the link in order."""
        self.flush()
        self._writer.close()

    def _frame_of(self, name: str) -> tuple[bytes, bytes]:
        whole = document(name, self.edition, "<monitorCrossRefID>|").partition(b"|")
        self._heads[name], self._tails[name] = whole[0], whole[2]
        return whole[0], whole[2]

    def _send(self, invoke: bytes, xml: bytes) -> None:
        if HEADER + len(xml) > MAXIMUM_BYTES:
            xml = self._document("CSTAErrorCode", "<systemResourceAvailability>too long</systemResourceAvailability>")
        self._outgoing.append(frame(invoke, xml))

    def _request(self, name: str, content: str = "", edition: str = "") -> None:
        invoke = b"%04d" % (1 + (next(self._invokes) - 1) % 9998)
        self._send(invoke, document(name, edition or self.edition, content))
        self.flush()

    def _document(self, name: str, content: str = "") -> bytes:
        return document(name, self.edition, content)

    def _speak(self, edition: str) -> None:
        self.edition = edition
        self._heads.clear()
        self._tails.clear()

    # Session and heartbeat.

    async def _beat(self) -> None:
        """Send SystemStatus at intervals; a client that does not answer is cut off."""
        while self._unanswered_heartbeats < MAXIMUM_SILENT_HEARTBEATS:
            await asyncio.sleep(self._switch.heartbeat_seconds)
            self._unanswered_heartbeats += 1
            self._request("SystemStatus", "<systemStatus>normal</systemStatus>")
        self._writer.transport.abort()

    def _terminate(self) -> None:
        """End a session whose time is over."""
        self._request("ApplicationSessionTerminated", f"<sessionID>{self._session}</sessionID>", SESSION)
        self.end()

    def _start_session(self, root: RequestElement) -> bytes:
        offered = texts_at(root, "protocolVersion")
        edition = next((one for wish in offered for one in EDITIONS if wish.startswith(one)), None)
        if edition is None:
            content = "<errorCode><definedError>requestedProtocolVersionNotSupported</definedError></errorCode>"
            return document("StartApplicationSessionNegResponse", SESSION, content)
        self._speak(edition)
        self._session = f"S-{self._switch.next_session():06d}"
        content = (
            f"<sessionID>{self._session}</sessionID><actualProtocolVersion>{edition}</actualProtocolVersion>"
            f"{self._prolong(root)}"
        )
        return document("StartApplicationSessionPosResponse", SESSION, content)

    def _reset_session(self, root: RequestElement) -> bytes:
        if not self._session or text_at(root, "sessionID") != self._session:
            content = "<errorCode><definedError>invalidSessionID</definedError></errorCode>"
            return document("ResetApplicationSessionTimerNegResponse", SESSION, content)
        return document("ResetApplicationSessionTimerPosResponse", SESSION, self._prolong(root))

    def _prolong(self, root: RequestElement) -> str:
        asked = text_at(root, "requestedSessionDuration")
        seconds = min(max(int(asked), 2), MAXIMUM_SESSION_SECONDS) if asked.isdecimal() else MAXIMUM_SESSION_SECONDS
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = asyncio.get_running_loop().call_later(seconds, self._terminate)
        return f"<actualSessionDuration>{seconds}</actualSessionDuration>"

    def _stop_session(self, _: RequestElement) -> bytes:
        self._is_over = True
        return document("StopApplicationSessionPosResponse", SESSION)

    def _answer_status(self, _: RequestElement) -> bytes:
        return self._document("RequestSystemStatusResponse", "<systemStatus>normal</systemStatus>")

    def _accept_status(self, _: RequestElement) -> bytes:
        self._unanswered_heartbeats = 0
        return self._document("SystemStatusResponse")

    def _accept_answer(self, _: RequestElement) -> None:
        self._unanswered_heartbeats = 0

    def _register(self, _: RequestElement) -> bytes:
        return self._document("SystemRegisterResponse", "<sysStatRegisterID>1</sysStatRegisterID>")

    # Monitors, snapshots, agents.

    def _start_monitor(self, root: RequestElement) -> bytes:
        where = self._known(text_at(root, "deviceObject", "deviceID"))
        reference = f"{next(self._references):04X}"
        self.monitors[reference] = where
        self._switch.monitored(self, where, reference)
        self._new_monitors.append(reference)
        content = f"<monitorCrossRefID>{reference}</monitorCrossRefID><monitorExistingCalls>true</monitorExistingCalls>"
        return self._document("MonitorStartResponse", content)

    def _stop_monitor(self, root: RequestElement) -> bytes:
        reference = text_at(root, "monitorCrossRefID")
        where = self.monitors.pop(reference, None)
        if where is None:
            raise RequestRefused("operation", "invalidCrossRefID")
        self._switch.unmonitored(self, where, reference)
        return self._document("MonitorStopResponse")

    def _snapshot_device(self, root: RequestElement) -> bytes:
        where = self._known(text_at(root, "snapshotObject", "deviceID"))
        calls = list(self._switch.switchboard.at_device.get(where, {}).values())
        return self._document("SnapshotDeviceResponse", snapshot_replies.device_snapshot(where, calls))

    def _snapshot_call(self, root: RequestElement) -> bytes:
        call = self._switch.switchboard.calls.get(text_at(root, "callID"))
        if call is None:
            raise RequestRefused("operation", "invalidCallID")
        return self._document("SnapshotCallResponse", snapshot_replies.call_snapshot(call))

    def _make_call(self, root: RequestElement) -> bytes:
        extension, number = self._known(text_at(root, "callingDevice")), text_at(root, "calledDirectoryNumber")
        if extension != TEST_PHONE:
            raise RequestRefused("security", "privilegeViolationCallingDevice")
        if not number:
            raise RequestRefused("operation", "invalidCalledDevice")
        if self._switch.switchboard.at_device.get(extension):
            raise RequestRefused("stateIncompatibility", "deviceBusy")
        call = self._switch.make_call(extension, number)
        return self._document("MakeCallResponse", f"<callingDevice>{call.at(extension)}</callingDevice>")

    def _clear_connection(self, root: RequestElement) -> bytes:
        call = self._switch.switchboard.calls.get(text_at(root, "callID"))
        where = text_at(root, "deviceID")
        if call is None or where not in call.parties:
            raise RequestRefused("operation", "invalidConnectionID")
        self._switch.clear_connection(call, where)
        return self._document("ClearConnectionResponse")

    def _answer_agent_states(self, root: RequestElement) -> bytes:
        where = text_at(root, "device", "deviceIdentifier", "deviceID")
        agents = self._switch.agents_at(self._known(where)) if where else list(self._switch.agents.values())
        return self._document("GetAgentStateResponse", snapshot_replies.agent_states(agents))

    def _known(self, where: str) -> str:
        if not self._switch.has_device(where):
            raise RequestRefused("operation", "invalidDeviceID")
        return where

    def _greet(self) -> None:
        """Report to new monitors who is logged on at their extension, as a switch does."""
        for reference in self._new_monitors:
            where = self.monitors.get(reference, "")
            for agent in self._switch.agents_at(where):
                self.deliver(SwitchMessage(where, "AgentLoggedOnEvent", messages.agent_members(agent)), [reference])
                self.deliver(
                    SwitchMessage(where, STATE_EVENTS[agent.state], messages.agent_members(agent)), [reference]
                )
        self._new_monitors.clear()
