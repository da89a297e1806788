"""Play a day through the gateway by a simulated clock: journal, consumer, searches, flag writes and the archive."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from calls.pipeline.consumer import Consumer
from cti.api import archive_journals
from cti.events import Event
from cti.journal.writer import JournalWriter
from cti.models import CtiSource
from devtools.replay_days.traffic import DemoTraffic, Tapped
from devtools.simulation.clock import SimulatedClock
from devtools.simulation.gateway import SimulatedGateway, in_hand
from devtools.simulation.schedule import WorkSchedule
from qms.models import RecordingService
from qms.port import Flag, Recording
from simulators.qms.in_process import InProcessRecordingService
from simulators.qms.site import SimulatedQms

#: All waits are over this long after the last event.
REST = timedelta(hours=1)
#: How often the archive takes what is new.
ARCHIVE_INTERVAL = timedelta(minutes=1)
#: How long QMS takes to answer, in seconds: at least, and at most.
ANSWER_SECONDS = (0.004, 0.12)


class SlowQms(InProcessRecordingService):
    """QMS as it answers over a network: each answer takes its time."""

    def __init__(self, qms: SimulatedQms, slug: str, schedule: WorkSchedule) -> None:
        super().__init__(qms, slug, schedule.clock.now)
        self._schedule = schedule

    def find_live_recording(self, extension: str, not_started_before: datetime | None = None) -> Recording | None:
        """Return the recording in progress at the extension while it is reported."""
        found = super().find_live_recording(extension, not_started_before)
        self._wait()
        return found

    def write_flags(self, guid: str, flags: Sequence[Flag]) -> int:
        """Write flags, all or nothing."""
        count = super().write_flags(guid, flags)
        self._wait()
        return count

    def _wait(self) -> None:
        self._schedule.clock.take(timedelta(seconds=self._schedule.rng.uniform(*ANSWER_SECONDS)))


class DayGateway(SimulatedGateway):
    """The gateway at the demo's site, whose listener is the only one."""

    def __init__(self, clock: SimulatedClock, qms: InProcessRecordingService) -> None:
        self.clock, self.qms = clock, qms
        self.service, self.source = RecordingService.objects.get(), CtiSource.objects.get()
        self._writer = JournalWriter(self.source.slug, 1)
        self.restart()

    def restart(self) -> None:
        """Start a new consumer: what the old one kept in memory is lost."""
        self._consumer = Consumer(self.source, self.clock.now)

    def hear(self, events: Sequence[Event]) -> None:
        """Append events as the listener does."""
        self._writer.append(events)


class DayPlay(WorkSchedule):
    """One day: what comes when, and a gateway that does what is due."""

    def __init__(self, traffic: DemoTraffic, qms: SimulatedQms, begin: datetime, seed: int) -> None:
        super().__init__(SimulatedClock(begin), seed)
        self._qms, self._end = qms, begin
        self.gateway = DayGateway(self.clock, SlowQms(qms, RecordingService.objects.get().slug, self))
        for tapped in traffic.taps:
            self.later(tapped.at, partial(self._tap, tapped))
        for event in traffic.events:
            self.later(event.at, partial(self.hear, event))
            self._end = max(self._end, event.at + REST)

    def run(self) -> None:
        """Let the day pass, and archive it."""
        with in_hand(self.clock, self.crashes, self.seed):
            for turn in range(int((self._end - self.clock.moment) / ARCHIVE_INTERVAL)):
                self.later(self.clock.begin + turn * ARCHIVE_INTERVAL, self._archive)
            self._pass_until(self._end)
            self._archive()

    def _archive(self) -> None:
        archive_journals(self.clock.now)

    def _tap(self, tapped: Tapped) -> None:
        report = tapped.report
        act = self._qms.connected if report.is_connected else self._qms.disconnected
        act(report.extension, tapped.at)
