"""A day of a contact centre with 2,000 agents, as fast as it goes: does its last call cost what its first one did?

The events of a whole day come through the journal in the order of their times, a few thousand at once, and the bench's
clock goes with them. The consumer is in this process and remembers from batch to batch, as the events' worker does.
"""

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis
from django.conf import settings
from django.db import connection

from calls.models import Checkpoint, Leg
from cti.api import trim_journal
from cti.events import AnyEvent
from devtools.bench.meter import children, own, taken
from devtools.bench.options import Load
from devtools.bench.result import Result
from devtools.bench.table_sizes import log_position, size_lines, table_sizes, vacuum_every
from devtools.bench.traffic import (
    BenchCall,
    FoldCost,
    Traffic,
    events_of,
    find_recordings,
    logons,
    make_source,
    write_flags,
)

AGENTS, PEAK = 2_000, 60_000
#: How much of the peak comes in each hour of the day.
HOURS = (
    0.02,
    0.02,
    0.02,
    0.02,
    0.02,
    0.03,
    0.08,
    0.30,
    0.70,
    1.00,
    1.00,
    0.95,
    0.75,
    0.80,
    0.90,
    0.90,
    0.80,
    0.55,
    0.35,
    0.25,
    0.15,
    0.08,
    0.04,
    0.02,
)
QUICK_SCALE = 0.002
#: Seconds that they talk: the shortest, and so much more. At the peak an agent has a call every two minutes.
TALK, LONGER = 45, 60
EVENTS_A_CALL, QUARTERS = 7, 4
#: Events that arrive at once; fewer of a small day, so that each quarter has some.
AT_ONCE, LEAST_TIMES = 5_000, 16
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
#: After the last event: flags are queued, written, and the wait for a wrap-up is over.
AFTERWARDS = (timedelta(seconds=5), timedelta(seconds=5), timedelta(minutes=5), timedelta(seconds=5))
MIB, MILLION = 2**20, 1_000_000
#: Interval at which PostgreSQL looks for dead rows, in seconds: a minute of the day, which passes so much faster.
VACUUM_SECONDS = 2


@dataclass(frozen=True)
class Slice:
    """What a quarter of the day's events cost: of the consumer, and of the database's CPU; the consumer's size then."""

    until: datetime
    spent: FoldCost
    database_cpu: float
    mib: float


