"""The loop of an events process: it blocks on the journals of the sources that it leases, and folds them in slices.

1. Leases are renewed: who folds a source stays with it. They only spare work; the compared checkpoint is the lock.
2. It waits until a journal has an event, an answer of QMS came, or something is due.
3. Of the sources that have something, the one folds a slice that has had the least of this process's time. The events
   of a slice take a tenth of a second or so (``slice_size``), more where the process has no other source: a source
   with a long backlog holds no other up.

An urgent event (``urgency``) after quiet is folded at once. What can wait gathers for a moment, as a fold's cost hardly
grows with what is in it; an urgent event ends that wait, and so do many events.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog
from django.db import DatabaseError, close_old_connections

from calls.pipeline.consumer import Folded, Overtaken
from calls.pipeline.slice_size import SliceSize
from calls.pipeline.urgency import is_urgent
from clock.stopping import stop
from cti.api import START, Entry, JournalUnavailable, answers_stream, journal_key, settled_stream, wait_for_entries

log = structlog.get_logger()

#: Minimum time from one fold of a source to the next, in seconds, and as a multiple of what a fold takes where that is
#: more: what comes meanwhile makes the next one worth more, and the processors are free for others.
GATHER_SECONDS, GATHER_FOLDS = 0.03, 1.5
#: Maximum time that an event which is not urgent, an answer or a moment that is due waits for others, in seconds; and
#: the number of events that do not wait. Pages that show calls in progress are as much behind.
PATIENCE_SECONDS, MANY = 0.8, 32
#: Interval at which a source is looked at although nothing was heard of it, in seconds.
LOOK_SECONDS = 5.0
#: Interval at which leases are renewed, and that at which sources that came or went are noticed, in seconds.
LEASE_SECONDS, SOURCES_SECONDS = 0.6, 2.0
#: Pause after an error, in seconds; after a defect of ours.
PAUSE_SECONDS, DEFECT_SECONDS = 0.5, 5.0


class Folding(Protocol):
    """What folds one source."""

    def fold(self, limit: int, *, with_answers: bool, with_settled: bool) -> Folded | None:
        """Fold what waits, at most ``limit`` events; None: there was nothing to do.

        ``with_answers``, ``with_settled``: read what QMS answered to searches, and the flag writes that are settled.
        """

    def position(self) -> str | None:
        """Return the journal's entry up to which everything is folded; None: not known now."""

    def due_in(self) -> float | None:
        """Return the seconds until time alone changes something; None: nothing is due."""

    def note_journal_away(self) -> None:
        """Note that the journal did not answer."""


class LeasedSource:
    """A source that this process folds: when it is folded next, and how much time it has had.

    ``wanted_at``: when there is something to do for it; ``not_before``: until then nothing is, and events gather.
    ``waiting``: of the streams of answers and settled writes, those that had news since the last fold.
    ``heard``: the last journal entry of those that wait ("": none is known of), ``gathered``: how many they are.
    ``worked``: the seconds that its folds took here.
    """

    def __init__(self, source_id: int, slug: str, folding: Folding) -> None:
        self.slug, self.folding = slug, folding
        self.journal, self.answers, self.settled = (
            journal_key(slug),
            answers_stream(source_id),
            settled_stream(source_id),
        )
        self.wanted_at = self.not_before = self.used = self.worked = 0.0
        self.seen = dict.fromkeys((self.answers, self.settled), START)
        self.waiting, self.size = set(self.seen), SliceSize()
        self.heard, self.gathered = "", 0

    def is_wanted(self, present: float) -> bool:
        """Say whether a slice is to be folded now."""
        return max(self.wanted_at, self.not_before) <= present

    def streams(self) -> dict[str, str]:
        """Return what to wait for: each stream with the last entry that was seen of it."""
        position = self.heard or self.folding.position()
        return self.seen | ({self.journal: position} if position is not None else {})

    def hear(self, news: Mapping[str, Sequence[Entry]], present: float, served: float) -> None:
        """Take in what a wait has found. ``served``: the time that the source folded last had had.

        Who rested does not catch up on the time that others had meanwhile.
        """
        answers, entries = self.seen.keys() & news.keys(), news.get(self.journal, ())
        self.seen |= {stream: news[stream][-1].id for stream in answers}
        self.waiting |= answers
        if entries:
            self.heard, self.gathered = entries[-1].id, self.gathered + len(entries)
        if answers or entries:
            is_now = self.gathered >= MANY or any(is_urgent(one.payload) for one in entries)
            self.wanted_at = min(self.wanted_at, present + (0.0 if is_now else PATIENCE_SECONDS))
            self.used = max(self.used, served)

    def note(self, folded: Folded | None, began: float, ended: float) -> None:
        """Note a slice, and decide when the next one is."""
        took = ended - began
        self.used += took
        self.worked += took
        self.heard, self.gathered = "", 0
        if folded is not None:
            self.size.note(folded.events, took)
        if folded is not None and folded.is_more:
            self.wanted_at = ended
            return
        self.waiting = set()
        due = self.folding.due_in()
        wait = LOOK_SECONDS if due is None else max(due, 0.0) + PATIENCE_SECONDS
        self.wanted_at = ended + min(wait, LOOK_SECONDS)
        if folded is not None:
            self.not_before = began + max(GATHER_SECONDS, GATHER_FOLDS * took)

    def put_off(self, until: float) -> None:
        """Do nothing for the source before a moment, then read everything again."""
        self.wanted_at = self.not_before = until
        self.waiting = set(self.seen)
        self.heard, self.gathered = "", 0


