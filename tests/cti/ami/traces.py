"""The recorded traces with their truth, and how they are played: through the pbx, and over TCP."""

import asyncio
import gzip
import json
import re
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cti.events import Event, SnapshotEnded
from cti.sources.asterisk_ami.messages import AmiMessageError, parse
from cti.sources.asterisk_ami.pbx_state import PbxState
from cti.sources.asterisk_ami.reading import Heard, Reader
from cti.sources.asterisk_ami.session import AmiSession
from cti.sources.asterisk_ami.snapshot import ACTIONS, Lists, take
from cti.sources.asterisk_ami.values import EventTime
from cti.sources.port import DeviceClass, LinkError, MonitorRefusal, Quarantined, SourceConfig, Stamp
from tests.cti.held_outlet import HeldOutlet

DATA = Path(__file__).parent / "data"
NAMES = sorted(path.name.split(".")[0] for path in DATA.glob("*.truth.json"))
START = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


def trace(name: str) -> bytes:
    """Return the bytes of a trace."""
    packed = DATA / f"{name}.ami.gz"
    return gzip.decompress(packed.read_bytes()) if packed.exists() else (DATA / f"{name}.ami").read_bytes()


def truth(name: str) -> dict[str, Any]:
    """Return what truly happened."""
    found: dict[str, Any] = json.loads((DATA / f"{name}.truth.json").read_text())
    return found


def source(port: int = 0, **options: Any) -> SourceConfig:
    """Return a source as it is set up for the traces."""
    return SourceConfig(
        slug="pbx",
        kind="asterisk_ami",
        host="127.0.0.1",
        port=port,
        username="gateway",
        secret="gw-test-secret",
        options=options,
    )


@dataclass
class Played:
    """What a source reported and what it refused."""

    events: list[Event] = field(default_factory=list)
    refused: list[Quarantined] = field(default_factory=list)


def play(data: bytes, pieces: Iterable[bytes] | None = None, config: SourceConfig | None = None) -> Played:
    """Play bytes through the pure pbx, the recorded snapshot first; the PBX's own clock is the only one."""
    pbx = PbxState(config or source(), Stamp("pbx", "epoch"))
    reader, played, lists, now = Reader(pbx), Played(), Lists(complete=set(ACTIONS)), START
    is_begun = False
    for piece in pieces if pieces is not None else [data]:
        for frame in reader.frames(piece):
            heard = reader.heard(frame)
            if isinstance(heard, Quarantined):
                played.refused.append(heard)
            elif heard is not None and is_of_snapshot(heard):
                lists.add(heard.message)
            elif heard is not None and pbx.hears(heard.message.get("Event")):
                if not is_begun:
                    take(pbx, lists, EventTime(now, now))
                    is_begun = True
                now = heard.message.time() or now
                hear(pbx, heard, now, played)
    pbx.settle(now)
    played.events = pbx.taken()
    return played


def is_of_snapshot(heard: Heard) -> bool:
    """Say whether a message belongs to the answers that the recording client got."""
    return heard.message.get("ActionID").startswith(("snap-", "resnap-"))


def hear(pbx: PbxState, heard: Heard, now: datetime, played: Played) -> None:
    """Let the pbx hear one message; a refusal is kept."""
    try:
        pbx.hear(heard.message, now)
    except AmiMessageError as error:
        played.refused.append(heard.refused(error))


