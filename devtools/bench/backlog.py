"""A million flag writes that wait for a Recording Service which is away: what they cost meanwhile, and how they go out.

In one run: the consumer's rate with the same calls before and beside the backlog; the pages and statements that tell of
it; and, when the service is back (a trivial SOAP server in another process), the delivery by the worker's own function
for half a minute. The server writes down what it was asked to write: each recording once, the oldest first.
"""

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import msgspec
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.db.models import Max
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from calls.pipeline.consumer import Consumer
from cti.journal.writer import JournalWriter
from cti.models import CtiSource
from devtools.bench.backlog_filling import fill_backlog, queued
from devtools.bench.consume import AFTER, BEFORE, EXTENSIONS, answer_searches, drain, events_of, logons, site, timed
from devtools.bench.meter import taken
from devtools.bench.options import Load
from devtools.bench.result import Latency, Result, latency
from devtools.bench.soap import served
from flags.delivery import worker
from flags.models import UNSETTLED, FlagWrite, state_is_one_of
from flags.outbox import claims
from flags.outbox.claims import Claimed
from gateway_site.ops import worker_heartbeat
from qms.models import RecordingService, ServiceHealth

WRITES, QUICK_WRITES = 1_000_000, 5_000
CALLS, QUICK_CALLS, WARM_CALLS = 4_000, 200, 2_000
ROUNDS, QUICK_ROUNDS = 20, 2
DRAIN_SECONDS, QUICK_SECONDS = 30.0, 3.0
#: The base flags of a leg wait a second for late events.
SETTLE_SECONDS = 1.1
#: The consumer beside the backlog should be at least so fast as before it.
AIM_RATIO = 0.9
MIB = 2**20


class Intake:
    """The source's calls through its consumer, round after round."""

    def __init__(self, source: CtiSource) -> None:
        self.source, self.calls = source, 0
        self.writer = JournalWriter(source.slug, 1)
        self.consumer = Consumer(source, lambda: datetime.now(UTC))
        self.writer.append(list(logons(source.slug)))
        drain(self.consumer)

    def take(self, calls: int) -> "BacklogCost":
        """Fold this many new calls, one at a time at an extension; their flags are queued behind the backlog."""
        spent = BacklogCost()
        for _ in range(0, calls, EXTENSIONS):
            spent += self._take(min(calls, EXTENSIONS))
        return spent

    def _take(self, calls: int) -> "BacklogCost":
        first, self.calls = self.calls, self.calls + calls
        spent, queued_before = BacklogCost(), _queued()
        for part in (slice(0, BEFORE), slice(BEFORE, BEFORE + AFTER)):
            spent += BacklogCost(*timed(self.consumer, self.writer, events_of(self.source.slug, calls, part, first)))
            answer_searches()
        time.sleep(SETTLE_SECONDS)
        began, cpu = time.perf_counter(), time.process_time()
        drain(self.consumer)
        spent += BacklogCost(0, time.perf_counter() - began, time.process_time() - cpu)
        assert _queued() == queued_before + calls, f"{_queued() - queued_before} of {calls} calls have flags to write"
        return spent


def _queued() -> int:
    """Return the key of the newest write: they are given one by one."""
    return FlagWrite.objects.aggregate(newest=Max("id"))["newest"] or 0


class BacklogCost(msgspec.Struct, frozen=True):
    """Events, and the seconds of the clock and of the CPU that they took."""

    events: int = 0
    seconds: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: "BacklogCost") -> "BacklogCost":
        return BacklogCost(self.events + other.events, self.seconds + other.seconds, self.cpu + other.cpu)

    @property
    def rate(self) -> float:
        """Return the events in a second."""
        return self.events / self.seconds


class Drained(msgspec.Struct, kw_only=True):
    """What a bounded time of delivery did: how old each claim's writes were, in their order, and what it took."""

    spans: list[tuple[datetime, datetime]] = []
    claim_seconds: list[float] = []
    seconds: float = 0.0
    cpu: float = 0.0
    grown: int = 0


