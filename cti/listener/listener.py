"""The listener of one source: stands by until it may lead, leads, and stands by again."""

import asyncio
import os
import socket
from datetime import datetime
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connections

import clock
from cti.journal.checks import log_warnings
from cti.journal.lease import Lease
from cti.journal.stream import Fenced, JournalUnavailable
from cti.journal.writer import JournalWriter, next_epoch
from cti.listener.durable_append import DurableAppender
from cti.listener.leadership import LeadershipTerm
from cti.listener.leadership_ends import LeaseLost, SourceGone
from cti.listener.spool import Spool
from cti.listener.status import UNREADABLE, PreviousProcess, StatusReporter
from cti.listener.waits import set_or_late
from cti.listener.worker_thread import WorkerThread
from cti.sources.port import Quarantined, SourceConfig

#: Interval at which a standby tries for the lease, in seconds.
POLL_SECONDS = 0.5
#: After Redis was away the former leader, which renews every second, goes first: its spool belongs to the journal.
POLITE_SECONDS = 3.0
#: Maximum time of a stop, before the session and the lease are ended in another half second.
STOP_SECONDS = 1.2

log = structlog.get_logger()


class Listener:
    """Listen to one source, in turn with other listeners of it."""

    def __init__(self, source_id: int, config: SourceConfig) -> None:
        self.owner = f"{socket.gethostname()}:{os.getpid()}"
        self._config = config
        self._lease = Lease(config.slug, self.owner)
        self._reporter = StatusReporter(source_id, self.owner)
        self._spool = Spool(Path(settings.SPOOL_DIR) / config.slug, settings.SPOOL_MAX_BYTES)
        self._journal, self._database = (
            WorkerThread("journal", self._spool.close),
            WorkerThread("standby", connections.close_all),
        )
        self._term: LeadershipTerm | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Make ``run`` return soon."""
        self._stopping.set()
        if self._term:
            self._term.stop()

    async def run(self) -> None:
        """Listen until stopped, or until the source is disabled or gone."""
        running = asyncio.create_task(self._take_turns())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not running.done():
            await asyncio.wait({running}, timeout=STOP_SECONDS)
            running.cancel()
        self._close()
        if not running.cancelled() and running.done():
            running.result()

    def _close(self) -> None:
        for one in (self._journal, self._database):
            one.close()

    async def _take_turns(self) -> None:
        while not self._stopping.is_set():
            try:
                if await self._may_lead():
                    await self._lead()
            except* (Fenced, LeaseLost) as error:
                log.warning("leadership_lost", source=self._config.slug, reason=str(error.exceptions[0]))
                self._retire_spool()
                await self._report_quarantine()
            except* SourceGone:
                log.info("source_gone", source=self._config.slug)
                self._stopping.set()

    async def _may_lead(self) -> bool:
        """Wait for the lease; False after a stop."""
        not_before, is_reported = 0.0, False
        ticks = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            try:
                is_free = await self._journal.run(self._lease.stand_by)
                if is_free and ticks() >= not_before and await self._journal.run(self._lease.hold):
                    return True
                if not is_free and not is_reported:
                    log.info("standing_by", source=self._config.slug)
                    is_reported = True
            except JournalUnavailable as error:
                log.warning("journal_unavailable", source=self._config.slug, error=str(error))
                not_before = ticks() + POLITE_SECONDS
            await set_or_late(self._stopping, POLL_SECONDS)
        return False

    async def _lead(self) -> None:
        try:
            await self._read_settings()
            previous = await self._previous_process()
            epoch = await self._new_epoch(previous)
            await self._journal.run(log_warnings)
        except JournalUnavailable as error:
            log.warning("journal_unavailable", source=self._config.slug, error=str(error))
            return
        log.info("leading", source=self._config.slug, epoch=epoch, spooled=self._spool.count)
        appender = DurableAppender(JournalWriter(self._config.slug, epoch), self._spool, self._journal)
        self._term = LeadershipTerm(self._config, epoch, appender, self._lease, self._reporter)
        if self._stopping.is_set():
            self._term.stop()
        try:
            await self._term.run(self._lost_at(previous), self._reason(previous))
        finally:
            self._term = None

    async def _read_settings(self) -> None:
        """Return the current settings; without the database, or where they cannot be read, the last known ones."""
        try:
            config = await self._database.run(self._reporter.settings)
        except UNREADABLE as error:
            log.warning("settings_unreadable", source=self._config.slug, error=type(error).__name__)
            return
        if config is None:
            raise SourceGone
        self._config = config

    async def _previous_process(self) -> PreviousProcess:
        """Return what the last leader left; without the database it is only known that there may have been one."""
        try:
            return await self._database.run(self._reporter.previous_process)
        except UNREADABLE as error:
            log.warning("previous_process_unknown", source=self._config.slug, error=type(error).__name__)
            return PreviousProcess(seen_at=clock.now())

    async def _new_epoch(self, previous: PreviousProcess) -> int:
        """Return an epoch above all known ones, noted in the database before it is used, where that can be."""
        spooled = int(self._spool.last_id.split("-")[0] or 0)
        epoch = await self._journal.run(next_epoch, self._config.slug, max(previous.epoch, spooled))
        try:
            await self._database.run(self._reporter.begin_term, epoch)
        except UNREADABLE as error:
            log.warning("epoch_not_noted", source=self._config.slug, error=type(error).__name__)
        return epoch

    def _lost_at(self, previous: PreviousProcess) -> datetime | None:
        """Return from when on events may be missing: what another host has in its spool is lost."""
        is_ours = self._spool.count > 0
        return previous.spooling_since if previous.spooling_since and not is_ours else previous.seen_at

    def _reason(self, previous: PreviousProcess) -> str:
        if previous.leader.split(":")[0] in ("", socket.gethostname()):
            return "listener restarted"
        return f"this listener took over from {previous.leader}"

    def _retire_spool(self) -> None:
        """Set aside a spool that is too late: the journal already has a newer leader's events."""
        if self._spool.count == 0:
            return
        count, path = self._spool.count, self._spool.retire()
        log.error("spool_retired", source=self._config.slug, events=count, file=path.name)
        events = "1 event" if count == 1 else f"{count} events"
        error = f"{events} kept while Redis was away came too late: another listener leads"
        self._reporter.quarantine(Quarantined(b"", "spool", error, path.name))

    async def _report_quarantine(self) -> None:
        """Save unreadable messages now: perhaps no further term will report them."""
        messages = self._reporter.take_quarantine()
        try:
            await self._database.run(self._reporter.record, messages)
        except UNREADABLE as error:
            self._reporter.put_back(messages)
            log.warning("quarantine_not_saved", source=self._config.slug, error=type(error).__name__)
