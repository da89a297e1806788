"""Keep the live state of a source between batches, valid until another consumer folds.

All of it, or where that is too much the part that the latest batches concerned (``kept_part``). Where several consumers
take turns, each loads only what its batch concerns.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from agents.api import KnownAgents, load_sessions
from calls.core.result_events import ResultEvent
from calls.core.unit_of_work import LiveState, UnitOfWork
from calls.models import Checkpoint
from calls.pipeline.kept_part import ALWAYS, NEVER, KeptPart, add
from calls.pipeline.load import load_all, load_named_legs
from calls.pipeline.source_context import SourceContext
from calls.storage.codec import read_source
from cti.events import AnyEvent

#: Minimum time after another consumer's fold until everything is loaded again.
RELOAD_DELAY = timedelta(seconds=10)
#: Interval after which a source that had too much is looked at again; counting it takes as long as a batch.
RECOUNT_INTERVAL = timedelta(minutes=1)
#: Everything is loaded again where it takes this share of the budget at most: else it would soon be too much again.
RELOAD_SHARE = 0.8


class StateCache:
    """The live state of one source, or nothing."""

    def __init__(self) -> None:
        self.agents = KnownAgents()
        self._work: UnitOfWork | None = None
        #: What of the state is in the unit of work; None: everything.
        self._part: KeptPart | None = None
        self._source_id, self._version = 0, -1
        self._folded_at: datetime | None = None
        self._overtaken_at: datetime | None = None
        self._too_much_at: datetime | None = None

    def is_kept(self) -> bool:
        """Say whether something is here, as of the last fold of this process."""
        return self._work is not None

    def is_valid(self, checkpoint: Checkpoint) -> bool:
        """Say whether what is here is as the checkpoint has it."""
        return self._work is not None and self._version == checkpoint.version

    def next_due(self) -> datetime | None:
        """Return a moment before which nothing is due; only while valid."""
        if self._work is None:
            return None
        due, until = self._work.next_due(), self._part.due_until if self._part else NEVER
        soonest = min(due or NEVER, until)
        return None if soonest == NEVER else soonest

    def is_more_due(self, now: datetime) -> bool:
        """Say whether more may be due than can be loaded at once; only while valid."""
        return self._part is not None and self._part.due_until <= now

    def unit_of_work(
        self,
        checkpoint: Checkpoint,
        slug: str,
        events: Sequence[AnyEvent],
        answers: Sequence[ResultEvent],
        context: SourceContext,
        now: datetime,
    ) -> UnitOfWork:
        """Return a unit of work for a batch. It is the caller's until ``keep``: after an error, nothing is remembered.

        The agents that batches kept one after the other have met are known all the while.
        """
        self._folded_at, self._source_id = now, checkpoint.source_id
        work = self._taken(checkpoint, now)
        if work is None:
            work = self._begun(checkpoint, slug, context)
        else:
            work.begin_batch(context)
        if self._part is not None and self._may_load_all(now):
            self._load_all(work, checkpoint.source_id, now)
        if self._part is not None:
            self._part.load(work, events, answers, now)
        else:
            work.remember([], load_named_legs(checkpoint.source_id, answers, set(work.legs)).values())
        return work

    def _taken(self, checkpoint: Checkpoint, now: datetime) -> UnitOfWork | None:
        """Return what was kept, where that is valid."""
        work, self._work = self._work, None
        if work is not None and self._version != checkpoint.version:
            self._overtaken_at = now
            return None
        return work

    def _begun(self, checkpoint: Checkpoint, slug: str, context: SourceContext) -> UnitOfWork:
        """Return a unit of work without any call and leg."""
        self.agents.forget()
        self._part = KeptPart(checkpoint.source_id)
        own = read_source(bytes(checkpoint.facts), slug, checkpoint.next_leg)
        return UnitOfWork(LiveState(source=own, sessions=load_sessions(checkpoint.source_id)), context)

    def _load_all(self, work: UnitOfWork, source_id: int, now: datetime) -> None:
        """Load everything, if that is not too much."""
        share = 1.0 if self._too_much_at is None else RELOAD_SHARE
        everything = load_all(source_id, round(share * settings.LEGS_IN_MEMORY))
        self._too_much_at = now if everything is None else None
        if everything is not None:
            add(work, everything.calls, everything.legs)
            self._part = None

    def _may_load_all(self, now: datetime) -> bool:
        """Say whether it is worth trying to load everything."""
        is_settled = self._overtaken_at is None or now - self._overtaken_at > RELOAD_DELAY
        return is_settled and (self._too_much_at is None or now - self._too_much_at > RECOUNT_INTERVAL)

    def keep(self, work: UnitOfWork, version: int) -> None:
        """Keep a unit of work that was saved, or a part of it, with the version that the checkpoint has now."""
        self._work, self._version = work, version
        now, budget = self._folded_at or ALWAYS, settings.LEGS_IN_MEMORY
        if self._part is None and max(len(work.calls), len(work.legs)) > budget:
            self._part, self._too_much_at = KeptPart.of_everything(self._source_id, work), now
        if self._part is not None:
            self._part.shrink(work, budget, now)
