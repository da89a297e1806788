"""A CSTA server for the tests: real TCP, answers by request name, and whatever else a test has it say."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cti.events import Event, type_name
from cti.sources.csta_xml import CstaSession
from cti.sources.csta_xml.framing import CstaFrame, CstaFramer, framed
from cti.sources.csta_xml.parsing import XmlElement, children, local, parse, text_of
from cti.sources.port import DeviceClass, MonitorRefusal, Quarantined, SourceConfig, Stamp
from tests.cti.held_outlet import HeldOutlet

DATA = Path(__file__).parent / "data"
NAMESPACE = "http://www.ecma-international.org/standards/ecma-323/csta/ed4"

Answer = str | Callable[[XmlElement], str | None] | None


def xml(name: str, body: str = "", namespace: str = NAMESPACE) -> str:
    """Return a message as a server would write it."""
    return f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{namespace}">{body}</{name}>'


def sample(scenario: str) -> list[CstaFrame]:
    """Return the frames that the server sends in a scenario."""
    stream = (DATA / scenario / "stream_s2c.bin").read_bytes()
    return [frame for frame in CstaFramer().feed(stream) if isinstance(frame, CstaFrame)]


def event_frames(scenario: str) -> bytes:
    """Return the bytes of a scenario's events."""
    return b"".join(framed(9999, frame.xml) for frame in sample(scenario) if frame.invoke == 9999)


def only(scenario: str, name: str) -> str:
    """Return the text of a scenario's one message of a name."""
    return next(frame.xml.decode() for frame in sample(scenario) if local(parse(frame.xml).tag) == name)


def monitored(refused: Sequence[str] = ()) -> Callable[[XmlElement], str | None]:
    """Answer MonitorStart with 7000 + the device's last digit, but for the devices refused."""

    def answer(root: XmlElement) -> str:
        device = text_of(children(root)["monitorObject"])
        if device in refused:
            return xml("CSTAErrorCode", "<operation>invalidDeviceID</operation>")
        return xml("MonitorStartResponse", f"<monitorCrossRefID>700{device[-1]}</monitorCrossRefID>")

    return answer


@dataclass
class Pbx:
    """Answers requests by name; ``script`` is what it does beside, once a client is there."""

    answers: dict[str, Answer] = field(default_factory=dict)
    script: Callable[["Pbx"], Coroutine[Any, Any, None]] | None = None
    heard: list[tuple[str, int, str]] = field(default_factory=list)
    port: int = 0
    #: Where the gateway's session reports; known once it is followed.
    listener: "Listener | None" = None
    _has_hung_up: bool = False

    async def serve(self, **options: object) -> asyncio.Server:
        server = await asyncio.start_server(self._meet, "127.0.0.1", 0, **options)  # type: ignore[arg-type]
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer, framer = writer, CstaFramer()
        script = asyncio.create_task(self.script(self)) if self.script else None
        try:
            while data := await reader.read(65536):
                for frame in framer.feed(data):
                    assert isinstance(frame, CstaFrame)
                    self._hear(frame)
        except ConnectionError:
            pass
        finally:
            if script is not None:
                script.cancel()
            writer.close()

    def _hear(self, frame: CstaFrame) -> None:
        root = parse(frame.xml)
        name = local(root.tag)
        self.heard.append((name, frame.invoke, frame.xml.decode()))
        answer = self.answers.get(name)
        text = answer(root) if callable(answer) else answer
        if text is not None:
            self.say(text, frame.invoke)

    def say(self, text: str, invoke: int = 9999) -> None:
        self.send(framed(invoke, text.encode()))

    def send(self, raw: bytes) -> None:
        if not self._has_hung_up:
            self.writer.write(raw)

    def hang_up(self) -> None:
        """Close this side: what the client still asks is read and not answered, or the link would be reset."""
        self._has_hung_up = True
        self.writer.write_eof()

    def names(self) -> list[str]:
        return [name for name, _, _ in self.heard]

    async def until_heard(self, name: str, times: int = 1, seconds: float = 10) -> None:
        await until(lambda: self.names().count(name) >= times, f"{name} x {times}", seconds)

    async def until_first_snapshot(self) -> None:
        """Wait until the gateway has reported it: what is sent before that, the snapshot takes into account."""
        await until(lambda: self.listener is not None and "Ended" in self.listener.types(), "the first snapshot")


