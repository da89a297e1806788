"""One connection to a CSTA server, from connect to its end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from msgspec.structs import replace

import clock
from cti.events import Event
from cti.sources.csta_xml.application_session import ApplicationSession, begin_application_session, register
from cti.sources.csta_xml.call_memory import CallMemory
from cti.sources.csta_xml.decoding import Decoder
from cti.sources.csta_xml.framing import CstaFrame, CstaFrameError, CstaFramer
from cti.sources.csta_xml.link import CstaLink, RequestDenied, RequestTimedOut, is_answer, open_link
from cti.sources.csta_xml.link_context import LinkContext
from cti.sources.csta_xml.made_calls import MadeCalls
from cti.sources.csta_xml.monitoring import Monitoring
from cti.sources.csta_xml.options import CstaOptions, CstaOptionsError, read_options
from cti.sources.csta_xml.outlet_lock import OrderedOutlet
from cti.sources.csta_xml.parsing import CstaMessageError, UnknownMessage, XmlElement, children, local, text_of
from cti.sources.csta_xml.reading import call_in, read_message
from cti.sources.csta_xml.requests import Requests, namespace_of, stop_session
from cti.sources.csta_xml.segments import DATA_OF
from cti.sources.csta_xml.status_requests import StatusRequests
from cti.sources.event_age import EventAge
from cti.sources.port import REPAIRED, CallRequest, LinkError, Outlet, Quarantined, Session, SourceConfig, Stamp

log = structlog.get_logger()

#: Maximum silences in a row, each of one heartbeat interval; after the first the server is asked for its status.
MAXIMUM_SILENCES = 3
#: Maximum unknown kinds of messages that each cause a new snapshot.
MAXIMUM_UNKNOWN = 20
_DOWN = frozenset({"disabled", "initializing", "partiallydisabled"})
_UP = frozenset({"normal", "enabled"})


class CstaSession:
    """Speaks CSTA XML (ECMA-323) over TCP or TLS as a client."""

    def __init__(self, config: SourceConfig, stamp: Stamp, now: Callable[[], datetime] = clock.now) -> None:
        self._config, self._stamp, self._now = config, stamp, now
        self._made_calls: MadeCalls | None = None
        self.memory = CallMemory()

    def continues(self, previous: Session) -> None:
        """Keep what the session before knew of the calls of the same server: they go on without the link."""
        if isinstance(previous, CstaSession) and previous.server == self.server:
            self.memory = previous.memory

    @property
    def server(self) -> tuple[str, int]:
        """Return host and port of the server."""
        return self._config.host, self._config.port

    async def make_call(self, request: CallRequest) -> str:
        """Have an extension call a number (MakeCall); see ``CallMaker``. Raises ``CallNotMade`` or ``LinkError``."""
        if self._made_calls is None:
            raise LinkError("there is no link")
        return await self._made_calls.make(request)

    async def end_call(self, key: str) -> None:
        """Clear the connection of a call that was made. Raises ``LinkError``."""
        if self._made_calls is not None:
            await self._made_calls.end(key)

    async def run(self, outlet: Outlet) -> None:
        """Connect, begin a session, monitor the site's devices and follow them until the link ends.

        Returns when the server closed in order; raises ``LinkError`` otherwise.
        """
        try:
            options = read_options(self._config)
        except CstaOptionsError as error:
            raise LinkError(f"the source's options: {error}", retryable=False) from error
        link = await open_link(self._config, options)
        decoder = Decoder(self._config, options, self._stamp, self.memory)
        conversation = _Conversation(self._config, options, self._stamp, self._now, link, outlet, decoder)
        try:
            self._made_calls = conversation.made_calls
            await conversation.follow()
        finally:
            last_requests = conversation.made_calls.close()
            self._made_calls = None
            if session := conversation.application_session.session:
                last_requests.append(stop_session(session))
            await link.close(*last_requests)


class _CstaLinkEnded(Exception):
    """The server closed the link in order."""


@dataclass
class _Chunk:
    """What the frames that came together say, in their order."""

    events: list[Event] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    is_doubtful: bool = False


class _Conversation:
    """One link from its first message to its end: one task reads, others send requests."""

    def __init__(
        self,
        config: SourceConfig,
        options: CstaOptions,
        stamp: Stamp,
        now: Callable[[], datetime],
        link: CstaLink,
        outlet: Outlet,
        decoder: Decoder,
    ) -> None:
        self._config, self._options, self._stamp, self._now, self._link = config, options, stamp, now, link
        self._decoder = decoder
        self._outlet = OrderedOutlet(outlet, options.outlet_seconds)
        self._status = StatusRequests(link, options)
        self.made_calls = MadeCalls(link, self._status, options, config.slug)
        self._framer = CstaFramer()
        self._age = EventAge(options.age_seconds, now())
        self.application_session = ApplicationSession(options.edition)
        self._was_down, self._last_status = False, ""
        self._unknown: set[str] = set()
        self._end: LinkError | None = None

    async def follow(self) -> None:
        """Follow the link to its end. Returns when it ended in order; raises ``LinkError`` otherwise."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._monitoring = Monitoring(self._context())
                self._use(self.application_session)
                self._tasks.create_task(self._listen())
                self._tasks.create_task(self._start_session())
        except* _CstaLinkEnded:
            pass
        except* LinkError as group:
            # An error that a person must correct is the cause, a link that broke at the same time the effect.
            self._end = min(_link_errors(group), key=lambda error: error.retryable)
        if self._end is not None:
            raise self._end

    def _context(self) -> LinkContext:
        return LinkContext(
            self._config,
            self._options,
            self._stamp,
            self._now,
            link=self._link,
            decoder=self._decoder,
            outlet=self._outlet,
            tasks=self._tasks,
            status=self._status,
        )

    def _use(self, session: ApplicationSession) -> None:
        self.application_session = session
        self._status.requests = Requests(namespace_of(session.edition), self._options)

    async def _start_session(self) -> None:
        """Begin the application session, then the monitors; keep the session alive."""
        self._use(await begin_application_session(self._link, self._config, self._options))
        log.info("csta_session", source=self._config.slug, edition=self.application_session.edition)
        async with self._outlet as outlet:
            await outlet.linked()
        if self.application_session.session:
            self._tasks.create_task(self.application_session.keep(self._link))
        if self._options.system_register:
            self._tasks.create_task(register(self._link, self._status.requests, self._config.slug))
        self._tasks.create_task(self._keep_asking())
        await self._monitoring.begin()

    async def _listen(self) -> None:
        silences = 0
        while True:
            data = await self._link.read(self._options.heartbeat_seconds)
            if data is None:
                silences += 1
                self._check_silence(silences)
            elif not data:
                self._check_end()
            else:
                silences = 0
                await self._take(self._framer.feed(data))
                await self._outlet.pace(len(data))

    def _check_silence(self, silences: int) -> None:
        if silences >= MAXIMUM_SILENCES:
            raise LinkError(f"the server has been silent for {silences * self._options.heartbeat_seconds:g} s")
        self._tasks.create_task(self._probe())

    async def _probe(self) -> None:
        """Ask for the server's status; any answer shows that it is alive."""
        try:
            self._follow_status(await self._link.ask(self._status.requests.system_status()))
        except (RequestDenied, RequestTimedOut):
            log.debug("csta_status_unanswered", source=self._config.slug)

    async def _keep_asking(self) -> None:
        """Ask for the server's status at an interval: its answers show how old events may be."""
        while (wait := self._age.wait(self._now())) is not None:
            if wait:
                await asyncio.sleep(wait)
            else:
                await self._ask_age(self._now())

    async def _ask_age(self, asked_at: datetime) -> None:
        def on_answer(_root: XmlElement) -> None:
            self._age.answered(asked_at, self._now())

        self._age.asked(asked_at)
        try:
            answer = await self._link.ask(self._status.requests.system_status(), on_answer, late=on_answer)
        except RequestDenied:
            self._age.refused()
        except RequestTimedOut:
            log.debug("csta_status_unanswered", source=self._config.slug)
        else:
            self._follow_change(answer)

    def _check_end(self) -> None:
        if self._framer.has_rest:
            raise LinkError("the server closed the link within a frame")
        if not self.application_session.is_begun:
            raise LinkError("the server closed the link before a session began")
        raise _CstaLinkEnded

    async def _take(self, frames: list[CstaFrame | CstaFrameError]) -> None:
        """Keep the events of a chunk of the stream in order; answer the server's requests first."""
        async with self._outlet as outlet:
            chunk = _Chunk()
            for frame in frames:
                self._read(frame, chunk)
            chunk.events = self.made_calls.marked(chunk.events)
            self._monitoring.watch(chunk.events)
            for invoke, answer in chunk.answers:
                await self._link.send(invoke, answer)
            await outlet.accept(chunk.events)
            for message in chunk.quarantined:
                await outlet.quarantine(message)
            if chunk.is_doubtful:
                self._monitoring.resynchronisation.request("a message could not be read")
        if self._end is not None:
            raise self._end

    def _read(self, frame: CstaFrame | CstaFrameError, chunk: "_Chunk") -> None:
        try:
            if isinstance(frame, CstaFrameError):
                self._end = LinkError(f"the stream cannot be read: {frame.error} ({frame.place})")
                raise CstaMessageError(frame.error, kind="frame")
            self._follow_message(self._parsed(frame, chunk), frame, chunk)
        except CstaMessageError as error:
            chunk.quarantined.append(_quarantined(frame, error))
            chunk.is_doubtful = self._is_doubtful(error) or chunk.is_doubtful

    def _parsed(self, frame: CstaFrame, chunk: "_Chunk") -> XmlElement:
        try:
            message = read_message(frame.xml, self._options.encoding)
        except CstaMessageError:
            self._status.segments.invalidate("a message could not be read meanwhile")
            raise
        if message.repaired is not None:
            chunk.quarantined.append(_quarantined(frame, message.repaired))
        return message.root

    def _follow_message(self, root: XmlElement, frame: CstaFrame, chunk: "_Chunk") -> None:
        """Take a segment of a snapshot, the answer to a request, a request of the server's, or an event."""
        if local(root.tag) in DATA_OF.values():
            self._collect(root, frame)
        elif is_answer(root):
            if not self._link.settle(frame.invoke, root):
                log.debug("csta_answer_late", source=self._config.slug, invoke=frame.invoke)
        elif (answer := self._served(root)) is not None:
            chunk.answers.append((frame.invoke, answer))
        else:
            chunk.events += self._decoded(root, self._now())

    def _decoded(self, root: XmlElement, received: datetime) -> list[Event]:
        """Return a message's events, each with since when the link may have held it back, where that is long."""
        held_since = self._age.held_since(received)
        events = self._decoder.decode(root, received)
        return events if held_since is None else [replace(one, heldsince=held_since) for one in events]

    def _is_doubtful(self, error: CstaMessageError) -> bool:
        """Say whether a message that could not be read may have been an event; once for each unknown kind."""
        if not isinstance(error, UnknownMessage):
            return error.kind == "message"
        if not error.may_be_event or error.name in self._unknown or len(self._unknown) >= MAXIMUM_UNKNOWN:
            return False
        self._unknown.add(error.name)
        return True

    def _collect(self, root: XmlElement, frame: CstaFrame) -> None:
        """Take a segment of a snapshot; it gets no answer."""
        if not self._status.segments.take(root, len(frame.xml)):
            log.debug("csta_segment_unawaited", source=self._config.slug, place=frame.place)

    def _served(self, root: XmlElement) -> bytes | None:
        """Return the answer to a request of the server; None when the message is no such request."""
        name, requests = local(root.tag), self._status.requests
        if name == "SystemStatus":
            self._follow_status(root)
            return requests.system_status_response()
        if name == "MonitorStop":
            self._monitoring.stopped(text_of(children(root).get("monitorCrossRefID")))
            return requests.monitor_stop_response()
        if name == "ApplicationSessionTerminated":
            self._end = LinkError("the server ended the session")
            return requests.not_served()
        return None

    def _follow_change(self, answer: XmlElement) -> None:
        """Follow the status in an answer, but not again while the server repeats that it lost messages."""
        before, self._last_status = self._last_status, _status_in(answer)
        if self._last_status != before:
            self._follow_status(answer)

    def _follow_status(self, root: XmlElement) -> None:
        status = _status_in(root)
        if status == "messageslost" or (status in _UP and self._was_down):
            self._status.segments.invalidate("the server lost messages meanwhile")
            reason = "the server lost messages" if status == "messageslost" else "the server was disabled"
            self._tasks.create_task(self._monitoring.resynchronisation.run(reason))
        self._was_down = status in _DOWN or (self._was_down and status not in _UP)


def _status_in(root: XmlElement) -> str:
    return text_of(children(root).get("systemStatus")).lower()


def _link_errors(group: ExceptionGroup[LinkError]) -> list[LinkError]:
    return [error for error in group.exceptions if isinstance(error, LinkError)]


def _quarantined(frame: CstaFrame | CstaFrameError, error: CstaMessageError) -> Quarantined:
    raw = frame.raw if isinstance(frame, CstaFrameError) else frame.xml
    place = f"{frame.place}, {error.place}" if error.place else frame.place
    call = "" if error.kind == REPAIRED else call_in(raw)
    return Quarantined(raw=raw, kind=error.kind, error=str(error), place=place, call=call)
