"""What the comparison with QMS found of a month; who compares gives the way to read it. Pure."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec


class WrongKind(StrEnum):
    """What is wrong with a recording that carries flags."""

    OTHER_VALUES = "other_values"
    FOREIGN = "foreign"
    PARTLY = "partly"


class WrongRecordings(msgspec.Struct, frozen=True):
    """How many recordings are wrong in one way, and the address of these findings."""

    kind: WrongKind
    recordings: int
    path: str


class UnlabelledRecordings(msgspec.Struct, frozen=True, kw_only=True):
    """What the comparison says of the recordings that began in a span, as it holds now.

    ``is_compared``: whether any of the span was compared; ``not_compared``: sentences about what was not.
    ``unflagged``: recordings without any of our Flags, ``interrupted`` of them because the link to the CTI source was
    interrupted, ``switched_off`` because the source was switched off, ``of_legs`` of them where a leg knows of no
    recording. ``recordings`` and ``wrong``: those that QMS has, and those of them with a critical or major finding;
    None where they were not counted. ``path``: the address of the findings of those without flags; ``wrongly``: the
    others that are not labelled right, none without any.
    """

    is_compared: bool
    unflagged: int = 0
    interrupted: int = 0
    switched_off: int = 0
    of_legs: int = 0
    recordings: int | None = None
    wrong: int = 0
    not_compared: Sequence[str] = ()
    path: str = ""
    wrongly: Sequence[WrongRecordings] = ()

    @property
    def percent_right(self) -> float | None:
        """Return the share that is labelled right in hundredths of a per cent, rounded down; None where not known."""
        if not self.recordings:
            return None
        return max(self.recordings - self.wrong, 0) * 10_000 // self.recordings / 100


#: Reads the recordings that began in [begin, end) as known at a moment.
ReadComparison = Callable[[datetime, datetime, datetime], UnlabelledRecordings]
_readers: list[ReadComparison] = []


def read_by(reader: ReadComparison) -> None:
    """Have months read what the comparison found by ``reader``."""
    _readers[:] = [reader]


def compared_span(begin: datetime, end: datetime, now: datetime) -> UnlabelledRecordings | None:
    """Return what the comparison found of the recordings that began in [begin, end); None where nothing compares."""
    return _readers[0](begin, end, now) if _readers else None
