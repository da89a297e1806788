"""The gateway's own clock, which a fault steps; the PBX, QMS, Redis and the database keep the machine's."""

import shutil
import struct
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """The offset of the gateway's clock: a preloaded library (clock.c) adds it to what the machine's clock shows."""

    def __init__(self, folder: Path, offset_seconds: float) -> None:
        self._offset, self._library = folder / "clock-offset", folder / "clock.so"
        self._moves: list[tuple[datetime, float]] = []
        self._offset.write_bytes(bytes(8))
        self.can_be_moved = self._compile()
        if offset_seconds and not self.can_be_moved:
            raise FileNotFoundError("There is no C compiler (cc): the gateway's clock cannot be moved.")
        self.step(offset_seconds)

    def _compile(self) -> bool:
        compiler = shutil.which("cc")
        if compiler is None:
            return False
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", self._library, SOURCE], check=True)
        return True

    def environment(self) -> dict[str, str]:
        """Return what makes a program live by this clock."""
        if not self.can_be_moved:
            return {}
        return {"LD_PRELOAD": str(self._library), "CLOCK_OFFSET_FILE": str(self._offset)}

    def step(self, offset_seconds: float) -> None:
        """Let the clock be so far ahead of the machine's (behind, when negative) from now on."""
        self._moves.append((datetime.now(UTC), offset_seconds))
        with self._offset.open("r+b") as file:  # In place: every program has it mapped.
            file.write(struct.pack("q", round(offset_seconds * 1e9)))

    @property
    def offset_seconds(self) -> float:
        """Return how far the clock is ahead now."""
        return self._moves[-1][1]

    def true_times(self, reported: datetime) -> tuple[datetime, datetime]:
        """Return the earliest and the latest moment at which the clock may have shown this time."""
        return true_times(self._moves, reported)


def true_times(moves: Sequence[tuple[datetime, float]], reported: datetime) -> tuple[datetime, datetime]:
    """Return when a clock with these offsets, each from a moment on, may have shown a time."""
    slack = timedelta(seconds=1)
    ends = [*(since for since, _ in moves[1:]), datetime.max.replace(tzinfo=UTC) - slack]
    fitting = [
        at
        for (since, offset), end in zip(moves, ends, strict=True)
        if since - slack <= (at := reported - timedelta(seconds=offset)) <= end + slack
    ]
    return (min(fitting), max(fitting)) if fitting else (reported, reported)