async def until(is_ready: Callable[[], bool], what: str, seconds: float = 10) -> None:
    """Wait for a condition, with a deadline."""
    try:
        async with asyncio.timeout(seconds):
            while not is_ready():  # noqa: ASYNC110 - the condition is another task's plain state
                await asyncio.sleep(0.005)
    except TimeoutError as error:
        raise AssertionError(f"{what} did not come within {seconds} s") from error


class Listener(HeldOutlet):
    """An outlet that keeps everything in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.links = 0
        self.batches: list[int] = []
        self.broken: list[Quarantined] = []
        self.refusals: list[tuple[str, MonitorRefusal | None]] = []
        self.lacking: list[MonitorRefusal] = []
        #: When each of these was reported.
        self.lacking_at: list[datetime] = []

    async def linked(self) -> None:
        self.links += 1

    async def accept(self, events: Sequence[Event]) -> None:
        self.batches.append(len(events))
        await super().accept(events)

    async def quarantine(self, message: Quarantined) -> None:
        self.broken.append(message)

    async def refused(self, device: str, refusal: MonitorRefusal | None) -> None:
        self.refusals.append((device, refusal))

    async def devices(self, seen: Sequence[DeviceClass]) -> None:
        """Never called: the PBX names its devices."""
        raise AssertionError(seen)

    async def lacks(self, lack: MonitorRefusal) -> None:
        self.lacking.append(lack)
        self.lacking_at.append(datetime.now(UTC))

    def types(self) -> list[str]:
        return [type_name(event).rpartition(".")[2] for event in self.events]


#: What a willing server answers; of agents it says nothing.
WILLING: dict[str, Answer] = {
    "StartApplicationSession": only("00-session", "StartApplicationSessionPosResponse"),
    "RequestSystemStatus": only("00-session", "RequestSystemStatusResponse"),
    "ResetApplicationSessionTimer": only("00-session", "ResetApplicationSessionTimerPosResponse"),
    "StopApplicationSession": only("00-session", "StopApplicationSessionPosResponse"),
    "MonitorStart": monitored(),
    "SnapshotDevice": xml(
        "SnapshotDeviceResponse", "<crossRefIDorSnapshotData><snapshotData/></crossRefIDorSnapshotData>"
    ),
    "GetAgentState": xml("CSTAErrorCode", "<operation>invalidDeviceID</operation>"),
}


def config(port: int = 0, **changes: object) -> SourceConfig:
    """Return a source with two extensions and a queue, and short waits."""
    options = {"request_seconds": 1.0, "retry_seconds": 0.05, "age_seconds": 0, **changes.pop("options", {})}  # type: ignore[dict-item]
    known: dict[str, object] = {"devices": ("2001", "2002"), "queues": {"5000": "Sales"}, **changes}
    return SourceConfig(slug="pbx", kind="csta_xml", host="127.0.0.1", port=port, options=options, **known)  # type: ignore[arg-type]


async def followed(
    pbx: Pbx, until_done: Callable[[Listener], Coroutine[Any, Any, None]] | None = None, **changes: object
) -> Listener:
    """Run a session against the server; end it when ``until_done`` returns, else wait for its own end."""
    listener = pbx.listener = Listener()
    server = await pbx.serve()
    session = CstaSession(config(pbx.port, **changes), Stamp("pbx", "1"))
    running = asyncio.create_task(session.run(listener))
    try:
        if until_done is None:
            async with asyncio.timeout(20):
                await running
        else:
            done = asyncio.create_task(until_done(listener))
            await asyncio.wait({running, done}, return_when=asyncio.FIRST_COMPLETED, timeout=20)
            if running.done():
                await running
            await done
        return listener
    finally:
        running.cancel()
        await asyncio.wait({running})
        server.close()
