"""The AMI client: connect, log in, take a snapshot, follow the events until the link ends."""

import asyncio
import hashlib
import secrets
import ssl
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog

import clock
from cti.sources.asterisk_ami import SOURCE, rights
from cti.sources.asterisk_ami.answers import OUTCOME, AmiAnswer
from cti.sources.asterisk_ami.framing import AmiFrame, AmiFrameError
from cti.sources.asterisk_ami.messages import AmiMessage, AmiMessageError
from cti.sources.asterisk_ami.options import AmiOptionsError
from cti.sources.asterisk_ami.originated_calls import OriginatedCalls
from cti.sources.asterisk_ami.pbx_state import PbxState
from cti.sources.asterisk_ami.pings import Pings
from cti.sources.asterisk_ami.reading import Heard, Reader, quarantined
from cti.sources.asterisk_ami.snapshot import ACTIONS, Lists, take, uncovered_bridges
from cti.sources.event_age import EventAge
from cti.sources.port import (
    CallRequest,
    LinkError,
    LoginRefused,
    MonitorRefusal,
    NeedsPerson,
    Outlet,
    Quarantined,
    SourceConfig,
    Stamp,
)
from cti.sources.read_coalescing import ReadCoalescer
from cti.sources.tls import client_context, untrusted

log = structlog.get_logger()

#: Maximum number of bytes read at once.
CHUNK = 256 * 1024
#: Maximum number of messages that are kept while the snapshot is taken.
PATIENCE = 200_000
#: Minimum interval between two reports of the devices that were seen, in seconds.
DEVICES_INTERVAL = 5.0
#: Interval at which scheduled decisions are carried out, in seconds.
SETTLE_SECONDS = 0.1
#: Maximum number of bridges for which BridgeInfo is asked.
BRIDGES = 500
LOGIN_REMEDY = (
    "Correct the user name or the secret of this source, or on the PBX, in manager.conf, the user, its secret and the "
    "addresses that its permit lines let in"
)

UPGRADE = "Upgrade the PBX to Asterisk 13 or newer, or post its calls to the HTTP intake"


class _AmiLinkEnded(Exception):
    """The other side closed the link."""


