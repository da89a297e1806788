"""What is to be done when: a gateway's processes wake each other, some hints are lost, and beat makes them good."""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from random import Random

from cti.events import Event
from devtools.simulation.clock import SimulatedClock
from devtools.simulation.crashes import Crash, Crashes
from devtools.simulation.gateway import SimulatedGateway
from devtools.worlds.players.recorder import seconds_of

#: Beat wakes everybody this often.
BEAT = timedelta(seconds=2)
#: A hint is lost this often; beat makes it good.
LOST_HINTS = 0.03
#: What a dead process may take to be started again, in seconds.
RESTART_SECONDS = (0.05, 1.0, 6.0)


class WorkSchedule:
    """Hold the schedule of a gateway's work; the seed decides what waits for how long."""

    gateway: SimulatedGateway

    def __init__(self, clock: SimulatedClock, seed: int) -> None:
        self.clock, self.crashes, self.rng, self.seed = clock, Crashes(), Random(seed), seed
        self.crashed = 0
        self.folded: dict[str, float] = {}
        self._heard: list[str] = []
        self._serial = count()
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._planned: set[tuple[str, datetime]] = set()

    def _pass_until(self, end: datetime) -> None:
        """Do what is on the schedule until a moment."""
        while self._agenda and self._agenda[0][0] <= end:
            at, _, act = heapq.heappop(self._agenda)
            self.clock.pass_to(at)
            self._catch_up()
            act()

    def _catch_up(self) -> None:
        """Let others do what is due before the next act."""

    def later(self, at: datetime, act: Callable[[], None]) -> None:
        """Put something on the schedule."""
        heapq.heappush(self._agenda, (at, next(self._serial), act))

    def hear(self, event: Event) -> None:
        """Accept an event, and wake the consumer."""
        self.gateway.hear([event])
        self._heard.append(event.id)
        self._hint(self._consume)

    def _hint(self, act: Callable[[], None], delay: float = 0.0) -> None:
        """Send a hint to a process; some are lost, and beat finds the work."""
        is_lost = self.rng.random() < LOST_HINTS
        wait = self.rng.uniform(0, BEAT.total_seconds()) if is_lost else self.rng.uniform(0.003, 0.03)
        self._at(self.clock.moment + timedelta(seconds=delay + wait), act)

    def _at(self, at: datetime, act: Callable[[], None]) -> None:
        self.later(at, lambda: self._do(act))

    def _do(self, act: Callable[[], None]) -> None:
        """Let a process work; where it dies, it, or the whole machine, is started again after a while."""
        if self.crashes.is_dead:
            return
        try:
            act()
        except Crash:
            self.crashed += 1
            down = timedelta(seconds=self.rng.choice(RESTART_SECONDS))
            self.later(self.clock.moment + down, self._start_again)

    def _start_again(self) -> None:
        self.crashes.revive()
        self.gateway.restart()
        for act in (self._consume, self._look_up, self._deliver):
            self._hint(act)

    def _consume(self) -> None:
        is_asking, is_writing = self.gateway.consume()
        self.folded |= dict.fromkeys(self._heard, seconds_of(self.clock.moment))
        self._heard = []
        if is_asking:
            self._hint(self._look_up)
        if is_writing:
            self._hint(self._deliver)
        due = self.gateway.next_due()
        if due is not None:
            self._once("consume", max(due, self.clock.moment), self._consume)

    def _look_up(self) -> None:
        self.gateway.look_up()
        if (at := self.gateway.next_question()) is not None:
            self._once("look up", max(at, self.clock.moment), self._look_up)
        if self.gateway.has_unfolded_answers():
            self._hint(self._consume)

    def _deliver(self) -> None:
        if self.gateway.deliver():
            self._hint(self._consume)
        if self.gateway.has_unsettled_writes():
            self._once("deliver", self.clock.moment + BEAT, self._deliver)

    def _once(self, name: str, at: datetime, act: Callable[[], None]) -> None:
        """Do something a little after a moment; what is on the schedule for the moment already is not put twice."""
        if (name, at) in self._planned:
            return
        self._planned.add((name, at))

        def do() -> None:
            self._planned.discard((name, at))
            act()

        self._at(at + timedelta(seconds=self.rng.uniform(0, 0.04)), do)
