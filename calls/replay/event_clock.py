"""How far a replay has come, by the gateway's clock and by the source's, whatever single events say. Pure.

An event may name a time hours ahead of the others, or be sent hours late: by its time alone, ten minutes would be over
of which most events are still to come, or nothing would be missing where events are.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from cti.events import AnyEvent

#: Number of the latest events by which the source's clock is judged: most of them show it.
JUDGED = 31
#: Time by which an event differs from that clock where it is the event that is wrong, or late.
FAR = timedelta(minutes=10)


class EventClock:
    """The clocks of the events that were taken, in the order in which they were received."""

    def __init__(self) -> None:
        self._ahead: deque[timedelta] = deque(maxlen=JUDGED)
        #: Up to when events were received; None: none was taken.
        self.received: datetime | None = None

    def take(self, events: Sequence[AnyEvent]) -> None:
        """Take events that were received after all before; there is one at least."""
        latest = [_received(one) for one in events[-JUDGED:]]
        self._ahead.extend(one.time - at for one, at in zip(events[-JUDGED:], latest, strict=True))
        self.received = max([*latest, *([self.received] if self.received is not None else [])])

    def by_source(self, event: AnyEvent) -> datetime:
        """Return an event's time, or where it is far from most others' by when it was received, that by their clock."""
        there = _received(event) + sorted(self._ahead)[len(self._ahead) // 2]
        return event.time if abs(event.time - there) <= FAR else there


def _received(event: AnyEvent) -> datetime:
    return event.gatewayreceived or event.at
