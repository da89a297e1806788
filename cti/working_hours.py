"""When calls are to be expected: days of the week and hours, by the site's clock. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WANTED = "write days and hours like mon-fri 8:00-18:00 or mon,wed,sat 22:00-6:00, or leave it empty"
_SHAPE = re.compile(r"(?P<days>[a-z,-]+) +(?P<begin>\d{1,2}(?::\d\d)?)-(?P<end>\d{1,2}(?::\d\d)?)")
_MIDNIGHT = "24:00"


@dataclass(frozen=True)
class WorkingHours:
    """Days (0: Monday), and the time from ``start`` until before ``end``.

    An ``end`` that is not later than ``start`` is on the next day.
    """

    days: frozenset[int]
    start: time
    end: time

    def opening(self, local: datetime) -> datetime | None:
        """Return when the working hours began that a moment lies in; None outside them."""
        found = (self._span(local, ago) for ago in (0, 1))
        return next((begin for begin, end in filter(None, found) if begin <= local < end), None)

    def _span(self, local: datetime, days_ago: int) -> tuple[datetime, datetime] | None:
        day = local - timedelta(days=days_ago)
        if day.weekday() not in self.days:
            return None
        begin, end = (
            day.replace(hour=one.hour, minute=one.minute, second=0, microsecond=0) for one in (self.start, self.end)
        )
        return begin, end if end > begin else end + timedelta(days=1)


def parse(text: str) -> WorkingHours | None:
    """Read ``mon-fri 8:00-18:00``; None where it is empty. Raises ``ValueError``."""
    if not text:
        return None
    found = _SHAPE.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(WANTED)
    return WorkingHours(_days(found["days"]), _time(found["begin"]), _time(found["end"]))


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for one in text.split(","):
        first, dash, last = one.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(WANTED)
        begin, end = DAYS.index(first), DAYS.index(last if dash else first)
        found.update(day % len(DAYS) for day in range(begin, end + 1 if end >= begin else end + 1 + len(DAYS)))
    return frozenset(found)


def _time(text: str) -> time:
    hour, _, minute = text.partition(":")
    if text in (_MIDNIGHT, _MIDNIGHT[:2]):
        return time(0)
    try:
        return time(int(hour), int(minute or 0))
    except ValueError:
        raise ValueError(WANTED) from None
