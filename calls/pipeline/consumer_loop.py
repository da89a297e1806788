"""A consumer's turn at a source: fold in batches worth their transaction, and end when no more events arrive.

Under load a turn lasts as long as it may. Meanwhile it holds the source's flag, so that nobody sends wake-ups for
what it finds by itself, and lets events gather: what a wake-up, a transaction and its twenty statements cost does not
grow with the events in them.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from calls.pipeline.consumer import Folded
from cti.api import clear_wake, hold_wake

#: From the start of one fold to that of the next, while there is no more than one batch; twice as long as a fold takes
#: where that is more: what comes meanwhile makes the next one worth more, and the processors are free for others.
GATHER_SECONDS = 0.06
#: Time that a turn goes on without an event, in seconds.
LINGER_SECONDS = 0.1


class Folder(Protocol):
    """What folds a source's journal."""

    def fold_once(self, *, goes_on: bool = False) -> Folded | None:
        """Fold the next batch; None when there is nothing to do. ``goes_on``: not the first of a turn."""


class ConsumerLoop:
    """One turn. ``others``: the sources that must not wait for it; ``pass_on``: called with what each fold did."""

    def __init__(
        self, source_id: int, others: Sequence[int], folding: Folder, pass_on: Callable[[Folded | None], None]
    ) -> None:
        self._source_id, self._others, self._folding, self._pass_on = source_id, others, folding, pass_on

    def run(self, seconds: float) -> bool:
        """Fold until nothing comes, another source waits or the time is over. Returns whether there may be more."""
        until = time.monotonic() + seconds
        clear_wake(self._source_id)
        if self._fold() is None:
            return False
        self._linger(until)
        clear_wake(self._source_id)  # Wake-ups come through again; what came before they did is folded here.
        while time.monotonic() < until:
            if self._fold(goes_on=True) is None:
                return False
        return True

    def _linger(self, until: float) -> None:
        """Fold until nothing has come for a while, another source waits or the time is over."""
        quiet_at = time.monotonic() + LINGER_SECONDS
        while (began := time.monotonic()) < min(until, quiet_at):
            is_another_waiting = hold_wake(self._source_id, self._others)
            folded = self._fold(goes_on=True)
            took = time.monotonic() - began
            if folded is not None and folded.events:
                quiet_at = time.monotonic() + LINGER_SECONDS
            if folded is not None and folded.is_more:
                continue
            if is_another_waiting:
                return
            time.sleep(max(GATHER_SECONDS - took, took))

    def _fold(self, *, goes_on: bool = False) -> Folded | None:
        folded = self._folding.fold_once(goes_on=goes_on)
        self._pass_on(folded)
        return folded
