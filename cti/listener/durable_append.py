"""Keep a source's events: in the journal, or while that is away in the spool, and never out of order."""

import asyncio
from collections.abc import Sequence

import structlog

from cti.events import Event
from cti.journal.stream import Entry, JournalUnavailable
from cti.journal.writer import JournalWriter
from cti.listener.spool import Spool
from cti.listener.worker_thread import WorkerThread
from telemetry.counters import EVENTS_ACCEPTED, EVENTS_SPOOLED

#: Entries of the spool that are appended to the journal at once.
REPLAYED_AT_ONCE = 500

log = structlog.get_logger()


class DurableAppender:
    """The only way to keep events of a source; callers wait until they are kept.

    Once an event went to the spool, all that follow do, until the spool is empty again.
    """

    def __init__(self, writer: JournalWriter, spool: Spool, thread: WorkerThread) -> None:
        self._writer, self._spool = writer, spool
        self._thread = thread
        self._appending = asyncio.Lock()
        self.is_spooling = spool.count > 0

    @property
    def spooled(self) -> int:
        """Return how many events wait in the spool."""
        return self._spool.count

    @property
    def losses(self) -> int:
        """Return how often the journal came back without what it had acknowledged."""
        return self._writer.losses

    async def keep(self, events: Sequence[Event], *, is_last_word: bool = False) -> None:
        """Keep events in this order. Raises ``Fenced``, or ``SpoolFull`` when neither place takes them."""
        if not events:
            return
        async with self._appending:
            entries = self._writer.entries(events)
            if self.is_spooling or not await self._journalled(entries):
                await self._thread.run(self._spool.append, entries, is_last_word)
                EVENTS_SPOOLED.labels(self._writer.slug).inc(len(entries))

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
                    self.is_spooling = False
                    log.info("spool_emptied", source=self._writer.slug)

    async def _journalled(self, entries: list[Entry]) -> bool:
        """Append, and say whether the journal has them; from the first failure on the spool is used."""
        try:
            await self._thread.run(self._writer.put, entries)
        except JournalUnavailable as error:
            self.is_spooling = True
            log.warning("spooling", source=self._writer.slug, error=str(error))
        else:
            EVENTS_ACCEPTED.labels(self._writer.slug).inc(len(entries))
        return not self.is_spooling
