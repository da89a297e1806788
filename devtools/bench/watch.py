"""A run of the whole gateway, watched: rates, latencies, CPU and memory of every kind of process, backlog, flags."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connections

from calls.models import Checkpoint, RecordingSearch, SearchState
from cti.api import journal_state
from devtools.bench.meter import Taken
from devtools.bench.result import Result, Usage, latency
from devtools.bench.stack import PBX, BenchStack, TrafficPlan
from devtools.bench.verdicts import RunFindings, judge
from devtools.faults import observations
from devtools.faults.environment import FaultEnvironment
from flags.models import UNSETTLED, FlagWrite
from launcher.supervisor import stopped_by_signals
from simulators.pbx.people import MAXIMUM_AGENTS
from simulators.pbx.plan import Plan, enough_agents

#: The first calls come to processes that have just begun; they are judged, not measured.
WARM_SECONDS = 15.0
LOOK_SECONDS, TICK_SECONDS = 5.0, 0.2
SETTLE_SECONDS = 180.0
MIB = 2**20


@dataclass(frozen=True)
class RunSample:
    """A moment of the run. ``behind``: events in the journal that are not folded; ``late``: what is overdue."""

    at: float
    taken: dict[str, Taken]
    behind: int
    searches: int
    writes: int


@dataclass
class RunWatch:
    """One run."""

    bench: str
    place: FaultEnvironment
    rate: float
    seconds: float
    settle_seconds: float = SETTLE_SECONDS
    looks: list[RunSample] = field(default_factory=list)

    def go(self) -> Result:
        """Start everything, watch it, let it come to rest, and tell what was found."""
        plan = Plan()
        needed = enough_agents(self.rate, plan.ring_seconds, plan.talk_seconds, plan.wrapup_seconds)
        day = TrafficPlan(
            min(needed, MAXIMUM_AGENTS),
            self.rate,
            self.seconds,
            plan.ring_seconds,
            plan.talk_seconds,
            plan.wrapup_seconds,
        )
        gateway = BenchStack(self.place, day)
        try:
            with stopped_by_signals():
                gateway.start()
                return self.watched(gateway)
        finally:
            connections.close_all()
            gateway.stop()

    def watched(self, gateway: BenchStack) -> Result:
        """Watch a gateway whose first call has just begun, and tell what was found."""
        self._watch(gateway)
        settled = self._settle(gateway)
        return self._result(gateway, judge(self.place, WARM_SECONDS, self.seconds), settled)

    def _watch(self, gateway: BenchStack) -> None:
        began, look_at = time.monotonic(), 0.0
        while not gateway.supervisor.has_ended(PBX):
            gateway.supervisor.watch()
            now = time.monotonic() - began
            if now >= look_at and now <= self.seconds:
                self.looks.append(self._look(gateway, now))
                look_at += LOOK_SECONDS
            time.sleep(TICK_SECONDS)

    def _look(self, gateway: BenchStack, now: float) -> RunSample:
        checkpoint = Checkpoint.objects.select_related("source").order_by("source_id").first()
        behind = journal_state(checkpoint.source.slug).length - checkpoint.events if checkpoint else 0
        moment = datetime.now().astimezone() - timedelta(seconds=1)
        searches = RecordingSearch.objects.filter(state=SearchState.OPEN, next_at__lte=moment).count()
        writes = FlagWrite.objects.filter(state__in=UNSETTLED, not_before__lte=moment).count()
        return RunSample(now, gateway.taken(), behind, searches, writes)

    def _settle(self, gateway: BenchStack) -> float | None:
        """Wait until the gateway has nothing to do any more; return how long that took, None where it was too long."""
        began = time.monotonic()
        while time.monotonic() - began < self.settle_seconds:
            gateway.supervisor.watch()
            if self._is_at_rest():
                return time.monotonic() - began
            time.sleep(1)
        return None

    def _is_at_rest(self) -> bool:
        return observations.unfinished() == 0 and not observations.has_waiting_events()

    def _result(self, gateway: BenchStack, found: RunFindings, settled: float | None) -> Result:
        first, last = self._steady()
        span = last.at - first.at
        cpu = sum(last.taken[kind].cpu - first.taken[kind].cpu for kind in last.taken)
        is_broken = not found.verdict.is_clean or settled is None or bool(gateway.supervisor.restarts)
        return Result(
            bench=self.bench,
            what=f"{self.rate:g} calls/s for {self.seconds:g} s",
            rate=found.calls_per_second,
            unit="calls/s",
            cpu_seconds=cpu,
            latencies=[latency(what, seconds) for what, seconds in found.latencies.items()],
            usage=[self._usage(kind, first, last, span) for kind in sorted(last.taken)],
            notes=self._notes(gateway, found, settled),
            is_broken=is_broken,
        )

    def _steady(self) -> tuple[RunSample, RunSample]:
        """Return the first and the last look at the steady load."""
        warm = [look for look in self.looks if look.at >= min(WARM_SECONDS, self.seconds / 2)]
        return warm[0], warm[-1]

    def _usage(self, kind: str, first: RunSample, last: RunSample, span: float) -> Usage:
        cpu = last.taken[kind].cpu - first.taken[kind].cpu
        return Usage(
            kind=kind,
            cpu_per_1000_calls=cpu / max(self.rate * span, 1) * 1000,
            cores=cpu / max(span, 1),
            first_mib=first.taken[kind].bytes / MIB,
            last_mib=last.taken[kind].bytes / MIB,
            peak_mib=max(look.taken[kind].bytes for look in self.looks if kind in look.taken) / MIB,
        )

    def _notes(self, gateway: BenchStack, found: RunFindings, settled: float | None) -> list[str]:
        verdict = found.verdict
        quarters = [self.looks[round((len(self.looks) - 1) * part / 4)] for part in range(1, 5)]
        backlog = "; ".join(f"{one.behind}, {one.searches}, {one.writes} at {one.at:.0f} s" for one in quarters)
        kinds = (verdict.written_twice, verdict.wrong, verdict.lost, verdict.unexplained)
        busy = self._steady()[1].at - self._steady()[0].at
        return [
            (
                f"{verdict.legs} legs, {verdict.flagged} flagged in QMS; lost {len(verdict.lost)}, twice "
                f"{len(verdict.written_twice)}, wrong {len(verdict.wrong)}, unexplained {len(verdict.unexplained)}"
            ),
            *(f"without flags: {count} {why}" for why, count in verdict.explained.most_common()),
            *(f"e.g. {one}" for kind in kinds for one in kind[:3]),
            f"events not folded, searches and writes more than 1 s overdue: {backlog}",
            f"steady load watched for {busy:.0f} s; processes that died: {gateway.supervisor.restarts}",
            "not settled" if settled is None else f"settled {settled:.0f} s after the last call",
            f"simulated PBX: {gateway.pbx_said()}",
        ]
