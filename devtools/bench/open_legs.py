"""What 100,000 legs open at once cost: the consumer's rate beside that with 1,000, and the memory of every process.

The rates are those of a consumer in this process with the same calls, at 1,000 other extensions, once with few legs
open and once with many. The memory is that of all programs of the Procfile, restarted each time, PostgreSQL and
Redis included, after the events' worker has folded events of the open calls. No CTI link is open: the source is HTTP.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import redis
from django.conf import settings

from calls.models import Checkpoint, Leg
from cti.api import journal_state
from devtools.bench.meter import children, taken
from devtools.bench.options import Load
from devtools.bench.result import Result
from devtools.bench.traffic import BenchCall, FoldCost, Traffic, event, logons, make_source
from devtools.servers import free_port, is_listening, wait_until
from launcher import process_set, procfile
from launcher.supervisor import Supervisor

OPEN, FEW, EXTENSIONS, ROUNDS = 100_000, 1_000, 1_000, 8
QUICK_OPEN, QUICK_FEW, QUICK_ROUNDS = 1_200, 200, 1
#: Calls that arrive at once, and events of open calls that go through the events' worker.
AT_ONCE, TOLD_AGAIN = 5_000, 4_000
#: How long the calls last that come and go; the next ones come as long after them.
ROUND = timedelta(minutes=2)
AIM_MIB, MIB = 600, 2**20
STORE = ("postgres", "redis-server")
#: The bench's time runs ahead: it begins long enough ago that it never overtakes the programs' time.
AGO = timedelta(hours=6)
START_SECONDS = 180.0


class OpenLegsBench:
    """The legs that stay open, and the calls that come and go beside them."""

    def __init__(self, legs: int) -> None:
        self.steady = [str(200_000 + n) for n in range(legs)]
        self.busy = [str(2_000 + n) for n in range(EXTENSIONS)]
        began = datetime.now(UTC) - AGO
        self.traffic = Traffic(make_source("bench", [*self.steady, *self.busy], began), began)
        self.traffic.take(list(logons("bench", [*self.steady, *self.busy], began)))
        self.opened, self.calls, self.reported = 0, legs, 0

    def open(self, legs: int) -> FoldCost:
        """Open this many legs."""
        spent = FoldCost()
        while self.opened < legs:
            some = range(self.opened, min(self.opened + AT_ONCE, legs))
            spent += self.traffic.connect([BenchCall(n, self.steady[n], self.traffic.now, ROUND) for n in some])
            self.opened = some.stop
        return spent

    def churn(self, rounds: int) -> FoldCost:
        """Let calls come and go at the other extensions, all at once in each round."""
        spent = FoldCost()
        for _ in range(rounds):
            self.traffic.now += ROUND
            talks = [BenchCall(self.calls + n, name, self.traffic.now, ROUND) for n, name in enumerate(self.busy)]
            self.calls += len(talks)
            spent += self.traffic.talk(talks)
        found = Leg.objects.filter(phase="open").count()
        assert found == self.opened, f"{found} legs are open instead of {self.opened}"
        return spent

    def tell_again(self) -> None:
        """Append events of the open calls, for the events' worker."""
        self.reported += 1
        reported = range(min(self.opened, TOLD_AGAIN))
        now, slug = datetime.now(UTC), self.traffic.source.slug
        self.traffic.append(
            [
                event(
                    slug,
                    "call.CallInformation",
                    f"again{self.reported}-{n}",
                    now,
                    {"callId": f"c{n}", "queryData": {"again": str(self.reported)}},
                )
                for n in reported
            ]
        )

    def has_waiting_events(self) -> bool:
        """Say whether the journal holds events that nobody has folded."""
        source = self.traffic.source
        return Checkpoint.objects.get(source=source).last_id != journal_state(source.slug).last_id


def open_legs(load: Load) -> list[Result]:
    """Measure with few legs open, then with many."""
    few, rounds = (QUICK_FEW, QUICK_ROUNDS) if load.is_quick else (FEW, ROUNDS)
    many = load.legs or (QUICK_OPEN if load.is_quick else OPEN)
    bench = OpenLegsBench(many)
    before = _measured(bench, few, rounds)
    return [_beside(_measured(bench, many, rounds), before), before]


def _measured(bench: OpenLegsBench, legs: int, rounds: int) -> Result:
    opening = bench.open(legs)
    bench.traffic.begin_anew()
    bench.churn(1)  # A consumer that has just begun reads everything first.
    spent = bench.churn(rounds)
    with _programs() as roots:
        mib = _memory(bench, roots)
    bench.traffic.begin_anew()
    sizes = sorted(mib.items(), key=lambda one: -one[1])
    notes = [
        f"{spent.cpu_rate:,.0f} events a CPU second of the consumer; legs opened at {opening.rate:,.0f} events/s",
        f"PSS of all processes {sum(mib.values()):,.0f} MiB (aim {AIM_MIB})",
        f"of them the journal of the whole run, {bench.traffic.appended:,} events: {_journal_mib(bench):,.0f} MiB",
        "MiB: " + ", ".join(f"{name} {size:,.0f}" for name, size in sizes),
    ]
    return Result(
        bench="open", what=f"{legs:,} legs open", rate=spent.rate, unit="events/s", cpu_seconds=spent.cpu, notes=notes
    )


@contextmanager
def _programs() -> Iterator[dict[str, int]]:
    """Run the programs of the Procfile meanwhile; yields the process of each, with those of the store."""
    web, logs = free_port(), Path(settings.VAR_DIR) / "bench-logs"
    logs.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor()
    try:
        environment = dict(os.environ) | {"BIND": f"127.0.0.1:{web}"}
        process_set.start_work(supervisor, procfile.programs(environment, logs))
        wait_until(lambda: is_listening(web), "the web server", START_SECONDS)
        yield {name: supervisor.pid(name) for name in supervisor.names} | children(*STORE)
        dead = [name for name in supervisor.names if not supervisor.is_alive(name)]
        assert not dead, f"died: {dead}"
    finally:
        supervisor.stop_all()


def _memory(bench: OpenLegsBench, roots: dict[str, int]) -> dict[str, float]:
    """Return the MiB of each program once the events' worker has folded, twice, what is reported of open calls."""
    for _ in range(2):
        bench.tell_again()
        wait_until(lambda: not bench.has_waiting_events(), "the events' worker", START_SECONDS)
    return {name: one.bytes / MIB for name, one in taken(roots).items()}


def _journal_mib(bench: OpenLegsBench) -> float:
    key = f"journal:{{{bench.traffic.source.slug}}}"
    return float(redis.Redis.from_url(settings.JOURNAL_URL).memory_usage(key, samples=1000) or 0) / MIB


def _beside(many: Result, few: Result) -> Result:
    return msgspec.structs.replace(many, against=few.what, ratio=many.rate / few.rate)
