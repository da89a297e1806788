"""Many simulated worlds: judged for what no crash and no delay excuses, and replayed by their seed."""

from collections import Counter
from collections.abc import Sequence
from time import monotonic

from msgspec import Struct
from msgspec.structs import replace

from devtools.simulation.player import WholePlayer
from devtools.worlds.judge.generate import generate
from devtools.worlds.judge.judge import Finding, judge
from devtools.worlds.judge.world import World, acted_on, scenario_of

#: From Connected to QMS's answer, in seconds: hints, consumer and search worker lie between.
ANSWER_SECONDS = 0.3
#: What a crash or a lost hint excuses: a GUID is reported for seconds only.
EXCUSED = frozenset({"missing"})
#: Findings that are shown.
MAXIMUM_SHOWN = 20


class SimulationReport(Struct):
    """Count what was simulated, and keep what was found by the world's seed."""

    worlds: int = 0
    recordings: int = 0
    flagged: int = 0
    crashes: int = 0
    steps: int = 0
    simulated_seconds: float = 0.0
    missing: int = 0
    failures: list[tuple[int, Finding]] = []

    def sentences(self, seconds: float) -> str:
        """Return the report as lines for a person."""
        kinds = Counter(one.kind for _, one in self.failures)
        lines = [
            f"{self.worlds} worlds, {self.recordings} recordings, {self.flagged} flagged",
            f"{self.crashes} crashes in {self.steps} statements and requests",
            f"{self.simulated_seconds / 3600:.1f} hours of a contact centre in {seconds:.0f} s",
            f"missing flags, excused by crashes and lost hints: {self.missing}",
            ", ".join(f"{kind} {number}" for kind, number in kinds.items()) or "nothing was found",
        ]
        shown = [f"seed {seed}: {one.kind} {one.recording} {one.flag}: got {one.got!r}, right {one.right!r}"
                 for seed, one in self.failures[:MAXIMUM_SHOWN]]  # fmt: skip
        return "\n".join([*lines, *shown])


def simulate(seed: int, count: int, seconds: float, kinds: Sequence[str], *, with_crashes: bool) -> SimulationReport:
    """Simulate the worlds of `count` seeds, or until `seconds` are over (0: no limit)."""
    began, report, player = monotonic(), SimulationReport(), WholePlayer(with_crashes=with_crashes)
    for number in range(seed, seed + count):
        if seconds and monotonic() - began > seconds:
            break
        _judge(report, player, generate(number, kinds))
    report.crashes, report.steps = player.crashes, player.steps
    report.simulated_seconds = player.simulated_seconds
    return report


def _judge(report: SimulationReport, player: WholePlayer, world: World) -> None:
    observed = player.play(scenario_of(world), None)
    patient = replace(world, qms=replace(world.qms, answer_seconds=ANSWER_SECONDS))
    verdict = judge(acted_on(patient, player.acted_on()), observed)
    report.worlds += 1
    report.recordings += verdict.recordings
    report.flagged += verdict.flagged
    report.missing += sum(1 for one in verdict.findings if one.kind in EXCUSED)
    report.failures += [(world.seed, one) for one in verdict.findings if one.kind not in EXCUSED]
