"""What the workers of the queues events, lookups and writes do as long as they run, and what a message starts."""

import math
import os
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

import structlog

import clock
from bulk.statements import fetched
from calls import retention
from calls.broker import send
from calls.export import jobs
from calls.pipeline import events_loop, restore_guard
from calls.pipeline.events_loop import EventsLoop
from calls.pipeline.guarded_consumer import REFRESH_SECONDS, GuardedConsumer
from calls.pipeline.sources_to_fold import sources_to_fold
from calls.search import worker
from calls.search.due import next_due as next_search
from calls.search.held import HeldSearches
from calls.search.known_service import KnownService
from calls.service_workers import Reason, ServiceWorker, ServiceWorkers
from cti.api import (
    JournalUnavailable,
    SourceLeases,
    archive_journals,
    searches_stream,
    settled_stream,
    wake,
    writes_stream,
)
from flags.api import UNKNOWN, is_any_free, next_due
from flags.api import deliver as deliver_writes
from qms.api import connect

log = structlog.get_logger()

#: Minimum interval between two looks of a service's search worker, and of its delivery, in seconds.
SEARCH_GATHER_SECONDS, WRITE_GATHER_SECONDS = 0.025, 0.1
#: Maximum interval between two looks, in seconds. QMS reports a recording for ten seconds only.
SEARCH_LOOK_SECONDS, WRITE_LOOK_SECONDS = 2.0, 5.0
#: Interval after which writes that are due and may not be sent are looked at again, in seconds.
HELD_UP = timedelta(seconds=1)


def now() -> datetime:
    """Return the gateway's clock."""
    return clock.now()


def fold_sources(note_life: Callable[[], None]) -> None:
    """Fold the sources that this process leases, until it is asked to stop."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
    leases = SourceLeases(owner)
    loop = EventsLoop(leases, lambda: sources_to_fold(now()), lambda source_id: GuardedConsumer(source_id, now))
    events_loop.run(loop, note_life)
    try:
        leases.release(sorted(loop.leased))
    except JournalUnavailable as error:
        log.warning("leases_not_released", error=type(error).__name__)


class SearchLoop:
    """Look for one Recording Service's searches again and again; the service is read every two seconds."""

    def __init__(self, service_id: int) -> None:
        self._service_id, self.held = service_id, HeldSearches()
        self._known: KnownService | None = None
        self._looked_at = -math.inf

    def look_up(self, reason: Reason) -> datetime | None:
        """Ask for the searches that are due; return when one is due next."""
        if reason is Reason.LOOK:
            due = [one for one in (next_search(self._service_id), self.held.next_at) if one]
            if not due or min(due) > now():
                return min(due, default=None)
        if self._known is None or monotonic() - self._known.read_at >= REFRESH_SECONDS:
            self._known = KnownService.read(self._service_id, now())
        # A wake-up may be lost: while what is held keeps the worker busy, it looks for others as often as without.
        is_any_new = reason is not Reason.DUE or monotonic() - self._looked_at >= SEARCH_LOOK_SECONDS
        if is_any_new:
            self._looked_at = monotonic()
        return worker.look_up(self._service_id, now, known=self._known, held=self.held, is_any_new=is_any_new)


def deliver(service_id: int, reason: Reason) -> datetime | None:
    """Send a Recording Service its due writes, wake the consumers of what was settled; return when to look again.

    Where nothing is known to wait, one statement says whether anything does.
    """
    if reason is Reason.LOOK and not is_any_free(service_id, now()):
        return next_due(service_id)
    restore_guard.compare(now())  # Without Redis nobody knows whether the database is the one it was.
    done = deliver_writes(service_id, now=now, connect=connect)
    if done.source_ids:
        wake(*map(settled_stream, done.source_ids))
    if done.more:
        return now()
    due = next_due(service_id) if done.next_due == UNKNOWN else done.next_due
    return due and max(due, now() + HELD_UP)


def serve_searches(note_life: Callable[[], None]) -> None:
    """Ask all Recording Services for what is sought, until the process is asked to stop."""

    def begin(service_id: int) -> ServiceWorker:
        loop, stream = SearchLoop(service_id), searches_stream(service_id)
        return ServiceWorker(loop.look_up, stream, SEARCH_GATHER_SECONDS, SEARCH_LOOK_SECONDS, loop.held.give_back)

    ServiceWorkers(_services, begin).run(note_life)


def serve_writes(note_life: Callable[[], None]) -> None:
    """Send all Recording Services their flags, until the process is asked to stop."""

    def begin(service_id: int) -> ServiceWorker:
        work, stream = partial(deliver, service_id), writes_stream(service_id)
        return ServiceWorker(work, stream, WRITE_GATHER_SECONDS, WRITE_LOOK_SECONDS)

    ServiceWorkers(_services, begin).run(note_life)


def _services() -> set[int]:
    return {service_id for (service_id,) in fetched("SELECT id FROM qms_recordingservice", [])}


def export(job_id: int) -> None:
    """Write an export."""
    jobs.run_export(job_id, now)


def wake_exports() -> None:
    """Have the exports begun, or begun again, that nobody works on."""
    for job_id in jobs.due(now()):
        send("calls.tasks.export", job_id, "default")


retain = partial(retention.retain, now)
archive = partial(archive_journals, now)