class Leases(Protocol):
    """The leases of this process."""

    def renew(self, slugs: list[str], worked: Mapping[str, float]) -> set[str]:
        """Take a share of the sources; return those that are held. ``worked``: how long each had this process work.

        Raises ``JournalUnavailable``.
        """


class EventsLoop:
    """Fold the sources that this process leases.

    ``sources``: those to be folded, by slug; ``begin``: makes what folds one.
    """

    def __init__(
        self,
        leases: Leases,
        sources: Callable[[], dict[str, int]],
        begin: Callable[[int], Folding],
        wait: Callable[[Mapping[str, str], float, int], dict[str, list[Entry]]] = wait_for_entries,
    ) -> None:
        self._leases, self._sources, self._begin, self._wait = leases, sources, begin, wait
        self.leased: dict[str, LeasedSource] = {}
        self._known: dict[str, int] = {}
        self._renew_at = self._read_at = self._served = 0.0

    def turn(self) -> None:
        """Renew the leases if it is time, wait for something to do, fold one slice. Raises ``JournalUnavailable``."""
        self._keep_leases()
        try:
            self._hear()
        except JournalUnavailable:
            self._note_journal_away()
            raise
        present = time.monotonic()
        wanted = [one for one in self.leased.values() if one.is_wanted(present)]
        if wanted:
            self._fold(min(wanted, key=lambda one: one.used))

    def _keep_leases(self) -> None:
        if time.monotonic() < self._renew_at:
            return
        self._renew_at = time.monotonic() + LEASE_SECONDS
        if time.monotonic() >= self._read_at:
            self._known, self._read_at = self._sources(), time.monotonic() + SOURCES_SECONDS
        sources = self._known
        held = self._held(sources)
        for slug in held - self.leased.keys():
            self.leased[slug] = LeasedSource(sources[slug], slug, self._begin(sources[slug]))
            self.leased[slug].used = self._served
        for slug in self.leased.keys() - held:
            del self.leased[slug]

    def _held(self, sources: dict[str, int]) -> set[str]:
        """Return the sources that are leased; while Redis takes no lease, those of before, for a lease is no lock."""
        try:
            return self._leases.renew(sorted(sources), {slug: one.worked for slug, one in self.leased.items()})
        except JournalUnavailable as error:
            log.warning("leases_not_renewed", error=type(error).__name__)
            self._note_journal_away()
            return self.leased.keys() & sources.keys()

    def _hear(self) -> None:
        """Wait until there is something to do, not beyond the next moment at which something is."""
        present = time.monotonic()
        listening = [one for one in self.leased.values() if one.not_before <= present]
        moments = [one.wanted_at if one in listening else one.not_before for one in self.leased.values()]
        seconds = max(min([*moments, self._renew_at]) - present, 0.0)
        streams = {stream: seen for one in listening for stream, seen in one.streams().items()}
        if not streams:
            time.sleep(seconds)
            return
        news = self._wait(streams, seconds, MANY)
        for one in listening:
            one.hear(news, time.monotonic(), self._served)

    def _note_journal_away(self) -> None:
        for one in self.leased.values():
            one.folding.note_journal_away()

    def _fold(self, one: LeasedSource) -> None:
        self._served, began = one.used, time.monotonic()
        try:
            reads = {"with_answers": one.answers in one.waiting, "with_settled": one.settled in one.waiting}
            folded = one.folding.fold(one.size.limit(is_alone=len(self.leased) == 1), **reads)
        except Overtaken:
            log.info("consumer_overtaken", source=one.slug)
            self._renew_at = 0.0  # Perhaps the lease is another's now.
            one.put_off(time.monotonic() + PAUSE_SECONDS)
        except (DatabaseError, JournalUnavailable) as error:
            # The transaction was rolled back: the batch is folded again.
            log.warning("fold_put_off", source=one.slug, error=type(error).__name__)
            if isinstance(error, JournalUnavailable):
                self._note_journal_away()
            close_old_connections()
            one.put_off(time.monotonic() + PAUSE_SECONDS)
        except Exception:
            log.exception("fold_failed", source=one.slug)  # No other source suffers from it.
            close_old_connections()
            one.put_off(time.monotonic() + DEFECT_SECONDS)
        else:
            one.note(folded, began, time.monotonic())


def run(loop: EventsLoop, note_life: Callable[[], None]) -> None:
    """Run a loop until the process is asked to stop; ``note_life`` is called after each turn."""
    while not stop.is_asked:
        try:
            loop.turn()
            note_life()
        except (DatabaseError, JournalUnavailable) as error:
            log.warning("events_loop_put_off", error=type(error).__name__)
            close_old_connections()
            time.sleep(PAUSE_SECONDS)
        except Exception:
            log.exception("events_loop_failed")
            close_old_connections()
            time.sleep(DEFECT_SECONDS)
