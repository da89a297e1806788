"""How fast ended flag writes become entries of the evidence, and how long a proof takes in a long day."""

import time
from datetime import timedelta

import clock
from devtools.bench.meter import own
from devtools.bench.options import Load
from devtools.bench.planted import PlantedSite
from devtools.bench.result import Result, latency
from evidence.api import AuditCount, chain_problems, export_of, present_key
from evidence.models import EvidenceEntry
from evidence.verification import problems
from flags.api import sent_values
from flags.models import FlagWrite
from gateway_site.sealing import collect

WRITES, QUICK_WRITES = 100_000, 3_000
EXTENSIONS, EVERY, PROOFS = 17, 1_000_000, 50


def evidence(load: Load) -> list[Result]:
    """Seal a day of many writes, verify all of it, and prove some recordings."""
    PlantedSite(load.legs or (QUICK_WRITES if load.is_quick else WRITES), EXTENSIONS, EVERY, ("AgentId",))
    FlagWrite.objects.update(settled_at=clock.now() - timedelta(days=2))
    before, began = own(), time.monotonic()
    now = clock.now()
    collect.seal(clock.now, now + timedelta(hours=1))
    took, after = time.monotonic() - began, own()
    collect.seal(lambda: now + timedelta(days=1), now + timedelta(days=2))
    count = EvidenceEntry.objects.count()
    audited, began = AuditCount(), time.monotonic()
    found = list(chain_problems(audited))
    audit_took = time.monotonic() - began
    proofs, wrong = _proofs(present_key(now).public)
    size = sum(len(body) for body in EvidenceEntry.objects.values_list("body", flat=True)[:1_000]) / min(count, 1_000)
    return [
        Result(
            bench="evidence",
            what=f"{count:,} entries",
            rate=count / took,
            unit="entries/s",
            cpu_seconds=after.cpu - before.cpu,
            latencies=[latency("export of a recording", proofs)],
            notes=[f"the whole chain verified in {audit_took:,.1f} s; {size:,.0f} bytes an entry", *found, *wrong],
            is_broken=bool(found or wrong or audited.entries != count),
        )
    ]


def _proofs(key: str) -> tuple[list[float], list[str]]:
    took, wrong = [], []
    for guid in EvidenceEntry.objects.order_by("-number").values_list("recording_guid", flat=True)[:PROOFS]:
        began = time.monotonic()
        export = export_of(guid, sent_values)
        took.append(time.monotonic() - began)
        wrong += problems(export, key)
    return took, wrong