def backlog(load: Load) -> list[Result]:
    """Measure the consumer, the pages and the statements without and with the backlog, then the delivery."""
    source = site()
    service = RecordingService.objects.get()
    writes = load.legs or (QUICK_WRITES if load.is_quick else WRITES)
    calls = QUICK_CALLS if load.is_quick else CALLS
    _away(service)
    visitor, intake = _visitor(), Intake(source)
    pages_before = _pages(visitor, "without", load)
    _warm(intake, load)
    before = intake.take(calls)
    began = time.perf_counter()
    fill_backlog(source, service, writes)
    filled = f"filled in {time.perf_counter() - began:,.0f} s"
    _warm(intake, load)
    beside = intake.take(calls)
    pages = [*pages_before, *_pages(visitor, "with", load), *_statements(service, load)]
    return [*_of_intake(before, beside, writes), _of_pages(pages, writes, filled), _returned(source, service, load)]


def _warm(intake: Intake, load: Load) -> None:
    """Let a new consumer load what it loads once, before it is measured."""
    intake.consumer = Consumer(intake.source, intake.consumer.now)
    if not load.is_quick:
        intake.take(WARM_CALLS)


def _away(service: RecordingService) -> None:
    later = timezone.now() + timedelta(hours=1)
    ServiceHealth.objects.create(service=service, failures=5, openings=5, open_until=later, failed_at=timezone.now())


def _of_intake(before: BacklogCost, beside: BacklogCost, writes: int) -> list[Result]:
    ratio = beside.rate / before.rate
    cpu_before, cpu_beside = (one.cpu / one.events * 1000 for one in (before, beside))
    notes = [
        f"CPU s per 1,000 events: {cpu_before:.3f} before, {cpu_beside:.3f} beside",
        f"aim {AIM_RATIO}: {'met' if ratio >= AIM_RATIO else 'missed'}",
    ]
    what = f"intake beside {writes:,} writes"
    return [
        Result(
            bench="backlog",
            what=what,
            rate=beside.rate,
            unit="events/s",
            cpu_seconds=beside.cpu,
            against="without them",
            ratio=ratio,
            notes=notes,
        ),
        Result(bench="backlog", what="intake without them", rate=before.rate, unit="events/s", cpu_seconds=before.cpu),
    ]


def _visitor() -> Client:
    for queue in worker_heartbeat.QUEUES:
        cache.set(f"pulse:{queue}", timezone.now().isoformat(), timeout=3600)
    visitor = Client(SERVER_NAME="localhost")
    visitor.force_login(User.objects.create_superuser("bench", password="bench"))  # noqa: S106  (its own database)
    return visitor


def _pages(visitor: Client, how: str, load: Load) -> list[Latency]:
    """Ask for the pages that tell of flag writes."""
    writes = reverse("admin:flags_flagwrite_changelist")
    pages = {
        "dashboard": reverse("admin:index"),
        "dashboard: fragment": reverse("dashboard-fragment"),
        "flag writes": writes,
        "flag writes: on their way": f"{writes}?state=waiting",
        "flag writes: waiting to be sent": f"{writes}?state=queued",
        "flag writes: refused for a reason": f"{writes}?reason=UnknownFlag",
        "legs: newest": reverse("admin:calls_leg_changelist"),
        "legs: waiting": f"{reverse('admin:calls_leg_changelist')}?outcome__exact=waiting",
        "Recording Services": reverse("admin:qms_recordingservice_changelist"),
        "ready": reverse("ready"),
        "metrics": reverse("metrics"),
    }
    return [
        latency(f"{name}, {how}", _times(partial(visitor.get, address), load, name)) for name, address in pages.items()
    ]


def _times(act: Callable[[], object], load: Load, name: str) -> list[float]:
    seconds = []
    for _ in range(QUICK_ROUNDS if load.is_quick else ROUNDS):
        began = time.perf_counter()
        answer = act()
        seconds.append(time.perf_counter() - began)
        if isinstance(answer, HttpResponseBase):
            assert answer.status_code in (200, 503), f"{name}: {answer.status_code}"
    return seconds


def _statements(service: RecordingService, load: Load) -> list[Latency]:
    """Do what the writes worker and beat do again and again while the service is away."""
    now, patience = timezone.now(), timedelta(days=7)
    acts: dict[str, Callable[[], object]] = {
        "when the next write is due": lambda: worker.next_due(service.pk),
        "a delivery while the breaker is open": lambda: worker.deliver(service.pk, now=timezone.now),
        "giving up what is overdue (nothing)": lambda: claims.give_up_overdue(service.pk, now - patience, now),
    }
    return [latency(name, _times(act, load, name)) for name, act in acts.items()]


