"""How far time passes while what was received is not in the journal yet.

While the journal is away, a listener keeps events in its spool, and appends them once the journal is back. What falls
due in between must not happen before them: a wrap-up that was received in time would be taken for one that never came.

1. After the journal was away, and where a consumer begins, time stays at the moment up to which everything is read.
2. Events read then take it along, each to its own moment.
3. It runs again when an event was received just now, or when nothing has come for some seconds.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cti.events import AnyEvent

#: Maximum age of an event that shows that the spool is empty.
RECENT = timedelta(seconds=1)
#: How long no event comes from a listener before its spool is taken to be empty: it tries to append twice a second, and
#: waits up to two seconds for the journal's answer.
QUIET = timedelta(seconds=3)


class JournalTime:
    """How far the time of one source may pass in a fold."""

    def __init__(self) -> None:
        self._is_held = False
        self._read_until: datetime | None = None
        self._quiet_since: datetime | None = None

    def hold(self) -> None:
        """Note that the journal was away, or may have been."""
        self._is_held, self._quiet_since = True, None

    def present(self, now: datetime, events: Sequence[AnyEvent], folded_at: datetime | None) -> datetime:
        """Return the moment until which time passes, once the journal was read at ``now`` and gave ``events``.

        ``folded_at``: until which moment the last fold of the source let time pass, None: there was none.
        """
        self._read_until = self._read_until or folded_at or now
        if self._is_held:
            self._take_along(now, events)
        if not self._is_held:
            self._read_until = now
        return min(self._read_until, now)

    def _take_along(self, now: datetime, events: Sequence[AnyEvent]) -> None:
        if events:
            self._read_until = max(self._read_until or now, events[-1].at)
        if events or self._quiet_since is None:
            self._quiet_since = now
        is_recent = bool(events) and now - events[-1].at <= RECENT
        self._is_held = not (is_recent or now - self._quiet_since >= QUIET)
