"""The gateway in one thread: the real consumer, searches and outbox, each done when the schedule says so."""

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.models import Min

from agents.models import Allocation, QmsUser
from calls.models import Gap, Leg, RecordingSearch, SearchState
from calls.pipeline.consumer import Consumer, Overtaken
from calls.rest.views import LegView, view_legs
from calls.search.worker import look_up
from cti.api import Arrival, append_unique
from cti.events import Event, encode
from cti.models import CtiSource
from devtools.simulation.clock import LOOK, InlineThreads, SimulatedClock
from devtools.simulation.crashes import Crashes
from devtools.simulation.recording_service import SimulatedRecordingService
from flags.api import deliver
from flags.models import UNSETTLED, FlagWrite
from gateway_site.config.apply import apply
from gateway_site.config.declaration import CtiSourceRow, DataServerRow, Declaration, FlagRow, RecordingServiceRow
from qms.models import RecordingService
from qms.port import RecordingServicePort

SLUG = "worlds"
#: One pass of a pump, in seconds of a clock that moves at each look.
ONE_PASS = 0.0003
#: The same for flag writes: what is withheld looks at the clock twice before the first pass.
ONE_DELIVERY = ONE_PASS + 2 * LOOK.total_seconds()
TIMEOUT_SECONDS = 5.0


class Database:
    """A migrated and declared database, put back to its first state before each world."""

    def __init__(self, declaration: Declaration | None = None) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        apply(declaration or _declaration())
        connection.ensure_connection()
        self._raw: sqlite3.Connection = connection.connection
        self._raw.execute("PRAGMA synchronous = OFF")
        self._pristine = sqlite3.connect(":memory:")
        self._raw.backup(self._pristine)
        self._journal = redis.Redis.from_url(settings.JOURNAL_URL)

    def reset(self) -> None:
        """Forget everything, the journal included."""
        self._pristine.backup(self._raw)
        self._journal.flushall()


def _declaration() -> Declaration:
    service = RecordingServiceRow(
        slug=SLUG,
        data_server=SLUG,
        url="http://127.0.0.1:9/",
        identifiers=["127.0.0.1"],
        timeout_seconds=TIMEOUT_SECONDS,
        wrapup_wait_seconds=120,
    )
    source = CtiSourceRow(slug=SLUG, kind="http", recording_services=[SLUG], seating="hot_desk")
    flags = [FlagRow(field="wrapup", enabled=True), FlagRow(field="query_data", enabled=True)]
    return Declaration([DataServerRow(slug=SLUG)], [service], [source], flags)


class SimulatedGateway:
    """Hold one gateway, freshly started on an empty database."""

    qms: RecordingServicePort

    def __init__(
        self, clock: SimulatedClock, qms: SimulatedRecordingService, extensions: Sequence[str], interval: float
    ) -> None:
        self.clock, self.qms = clock, qms
        CtiSource.objects.update(devices=list(extensions))
        RecordingService.objects.update(lookup_interval_ms=int(interval * 1000))
        self.service, self.source = RecordingService.objects.get(), CtiSource.objects.get()
        Allocation.objects.get_or_create(source=self.source, service=self.service)
        QmsUser.objects.bulk_create(self._user(one) for one in extensions)
        self.restart()

    def _user(self, extension: str) -> QmsUser:
        return QmsUser(
            service=self.service,
            user_id=extension,
            licence="Unlimited",
            extension=extension,
            recording_service="Any",
            loaded_at=self.clock.begin,
        )

    def restart(self) -> None:
        """Start a new consumer: what the old one kept in memory is lost."""
        self._consumer = Consumer(self.source, self.clock.now)

    def hear(self, events: Sequence[Event]) -> None:
        """Accept events into the journal."""
        append_unique(SLUG, [Arrival(one.id, encode(one)) for one in events])

    def consume(self) -> tuple[bool, bool]:
        """Fold all that waits. Returns whether searches and writes came of it."""
        is_asking = is_writing = False
        try:
            while (folded := self._consumer.fold_once()) is not None:
                is_asking, is_writing = is_asking or bool(folded.looking_up), is_writing or bool(folded.writing)
        except Overtaken:
            self.restart()
        return is_asking, is_writing

    def look_up(self) -> None:
        """Ask QMS what is due."""
        look_up(self.service.pk, self.clock.now, lambda _: self.qms, seconds=ONE_PASS)

    def deliver(self) -> bool:
        """Send what is due. Returns whether anything was settled."""
        return bool(
            deliver(self.service.pk, now=self.clock.now, connect=lambda _: self.qms, seconds=ONE_DELIVERY).settled
        )

    def next_question(self) -> datetime | None:
        """Return when the next question to QMS is due."""
        waiting = RecordingSearch.objects.filter(state=SearchState.OPEN)
        found: datetime | None = waiting.aggregate(at=Min("next_at"))["at"]
        return found

    def next_due(self) -> datetime | None:
        """Return when time alone changes something next."""
        return self._consumer.next_due()

    def has_unfolded_answers(self) -> bool:
        """Say whether searches are answered and not folded yet."""
        return RecordingSearch.objects.filter(folded=False).exclude(state=SearchState.OPEN).exists()

    def has_unsettled_writes(self) -> bool:
        """Say whether writes are not at their end."""
        return FlagWrite.objects.filter(state__in=UNSETTLED).exists()

    def legs(self) -> list[LegView]:
        """Return the legs as the interface shows them, oldest first."""
        return view_legs(list(Leg.objects.select_related("source", "service").order_by("id")))

    def gaps(self) -> list[Gap]:
        """Return the ledger."""
        return list(Gap.objects.order_by("began_at"))


@contextmanager
def in_hand(clock: SimulatedClock, crashes: Crashes, seed: int) -> Iterator[None]:
    """Put time, chance, threads and crashes into the simulation's hand."""
    threads = InlineThreads()
    replaced: list[tuple[str, Any]] = [
        ("calls.search.worker.sleep", clock.sleep),
        ("calls.search.worker.monotonic", clock.monotonic),
        ("calls.search.worker._pool", lambda _: threads),
        ("flags.delivery.worker.monotonic", clock.monotonic),
        ("flags.delivery.senders.monotonic", clock.monotonic),
        ("flags.delivery.worker.pools.of", lambda *_: threads),
        ("calls.search.settling.wake", lambda *_: None),
        ("clock.now", clock.now),
    ]
    chance = random.getstate()
    random.seed(seed)
    with ExitStack() as stack:
        for name, value in replaced:
            stack.enter_context(patch(name, value))
        stack.enter_context(connection.execute_wrapper(crashes.around_statement))
        yield
    random.setstate(chance)
