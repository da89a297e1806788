"""Keep a source's events: in the journal, or while that is away in the spool, and never out of order.

An append costs the listener, Redis and its disk, and the consumer as much as several events. So events that have nobody
asked for a recording gather for a moment where another append was just before; one that has takes them with it.
"""

import asyncio
import math
from collections.abc import Sequence
from datetime import datetime

import structlog

from cti.events import ASKING, AgentEvent, CallEvent, Event
from cti.journal.stream import Entry, JournalUnavailable
from cti.journal.writer import JournalWriter
from cti.listener.spool import Spool
from cti.listener.worker_thread import WorkerThread
from telemetry.counters import EVENTS_ACCEPTED, EVENTS_SPOOLED

#: Entries of the spool that are appended to the journal at once.
REPLAYED_AT_ONCE = 500
#: Time from an append until events that may wait are appended, in seconds, and the number of events that do not wait.
GATHER_SECONDS, MANY = 0.2, 32

log = structlog.get_logger()


def may_wait(event: Event) -> bool:
    """Say whether an event may gather: one of a call or an agent that has no recording asked for."""
    return isinstance(event, (CallEvent, AgentEvent)) and not isinstance(event, ASKING)


class DurableAppender:
    """The only way to keep events of a source; callers wait until they are kept, except of events that gather.

    Once an event went to the spool, all that follow do, until the spool is empty again.
    """

    def __init__(self, writer: JournalWriter, spool: Spool, thread: WorkerThread) -> None:
        self._writer, self._spool = writer, spool
        self._thread = thread
        self._appending, self._is_gathering = asyncio.Lock(), asyncio.Event()
        self._spooling = asyncio.Event()
        self._waiting: list[Event] = []
        self._in_hand: list[Event] = []
        self._appended_at = -math.inf
        if spool.count > 0:
            self._spooling.set()
        #: When the first event was received that this process put into the spool; None: it has put none there.
        self.spooling_since: datetime | None = None

    @property
    def is_spooling(self) -> bool:
        """Say whether events go to the spool."""
        return self._spooling.is_set()

    async def wait_for_spooling(self) -> None:
        """Wait until events go to the spool: nobody asks for it again and again while Redis is there."""
        await self._spooling.wait()

    @property
    def spooled(self) -> int:
        """Return how many events wait in the spool."""
        return self._spool.count

    @property
    def unkept_since(self) -> datetime | None:
        """Return when the first event was received that is not kept yet; None when all are.

        A listener that dies loses what was received since then.
        """
        return min((one.at for one in (*self._in_hand, *self._waiting)), default=None)

    @property
    def losses(self) -> int:
        """Return how often the journal came back without what it had acknowledged."""
        return self._writer.losses

    async def keep(self, events: Sequence[Event], *, is_last_word: bool = False) -> None:
        """Keep events in this order, or have them gather. Raises ``Fenced``, or ``SpoolFull`` when no place takes them.

        After events that gather ``keep_gathered`` must be awaited.
        """
        if not events:
            return
        self._waiting += events
        if self._may_gather(events):
            self._is_gathering.set()
        else:
            await self._keep_waiting(is_last_word=is_last_word)

    async def keep_gathered(self) -> None:
        """Wait until events gather and their time is over, and keep them. Raises as ``keep``; call it again then."""
        await self._is_gathering.wait()
        while (seconds := self._gathers_for()) > 0:  # noqa: ASYNC110  (each append begins the time again)
            await asyncio.sleep(seconds)
        self._is_gathering.clear()
        await self._keep_waiting()

    def _may_gather(self, events: Sequence[Event]) -> bool:
        is_gathering = self._gathers_for() > 0 and len(self._waiting) < MANY
        return is_gathering and not self.is_spooling and all(map(may_wait, events))

    def _gathers_for(self) -> float:
        return self._appended_at + GATHER_SECONDS - asyncio.get_running_loop().time()

    async def _keep_waiting(self, *, is_last_word: bool = False) -> None:
        """Keep all that waits, to the end though the caller is cancelled: what cannot be appended is spooled then."""
        await asyncio.shield(self._keep_all(is_last_word))

    async def _keep_all(self, is_last_word: bool) -> None:
        async with self._appending:
            events, self._waiting = self._waiting, []
            if not events:
                return
            self._appended_at, self._in_hand = asyncio.get_running_loop().time(), events
            try:
                await self._keep_in_hand(is_last_word)
            finally:
                self._in_hand = []

    async def _keep_in_hand(self, is_last_word: bool) -> None:
        entries = self._writer.entries(self._in_hand)
        if self.is_spooling or not await self._journalled(entries):
            self.spooling_since = self.spooling_since or self._in_hand[0].at
            await self._thread.run(self._spool.append, entries, is_last_word)
            EVENTS_SPOOLED.labels(self._writer.slug).inc(len(entries))

    async def settled(self) -> None:
        """Wait for the end of an append whose caller was cancelled; nothing is put into the spool after it."""
        async with self._appending:
            pass

    async def catch_up(self) -> None:
        """Append the spool to the journal. Raises ``Fenced`` or ``JournalUnavailable``; call it again then."""
        while self.is_spooling:
            entries = await self._thread.run(self._spool.peek, REPLAYED_AT_ONCE)
            if entries:
                await self._thread.run(self._writer.put, entries)
                await self._thread.run(self._spool.drop, len(entries))
                EVENTS_ACCEPTED.labels(self._writer.slug).inc(len(entries))
                continue
            async with self._appending:
                if self._spool.count == 0:
                    self._spooling.clear()
                    self.spooling_since = None
                    log.info("spool_emptied", source=self._writer.slug)

    async def _journalled(self, entries: list[Entry]) -> bool:
        """Append, and say whether the journal has them; from the first failure on the spool is used."""
        try:
            await self._thread.run(self._writer.put, entries)
        except JournalUnavailable as error:
            self._spooling.set()
            log.warning("spooling", source=self._writer.slug, error=str(error))
        else:
            EVENTS_ACCEPTED.labels(self._writer.slug).inc(len(entries))
        return not self.is_spooling
