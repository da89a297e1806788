"""How long the comparison with QMS takes over a month of a million recordings, and whether it finds what is planted.

The service lists from this process's memory: neither its network nor its disk is measured. Among the calls, one of 250
has a difference, of each kind in turn; the run must find exactly those, each under its cause.
"""

import resource
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from devtools.bench.meter import own
from devtools.bench.options import Load
from devtools.bench.planted import BEGIN, KINDS, PlantedSite
from devtools.bench.result import Result
from gateway_site.reconciliation.models import ReconciliationFinding, ReconciliationRun
from gateway_site.reconciliation.runs import ask, steps

CALLS, QUICK_CALLS = 1_000_000, 9_000
#: Extensions that have a call at a time: a million calls are 28 days.
EXTENSIONS, QUICK_EXTENSIONS = 17, 4
EVERY, QUICK_EVERY = 250, 100
#: What a million recordings may take, in seconds.
AIM_SECONDS = 600
MIB = 2**20


def reconcile(load: Load) -> list[Result]:
    """Plant, compare, and judge what was found."""
    quick = load.is_quick
    calls = load.legs or (QUICK_CALLS if quick else CALLS)
    site = PlantedSite(calls, QUICK_EXTENSIONS if quick else EXTENSIONS, QUICK_EVERY if quick else EVERY)
    before, began = own(), time.monotonic()
    run = _run(site)
    took, after = time.monotonic() - began, own()
    problems = _problems(site, run)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    rate = run.recordings / took
    return [
        Result(
            bench="reconcile",
            what=f"{run.recordings:,} recordings, {run.legs:,} legs, {run.findings:,} findings",
            rate=rate,
            unit="recordings/s",
            cpu_seconds=after.cpu - before.cpu,
            notes=[
                f"{took:,.0f} s; a million at this rate: {1_000_000 / rate:,.0f} s (aim {AIM_SECONDS})",
                f"memory {before.bytes / MIB:,.0f} MiB before, with the planted list; at its peak {peak / MIB:,.0f}",
                *(problems or [f"exactly the {site.expected.total():,} planted differences of {len(KINDS)} kinds"]),
            ],
            is_broken=bool(problems),
        )
    ]


def _run(site: PlantedSite) -> ReconciliationRun:
    now = site.end + timedelta(hours=48)

    def clock() -> datetime:
        return now

    run = ask(site.service, BEGIN, site.end, "bench", now)
    port = site.qms()
    for _ in steps(run, clock, lambda _: port):
        pass
    return run


def _problems(site: PlantedSite, run: ReconciliationRun) -> Sequence[str]:
    standing = ReconciliationFinding.objects.filter(withdrawn_at=None)
    found = Counter(standing.order_by().values_list("kind", "cause"))
    wrong = [
        f"{kind}, {cause}: found {found[kind, cause]:,}, planted {site.expected[kind, cause]:,}"
        for kind, cause in sorted(found.keys() | site.expected.keys())
        if found[kind, cause] != site.expected[kind, cause]
    ]
    return wrong + ([f"the run stopped: {run.error}"] if run.error else [])
