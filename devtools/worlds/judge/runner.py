"""Many worlds: play them, judge them, count, and keep the seeds that failed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random

from msgspec import Struct

from .emit import FAULTS
from .generate import KINDS, MORE_KINDS, generate
from .judge import Finding, Verdict, judge
from .player import LatePlayer, Player, SelectivePlayer, comparable
from .shrink import shrunk, transcript_of
from .world import World, acted_on, scenario_of

ALL = (*KINDS, *MORE_KINDS, *FAULTS)


class Failure(Struct):
    """Hold a failing seed: what was found, and with which batches where these made the difference."""

    seed: int
    findings: list[Finding]
    partition: tuple[int, ...] | None = None


class Report(Struct):
    """Hold the counts of a run.

    `wrong`, `double`, `unexplained`, `partition_differences` and `missing` must be 0. `cost_of_caution` is the share of
    recordings left without any flag among those whose flags a person could have known.
    """

    first_seed: int = 0
    worlds: int = 0
    seconds: float = 0.0
    recordings: int = 0
    flagged: int = 0
    wrong: int = 0
    double: int = 0
    missing: int = 0
    unexplained: int = 0
    unsettled: int = 0
    untrue: int = 0
    partition_differences: int = 0
    knowable: int = 0
    left: int = 0
    flags_knowable: int = 0
    flags_left: int = 0
    failures: list[Failure] = []
    kinds: dict[str, int] = {}

    @property
    def cost_of_caution(self) -> float:
        """Return the share of recordings left without flags although a person could have known them."""
        return self.left / self.knowable if self.knowable else 0.0

    @property
    def failed(self) -> bool:
        """Say whether anything was found."""
        return bool(self.failures)


def partitions(count: int, rng: Random) -> list[tuple[int, ...]]:
    """Return some ways of cutting a stream into batches: one by one, as one, and at random places."""
    if count < 2:
        return [(count,)] if count else []
    cuts = sorted(rng.sample(range(1, count), rng.randint(1, min(6, count - 1))))
    parts = tuple(b - a for a, b in zip([0, *cuts], [*cuts, count], strict=True))
    return [(1,) * count, (count,), parts]


def world_for(player: Player, seed: int, kinds: Iterable[str]) -> World:
    """Make the world of a seed, as the player can play it."""
    return player.world_of(seed, kinds) if isinstance(player, SelectivePlayer) else generate(seed, kinds)


def look(player: Player, world: World, cuts: Sequence[Sequence[int]]) -> tuple[Verdict, tuple[int, ...] | None]:
    """Play and judge a world; return the first batches that came out otherwise, too."""
    scenario = scenario_of(world)
    observed = player.play(scenario, None)
    reported = frozenset(str(x.data.get("interactionId", "")) for x in scenario.events)
    known = acted_on(world, player.acted_on()) if isinstance(player, LatePlayer) else world
    verdict, same = judge(known, observed), comparable(observed, reported)
    for cut in cuts:
        if comparable(player.play(scenario, cut), reported) != same:
            return verdict, tuple(cut)
    return verdict, None


def run(player: Player, seed: int = 0, count: int = 1000, seconds: float = 0.0, kinds: Iterable[str] = ALL,
        cut: bool = True, excused: Iterable[str] = ()) -> Report:  # fmt: skip
    """Play the worlds of the seeds from `seed` on, `count` of them or until `seconds` are over (0: no limit).

    `kinds` holds names of `KINDS` and `FAULTS`. `cut`: each world is also played under several partitions. `excused`:
    kinds of findings that count for nothing, for a player that is held up or dies.
    """
    began, report, chosen = time.monotonic(), Report(first_seed=seed), tuple(kinds)
    tally: Counter[str] = Counter()
    for number in range(seed, seed + count):
        if seconds and time.monotonic() - began > seconds:
            break
        world = world_for(player, number, chosen)
        tally.update(world.kinds)
        reported = sum(1 for x in world.said if not x.lost)
        verdict, other = look(player, world, partitions(reported, Random(number)) if cut else ())
        verdict.findings = [x for x in verdict.findings if x.kind not in excused]
        _count(report, number, verdict, other)
    report.seconds, report.kinds = time.monotonic() - began, dict(tally)
    return report


SUMS = ("worlds", "recordings", "flagged", "wrong", "double", "missing", "unexplained", "unsettled", "untrue",
        "partition_differences", "knowable", "left", "flags_knowable", "flags_left")  # fmt: skip


def joined(reports: Iterable[Report]) -> Report:
    """Return the reports of parts of a run as one, in the order of their seeds; its time is to be set by the caller."""
    parts = sorted(reports, key=lambda x: x.first_seed)
    whole = Report(first_seed=parts[0].first_seed if parts else 0)
    for part in parts:
        for name in SUMS:
            setattr(whole, name, getattr(whole, name) + getattr(part, name))
        whole.failures += part.failures
        whole.kinds = dict(Counter(whole.kinds) + Counter(part.kinds))
    return whole


COUNTED = ("recordings", "flagged", "knowable", "left", "flags_knowable", "flags_left")


def _count(report: Report, seed: int, verdict: Verdict, other: tuple[int, ...] | None) -> None:
    report.worlds += 1
    for name in COUNTED:
        setattr(report, name, getattr(report, name) + getattr(verdict, name))
    for finding in verdict.findings:
        setattr(report, finding.kind, getattr(report, finding.kind) + 1)
    report.partition_differences += other is not None
    if verdict.findings or other is not None:
        report.failures.append(Failure(seed, verdict.findings, other))


def minimal(player: Player, failure: Failure, kinds: Iterable[str] = ALL) -> tuple[World, str]:
    """Shrink a failure to a small world that fails in the same way, and write it as a transcript."""
    wanted = {(x.kind, x.flag) for x in failure.findings}

    def fails(world: World) -> bool:
        if failure.partition is not None and not wanted:
            reported = sum(1 for x in world.said if not x.lost)
            return look(player, world, partitions(reported, Random(failure.seed)))[1] is not None
        return any((x.kind, x.flag) in wanted for x in look(player, world, ())[0].findings)

    small = shrunk(world_for(player, failure.seed, kinds), fails)
    return small, transcript_of(small, look(player, small, ())[0].findings)
