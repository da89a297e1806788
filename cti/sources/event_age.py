"""How old an event may be that a link brings: a PBX answers a request after all that it had sent before.

CSTA and AMI are one ordered stream each. What is read after the answer to a request happened after that was sent,
however long the link stalls; what is read while no answer comes may be as old as the last request that was answered.
Where that answer was late itself, the link is slow, and what is read after it may be as late, until one comes in time.
"""

from collections import deque
from datetime import datetime, timedelta
from typing import Final

#: Maximum time by which an answer, and so an event, is late on a healthy link.
TOLERANCE: Final = timedelta(seconds=1)
#: Silence of the PBX after which it is asked no longer, and nothing is known: nobody is on the telephone.
IDLE: Final = timedelta(minutes=10)
#: Time for which events may come before an answer that is overdue; after it the PBX does not answer at all.
PATIENCE: Final = timedelta(seconds=15)
#: Maximum interval at which a PBX is asked that does not answer.
MAXIMUM_INTERVAL: Final = timedelta(minutes=5)
#: Number of answers of which the fastest shows how long this PBX takes.
ANSWERS: Final = 20


class EventAge:
    """The requests of one link, and what they show. ``seconds``: the interval between them; 0: the PBX is not asked.

    Where a PBX refuses or does not answer, nothing is known of any event, and it is asked ever more rarely.
    """

    def __init__(self, seconds: float, now: datetime) -> None:
        self._interval = self._pause = timedelta(seconds=seconds)
        self._asked_at = self._heard_at = now
        #: When the last request was sent that was answered.
        self._answered: datetime | None = None
        self._is_late = False
        self._overtaken_at: datetime | None = None
        self._delays: deque[timedelta] = deque(maxlen=ANSWERS)

    def wait(self, now: datetime) -> float | None:
        """Return in how many seconds the PBX is to be asked: 0 is now, None is never."""
        if not self._interval:
            return None
        if now - self._heard_at > IDLE:
            return self._interval.total_seconds()
        return max(self._asked_at + self._pause - now, timedelta(0)).total_seconds()

    def asked(self, at: datetime) -> None:
        """Note that a request is sent."""
        self._asked_at = at
        if self._answered is None:
            self._pause = min(self._pause * 2, MAXIMUM_INTERVAL)

    def answered(self, asked_at: datetime, at: datetime) -> None:
        """Note the answer to a request, before anything after it is read."""
        self._answered = max(asked_at, self._answered or asked_at)
        self._pause, self._overtaken_at = self._interval, None
        self._delays.append(at - asked_at)
        self._is_late = at - asked_at > min(self._delays) + TOLERANCE

    def refused(self) -> None:
        """Note that the PBX does not serve the request."""
        self._answered, self._pause = None, MAXIMUM_INTERVAL

    def held_since(self, received: datetime) -> datetime | None:
        """Note an event, and return since when the link may have held it back; None where that is not known.

        None, too, where it came as fast as an interval and a fast answer allow to say, and the last answer was in time.
        """
        if received - self._heard_at > IDLE:
            self._answered = None
        self._heard_at = received
        if self._answered is None:
            return None
        if not self._is_late and received - self._answered <= self._interval + min(self._delays) + TOLERANCE:
            return None
        self._overtaken_at = self._overtaken_at or received
        if received - self._overtaken_at > PATIENCE:
            self._answered = self._overtaken_at = None
        return self._answered
