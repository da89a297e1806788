"""How far this machine has compared, in a file beside its seals: never in the database that the comparison guards.

Whoever has the database alone could else say that all was compared a moment ago, or that nothing was found.
"""

import os
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import msgspec

from evidence.records import LAST_YEAR, day_of

NO_FAULTS: Mapping[str, list[str]] = MappingProxyType({})
NONE_SEEN: Mapping[date, int] = MappingProxyType({})


class ComparisonProgress(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one comparison leaves for the next.

    ``file``: the file of seals that it belongs to. ``pass_at``: when the look at the sealed days began; ``next_day``:
    where it continues; None: it is done. ``faults``: by sealed day, what of its blocks or entries does not fit;
    ``gone``: those days whose entries are gone too early; ``gone_until``: the last day whose entries were gone when
    ``RETENTION_DAYS`` let them go. ``seen``: by day, the last block that was there, if no seal reaches it.
    """

    file: str
    pass_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    next_day: date | None = None
    faults: Mapping[str, list[str]] = NO_FAULTS
    gone: frozenset[str] = frozenset()
    gone_until: str = ""
    seen: Mapping[date, int] = NONE_SEEN

    def __post_init__(self) -> None:
        if self.gone_until:
            day_of(self.gone_until)
        if any(day.year > LAST_YEAR for day in self.seen):
            raise ValueError("a day is none that another can follow")

    def is_due(self, now: datetime, again_after: timedelta) -> bool:
        """Say whether all days are to be looked at again; a time that has not come yet is not believed."""
        if self.pass_at is None or self.pass_at > now:
            return True
        return self.next_day is None and now - self.pass_at > again_after


def progress_path(seals: Path) -> Path:
    """Return where the progress is kept: beside the file of seals."""
    return seals.with_name(f"{seals.stem}.compared.json")


def read_progress(seals: Path, file: str) -> ComparisonProgress:
    """Return the progress; one that is missing, cannot be read or is of another file begins again."""
    try:
        read = msgspec.json.decode(progress_path(seals).read_bytes(), type=ComparisonProgress)
    except (OSError, ValueError):
        return ComparisonProgress(file)
    return read if read.file == file else ComparisonProgress(file)


def write_progress(seals: Path, progress: ComparisonProgress) -> None:
    """Keep the progress, whole or not at all. Raises ``OSError``."""
    path = progress_path(seals)
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(msgspec.json.encode(progress))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
