"""The consumer of a source: journal, answers and time through the core into the database, one batch a transaction.

At most one consumer of a source changes anything: the checkpoint is compared in the transaction, and a second consumer
finds another value there and rolls back.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from time import monotonic

import msgspec
import structlog
from django.db import transaction

from bulk.statements import changed
from calls.core.reducer import advance, fold, fold_into
from calls.core.result_events import ResultEvent, TimePassed
from calls.core.unit_of_work import UnitOfWork
from calls.models import Call, Checkpoint, Leg
from calls.pipeline.fold_metrics import note_fold
from calls.pipeline.folding_again import folding_again, note_committed
from calls.pipeline.journal_time import JournalTime
from calls.pipeline.load import DUE_AT_ONCE
from calls.pipeline.pending_results import PendingResult, answered_searches, answered_writes, mark_folded
from calls.pipeline.save import save
from calls.pipeline.source_context import SourceContext
from calls.pipeline.source_rules import Rules
from calls.pipeline.state_cache import StateCache
from calls.stats.searches import EndedSearch
from calls.storage.codec import pack_source
from cti.api import Entry, read_journal, record_quarantine
from cti.events import AnyEvent, Event, EventError, LinkLost, decode, encode
from cti.models import CtiSource
from cti.sources.port import Quarantined
from flags.api import Settled

log = structlog.get_logger()

_MOMENT = timedelta(microseconds=1)
#: Maximum events in a batch: larger ones do not raise the database's throughput.
BATCH = 1000
_ADVANCE = """
UPDATE calls_checkpoint SET last_id = %s, version = %s, next_leg = %s, facts = %s, folded_at = %s, events = events + %s
WHERE source_id = %s AND last_id = %s AND version = %s
"""


class Overtaken(Exception):
    """Another consumer folded this batch, or a decision in it has lapsed; nothing was changed here."""


class Folded(msgspec.Struct, frozen=True):
    """What a fold did, and the Recording Services that have got searches or flag writes by it."""

    events: int = 0
    is_more: bool = False
    looking_up: frozenset[int] = frozenset()
    writing: frozenset[int] = frozenset()


class JournalSlice(msgspec.Struct, frozen=True):
    """Events of the journal as far as they were read: ``count`` entries up to ``last_id``.

    ``stands_at``: the moment of the first event that is not taken, of a source that is off.
    """

    last_id: str
    events: Sequence[AnyEvent] = ()
    broken: Sequence[Quarantined] = ()
    count: int = 0
    stands_at: datetime | None = None

    def read_until(self, before: datetime) -> datetime:
        """Return the moment up to which all is read, where more comes; ``before``: that of the fold before."""
        return self.events[-1].at if self.events else before


class Batch(msgspec.Struct, frozen=True):
    """What is folded at once."""

    last_id: str
    events: Sequence[AnyEvent]
    broken: Sequence[Quarantined]
    answers: Sequence[ResultEvent]
    searches: Sequence[int]
    ended: Sequence[EndedSearch]
    writes: Sequence[Settled]
    is_more: bool
    #: How far time passes. While the journal holds more, it is only as late as its last event: what comes next may end
    #: what seems stale.
    present: datetime

    def items(self) -> "list[AnyEvent | ResultEvent]":
        """Return all in the order of the fold: each answer after the events before it, and the time last."""
        return [*_merged(self.events, self.answers), TimePassed(self.present)]


class Consumer:
    """Fold one source's journal.

    ``begin`` gives it settings and checkpoint that were just read; otherwise it reads them itself.
    """

    def __init__(self, source: CtiSource, now: Callable[[], datetime]) -> None:
        self.source, self.now = source, now
        self.memory, self.journal_time = StateCache(), JournalTime()
        self._checkpoint: Checkpoint | None = None
        self._rules: Rules | None = None
        #: The last slice had as many events as it might have: there is a backlog.
        self._is_behind = False

    def fold_once(
        self, *, goes_on: bool = False, with_answers: bool = True, with_settled: bool = True, limit: int = BATCH
    ) -> Folded | None:
        """Fold the next batch. Returns None when there is nothing to do.

        ``goes_on``: soon after another one, so that settings and context are taken as that one read them, and the
        checkpoint as that one left it. ``with_answers``: read what QMS answered to searches; ``with_settled``: read the
        flag writes that are settled; ``limit``: maximum number of events, and of each of these. Raises ``Overtaken``
        when another consumer was quicker, ``JournalUnavailable`` when Redis is away.
        """
        now = self.now()
        if not goes_on:
            self._checkpoint = self._rules = None
        checkpoint, self._checkpoint = self._checkpoint or self._read_checkpoint(), None
        batch = self._next_batch(checkpoint, now, limit, with_answers=with_answers, with_settled=with_settled)
        folded = self._save(checkpoint, batch, now) if batch else None
        self._checkpoint = checkpoint  # Not after an error: then it is read again.
        return folded

    def _read_checkpoint(self) -> Checkpoint:
        return Checkpoint.objects.get_or_create(source=self.source)[0]

    def begin(self, rules: Rules, checkpoint: Checkpoint) -> None:
        """Go on with what was just read."""
        self.source, self._rules, self._checkpoint = rules.source, rules, checkpoint

    def _save(self, checkpoint: Checkpoint, batch: Batch, now: datetime) -> Folded:
        self._rules = self._rules or Rules.read(self.source)
        specs, context = self._rules.specs, self._rules.context
        work, broken = self._folded(checkpoint, batch, context, now)
        again = folding_again(self.source.slug, checkpoint, work)
        began = monotonic()
        with transaction.atomic():
            self._advance(checkpoint, batch, work)
            looking_up, writing = save(
                self.source.pk, work, context, specs, now, self.memory.agents, again, batch.ended
            )
            if not mark_folded(batch.searches, batch.writes):
                raise Overtaken(self.source.slug)
            for message in (*batch.broken, *broken):
                record_quarantine(self.source.pk, message, now)
        seconds = monotonic() - began
        note_committed(self.source.pk, checkpoint.version, looking_up, writing)
        note_fold(self.source.slug, len(batch.events), seconds, work)
        self.memory.keep(work, checkpoint.version)
        return Folded(len(batch.events), batch.is_more, frozenset(looking_up), frozenset(writing))

    def _folded(
        self, checkpoint: Checkpoint, batch: Batch, context: SourceContext, now: datetime
    ) -> tuple[UnitOfWork, list[Quarantined]]:
        work = self.memory.unit_of_work(checkpoint, self.source.slug, batch.events, batch.answers, context, now)
        try:
            return fold_into(work, batch.items()), []
        except Exception:
            # A defect in a handler. The unit of work is half changed: a fresh one shows which event causes it.
            log.exception("fold_failed", source=self.source.slug, events=len(batch.events))
        work = self.memory.unit_of_work(checkpoint, self.source.slug, batch.events, batch.answers, context, now)
        return _sound(batch, work)

    def _next_batch(
        self, checkpoint: Checkpoint, now: datetime, limit: int, *, with_answers: bool, with_settled: bool
    ) -> Batch | None:
        read, until = JournalSlice(checkpoint.last_id), None
        if self._is_behind:
            read = self._read_on(read, limit)
        if read.count == limit:
            # Later answers wait for what comes after this slice: they are not read with each slice until then.
            until = read.read_until(checkpoint.folded_at or now)
        searched = answered_searches(self.source.pk, limit, until, now) if with_answers else []
        written = answered_writes(self.source.pk, limit, until) if with_settled else []
        if read.count < limit:
            read = self._read_on(read, limit)  # After them: what the journal holds now is all that came before them.
        self._is_behind = read.count == limit
        return self._batch(checkpoint, now, read, searched, written, is_more=limit in (len(searched), len(written)))

    def _read_on(self, read: JournalSlice, limit: int) -> JournalSlice:
        """Return a slice with what the journal has after it, ``limit`` entries in all at most."""
        entries = read_journal(self.source.slug, read.last_id, limit - read.count)
        if not self.source.enabled:
            return _ends_of_link(read, entries)
        events, broken = _decoded(entries)
        last_id = entries[-1].id if entries else read.last_id
        return JournalSlice(last_id, [*read.events, *events], [*read.broken, *broken], read.count + len(entries))

    def _batch(
        self,
        checkpoint: Checkpoint,
        now: datetime,
        read: JournalSlice,
        searched: list[PendingResult],
        written: list[PendingResult],
        *,
        is_more: bool,
    ) -> Batch | None:
        present = self.journal_time.present(now, read.events, checkpoint.folded_at)
        if read.stands_at is not None:
            present = min(present, max(read.stands_at - _MOMENT, checkpoint.folded_at or read.stands_at))
        is_due, is_more_due = self._due(checkpoint, present)
        if self._is_behind:
            present = min(present, read.read_until(checkpoint.folded_at or now))
        if present < now:
            searched, written = _until(present, searched), _until(present, written)
        if not (read.count or searched or written or is_due):
            return None
        return Batch(
            last_id=read.last_id,
            events=read.events,
            broken=read.broken,
            answers=[one.answer for one in (*searched, *written)],
            searches=[one.key for one in searched],
            ended=[one.ended for one in searched if one.ended],
            writes=[one.settled for one in written if one.settled],
            is_more=is_more or is_more_due or self._is_behind,
            present=present,
        )

    def position(self) -> str | None:
        """Return the last journal entry that is folded; None after an error, and before the first fold."""
        return self._checkpoint.last_id if self._checkpoint else None

    def next_due(self) -> datetime | None:
        """Return when something of the source is due next, if nothing else happens."""
        if self.memory.is_kept():
            return self.memory.next_due()
        legs = Leg.objects.filter(source=self.source, due_at__isnull=False).order_by("due_at")
        calls = Call.objects.filter(source=self.source, due_at__isnull=False).order_by("due_at")
        soonest = [found.values_list("due_at", flat=True).first() for found in (legs, calls)]
        return min((moment for moment in soonest if moment is not None), default=None)

    def _due(self, checkpoint: Checkpoint, now: datetime) -> tuple[bool, bool]:
        if self.memory.is_valid(checkpoint):
            soonest = self.memory.next_due()
            return soonest is not None and soonest <= now, self.memory.is_more_due(now)
        legs = Leg.objects.filter(source=self.source, due_at__lte=now)[:DUE_AT_ONCE].count()
        calls = Call.objects.filter(source=self.source, due_at__lte=now)[:DUE_AT_ONCE].count()
        return bool(legs or calls), DUE_AT_ONCE in (legs, calls)

    def _advance(self, checkpoint: Checkpoint, batch: Batch, work: UnitOfWork) -> None:
        """Move the checkpoint, if it still is where it was read: this comparison is the lock."""
        was = [self.source.pk, checkpoint.last_id, checkpoint.version]
        checkpoint.last_id, checkpoint.version = batch.last_id, checkpoint.version + 1
        checkpoint.next_leg, checkpoint.facts = work.source.next_leg, pack_source(work.source)
        checkpoint.folded_at = batch.present
        becomes = [checkpoint.last_id, checkpoint.version, checkpoint.next_leg, checkpoint.facts, checkpoint.folded_at]
        if changed(_ADVANCE, [*becomes, len(batch.events), *was]) != 1:
            raise Overtaken(self.source.slug)


def _until(present: datetime, answers: Sequence[PendingResult]) -> list[PendingResult]:
    """Return the answers that are no later than the time of the fold; the others wait for events not read yet.

    QMS reports what is recorded at an extension now: whose recording that is depends on every event before it.
    """
    return [one for one in answers if one.answer.at <= present]


def _merged(events: Sequence[AnyEvent], answers: Sequence[ResultEvent]) -> Iterator[AnyEvent | ResultEvent]:
    """Yield the events in their order, and each answer as soon as an event that is later would come."""
    waiting = deque(sorted(answers, key=lambda answer: answer.at))
    for event in events:
        while waiting and waiting[0].at < event.at:
            yield waiting.popleft()
        yield event
    yield from waiting


def _decoded(entries: Sequence[Entry]) -> tuple[list[AnyEvent], list[Quarantined]]:
    events: list[AnyEvent] = []
    broken: list[Quarantined] = []
    for entry in entries:
        try:
            events.append(decode(entry.payload))
        except EventError as error:
            broken.append(Quarantined(entry.payload, "event", str(error), f"journal {entry.id}"))
    return events, broken


def _ends_of_link(read: JournalSlice, entries: Sequence[Entry]) -> JournalSlice:
    """Return a slice of the journal of a source that is off: it stands, but that the link ended is taken.

    What comes later than the first event that is not taken waits with it, answers and time too: whose a recording is
    depends on every event before the answer.
    """
    for entry in entries:
        events, broken = _decoded([entry])
        if events and not isinstance(events[0], LinkLost):
            return msgspec.structs.replace(read, stands_at=events[0].at)
        read = JournalSlice(entry.id, [*read.events, *events], [*read.broken, *broken], read.count + 1)
    return read


def _sound(batch: Batch, work: UnitOfWork) -> tuple[UnitOfWork, list[Quarantined]]:
    """Fold a batch without the events on which a handler fails: they go to quarantine and must not stop the source."""
    begin = current = work.state()
    sound: list[AnyEvent | ResultEvent] = []
    broken: list[Quarantined] = []
    for item in batch.items():
        try:
            current = advance(item, current, work.context).state
            sound.append(item)
        except Exception as error:  # noqa: BLE001  (kept in quarantine with its reason)
            broken.append(_quarantined(item, error))
    return fold(sound, begin, work.context), broken


def _quarantined(item: AnyEvent | ResultEvent, error: Exception) -> Quarantined:
    raw = encode(item) if isinstance(item, Event) else repr(item).encode()
    return Quarantined(raw, "rule", f"{type(error).__name__}: {error}", f"event {getattr(item, 'id', '')}")
