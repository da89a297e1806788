"""The searches that a worker keeps claimed from one question to the next: that next question then costs no claim.

QMS knows of a recording a moment after it began, so that most searches are asked for twice. Their claims last until
some seconds after the next question: where this worker dies, another one asks then. A search that was cancelled
meanwhile is asked for once more, and the answer is not taken (``save_open``).
"""

from collections.abc import Iterable
from datetime import datetime

from calls.models import RecordingSearch, SearchState

#: Maximum number of searches that are kept; others are claimed again.
MAXIMUM_HELD = 1000


class HeldSearches:
    """Those of one service's worker. ``others_at``: when one that is not among them is free, as far as is known."""

    def __init__(self) -> None:
        self._rows: dict[int, RecordingSearch] = {}
        self.others_at: datetime | None = None

    @property
    def keys(self) -> frozenset[int]:
        """Return the keys of those that are kept."""
        return frozenset(self._rows)

    @property
    def next_at(self) -> datetime | None:
        """Return when the next question of those that are kept is due; None where none is kept."""
        return min((row.next_at for row in self._rows.values()), default=None)

    @property
    def room(self) -> int:
        """Return how many others may be kept."""
        return MAXIMUM_HELD - len(self._rows)

    def hold(self, rows: Iterable[RecordingSearch]) -> None:
        """Keep searches that were saved with their claims."""
        self._rows |= {row.pk: row for row in rows}

    def take_due(self, now: datetime, limit: int) -> list[RecordingSearch]:
        """Take those whose question is due, at most ``limit``; those whose claims ran out are anybody's and forgotten.

        The newest come first, as among those that are claimed.
        """
        self._rows = {key: row for key, row in self._rows.items() if row.claimed_until and row.claimed_until > now}
        due = sorted((row for row in self._rows.values() if row.next_at <= now), key=lambda row: row.deadline)
        taken = due[::-1][:limit]
        for row in taken:
            del self._rows[row.pk]
        return taken

    def give_back(self) -> None:
        """Let another worker ask at once. Raises ``DatabaseError``."""
        rows, self._rows = self._rows, {}
        if rows:
            claims = [row.claimed_until for row in rows.values()]
            held = RecordingSearch.objects.filter(pk__in=rows, state=SearchState.OPEN, claimed_until__in=claims)
            held.update(claimed_until=None)
