"""The gateway's own clock, which a fault steps; the PBX, QMS, Redis and the database keep the machine's."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

LIBRARY = "*/faketime/libfaketimeMT.so.1"


def library() -> Path | None:
    """Return where libfaketime is installed; None: clocks cannot be stepped on this machine."""
    return next((path for root in (Path("/usr/lib"), Path("/usr/local/lib")) for path in root.glob(LIBRARY)), None)


class Clock:
    """The offset of the gateway's clock: its programs read it from a file, through libfaketime, twice a second."""

    def __init__(self, path: Path, offset_seconds: float) -> None:
        self._path = path
        self._library = library()
        self._moves: list[tuple[datetime, float]] = []
        self.is_moved = bool(offset_seconds)
        if self.is_moved and self._library is None:
            raise FileNotFoundError("libfaketime is not installed: the gateway's clock cannot be moved")
        self.step(offset_seconds)

    def environment(self) -> dict[str, str]:
        """Return what makes a program live by this clock."""
        if self._library is None:
            return {}
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_CACHE_DURATION": "1",
        }

    def step(self, offset_seconds: float) -> None:
        """Let the clock be so far ahead of the machine's (behind, when negative) from now on."""
        self._moves.append((datetime.now(UTC), offset_seconds))
        part = self._path.with_suffix(".new")
        part.write_text(f"{offset_seconds:+g}\n")
        part.replace(self._path)

    @property
    def offset_seconds(self) -> float:
        """Return how far the clock is ahead now."""
        return self._moves[-1][1]

    def true_times(self, told: datetime) -> tuple[datetime, datetime]:
        """Return the earliest and the latest moment at which the clock may have told this time."""
        return true_times(self._moves, told)


def true_times(moves: Sequence[tuple[datetime, float]], told: datetime) -> tuple[datetime, datetime]:
    """Return when a clock with these offsets, each from a moment on, may have told a time."""
    slack = timedelta(seconds=3)  # A program reads the file once a second, and may be busy.
    ends = [*(since for since, _ in moves[1:]), datetime.max.replace(tzinfo=UTC) - slack]
    fitting = [
        at
        for (since, offset), end in zip(moves, ends, strict=True)
        if since - slack <= (at := told - timedelta(seconds=offset)) <= end + slack
    ]
    return (min(fitting), max(fitting)) if fitting else (told, told)