class AmiSession:
    """One connection to an Asterisk. Raises ``LinkError`` at once when the source's options are wrong."""

    def __init__(self, config: SourceConfig, stamp: Stamp, now: Callable[[], datetime] | None = None) -> None:
        self._config = config
        self._now = now or clock.now
        try:
            self._pbx = PbxState(config, stamp)
        except AmiOptionsError as error:
            raise LinkError(f"the options of {config.slug} are wrong: {error}", retryable=False) from error
        self._options = self._pbx.options
        self._reader = Reader(self._pbx)
        self._answers: dict[str, AmiAnswer] = {}
        self._lists = Lists()
        self._early: list[Heard] | None = []
        self._refused: list[Quarantined] = []
        self._lacking: MonitorRefusal | None = None
        self._probes: list[AmiAnswer] = []
        self._rights = rights.RightsWatch(config.username, timedelta(seconds=3 * self._options.ping_seconds))
        self._reported: tuple[int, float] = (0, 0.0)
        self._booted = asyncio.Event()
        self._is_linked = self._is_shut_down = False
        self._count = 0
        #: Random, so that a text that a caller writes into a name cannot be taken for an answer.
        self._secret_word = secrets.token_hex(8)
        self._writer: asyncio.StreamWriter | None = None
        self._gathering = ReadCoalescer()
        age = EventAge(self._options.age_seconds, self._now())
        self._pings = Pings(age, self._send_action, self._forget, self._now)
        self._calls = OriginatedCalls(config, self._pbx, self._send_action, self._forget)

    async def make_call(self, request: CallRequest) -> str:
        """Have a test phone call a number (Originate); see ``CallMaker``. Raises ``CallNotMade`` or ``LinkError``."""
        if not self._is_linked or self._early is not None:
            raise LinkError("there is no link")
        return await self._calls.make(request)

    async def end_call(self, key: str) -> None:
        """Hang up a call that was made, if it still lasts. Raises ``LinkError`` before what lasts is known."""
        if not self._is_linked or self._early is not None:
            raise LinkError("there is no link")
        await self._calls.end(key)

    async def run(self, outlet: Outlet) -> None:
        """Follow the PBX until it shuts down; raises ``LinkError`` when the link breaks or is refused."""
        stream, self._writer = await self._open_connection()
        reader = asyncio.create_task(self._read_messages(stream, outlet))
        try:
            await self._start_session(reader, outlet)
            await reader
        except (OSError, ssl.SSLError) as error:
            raise LinkError(f"the link to {self._where} broke: {error}") from error
        except _AmiLinkEnded as error:
            await self._end(outlet)
            if not self._is_shut_down:
                raise LinkError(f"{self._where} closed the link") from error
        finally:
            self._calls.close()
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await _close(self._writer)

    # -- coming up -------------------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._config.host}:{self._port}"

    @property
    def _port(self) -> int:
        return self._config.port or (SOURCE.tls_port if self._config.tls else SOURCE.port)

    async def _open_connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = client_context(self._config)
        try:
            async with asyncio.timeout(self._options.timeout_seconds):
                return await asyncio.open_connection(self._config.host, self._port, ssl=context)
        except ssl.SSLCertVerificationError as error:
            raise untrusted(self._where, error) from error
        except (OSError, ssl.SSLError, TimeoutError) as error:
            raise LinkError(f"no connection to {self._where}: {error or 'no answer in time'}") from error

    async def _start_session(self, reader: asyncio.Task[None], outlet: Outlet) -> None:
        """Log in, wait for the PBX to be up, take the snapshot; then deliver events as they come."""
        await self._log_in(reader)
        await self._until(self._booted, reader, self._options.full_boot_seconds)
        await outlet.linked()
        self._is_linked = True
        await self._snapshot(reader)
        self._go_live()
        await self._deliver(outlet)

    def _go_live(self) -> None:
        """Report what is in progress, then what came meanwhile; from now on deliver events as they come."""
        now, timed = self._now(), [at for heard in self._early or () if (at := heard.message.time()) is not None]
        moment = self._pbx.clock.read(timed[-1], now) if timed else self._pbx.clock.now(now)
        for message, error in take(self._pbx, self._lists, moment):
            self._refused.append(quarantined(_rewritten(message), "message", str(error), 0))
        early, self._early = self._early or [], None
        self._hear(early)

    async def _end(self, outlet: Outlet) -> None:
        """Deliver the rest: a link that ends during the snapshot loses nothing that came."""
        if self._is_linked and self._early is not None:
            self._go_live()
        self._pbx.settle(self._now())
        await self._deliver(outlet)

    async def _log_in(self, reader: asyncio.Task[None]) -> None:
        fields = {"Username": self._config.username, "Secret": self._config.secret, "Events": "on"}
        if self._options.auth == "md5":
            key = hashlib.md5((await self._challenge(reader) + self._config.secret).encode(), usedforsecurity=False)
            fields |= {"AuthType": "MD5", "Key": key.hexdigest()}
            del fields["Secret"]
        response = (await self._asked("Login", reader, **fields)).response
        if response is None:
            raise LinkError(f"{self._where} did not answer the login in time")
        if response.get("Response") != "Success":
            raise self._not_let_in(response)

    async def _challenge(self, reader: asyncio.Task[None]) -> str:
        response = (await self._asked("Challenge", reader, AuthType="MD5")).response
        if response is None:
            raise LinkError(f"{self._where} gave no MD5 challenge for the login in time")
        if not response.get("Challenge"):
            raise self._not_let_in(response)
        return response.get("Challenge")

    def _not_let_in(self, response: AmiMessage) -> LoginRefused:
        said = response.get("Message")[:120] or "no reason given"
        return LoginRefused(f"{self._where} refused the login of {self._config.username[:60]}: {said}", LOGIN_REMEDY)

    async def _snapshot(self, reader: asyncio.Task[None]) -> None:
        """Ask for what is in progress; do not wait long for an answer that does not come."""
        self._pings.send()  # Its answer bears the PBX's time.
        answers = [(action, self._send_action(action)) for action in ACTIONS]
        for action, answer in answers:
            await self._until(answer.done, reader, self._options.timeout_seconds)
            if not answer.is_listed:
                log.info("ami_list_missing", source=self._config.slug, action=action)
        names = uncovered_bridges(self._lists)[:BRIDGES] if self._lists.is_complete else []
        asked = [self._send_action("BridgeInfo", BridgeUniqueid=name) for name in names]
        for answer in asked:
            await self._until(answer.done, reader, self._options.timeout_seconds)
        refused = [action for action, answer in answers if rights.is_denied(answer.response)]
        self._lacking = rights.denied(refused, self._config.username)

    async def _asked(self, action: str, reader: asyncio.Task[None], **fields: str) -> AmiAnswer:
        answer = self._send_action(action, **fields)
        try:
            await self._until(answer.done, reader, self._options.timeout_seconds)
        except (_AmiLinkEnded, OSError):
            # Asterisk closes the link as soon as it refuses a login: the answer counts.
            if answer.response is None:
                raise
        return answer

    def _send_action(self, action: str, **fields: str) -> AmiAnswer:
        """Send an action."""
        self._count += 1
        action_id = f"{self._secret_word}-{self._count}-{action}"
        answer = self._answers[action_id] = AmiAnswer(action, action_id, fields.get("BridgeUniqueid", ""))
        lines = {"Action": action, "ActionID": action_id, **fields}
        if any("\r" in value or "\n" in value for value in lines.values()):
            raise LoginRefused("the user name or the secret has a line break", LOGIN_REMEDY)
        if self._writer is not None:
            text = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
            self._writer.write(text.encode() + b"\r\n")
        return answer

    def _forget(self, answer: AmiAnswer) -> None:
        """Keep an answer no longer: who asked has it."""
        self._answers.pop(answer.action_id, None)

    async def _until(self, event: asyncio.Event, reader: asyncio.Task[None], seconds: float) -> None:
        """Wait for an event that the reader sets, at most ``seconds``; raises what ended the reader."""
        waiting = asyncio.create_task(event.wait())
        try:
            await asyncio.wait({waiting, reader}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if reader.done():
            await reader

    # -- following -------------------------------------------------------------------------------------------------

    async def _read_messages(self, stream: asyncio.StreamReader, outlet: Outlet) -> None:
        """Read until the link ends (``_AmiLinkEnded``); deliver events once the snapshot is taken."""
        quiet = 0.0
        while True:
            data = await self._read(stream)
            if data is None:
                quiet = self._watch(quiet)
            elif not data:
                raise _AmiLinkEnded
            else:
                quiet = 0.0
                self._take(self._reader.frames(data))
            self._check_rights()
            if self._early is None:
                self._pings.send_if_due()
                await self._deliver(outlet)
                await outlet.pace(len(data or b""))

    async def _read(self, stream: asyncio.StreamReader) -> bytes | None:
        """Return what came, nothing (None) when it is time to look at the clock."""
        await self._gathering.pause()
        try:
            async with asyncio.timeout(self._tick_seconds):
                return self._gathering.read(await stream.read(CHUNK))
        except TimeoutError:
            return None

    @property
    def _tick_seconds(self) -> float:
        return SETTLE_SECONDS if self._pbx.is_waiting else min(1.0, self._options.ping_seconds)

    def _watch(self, quiet: float) -> float:
        """Return the time without data: ping after a while, and give the link up when no answer comes."""
        quiet, before = quiet + self._tick_seconds, quiet
        self._pbx.wait(self._now())
        if before < self._options.ping_seconds <= quiet:
            self._pings.send()
        if quiet > self._options.ping_seconds + self._options.timeout_seconds:
            raise LinkError(f"{self._where} is silent: no answer to a ping")
        return quiet

    def _check_rights(self) -> None:
        """Compare what the PBX lists with what it sends: its user may lack a class of events."""
        self._lacking = self._rights.dropped() or self._lacking
        if self._early is not None or not self._rights.is_due(self._now()):
            return
        if any(one.is_listed for one in self._probes):
            self._lacking = self._rights.compared(self._lists, self._pbx.channel_table.channels) or self._lacking
        self._answers = {name: answer for name, answer in self._answers.items() if answer not in self._probes}
        self._lists = Lists()
        self._probes = [self._send_action(action) for action in self._rights.actions]

    def _take(self, frames: Iterable[AmiFrame | AmiFrameError]) -> None:
        """Read frames one by one: what one says decides how the next is read."""
        for frame in frames:
            heard = self._reader.heard(frame)
            if self._reader.refusal:
                raise NeedsPerson(f"{self._where}: {self._reader.refusal}", UPGRADE)
            if isinstance(heard, Quarantined):
                self._refused.append(heard)
            elif heard is not None and not self._is_answer(heard.message):
                if self._early is None:
                    self._hear([heard])
                elif len(self._early) < PATIENCE:
                    self._early.append(heard)
                else:
                    raise LinkError(f"{self._where} sent too many events before its answers")

    def _is_answer(self, message: AmiMessage) -> bool:
        """Take answers to actions, and what the PBX says of itself."""
        kind, name = message.pairs[0]
        if kind == "Response":
            self._responded(message)
            return True
        if name in ("FullyBooted", "Shutdown"):
            self._booted.set()
            self._is_shut_down = self._is_shut_down or name == "Shutdown"
            return True
        answer = self._answers.get(message.get("ActionID"))
        if name == OUTCOME or answer is None or kind != "Event":
            return self._has_ended(name, answer, message)
        if message.get("EventList").lower() in ("complete", "cancelled"):
            answer.end_list()
            if message.get("EventList").lower() == "complete":
                self._lists.complete.add(name.removesuffix("Complete"))
        else:
            self._lists.add(message, answer.bridge)
        return True

    def _has_ended(self, name: str, answer: AmiAnswer | None, message: AmiMessage) -> bool:
        """Take what became of an Originate; one of another client's is nothing to follow."""
        if name == OUTCOME and answer is not None:
            answer.end(message)
        return name == OUTCOME

    def _responded(self, message: AmiMessage) -> None:
        answer = self._answers.get(message.get("ActionID"))
        if answer is not None:
            answer.respond(message)
            if answer.is_unknown:
                self._lists.complete.add(answer.action)  # The module is not loaded: there is nothing to list.
            self._pings.take(answer)
            if message.get("Ping") and (at := message.time()) is not None:
                self._pbx.clock.pinged(at, self._now())

    def _hear(self, messages: Iterable[Heard]) -> None:
        received = self._now()
        for heard in messages:
            self._rights.hear(heard.message, self._pbx.channel_table.channels)
            self._calls.hear(heard.message)
            try:
                self._pbx.hear(heard.message, received, self._pings.age.held_since(received))
            except AmiMessageError as error:
                self._refused.append(heard.refused(error))

    async def _deliver(self, outlet: Outlet) -> None:
        """Deliver the events, and keep what could not be read."""
        events = self._pbx.taken()
        if events:
            await outlet.accept(events)
        refused, self._refused = self._refused, []
        for one in refused:
            await outlet.quarantine(one)
        if self._lacking is not None:
            lacking, self._lacking = self._lacking, None
            await outlet.lacks(lacking)
        await self._show_devices(outlet)

    async def _show_devices(self, outlet: Outlet) -> None:
        """Show how devices are classified where that has changed, at an interval."""
        classifier, now = self._pbx.classifier, self._now().timestamp()
        changes, at = self._reported
        if classifier.changes != changes and now - at >= DEVICES_INTERVAL:
            self._reported = classifier.changes, now
            await outlet.devices(classifier.seen())


def _rewritten(message: AmiMessage) -> bytes:
    return "\r\n".join(f"{key}: {value}" for key, value in message.pairs).encode()[:8192]


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        async with asyncio.timeout(1):
            await writer.wait_closed()
    except (OSError, ssl.SSLError, TimeoutError) as error:
        log.info("ami_close", error=type(error).__name__)