class Collected(HeldOutlet):
    """An outlet that keeps everything in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.refused_messages: list[Quarantined] = []
        self.seen: list[DeviceClass] = []
        self.lacking: list[MonitorRefusal] = []
        self.is_linked = False
        self.snapshot_ended = asyncio.Event()

    async def accept(self, events: Sequence[Event]) -> None:
        """Keep events, and note that the snapshot has ended."""
        await super().accept(events)
        if any(isinstance(event, SnapshotEnded) for event in events):
            self.snapshot_ended.set()

    async def linked(self) -> None:
        """Note that the link is up."""
        self.is_linked = True

    async def quarantine(self, message: Quarantined) -> None:
        """Keep what could not be read."""
        self.refused_messages.append(message)

    async def refused(self, device: str, refusal: MonitorRefusal | None) -> None:
        """Never called: AMI has no monitors."""
        raise AssertionError(device)

    async def devices(self, seen: Sequence[DeviceClass]) -> None:
        """Keep the last list."""
        self.seen = list(seen)

    async def lacks(self, lack: MonitorRefusal) -> None:
        """Keep what the PBX does not say."""
        self.lacking.append(lack)


class Server:
    """An AMI server on a port of its own that logs in, answers a snapshot's actions and then plays a recording.

    ``answers``: action -> messages; an action without any is answered "Success" and nothing more.
    """

    def __init__(self, data: bytes, *, silent: Iterable[str] = (), login: str = "Success") -> None:
        self.answers: dict[str, list[bytes]] = {}
        self.events: list[bytes] = []
        self.asked: list[dict[str, str]] = []
        self.silent, self.login = frozenset(silent), login
        self.banner = b"Asterisk Call Manager/11.0.0\r\n"
        #: Awaited before the recording is played, and after it.
        self.before: Callable[[], Awaitable[object]] | None = None
        self.after: Callable[[asyncio.StreamWriter], Any] | None = None
        self.pieces = 65536
        #: The last action of the snapshot.
        self.last = "Agents"
        self._sort(data)

    def _sort(self, data: bytes) -> None:
        body = data[data.index(b"\r\n") + 2 :] if data.startswith(b"Asterisk") else data
        for raw in body.split(b"\r\n\r\n"):
            found = re.search(rb"ActionID: (?:re)?snap-(?:\d+-)?([^\r]+)", raw)
            if found:
                self.answers.setdefault(found[1].decode(), []).append(raw)
            elif raw and b"ActionID: log" not in raw:
                self.events.append(raw)
        #: The PBX's clock as the recording begins, in the answer to a ping; empty where events bear no time.
        self.clock = b"".join(re.findall(rb"\r\nTimestamp: [^\r]+", body)[:1])

    async def start(self, context: ssl.SSLContext | None = None) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(self._client, "127.0.0.1", 0, ssl=context)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Listen no more."""
        self._server.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.banner)
        try:
            while raw := await reader.readuntil(b"\r\n\r\n"):
                fields = dict(parse(raw[:-4]).pairs)
                self.asked.append(fields)
                await self._answer(fields, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, fields: dict[str, str], writer: asyncio.StreamWriter) -> None:
        action, own_id = fields["Action"], f"ActionID: {fields.get('ActionID', '')}".encode()
        if action in self.silent:
            return
        if action in self.answers:
            for raw in self.answers[action]:
                writer.write(re.sub(rb"ActionID: [^\r]*", own_id, raw, count=1) + b"\r\n\r\n")
        else:
            extra = {"Ping": b"\r\nPing: Pong" + self.clock, "Challenge": b"\r\nChallenge: 1234"}.get(action, b"")
            said = self.login.encode() if action == "Login" else b"Success"
            writer.write(b"Response: " + said + b"\r\n" + own_id + extra + b"\r\n\r\n")
        if action == "Login" and self.login != "Success":  # As Asterisk does, with the same breath.
            writer.close()
        if action == self.last:
            await self._play(writer)

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        if self.before is not None:
            await self.before()
        whole = b"".join(raw + b"\r\n\r\n" for raw in self.events)
        for start in range(0, len(whole), self.pieces):
            writer.write(whole[start : start + self.pieces])
            await writer.drain()
        if self.after is not None:
            await self.after(writer)
        else:
            writer.close()


async def follow(server: Server, *, seconds: float = 20, **options: Any) -> tuple[Collected, LinkError | None]:
    """Let a session follow a server to the end; return what it reported and how it ended.

    The recording is played once the snapshot was taken, unless ``server.before`` says otherwise: what is read before
    that shows the PBX's clock, which is that of the recording's end where all of it is sent at once.
    """
    outlet = Collected()
    server.before = server.before or outlet.snapshot_ended.wait
    ticks = {"full_boot_seconds": 0.2, "timeout_seconds": 2, **options}
    session = AmiSession(source(await server.start(), **ticks), Stamp("pbx", "epoch"))
    try:
        async with asyncio.timeout(seconds):
            await session.run(outlet)
    except LinkError as error:
        return outlet, error
    finally:
        await server.stop()
    return outlet, None