def _of_pages(latencies: Sequence[Latency], writes: int, filled: str) -> Result:
    count = sum(one.count for one in latencies)
    seconds = sum(one.p50 * one.count for one in latencies)
    what = f"pages and statements beside {writes:,} writes on {connection.vendor}"
    return Result(
        bench="backlog",
        what=what,
        rate=count / max(seconds, 1e-9),
        unit="requests/s",
        cpu_seconds=0,
        latencies=list(latencies),
        notes=[filled],
    )


def _returned(source: CtiSource, service: RecordingService, load: Load) -> Result:
    """Let the service come back, deliver for a while, and compare what it was asked with what was queued."""
    order = [guid for _, guid in queued(source)]
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder) / "written"
        with served(str(ledger)) as url:
            RecordingService.objects.filter(pk=service.pk).update(url=url)
            ServiceHealth.objects.filter(pk=service.pk).update(open_until=timezone.now())
            drained = _drain_for(service, load.seconds or (QUICK_SECONDS if load.is_quick else DRAIN_SECONDS))
        written = ledger.read_text(encoding="ascii").split() if ledger.exists() else []
    folded = _fold_all(source)
    wrong = _wrongs(order, written, drained)
    notes = [
        f"written {len(written):,}; the worker's memory grew by {drained.grown / MIB:.1f} MiB",
        f"taken into their legs afterwards: {folded:,.0f} a second",
        *(wrong or ["nothing twice, nothing lost, the oldest first"]),
    ]
    return Result(
        bench="backlog",
        what=f"delivery of {len(order):,} writes",
        rate=len(written) / drained.seconds,
        unit="writes/s",
        cpu_seconds=drained.cpu,
        latencies=[latency("claim_due", drained.claim_seconds)],
        notes=notes,
        is_broken=bool(wrong),
    )


def _drain_for(service: RecordingService, seconds: float) -> Drained:
    """Deliver as the worker does, a slice after the other."""
    found, claim_due = Drained(), claims.claim_due

    def watched(*args: object, **asked: object) -> list[Claimed]:
        at = time.perf_counter()
        claimed = claim_due(*args, **asked)  # type: ignore[arg-type]
        found.claim_seconds.append(time.perf_counter() - at)
        if created := [one.pending.created_at for one in claimed]:
            found.spans.append((min(created), max(created)))
        return claimed

    began, cpu, memory = time.perf_counter(), time.process_time(), _memory()
    with patch.object(worker, "claim_due", watched):
        while time.perf_counter() - began < seconds and worker.deliver(service.pk, now=timezone.now).more:
            pass
    found.seconds, found.cpu = time.perf_counter() - began, time.process_time() - cpu
    found.grown = _memory() - memory
    return found


def _memory() -> int:
    return taken({"worker": os.getpid()})["worker"].bytes


def _fold_all(source: CtiSource) -> float:
    """Let a consumer take in what was written; return how many a second."""
    waiting = FlagWrite.objects.filter(source_id=source.pk, state="written", folded=False)
    count, began = waiting.count(), time.perf_counter()
    drain(Consumer(source, lambda: datetime.now(UTC)))
    assert not waiting.exists(), "a consumer left what was written"
    return count / (time.perf_counter() - began)


def _wrongs(order: Sequence[str], written: Sequence[str], drained: Drained) -> list[str]:
    """Say what the delivery did wrong."""
    known = frozenset(order)
    written_twice = sum(1 for count in Counter(written).values() if count > 1)
    strange = sum(1 for guid in written if guid not in known)
    waiting = FlagWrite.objects.filter(state_is_one_of(UNSETTLED)).count()
    reported = FlagWrite.objects.filter(state="written", attempts=1).count()
    found = {
        f"{written_twice:,} recordings were written twice": written_twice,
        f"{strange:,} recordings were written that nobody asked for": strange,
        "a claim took newer writes before older ones": not _is_oldest_first(drained.spans),
        f"{len(order) - waiting - reported:,} writes are lost": waiting + reported != len(order),
        f"{reported:,} count as written, {len(written):,} were": reported != len(written),
        "nothing was written": not written,
    }
    return [says for says, is_so in found.items() if is_so]


def _is_oldest_first(spans: Iterable[tuple[datetime, datetime]]) -> bool:
    """Say whether each claim took what was created after all that the claims before it took."""
    return all(newest <= oldest for (_, newest), (oldest, _) in pairwise(spans))
