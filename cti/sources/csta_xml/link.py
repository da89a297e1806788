"""One TCP or TLS connection to a CSTA server: reads bytes, sends requests, correlates their answers."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

import msgspec

from cti.sources.csta_xml.bounded_cache import BoundedCache
from cti.sources.csta_xml.framing import EVENT_INVOKE, framed
from cti.sources.csta_xml.options import CstaOptions
from cti.sources.csta_xml.parsing import XmlElement, local, text_of
from cti.sources.port import LinkError, SourceConfig
from cti.sources.read_coalescing import ReadCoalescer, reading
from cti.sources.tls import client_context, untrusted

#: Maximum number of bytes read at once.
CHUNK: Final = 256 * 1024
#: Timeout of the last request of a session, in seconds.
CLOSE_TIMEOUT: Final = 0.4

#: Maximum requests given up whose late answers are still followed.
MAXIMUM_LATE: Final = 2000

AnswerHandler = Callable[[XmlElement], None]


class RequestDenied(Exception):
    """The server refuses a request; the text is its reason."""

    retryable = True


class RequestTimedOut(Exception):
    """The server gave no answer in time."""

    retryable = True


class _Pending(msgspec.Struct, frozen=True):
    answer: asyncio.Future[XmlElement]
    on_answer: AnswerHandler | None


async def open_link(config: SourceConfig, options: CstaOptions) -> "CstaLink":
    """Open the link. Raises ``LinkError``: ``NeedsPerson`` when certificates or settings are at fault."""
    try:
        context = client_context(config)
        async with asyncio.timeout(options.connect_seconds):
            reader, writer = await asyncio.open_connection(config.host, config.port, ssl=context, limit=CHUNK)
    except ssl.SSLCertVerificationError as error:
        raise untrusted(config.host, error) from error
    except TimeoutError as error:
        raise LinkError(f"no connection within {options.connect_seconds:g} s") from error
    except OSError as error:
        raise LinkError(f"no connection: {error.strerror or type(error).__name__}") from error
    return CstaLink(reader, writer, options.request_seconds)


class CstaLink:
    """Sends and correlates; our invoke ids and those of the server's requests are numbered separately."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
        self._reader, self._writer, self._seconds = reader, writer, seconds
        self._pending: dict[int, _Pending] = {}
        #: Handlers of answers that may come though their request was given up; these ids are not used again meanwhile.
        self._late: BoundedCache[int, AnswerHandler] = BoundedCache(MAXIMUM_LATE)
        self._last_invoke = 0
        self._sending = asyncio.Lock()
        self._gathering = ReadCoalescer()

    async def read(self, seconds: float) -> bytes | None:
        """Return what came, empty at the end, None after a silence. Raises ``LinkError`` when the link broke."""
        if not self._pending:  # An answer may hold up thousands of requests.
            await self._gathering.pause()
        try:
            with reading(self._writer):
                async with asyncio.timeout(seconds):
                    return self._gathering.read(await self._reader.read(CHUNK))
        except TimeoutError:
            return None
        except OSError as error:
            raise LinkError(f"the link broke: {error.strerror or type(error).__name__}") from error

    async def send(self, invoke: int, xml: bytes) -> None:
        """Send a message. Raises ``LinkError`` when the link does not take it in time."""
        try:
            async with asyncio.timeout(self._seconds), self._sending:
                self._writer.write(framed(invoke, xml))
                await self._writer.drain()
        except TimeoutError as error:
            raise LinkError(f"the server has read nothing for {self._seconds:g} s") from error
        except OSError as error:
            raise LinkError(f"the link broke: {error.strerror or type(error).__name__}") from error

    async def ask(
        self, xml: bytes, on_answer: AnswerHandler | None = None, late: AnswerHandler | None = None
    ) -> XmlElement:
        """Send a request and return its answer; ``on_answer`` is called with it before anything after it is read.

        ``late`` is called with an answer that grants when nobody waits for it any more.
        Raises ``RequestDenied``, ``RequestTimedOut`` or ``LinkError``.
        """
        invoke = self._free_invoke()
        answer: asyncio.Future[XmlElement] = asyncio.get_running_loop().create_future()
        self._pending[invoke] = _Pending(answer, on_answer)
        try:
            await self.send(invoke, xml)
            async with asyncio.timeout(self._seconds):
                return await answer
        except TimeoutError as error:
            raise RequestTimedOut(f"no answer within {self._seconds:g} s") from error
        finally:
            del self._pending[invoke]
            # The time was over, or whoever asked was cancelled: the server may have read the request all the same.
            if late is not None and (answer.cancelled() or not answer.done()):
                self._late.put(invoke, late)

    def _free_invoke(self) -> int:
        while True:
            self._last_invoke = self._last_invoke % (EVENT_INVOKE - 1) + 1
            if self._last_invoke not in self._pending and self._late.get(self._last_invoke) is None:
                return self._last_invoke

    def settle(self, invoke: int, root: XmlElement) -> bool:
        """Pass an answer to its request; False when no request waits for it."""
        pending = self._pending.get(invoke)
        if pending is None or pending.answer.done():
            return self._settle_late(invoke, root)
        if _is_refusal(root):
            pending.answer.set_exception(RequestDenied(refusal(root)))
            return True
        if pending.on_answer is not None:
            pending.on_answer(root)
        pending.answer.set_result(root)
        return True

    def _settle_late(self, invoke: int, root: XmlElement) -> bool:
        late = self._late.get(invoke)
        if late is None:
            return False
        self._late.drop(invoke)
        if not _is_refusal(root):
            late(root)
        return True

    async def close(self, *last_requests: bytes) -> None:
        """Close the link, after last requests whose answers are not awaited."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                for request in last_requests:
                    await self.send(self._free_invoke(), request)
                self._writer.close()
                await self._writer.wait_closed()
        except (TimeoutError, OSError, LinkError):
            self._writer.transport.abort()


def is_answer(root: XmlElement) -> bool:
    """Say whether a message answers a request."""
    name = local(root.tag)
    return name == "CSTAErrorCode" or name.endswith("Response")


def _is_refusal(root: XmlElement) -> bool:
    name = local(root.tag)
    return name == "CSTAErrorCode" or name.endswith("NegResponse")


def refusal(root: XmlElement) -> str:
    """Return the server's reason: its category and text."""
    reason = next(iter(root), None)
    if reason is None:
        return (root.text or "").strip()[:255] or "no reason given"
    name, text = local(reason.tag), text_of(reason)
    return f"{name}: {text}"[:255] if text else name[:255]
