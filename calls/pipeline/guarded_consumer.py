"""A source's consumer behind what is checked and read again every two seconds while the source is folded.

Settings count two seconds later at most; so is a database noticed that went back in time, and a journal that lost what
the database knows. Between two of these looks the checkpoint is as the fold before has left it, and is compared in each
transaction.
"""

from collections.abc import Callable
from datetime import datetime
from time import monotonic

from django.db import close_old_connections

from calls.models import Checkpoint
from calls.pipeline import restore_guard
from calls.pipeline.consumer import Consumer, Folded
from calls.pipeline.journal_integrity import check_continuity
from calls.pipeline.source_rules import KeptRules

#: Maximum age of what is known of the settings, the database and the journal when something is folded, in seconds.
REFRESH_SECONDS = 2.0
#: Interval at which a database connection that is too old is replaced, in seconds; to ask at each refresh whether it is
#: alive would be one statement more. After an error the loop replaces one that died.
RENEW_SECONDS = 60.0


class GuardedConsumer:
    """Fold one source."""

    def __init__(self, source_id: int, now: Callable[[], datetime]) -> None:
        self._rules, self._now = KeptRules(source_id), now
        self._consumer: Consumer | None = None
        self._refreshed_at: float | None = None
        self._renew_at = 0.0

    def fold(self, limit: int, *, with_answers: bool, with_settled: bool) -> Folded | None:
        """Fold what waits, at most ``limit`` events. Returns None when there was nothing to do.

        Answers of QMS and settled flag writes are read where asked, and whenever everything is read again. Raises as
        ``Consumer.fold_once``; ``DatabaseError``.
        """
        is_fresh = self._is_fresh()
        if not is_fresh:
            self._refresh()
        if self._consumer is None or self._refreshed_at is None:
            return None  # The source was deleted.
        refreshed_at, self._refreshed_at = self._refreshed_at, None
        folded = self._consumer.fold_once(
            goes_on=True,  # ``_refresh`` has just read what is not fresh.
            with_answers=with_answers or not is_fresh,
            with_settled=with_settled or not is_fresh,
            limit=limit,
        )
        self._refreshed_at = refreshed_at  # Not after an error: then everything is read again.
        return folded

    def note_journal_away(self) -> None:
        """Let time stay until what listeners have kept meanwhile is in the journal."""
        if self._consumer:
            self._consumer.journal_time.hold()

    def position(self) -> str | None:
        """Return the journal's entry up to which everything is folded; None: not known now.

        Nothing is to be waited for in the journal of a source that is off: it stands.
        """
        if self._consumer is None or self._refreshed_at is None or not self._consumer.source.enabled:
            return None
        return self._consumer.position()

    def due_in(self) -> float | None:
        """Return the seconds until time alone changes something; None: nothing is due."""
        due = self._consumer.next_due() if self._consumer else None
        return None if due is None else (due - self._now()).total_seconds()

    def _is_fresh(self) -> bool:
        return self._refreshed_at is not None and monotonic() - self._refreshed_at < REFRESH_SECONDS

    def _refresh(self) -> None:
        if monotonic() >= self._renew_at:
            self._renew_at = monotonic() + RENEW_SECONDS
            close_old_connections()
        self._refreshed_at = None
        restore_guard.compare(self._now())
        rules = self._rules.read()
        if rules is None:
            return
        checkpoint, _ = Checkpoint.objects.get_or_create(source=rules.source)
        check_continuity(rules.source, self._now(), checkpoint)
        if self._consumer is None:
            self._consumer = Consumer(rules.source, self._now)
            self.note_journal_away()  # Perhaps it is: whoever folded the source before may have seen it.
        self._consumer.begin(rules, checkpoint)
        self._refreshed_at = monotonic()
