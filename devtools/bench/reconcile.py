"""How long the comparison with QMS takes over a month of a million recordings, and whether it finds what is planted.

Another process lists over SOAP, as a Recording Service does, and makes the recordings as they are asked for. Among the
calls, one of 250 has a difference, of each kind in turn; the run must find exactly those, each under its cause.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from devtools.bench.filling import FLAGS, analyse
from devtools.bench.meter import forget_peak, own, peak_bytes
from devtools.bench.options import Load
from devtools.bench.planted import BEGIN, KINDS, PlantedSite
from devtools.bench.result import Result
from devtools.bench.soap import connection_to, served
from gateway_site.reconciliation.models import ReconciliationFinding, ReconciliationRun
from gateway_site.reconciliation.runs import ask, to_the_end
from qms.port import RecordingServicePort
from qms.soap.service import SoapRecordingService

CALLS, QUICK_CALLS = 1_000_000, 9_000
#: Extensions that have a call at a time: a million calls are 28 days.
EXTENSIONS, QUICK_EXTENSIONS = 17, 4
EVERY, QUICK_EVERY = 250, 100
#: What a million recordings may take, in seconds.
AIM_SECONDS = 600
#: By how much the process may grow, in bytes: as much for a day as for a month.
MAXIMUM_GROWTH = 100 * 2**20
#: Timeout of a question, in seconds: what a busy machine does to this bench is no failure of the service.
TIMEOUT_SECONDS = 60.0
#: Maximum number of wrong findings that are named.
MAXIMUM_NAMED = 20
MIB = 2**20


def reconcile(load: Load) -> list[Result]:
    """Plant, compare, and judge what was found."""
    quick, began = load.is_quick, time.monotonic()
    calls = load.legs or (QUICK_CALLS if quick else CALLS)
    spread = (QUICK_EXTENSIONS, QUICK_EVERY) if quick else (EXTENSIONS, EVERY)
    site = PlantedSite(calls, *spread, flag_names=FLAGS)
    analyse()
    filled = time.monotonic() - began
    forget_peak()
    before, resident, began = own(), peak_bytes(), time.monotonic()
    with _listing(site) as port:
        run = _run(site, port)
    took, after, growth = time.monotonic() - began, own(), peak_bytes() - resident
    problems = _problems(site, run) + _excess(growth)
    rate = run.recordings / took
    return [
        Result(
            bench="reconcile",
            what=f"{run.recordings:,} recordings, {run.legs:,} legs, {run.findings:,} findings",
            rate=rate,
            unit="recordings/s",
            cpu_seconds=after.cpu - before.cpu,
            notes=[
                f"filling: {filled:,.0f} s",
                f"comparison: {took:,.0f} s; a million at this rate: {1_000_000 / rate:,.0f} s (aim {AIM_SECONDS})",
                f"memory: {resident / MIB:,.0f} MiB before, at its peak {growth / MIB:,.0f} more",
                *(problems or [f"exactly the {len(site.planted):,} planted differences of {len(KINDS)} kinds"]),
            ],
            is_broken=bool(problems),
        )
    ]


@contextmanager
def _listing(site: PlantedSite) -> Iterator[RecordingServicePort]:
    calls = site.calls
    words = [str(one) for one in (calls.calls, calls.extensions, calls.every, *calls.flag_names)]
    with served(*words, module="list_server") as url:
        yield SoapRecordingService(connection_to(url, TIMEOUT_SECONDS))


def _run(site: PlantedSite, port: RecordingServicePort) -> ReconciliationRun:
    now = site.end + timedelta(hours=48)

    def clock() -> datetime:
        return now

    run = ask(site.service, BEGIN, site.end, "bench", now)
    for _ in to_the_end(run, clock, lambda _: port, lambda _: None):
        pass
    return run


def _problems(site: PlantedSite, run: ReconciliationRun) -> list[str]:
    """Return where the findings, one by one, are not those that were planted."""
    standing = ReconciliationFinding.objects.filter(withdrawn_at=None).order_by()
    found = {(kind, key): cause for kind, key, cause in standing.values_list("kind", "key", "cause")}
    differing = [one for one in sorted(found.keys() | site.planted.keys()) if found.get(one) != site.planted.get(one)]
    wrong = [
        f"{kind} {key}: found {found.get((kind, key), 'nothing')}, planted {site.planted.get((kind, key), 'nothing')}"
        for kind, key in differing[:MAXIMUM_NAMED]
    ]
    beyond = [f"{len(differing):,} findings are wrong"] if differing else []
    return [*beyond, *wrong, *([f"the run stopped: {run.error}"] if run.error else [])]


def _excess(growth: int) -> list[str]:
    if growth <= MAXIMUM_GROWTH:
        return []
    return [f"the memory grew by {growth / MIB:,.0f} MiB, more than {MAXIMUM_GROWTH / MIB:,.0f}"]
