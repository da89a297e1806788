"""How many events of a source are folded at once.

A fold costs something whatever is in it: statements, a commit, answers of Redis, each a write to the disk. That part is
no reason for fewer events in the next one: where the disk is slow, small folds would be all that there is time for, and
a backlog would grow without end. What counts is the cost of one event more.

1. Each fold says how many events it had and how long it took.
2. A line through the latest of them, the older the less they weigh, gives the cost of an event.
3. A slice has as many events as cost a tenth of a second.
4. Folds of the same size say nothing of the cost of an event: then slices grow by a tenth each until they do.
5. A fold that took very long between others that did not says nothing either: a lock, the disk or the process stood
   still. It would make the next thirty slices small, just when there is a backlog.

Example: folds of 10 events take 0.08 s and folds of 500 take 0.13 s. An event costs 0.1 ms, a slice has 980 events.
"""

from calls.pipeline.consumer import BATCH

#: Intended duration of what a slice's events add to a fold, in seconds, and the fewest events in a slice.
SLICE_SECONDS, FEWEST = 0.1, 50
#: The same for a source that is alone in its process: it holds no other up, and a backlog costs less in large slices.
ALONE_SECONDS = 0.3
#: Weight of the newest fold; that of each before it is by this share less.
_WEIGHT = 1 / 16
#: Smallest variance of the numbers of events from which the cost of one is judged; below it the cost is taken for less
#: and less, by this share with each fold.
_SPREAD, _LESS = 25.0, 0.9
#: A fold took very long when it took this many times what the line gives for it, and a slice's intended duration.
_LONG = 4
#: Cost of an event at least, in seconds: with less a slice has as many events as a fold may have.
_LEAST = SLICE_SECONDS / BATCH


class SliceSize:
    """The number of events in a source's next slice, from what its folds took."""

    def __init__(self) -> None:
        self._events = self._seconds = self._spread = self._common = 0.0
        self._cost, self._was_long = _LEAST, True  # The first fold counts.

    def note(self, events: int, seconds: float) -> None:
        """Note a fold: how many events it had, and how long it took."""
        was_long, self._was_long = self._was_long, self._is_long(events, seconds)
        if self._was_long and not was_long:
            return
        more_events, more_seconds = events - self._events, seconds - self._seconds
        self._events += _WEIGHT * more_events
        self._seconds += _WEIGHT * more_seconds
        self._spread = (1 - _WEIGHT) * (self._spread + _WEIGHT * more_events**2)
        self._common = (1 - _WEIGHT) * (self._common + _WEIGHT * more_events * more_seconds)
        cost = self._common / self._spread if self._spread >= _SPREAD else self._cost * _LESS
        self._cost = max(cost, _LEAST)

    def _is_long(self, events: int, seconds: float) -> bool:
        expected = self._seconds + self._cost * (events - self._events)
        return seconds > _LONG * max(expected, SLICE_SECONDS)

    def limit(self, *, is_alone: bool = False) -> int:
        """Return the maximum number of events in the next slice, from ``FEWEST`` to ``BATCH``."""
        seconds = ALONE_SECONDS if is_alone else SLICE_SECONDS
        return max(FEWEST, min(BATCH, round(seconds / self._cost)))
