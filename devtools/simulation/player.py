"""Worlds through the whole gateway: what happens when, and which process dies where, comes from the world's seed."""

import heapq
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from zlib import crc32

from cti.events import AnyEvent
from devtools.simulation.clock import SimulatedClock
from devtools.simulation.crashes import Crash, Crashes
from devtools.simulation.gateway import TIMEOUT_SECONDS, Database, SimulatedGateway, in_hand
from devtools.simulation.recording_service import SimulatedRecordingService
from devtools.worlds.judge.player import Gap, Leg, Observed
from devtools.worlds.judge.scenario import Scenario
from devtools.worlds.players.product_words import events_of
from devtools.worlds.players.recorder import WorldRecorder, moment, seconds_of

#: Beat wakes everybody this often.
BEAT = timedelta(seconds=2)
#: All waits of a scenario are over this long after its last event.
REST = timedelta(hours=1)
#: A hint is lost this often; beat makes it good.
LOST_HINTS = 0.03
MAXIMUM_CRASHES = 4
#: A crash comes within this many statements and requests after the moment chosen for it.
MAXIMUM_STEPS = 80
#: What a dead process may take to be started again, in seconds.
RESTART_SECONDS = (0.05, 1.0, 6.0)


class WholePlayer:
    """Play scenarios through the whole gateway. `with_crashes`: processes die between any two statements."""

    def __init__(self, *, with_crashes: bool) -> None:
        self.with_crashes = with_crashes
        self.database = Database()
        self.crashes = 0
        self.steps = 0
        self.simulated_seconds = 0.0
        self._acted_on: dict[str, float] = {}

    def acted_on(self) -> dict[str, float]:
        """Return when each event was folded."""
        return self._acted_on

    def play(self, scenario: Scenario, partition: Sequence[int] | None) -> Observed:
        """Play a scenario; the schedule cuts the journal into batches, so that a partition says nothing here."""
        del partition
        self.database.reset()
        play = WholePlay(scenario, crc32(scenario.title.encode()), with_crashes=self.with_crashes)
        observed = play.run()
        self._acted_on = play.folded
        self.crashes += play.crashed
        self.steps += play.crashes.steps
        self.simulated_seconds += (play.clock.moment - play.clock.begin).total_seconds()
        return observed


class WholePlay:
    """Hold one play: the schedule of what is to be done, and the gateway that does it."""

    def __init__(self, scenario: Scenario, seed: int, *, with_crashes: bool) -> None:
        self.events, self.rng, self.seed = events_of(scenario), Random(seed), seed
        begin = min((one.at for one in self.events), default=moment(0)) - timedelta(seconds=1)
        self.clock, self.crashes = SimulatedClock(begin), Crashes()
        guids = frozenset(one.guid for one in scenario.qms.recordings)
        self.qms = SimulatedRecordingService(
            WorldRecorder(scenario.qms), guids, self.clock, self.crashes, TIMEOUT_SECONDS
        )
        self.gateway = SimulatedGateway(self.clock, self.qms, scenario.site.devices, scenario.qms.interval_seconds)
        self.crashed = 0
        self.folded: dict[str, float] = {}
        self._heard: list[str] = []
        self._serial = count()
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._planned: set[tuple[str, datetime]] = set()
        self._plan(with_crashes=with_crashes)

    def _plan(self, *, with_crashes: bool) -> None:
        for event in self.events:
            self._later(event.at, partial(self._hear, event))
        times = [one.at for one in self.events]
        for _ in range(self.rng.randint(0, MAXIMUM_CRASHES) if with_crashes and times else 0):
            at = self.rng.choice(times) + timedelta(seconds=self.rng.uniform(0, 1.5))
            self._later(at, lambda: self.crashes.arm(self.rng.randint(0, MAXIMUM_STEPS)))

    def run(self) -> Observed:
        """Do everything on the schedule, until nothing is left to be waited for."""
        end = self.events[-1].at + REST if self.events else self.clock.begin
        with in_hand(self.clock, self.crashes, self.seed):
            while self._agenda and self._agenda[0][0] <= end:
                at, _, act = heapq.heappop(self._agenda)
                self.clock.pass_to(at)
                self.qms.catch_up(self.clock.moment)
                act()
            self.crashes.revive()
            return self._observed()

    def _later(self, at: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (at, next(self._serial), act))

    def _hear(self, event: AnyEvent) -> None:
        self.gateway.hear([event])
        self._heard.append(event.id)
        self._hint(self._consume)

    def _hint(self, act: Callable[[], None], delay: float = 0.0) -> None:
        """Send a hint to a process; some are lost, and beat finds the work."""
        is_lost = self.rng.random() < LOST_HINTS
        wait = self.rng.uniform(0, BEAT.total_seconds()) if is_lost else self.rng.uniform(0.003, 0.03)
        self._at(self.clock.moment + timedelta(seconds=delay + wait), act)

    def _at(self, at: datetime, act: Callable[[], None]) -> None:
        self._later(at, lambda: self._do(act))

    def _do(self, act: Callable[[], None]) -> None:
        """Let a process work; where it dies, it, or the whole machine, is started again after a while."""
        if self.crashes.is_dead:
            return
        try:
            act()
        except Crash:
            self.crashed += 1
            down = timedelta(seconds=self.rng.choice(RESTART_SECONDS))
            self._later(self.clock.moment + down, self._start_again)

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

    def _observed(self) -> Observed:
        legs = [
            Leg(
                one.device_id,
                seconds_of(one.connected_at),
                None if one.disconnected_at is None else seconds_of(one.disconnected_at),
                one.call_id,
                one.recording_guid,
                one.outcome,
                one.reason or "",
                one.flags,
            )
            for one in self.gateway.legs()
        ]
        gaps = [
            Gap(seconds_of(one.began_at), None if one.ended_at is None else seconds_of(one.ended_at))
            for one in self.gateway.gaps()
        ]
        return Observed(tuple(legs), tuple(self.qms.writes), gaps=tuple(gaps))
