"""Worlds through the whole gateway: what happens when, and which process dies where, comes from the world's seed."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from zlib import crc32

from devtools.simulation.clock import SimulatedClock
from devtools.simulation.gateway import TIMEOUT_SECONDS, Database, SimulatedGateway, in_hand
from devtools.simulation.recording_service import SimulatedRecordingService
from devtools.simulation.schedule import WorkSchedule
from devtools.worlds.judge.player import Gap, Leg, Observed
from devtools.worlds.judge.scenario import Scenario
from devtools.worlds.players.product_words import events_of
from devtools.worlds.players.recorder import WorldRecorder, moment, seconds_of

#: All waits of a scenario are over this long after its last event.
REST = timedelta(hours=1)
MAXIMUM_CRASHES = 4
#: A crash comes within this many statements and requests after the moment chosen for it.
MAXIMUM_STEPS = 80


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


class WholePlay(WorkSchedule):
    """Hold one play: the schedule of what is to be done, and the gateway that does it."""

    qms: SimulatedRecordingService

    def __init__(self, scenario: Scenario, seed: int, *, with_crashes: bool) -> None:
        self.events = events_of(scenario)
        begin = min((one.at for one in self.events), default=moment(0)) - timedelta(seconds=1)
        super().__init__(SimulatedClock(begin), seed)
        guids = frozenset(one.guid for one in scenario.qms.recordings)
        self.qms = SimulatedRecordingService(
            WorldRecorder(scenario.qms), guids, self.clock, self.crashes, TIMEOUT_SECONDS
        )
        self.gateway = SimulatedGateway(self.clock, self.qms, scenario.site.devices, scenario.qms.interval_seconds)
        self._plan(with_crashes=with_crashes)

    def _plan(self, *, with_crashes: bool) -> None:
        for event in self.events:
            self.later(event.at, partial(self.hear, event))
        times = [one.at for one in self.events]
        for _ in range(self.rng.randint(0, MAXIMUM_CRASHES) if with_crashes and times else 0):
            at = self.rng.choice(times) + timedelta(seconds=self.rng.uniform(0, 1.5))
            self.later(at, lambda: self.crashes.arm(self.rng.randint(0, MAXIMUM_STEPS)))

    def run(self) -> Observed:
        """Do everything on the schedule, until nothing is left to be waited for."""
        end = self.events[-1].at + REST if self.events else self.clock.begin
        with in_hand(self.clock, self.crashes, self.seed):
            self._pass_until(end)
            self.crashes.revive()
            return self._observed()

    def _catch_up(self) -> None:
        self.qms.catch_up(self.clock.moment)

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
