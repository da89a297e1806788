"""What the workers of the queues events, lookups and writes do as long as they run, and what a message starts."""

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
from calls.search import worker
from calls.search.due import next_due as next_search
from calls.search.known_service import KnownService
from calls.service_workers import ServiceWorker, ServiceWorkers
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
    loop = EventsLoop(leases, _sources, lambda source_id: GuardedConsumer(source_id, now))
    events_loop.run(loop, note_life)
    try:
        leases.release(sorted(loop.leased))
    except JournalUnavailable as error:
        log.warning("leases_not_released", error=type(error).__name__)


def _sources() -> dict[str, int]:
    return dict(fetched("SELECT slug, id FROM cti_ctisource WHERE enabled", []))


class SearchLoop:
    """Look for one Recording Service's searches again and again; the service is read every two seconds."""

    def __init__(self, service_id: int) -> None:
        self._service_id = service_id
        self._known: KnownService | None = None

    def look_up(self, is_known: bool) -> datetime | None:
        """Ask for the searches that are due; return when one is due next. ``is_known``: something is known to wait."""
        due = None if is_known else next_search(self._service_id)
        if not is_known and (due is None or due > now()):
            return due
        if self._known is None or monotonic() - self._known.read_at >= REFRESH_SECONDS:
            self._known = KnownService.read(self._service_id)
        return worker.look_up(self._service_id, now, known=self._known)


def deliver(service_id: int, is_known: bool) -> datetime | None:
    """Send a Recording Service its due writes, wake the consumers of what was settled; return when to look again.

    ``is_known``: something is known to wait; otherwise one statement says whether anything does.
    """
    if not is_known and not is_any_free(service_id, now()):
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
    _serve(
        lambda service_id: SearchLoop(service_id).look_up,
        searches_stream,
        SEARCH_GATHER_SECONDS,
        SEARCH_LOOK_SECONDS,
        note_life,
    )


def serve_writes(note_life: Callable[[], None]) -> None:
    """Send all Recording Services their flags, until the process is asked to stop."""
    _serve(
        lambda service_id: partial(deliver, service_id),
        writes_stream,
        WRITE_GATHER_SECONDS,
        WRITE_LOOK_SECONDS,
        note_life,
    )


def _serve(
    work: Callable[[int], Callable[[bool], datetime | None]],
    stream: Callable[[int], str],
    gather_seconds: float,
    look_seconds: float,
    note_life: Callable[[], None],
) -> None:
    def begin(service_id: int) -> ServiceWorker:
        return ServiceWorker(work(service_id), stream(service_id), gather_seconds, look_seconds)

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
