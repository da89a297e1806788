"""The simulation's clock and what would sleep or run beside it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

#: Each look at the clock takes this long, so that no loop waits without end.
LOOK = timedelta(microseconds=200)


class SimulatedClock:
    """Hold the moment; nothing moves it but the simulation and looks at it."""

    def __init__(self, begin: datetime) -> None:
        self.begin = self.moment = begin

    def now(self) -> datetime:
        """Return the moment, a little later at each look."""
        self.moment += LOOK
        return self.moment

    def monotonic(self) -> float:
        """Return the moment as seconds since the beginning."""
        return (self.now() - self.begin).total_seconds()

    def sleep(self, seconds: float) -> None:
        """Let nothing pass: whoever sleeps is woken by the simulation's own schedule."""

    def pass_to(self, moment: datetime) -> None:
        """Move to a moment, unless it is over already."""
        self.moment = max(self.moment, moment)

    def take(self, duration: timedelta) -> None:
        """Let an action take time."""
        self.moment += duration


class InlineThreads:
    """In the place of threads: work is done when it is submitted."""

    def submit(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do the work at once."""
        work(*arguments)

    def shutdown(self) -> None:
        """Have nothing to stop."""
