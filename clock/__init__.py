"""The gateway's time: the machine's, but it never jumps and never goes back while the machine runs.

What the gateway decides by time (which leg a recording is of, whose claim has run out, what was true when a leg ended)
compares moments that several of its processes noted. When an operator or NTP steps the machine's clock by minutes,
those comparisons would all be wrong at once. So time is counted from the machine's monotonic clock, which all
processes share, and a step is made good slowly (``RATE``), by all of them alike: what was agreed stands in one file.
"""

import fcntl
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

#: What returns the present moment; an argument wherever time decides, so that a test gives its own.
ReadClock = Callable[[], datetime]
#: A smaller difference is drift or NTP's slewing, which the monotonic clock follows.
STEP_SECONDS = 1.0
#: Seconds of a step that are corrected in each second: 3 minutes take 5 hours.
RATE = 0.01
#: A longer step means that one of the two clocks was simply wrong (or that the machine slept): taken at once.
MAXIMUM_STEP_SECONDS = 900.0
_AGREED = struct.Struct("36sddd")

log = structlog.get_logger()


@dataclass(frozen=True)
class Agreed:
    """What is added to the monotonic clock: ``offset`` at the tick ``since``, moving to ``target`` from there on."""

    since: float
    offset: float
    target: float

    def at(self, tick: float) -> float:
        """Return the offset at a tick."""
        way, most = self.target - self.offset, max(tick - self.since, 0.0) * RATE
        return self.offset + max(-most, min(most, way))


class SteadyClock:
    """Tell the time; ``now`` may be called by any thread and costs two readings of clocks.

    :param file: where the processes of this machine agree; it is worth something until the machine restarts.
    :param boot: names the machine's present run.
    """

    def __init__(
        self, file: Path, boot: str, wall: Callable[[], float] = time.time, tick: Callable[[], float] = time.monotonic
    ) -> None:
        self._file, self._boot, self._wall, self._tick = file, boot.encode()[:36].ljust(36), wall, tick
        self._agreed: Agreed | None = None

    def now(self) -> datetime:
        """Return the gateway's time, in UTC."""
        tick = self._tick()
        ahead = self._wall() - tick
        agreed = self._agreed
        if agreed is None or abs(ahead - agreed.target) > STEP_SECONDS:
            agreed = self._agreed = self._shared(tick, ahead)
        return datetime.fromtimestamp(tick + agreed.at(tick), UTC)

    def _shared(self, tick: float, ahead: float) -> Agreed:
        try:
            return self._agree(tick, ahead)
        except OSError as error:
            log.warning("clock_not_shared", file=str(self._file), error=error.strerror)
            return _stepped(self._agreed, tick, ahead)

    def _agree(self, tick: float, ahead: float) -> Agreed:
        """Follow what another process has noted of the step, or note it."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            known = self._read(file.read())
            if known is not None and abs(ahead - known.target) <= STEP_SECONDS:
                return known
            agreed = _stepped(known, tick, ahead)
            file.truncate(0)
            file.write(_AGREED.pack(self._boot, agreed.since, agreed.offset, agreed.target))
            return agreed

    def _read(self, data: bytes) -> Agreed | None:
        if len(data) != _AGREED.size:
            return None
        boot, *numbers = _AGREED.unpack(data)
        return Agreed(*numbers) if boot == self._boot else None


def _stepped(known: Agreed | None, tick: float, ahead: float) -> Agreed:
    if known is None:
        return Agreed(tick, ahead, ahead)
    step_seconds = round(ahead - known.target, 1)
    log.warning("clock_stepped", step_seconds=step_seconds)
    offset = known.at(tick)
    return Agreed(tick, ahead if abs(ahead - offset) > MAXIMUM_STEP_SECONDS else offset, ahead)


def _boot() -> str:
    """Name the machine's present run; where it has no name, the monotonic clock's beginning is one."""
    file = Path("/proc/sys/kernel/random/boot_id")
    return file.read_text().strip() if file.exists() else str(round((time.time() - time.monotonic()) / 60))


_clock: SteadyClock | None = None


def keep(file: Path) -> None:
    """Agree on the time with the other processes of this machine in ``file``; called once, by the settings."""
    global _clock  # noqa: PLW0603 (a process has one clock)
    _clock = SteadyClock(file, _boot())


def now() -> datetime:
    """Return the gateway's time, in UTC; the machine's where no file was named."""
    return _clock.now() if _clock is not None else datetime.now(UTC)
