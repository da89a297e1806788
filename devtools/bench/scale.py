"""Whether more sources and more consumers cost more for the same events: events a CPU second, PostgreSQL's included.

The events' worker is the Procfile's own, restarted for each row with its number of processes. Its sources are new ones:
the same calls, each at an extension of its own, are shared out among them. Nobody else works meanwhile; recordings are
found by a plain update between the two halves of the calls.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from django.conf import settings

from calls.models import Checkpoint, Leg, RecordingSearch, SearchState
from cti.api import answers_stream, journal_state, wake
from cti.events import AnyEvent
from cti.journal.writer import JournalWriter
from cti.models import CtiSource
from devtools.bench.meter import children, taken
from devtools.bench.options import Load
from devtools.bench.result import Result
from devtools.bench.traffic import AFTER, BEFORE, RINGING, BenchCall, events, find_recordings, logons, make_source
from devtools.servers import wait_until
from launcher import procfile
from launcher.supervisor import Supervisor

CALLS, QUICK_SCALE = 12_000, 0.01
#: How many sources and processes; each is compared with the first.
ROWS = ((1, 1), (2, 1), (4, 1), (8, 1), (8, 2), (8, 4))
EVENTS = "events"
TALK = timedelta(minutes=1)
MAXIMUM_SECONDS = 600.0


@dataclass(frozen=True)
class Cost:
    """What the events took: time, and CPU seconds: of the worker's processes, and of PostgreSQL."""

    events: int
    seconds: float
    worker_cpu: float
    database_cpu: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.events + other.events,
            self.seconds + other.seconds,
            self.worker_cpu + other.worker_cpu,
            self.database_cpu + other.database_cpu,
        )

    @property
    def cpu(self) -> float:
        """Return the CPU seconds of both."""
        return self.worker_cpu + self.database_cpu


class SourceShare:
    """One source with its part of the calls."""

    def __init__(self, slug: str, calls: int) -> None:
        self.began = datetime.now(UTC) - TALK
        extensions = [str(20_000 + n) for n in range(calls)]
        self.source: CtiSource = make_source(slug, extensions, self.began)
        self.writer = JournalWriter(slug, 1)
        self.talks = [BenchCall(n, name, self.began, TALK - 2 * RINGING) for n, name in enumerate(extensions)]
        self.last_id = ""

    def log_on(self) -> None:
        """Let an agent log on at each extension."""
        self.append(list(logons(self.source.slug, [one.extension for one in self.talks], self.began)))

    def tell(self, part: slice) -> int:
        """Append a part of each call's events; return how many."""
        return self.append(list(events(self.source.slug, self.talks, part)))

    def append(self, some: Sequence[AnyEvent]) -> int:
        """Append events; return how many."""
        self.writer.append(some)
        self.last_id = journal_state(self.source.slug).last_id
        return len(some)


def scale(load: Load) -> list[Result]:
    """Measure each row."""
    calls = max(round(CALLS * (load.scale or (QUICK_SCALE if load.is_quick else 1.0))), 8)
    _cost(1, 1, calls, "warm-up")  # PostgreSQL's caches and plans.
    costs = [(_words(*row), _cost(*row, calls, f"s{row[0]}w{row[1]}")) for row in ROWS]
    first, floor = costs[0]
    return [
        Result(
            bench="scale",
            what=what,
            rate=one.events / one.cpu,
            unit="events/CPU s",
            cpu_seconds=one.cpu,
            against=first,
            ratio=one.events / one.cpu * floor.cpu / floor.events,
            notes=[_notes(one)],
        )
        for what, one in costs
    ]


def _words(sources: int, processes: int) -> str:
    return f"{sources} source{'s'[: sources > 1]}, {processes} process{'es'[: 2 * (processes > 1)]}"


def _notes(one: Cost) -> str:
    return (
        f"{one.events / one.seconds:,.0f} events/s; {one.events / one.worker_cpu:,.0f} a CPU second of the worker alone"
    )


def _cost(sources: int, processes: int, calls: int, name: str) -> Cost:
    parts = [SourceShare(f"{name}-{n}", calls // sources) for n in range(sources)]
    with _worker(processes) as pid:
        for one in parts:
            one.log_on()
        _until_folded(parts)
        cost = _timed(pid, parts, BEFORE)
        for one in parts:
            find_recordings(one.source)
            wake(answers_stream(one.source.pk))
        cost += _timed(pid, parts, AFTER)
    found = Leg.objects.filter(source__in=[one.source for one in parts]).exclude(recording_guid=None).count()
    assert found == calls // sources * sources, f"{found} legs with a recording of {calls} calls"
    return cost


def _timed(pid: int, parts: Sequence[SourceShare], part: slice) -> Cost:
    count = sum(one.tell(part) for one in parts)
    before, began = _cpu(pid), perf_counter()
    _until_folded(parts)
    seconds, after = perf_counter() - began, _cpu(pid)
    return Cost(count, seconds, after[0] - before[0], after[1] - before[1])


def _cpu(pid: int) -> tuple[float, float]:
    found = taken({EVENTS: pid} | children("postgres"))
    return found[EVENTS].cpu, found["postgres"].cpu if "postgres" in found else 0.0


def _until_folded(parts: Sequence[SourceShare]) -> None:
    last = {one.source.pk: one.last_id for one in parts}
    sources = list(last)
    answered = RecordingSearch.objects.filter(source__in=sources, state=SearchState.FOUND, folded=False)

    def is_done() -> bool:
        reached = dict(Checkpoint.objects.filter(source__in=sources).values_list("source_id", "last_id"))
        return reached == last and not answered.exists()

    wait_until(is_done, "the last event", MAXIMUM_SECONDS)


@contextmanager
def _worker(processes: int) -> Iterator[int]:
    """Run the Procfile's worker of the events with this number of processes; yields its process id."""
    logs = Path(settings.VAR_DIR) / "bench-logs"
    logs.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor()
    environment = dict(os.environ) | {"EVENTS_WORKERS": str(processes)}
    try:
        supervisor.start(next(one for one in procfile.programs(environment, logs) if one.name == EVENTS))
        yield supervisor.pid(EVENTS)
    finally:
        supervisor.stop_all()
