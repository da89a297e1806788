"""What the tasks do, and the wake-ups that they send on. Each is harmless when done twice or late."""

from datetime import datetime, timedelta
from functools import partial
from time import monotonic

import structlog
from django.db import IntegrityError, OperationalError

import clock
from calls import retention
from calls.broker import send
from calls.export import jobs
from calls.pipeline import restore_guard
from calls.pipeline.consumer import Consumer, Folded, Overtaken
from calls.pipeline.consumer_loop import ConsumerLoop
from calls.pipeline.journal_integrity import check_continuity
from calls.search import worker
from calls.search.due import search_wakeup, services_with_due_searches
from cti.api import JournalUnavailable, PollingMarker, clear_wake, wake
from cti.models import CtiSource
from flags.api import deliver as deliver_writes
from flags.api import services_with_due_writes
from qms.api import connect

log = structlog.get_logger()

#: Maximum time, in seconds, after which a consumer sends itself again, so that a stop never waits long.
SLICE_SECONDS = 2.0
#: Interval at which beat wakes every consumer.
BEAT = timedelta(seconds=2)
#: Minimum interval between two wake-ups of one service's delivery, in seconds.
APART_SECONDS = 0.1


_coming_back: dict[int, datetime] = {}
_consumers: dict[int, Consumer] = {}


def now() -> datetime:
    """Return the gateway's clock."""
    return clock.now()


def consume(source_id: int) -> None:
    """Fold a source's journal until it is empty or the time slice ends; then wake itself again."""
    source = CtiSource.objects.filter(pk=source_id).first()
    if source is None:
        return
    consumer = _consumer(source)
    try:
        restore_guard.compare(now())
        check_continuity(source, now())
        if ConsumerLoop(source_id, _others(source_id), consumer, _pending_wakeups.note).run(SLICE_SECONDS):
            clear_wake(source_id)
            wake(source_id)
        else:
            _come_back(consumer)
    except Overtaken:
        log.info("consumer_overtaken", source=source.slug)
    except (OperationalError, IntegrityError, JournalUnavailable) as error:
        # The transaction was rolled back: the batch is folded again, at beat's next wake-up at the latest.
        log.warning("fold_put_off", source=source.slug, error=type(error).__name__)
    finally:
        _pending_wakeups.send_due()


def _others(source_id: int) -> list[int]:
    return list(CtiSource.objects.filter(enabled=True).exclude(pk=source_id).values_list("id", flat=True))


def _come_back(consumer: Consumer) -> None:
    """Send the wake-up for what is due before beat's next one: flags that wait for late events."""
    due, present = consumer.next_due(), now()
    if due is None or due > present + BEAT:
        return
    known = _coming_back.get(consumer.source.pk)
    if known is None or not present < known <= due + timedelta(milliseconds=50):
        _coming_back[consumer.source.pk] = due
        delay = max((due - present).total_seconds(), 0) + 0.01
        send("calls.tasks.consume", consumer.source.pk, "events", countdown=delay)


def _consumer(source: CtiSource) -> Consumer:
    """Keep a consumer for each source in this process; a changed source gets a new one."""
    known = _consumers.get(source.pk)
    if known is None:
        known = _consumers[source.pk] = Consumer(source, now)
    known.source = source
    return known


class PendingWakeups:
    """Wake-ups owed to Recording Services' workers; a delivery is woken at a limited rate, as it polls by itself.

    A delivery that ended just then would wait for beat, so none is left unsent when a turn ends.
    """

    def __init__(self) -> None:
        self._unsent: set[int] = set()
        self._sent_at: dict[int, float] = {}

    def note(self, folded: Folded | None) -> None:
        """Send the wake-ups for what a fold has made, as far as they are due."""
        if folded is not None:
            for service_id in folded.looking_up:
                search_wakeup(service_id).send()
            self._unsent |= folded.writing
        self.send_due(APART_SECONDS)

    def send_due(self, apart_seconds: float = 0.0) -> None:
        """Send what is owed to deliveries, but to those whose last wake-up is no older than ``apart_seconds``."""
        present = monotonic()
        for service_id in [one for one in self._unsent if present - self._sent_at.get(one, 0) >= apart_seconds]:
            self._unsent.discard(service_id)
            self._sent_at[service_id] = present
            send("calls.tasks.deliver", service_id, "writes")


_pending_wakeups = PendingWakeups()


def look_up(service_id: int) -> None:
    """Ask a Recording Service for its open searches, and go on while there are any."""
    wakeup = search_wakeup(service_id)
    if worker.look_up(service_id, now, watch=PollingMarker(wakeup)):
        wakeup.send()


def deliver(service_id: int) -> None:
    """Send a Recording Service its due writes, wake the consumers of what was settled, go on while there are more."""
    try:
        restore_guard.compare(now())
    except JournalUnavailable as error:  # Without Redis nobody knows whether the database is the one it was.
        log.warning("delivery_put_off", service=service_id, error=type(error).__name__)
        return
    done = deliver_writes(service_id, now=now, connect=connect)
    for source_id in done.source_ids:
        wake(source_id)
    if done.more:
        send("calls.tasks.deliver", service_id, "writes")


def wake_consumers() -> None:
    """Wake every source's consumer."""
    for source_id in CtiSource.objects.filter(enabled=True).values_list("id", flat=True):
        wake(source_id)


def wake_searches() -> None:
    """Wake the search workers of services with searches due."""
    for service_id in services_with_due_searches(now()):
        send("calls.tasks.look_up", service_id, "lookups")


def wake_deliveries() -> None:
    """Wake the deliveries of services with writes due."""
    for service_id in services_with_due_writes(now()):
        send("calls.tasks.deliver", service_id, "writes")


def export(job_id: int) -> None:
    """Write an export."""
    jobs.run_export(job_id, now)


def wake_exports() -> None:
    """Have the exports begun, or begun again, that nobody works on."""
    for job_id in jobs.due(now()):
        send("calls.tasks.export", job_id, "default")


retain = partial(retention.retain, now)
