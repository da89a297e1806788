"""Keep the complete live state of a source between batches, valid until another consumer folds.

Where there is too much of it, or several consumers take turns, each batch loads only what it concerns.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from agents.api import KnownAgents, load_sessions
from calls.core.result_events import ResultEvent
from calls.core.unit_of_work import LiveState, UnitOfWork
from calls.models import Checkpoint
from calls.pipeline.load import load_all, load_named_legs, load_part
from calls.pipeline.source_context import SourceContext
from calls.storage.codec import read_source
from cti.events import AnyEvent

#: Maximum number of live legs and calls kept in memory.
MAXIMUM_KEPT = 100_000
#: Minimum time after another consumer's fold until everything is loaded again.
RELOAD_DELAY = timedelta(seconds=10)
#: Interval after which a source that had too much is looked at again; counting it takes as long as a batch.
RECOUNT_INTERVAL = timedelta(minutes=1)


class StateCache:
    """The live state of one source, or nothing."""

    def __init__(self) -> None:
        self.agents = KnownAgents()
        self._work: UnitOfWork | None = None
        self._version = -1
        self._overtaken_at: datetime | None = None
        self._too_much_at: datetime | None = None
        self._is_complete = False

    def is_kept(self) -> bool:
        """Say whether the complete state is here, as of the last fold of this process."""
        return self._work is not None

    def is_valid(self, checkpoint: Checkpoint) -> bool:
        """Say whether the complete state is here, as the checkpoint has it."""
        return self._work is not None and self._version == checkpoint.version

    def next_due(self) -> datetime | None:
        """Return a moment before which nothing is due; only while valid."""
        return self._work.next_due() if self._work is not None else None

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
        work, self._work = self._work, None
        if work is None or self._version != checkpoint.version:
            if work is not None:
                self._overtaken_at = now
            return self._loaded(checkpoint, slug, events, answers, context, now)
        work.begin_batch(context)
        work.remember([], load_named_legs(checkpoint.source_id, answers, set(work.legs)).values())
        return work

    def _loaded(
        self,
        checkpoint: Checkpoint,
        slug: str,
        events: Sequence[AnyEvent],
        answers: Sequence[ResultEvent],
        context: SourceContext,
        now: datetime,
    ) -> UnitOfWork:
        self.agents.forget()
        own = read_source(bytes(checkpoint.facts), slug, checkpoint.next_leg)
        may_load_all = self._may_load_all(now)
        complete = load_all(checkpoint.source_id, MAXIMUM_KEPT) if may_load_all else None
        if may_load_all:
            self._too_much_at = now if complete is None else None
        part = complete or load_part(checkpoint.source_id, events, answers, now)
        work = UnitOfWork(LiveState(source=own, sessions=load_sessions(checkpoint.source_id)), context)
        work.remember(part.calls.values(), part.legs.values())
        if complete is not None:
            work.remember([], load_named_legs(checkpoint.source_id, answers, set(work.legs)).values())
        self._is_complete = complete is not None
        return work

    def _may_load_all(self, now: datetime) -> bool:
        """Say whether it is worth trying to load everything."""
        is_settled = self._overtaken_at is None or now - self._overtaken_at > RELOAD_DELAY
        return is_settled and (self._too_much_at is None or now - self._too_much_at > RECOUNT_INTERVAL)

    def keep(self, work: UnitOfWork, version: int) -> None:
        """Keep a unit of work that was saved, with the version that the checkpoint has now."""
        if self._is_complete:
            self._work, self._version = work, version
