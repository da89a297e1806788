"""A watched run beside three sources that flood the gateway."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain, count

import msgspec
from django.db import connections

from calls.models import Leg
from cti.events import AnyEvent
from cti.journal.writer import JournalWriter
from cti.models import CtiSource
from devtools.bench.confinement import confined
from devtools.bench.result import Result
from devtools.bench.stack import DATABASE, PBX, QMS, REDIS, BenchStack
from devtools.bench.traffic import BenchCall, event, events_of, logons
from devtools.bench.watch import RunWatch
from devtools.faults import observations
from flags.models import UNSETTLED, FlagWrite

CALLS, AGENTS, EVENTS_PER_SECOND = 200_000, 30_000, 5_000
#: The first two floods come within this time, in seconds; the third lasts as long as the calls.
RUSH_SECONDS = 40.0
TICK_SECONDS = 0.1
#: How long the gateway may take until nothing is left of the flood, in seconds.
NORMAL_SECONDS = 1800.0
NOT_CONFINED = {REDIS, DATABASE, QMS, PBX}


@dataclass
class FloodSource:
    """One source that sends too much; ``events``: what it sends."""

    slug: str
    per_second: float
    events: Iterator[AnyEvent]
    sent: int = 0

    def __post_init__(self) -> None:
        self.source_id = CtiSource.objects.create(slug=self.slug, kind="http").pk
        self.writer = JournalWriter(self.slug, 1)

    def send(self, seconds: float) -> None:
        """Send what is due this long after the beginning."""
        wanted = round(seconds * self.per_second) - self.sent
        some = [one for one, _ in zip(self.events, range(wanted), strict=False)]
        if some:
            self.writer.append(some)
            self.sent += len(some)


@dataclass
class FloodWatch(RunWatch):
    """One run. ``scale``: the part of the flood; ``cores``: what the gateway may use (None: all)."""

    settle_seconds: float = NORMAL_SECONDS
    scale: float = 1.0
    cores: float | None = None
    floods: Sequence[FloodSource] = field(default_factory=list)

    def watched(self, gateway: BenchStack) -> Result:
        """Flood, watch what becomes of the PBX's calls, and wait until all is as before."""
        self.floods = _floods(self.scale)
        over = threading.Event()
        sender = threading.Thread(target=self._flood, args=(over.is_set,), daemon=True)
        with confined([pid for name, pid in gateway.roots().items() if name not in NOT_CONFINED], self.cores):
            sender.start()
            try:
                found = super().watched(gateway)
            finally:
                over.set()
                sender.join()
        sent = ", ".join(f"{one.slug} {one.sent:,} events" for one in self.floods)
        return msgspec.structs.replace(found, notes=[f"flooded by {sent}", *found.notes])

    def _flood(self, is_over: Callable[[], bool]) -> None:
        began = time.monotonic()
        while not is_over() and (seconds := time.monotonic() - began) < self.seconds:
            for one in self.floods:
                one.send(seconds)
            time.sleep(TICK_SECONDS)
        connections.close_all()

    def _is_at_rest(self) -> bool:
        flooding = [one.source_id for one in self.floods]
        waiting = Leg.objects.filter(outcome="waiting").exclude(source_id__in=flooding).exists()
        unwritten = FlagWrite.objects.filter(state__in=UNSETTLED).exists()
        return not waiting and not unwritten and not observations.has_waiting_events()


def _floods(scale: float) -> list[FloodSource]:
    now = datetime.now(UTC)
    calls, agents = round(CALLS * scale), round(AGENTS * scale)
    return [
        FloodSource("flood-calls", calls / RUSH_SECONDS, _calls_without_end(calls, now)),
        FloodSource("flood-agents", agents / RUSH_SECONDS, logons("flood-agents", map(str, range(agents)), now)),
        FloodSource("flood-events", EVENTS_PER_SECOND * scale, _calls_that_pass(now)),
    ]


def _calls_without_end(calls: int, now: datetime) -> Iterator[AnyEvent]:
    for n in range(calls):
        here = {"callId": f"c{n}", "deviceId": f"d{n % 50_000}", "callingNumber": "+491701234567"}
        yield event("flood-calls", "call.Established", f"c{n}", now, here)


def _calls_that_pass(now: datetime) -> Iterator[AnyEvent]:
    calls = (BenchCall(n, f"e{n % 5_000}", now, timedelta(minutes=1)) for n in count())
    return chain.from_iterable(events_of("flood-events", one) for one in calls)