class BenchDay:
    """One day at a scale: that part of the calls, to all agents."""

    def __init__(self, scale: float) -> None:
        self.hours = [round(PEAK * scale * part) for part in HOURS]
        self.calls = sum(self.hours)
        self.extensions = [str(20_000 + n) for n in range(AGENTS)]
        self.traffic = Traffic(make_source("bench", self.extensions, MIDNIGHT), MIDNIGHT)
        self.traffic.take(list(logons("bench", self.extensions, MIDNIGHT)))
        self.empty_bytes, self.journal_bytes = _database_bytes(), 0.0

    def go(self) -> list[Slice]:
        """Let the day pass."""
        slices: list[Slice] = []
        whole = self.calls * EVENTS_A_CALL
        spent, done, before = FoldCost(), 0, _database_cpu()
        for some in self._pieces(min(AT_ONCE, max(whole // LEAST_TIMES, 1))):
            spent += self._pass(some)
            done += len(some)
            if done >= whole * (len(slices) + 1) / QUARTERS:
                present = _database_cpu()
                slices.append(Slice(some[-1].at, spent, present - before, own().bytes / MIB))
                spent, before = FoldCost(), present
        for longer in AFTERWARDS:
            self.traffic.now += longer
            self._answer()
            self.traffic.take([])
        return slices

    def _pass(self, some: list[AnyEvent]) -> FoldCost:
        self.traffic.now = some[-1].at
        spent = self.traffic.take(some)
        self._answer()
        self._trim()
        return spent

    def _answer(self) -> None:
        """Answer what was asked meanwhile; that is folded with the next events."""
        find_recordings(self.traffic.source)
        write_flags(self.traffic.source, self.traffic.now)

    def _trim(self) -> None:
        """Forget what is folded in the journal, having seen how much an event takes there."""
        slug = self.traffic.source.slug
        key = f"journal:{{{slug}}}"
        if not self.journal_bytes:
            store = redis.Redis.from_url(settings.JOURNAL_URL)
            self.journal_bytes = float(store.memory_usage(key, samples=1000) or 0) / max(int(store.xlen(key)), 1)
        trim_journal(slug, Checkpoint.objects.get(source=self.traffic.source).last_id)

    def _pieces(self, size: int) -> Iterator[list[AnyEvent]]:
        piece: list[AnyEvent] = []
        for one in self._events():
            piece.append(one)
            if len(piece) == size:
                yield piece
                piece = []
        if piece:
            yield piece

    def _events(self) -> Iterator[AnyEvent]:
        """Yield the day's events by their times."""
        waiting: list[tuple[datetime, int, int, AnyEvent]] = []
        for talk in self._talks():
            while waiting and waiting[0][0] <= talk.came:
                yield heapq.heappop(waiting)[-1]
            for at, one in enumerate(events_of(self.traffic.source.slug, talk)):
                heapq.heappush(waiting, (one.at, talk.number, at, one))
        while waiting:
            yield heapq.heappop(waiting)[-1]

    def _talks(self) -> Iterator[BenchCall]:
        number = 0
        for hour, calls in enumerate(self.hours):
            for at in range(calls):
                came = MIDNIGHT + timedelta(hours=hour, seconds=3600 * at / calls)
                extension = self.extensions[number % len(self.extensions)]
                yield BenchCall(number, extension, came, timedelta(seconds=TALK + number * 37 % LONGER))
                number += 1


def day(load: Load) -> list[Result]:
    """Measure each quarter of the day's events, and what the day leaves behind."""
    vacuum_every(VACUUM_SECONDS)
    one = BenchDay(load.scale or (QUICK_SCALE if load.is_quick else 1.0))
    at_first, tables, log = own().bytes / MIB, {each.name: each for each in table_sizes()}, log_position()
    slices = one.go()
    log = log_position() - log
    grown = (_database_bytes() - one.empty_bytes) / MIB
    outcomes = Counter(Leg.objects.order_by().values_list("outcome", flat=True).iterator())
    legs = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
    notes = [
        f"{one.calls:,} calls to {len(one.extensions):,} agents; legs: {legs}",
        f"database: {grown:,.0f} MiB more than before, {grown / one.calls * MILLION:,.0f} MiB for a million calls",
        f"write-ahead log: {log / one.calls:,.0f} bytes a call",
        *size_lines(table_sizes(), tables, one.calls),
        f"journal in Redis: {one.journal_bytes:,.0f} bytes an event",
        f"consumer's process: {at_first:,.0f} MiB at first, {slices[-1].mib:,.0f} MiB at the end",
    ]
    is_broken = outcomes["flagged"] != one.calls or outcomes.total() != one.calls
    spent = sum((each.spent for each in slices), FoldCost())
    whole = Result(
        bench="day",
        what="the whole day",
        rate=spent.rate,
        unit="events/s",
        cpu_seconds=spent.cpu,
        notes=notes,
        is_broken=is_broken,
    )
    return [whole, *_quarters(slices)]


def _quarters(slices: list[Slice]) -> list[Result]:
    return [
        Result(
            bench="day",
            what=f"quarter {number} of the events, until {each.until:%H:%M}",
            rate=each.spent.rate,
            unit="events/s",
            cpu_seconds=each.spent.cpu,
            against="quarter 1",
            ratio=each.spent.rate / slices[0].spent.rate,
            notes=[_costs(each, slices[0])],
        )
        for number, each in enumerate(slices, start=1)
    ]


def _costs(one: Slice, first: Slice) -> str:
    """Say what a slice cost by CPU time, which others on the machine change less than the clock's."""
    own_ratio, ratio = one.spent.cpu_rate / first.spent.cpu_rate, _per_cpu(one) / _per_cpu(first)
    return (
        f"{one.spent.cpu_rate:,.0f} events a CPU second of the consumer ({own_ratio:.2f}), "
        f"{_per_cpu(one):,.0f} with the database's ({ratio:.2f}); {one.mib:,.0f} MiB"
    )


def _per_cpu(one: Slice) -> float:
    return one.spent.events / (one.spent.cpu + one.database_cpu)


def _database_cpu() -> float:
    """Return the CPU seconds of PostgreSQL so far; none of SQLite, which is a part of the consumer."""
    return sum(one.cpu for one in taken(children("postgres")).values())


def _database_bytes() -> int:
    if connection.vendor != "postgresql":
        return Path(settings.DATABASES["default"]["NAME"]).stat().st_size
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])
