"""The whole gateway beside a PBX without calls, which is then replaced by one with a few."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import msgspec
from django.db import connections

from calls.models import Checkpoint, Gap
from cti.api import journal_state
from devtools.bench.meter import Taken
from devtools.bench.result import Result, Usage
from devtools.bench.stack import PBX, QMS, BenchStack, TrafficPlan
from devtools.bench.watch import MIB, RunWatch
from devtools.faults.environment import FaultEnvironment
from devtools.servers import wait_until
from gateway_site.config.bind import parse_bind
from launcher.supervisor import stopped_by_signals
from launcher.web_answer import web_answers
from simulators.pbx.plan import Plan, enough_agents

#: So few that none comes.
NO_CALLS, WITHOUT_END = 1e-6, 3600.0
FOLD_SECONDS = 30.0
SIMULATORS = {PBX, QMS}


@dataclass
class QuietStack:
    """A gateway that is running; ``ready_seconds``: from its programs' start until its first event was folded."""

    stack: BenchStack
    plan: TrafficPlan
    ready_seconds: float

    @classmethod
    @contextmanager
    def running(cls, place: FaultEnvironment, rate: float) -> "Iterator[QuietStack]":
        """Start everything; stop it at the end."""
        plan, bind = _plan(rate), parse_bind(os.environ["BIND"])
        stack = BenchStack(place, replace(plan, calls_per_second=NO_CALLS))
        try:
            with stopped_by_signals():
                stack.start(lambda: web_answers(bind) and _is_folded())
                yield cls(stack, plan, time.monotonic() - stack.work_began)
        finally:
            connections.close_all()
            stack.stop()

    def idle(self, seconds: float) -> Result:
        """Measure without calls."""
        before, began = self.stack.taken(), time.monotonic()
        time.sleep(seconds)
        after, span = self.stack.taken(), time.monotonic() - began
        gateway = [kind for kind in sorted(after) if kind not in SIMULATORS]
        spent = {kind: _difference(after[kind], before[kind]) for kind in gateway}
        whole = sum(spent.values(), Taken())
        return Result(
            bench="quiet",
            what="no calls",
            rate=whole.cpu / span * 100,
            unit="% of a core",
            cpu_seconds=whole.cpu,
            usage=[_usage(kind, spent[kind].cpu / span, before[kind], after[kind]) for kind in gateway],
            notes=[
                f"PSS of all processes {sum(after[kind].bytes for kind in gateway) / MIB:,.0f} MiB",
                f"ready {self.ready_seconds:.1f} s after the programs were started",
                f"waited and woken {whole.wakeups / span:,.1f} times a second: "
                + ", ".join(f"{kind} {one.wakeups / span:.1f}" for kind, one in spent.items()),
            ],
            is_broken=bool(self.stack.supervisor.restarts),
        )

    def busy(self, seconds: float) -> Result:
        """Measure with a few calls."""
        self.stack.change_day(replace(self.plan, seconds=seconds))
        wait_until(_is_folded, "the first call's events", FOLD_SECONDS)
        Gap.objects.all().delete()  # The link was away while the PBX was exchanged.
        watch = RunWatch("quiet", self.stack.place, self.plan.calls_per_second, seconds)
        found = watch.watched(self.stack)
        own = sum(one.cpu_per_1000_calls for one in found.usage if one.kind not in SIMULATORS)
        note = f"{own:.1f} ms of CPU a call in all processes of the gateway, PostgreSQL and Redis included"
        return msgspec.structs.replace(found, notes=[note, *found.notes])


def _plan(rate: float) -> TrafficPlan:
    plan = Plan()
    agents = enough_agents(rate, plan.ring_seconds, plan.talk_seconds, plan.wrapup_seconds)
    return TrafficPlan(agents, rate, WITHOUT_END, plan.ring_seconds, plan.talk_seconds, plan.wrapup_seconds)


def _is_folded() -> bool:
    """Say whether the listener has appended what it says at its start, and all of it is folded."""
    checkpoint = Checkpoint.objects.select_related("source").first()
    return checkpoint is not None and checkpoint.last_id == journal_state(checkpoint.source.slug).last_id != "0-0"


def _difference(after: Taken, before: Taken) -> Taken:
    return Taken(after.cpu - before.cpu, after.bytes, after.files, after.wakeups - before.wakeups)


def _usage(kind: str, cores: float, before: Taken, after: Taken) -> Usage:
    sizes = (before.bytes / MIB, after.bytes / MIB)
    return Usage(
        kind=kind,
        cpu_per_1000_calls=0.0,
        cores=cores,
        first_mib=sizes[0],
        last_mib=sizes[1],
        peak_mib=max(sizes),
    )
