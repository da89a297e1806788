"""What a run found, for a person."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from devtools.faults.observations import Injected
from devtools.faults.options import FaultOptions
from devtools.faults.oracle import OracleVerdict
from devtools.faults.resource_growth import HeldResources
from devtools.faults.schedule import EVERY_SECONDS

#: Maximum number of entries shown of each list.
SHOWN = 15


def report(
    asked: FaultOptions,
    injected: Sequence[Injected],
    verdict: OracleVerdict,
    programs: Sequence[HeldResources],
    recoveries: Mapping[str, Sequence[float]],
) -> str:
    """Return the table, what the programs held, the four numbers and the seed."""
    kinds = Counter(one.kind for one in injected)
    lines = ["", *_table(f"{len(injected)} faults of {len(kinds)} kinds", sorted(kinds.items())), ""]
    lines += _table("legs", [("by the PBX's own list", verdict.legs), ("flagged in QMS", verdict.flagged)])
    lines += ["", *_table("explained misses", verdict.explained.most_common()), ""]
    lines += _recoveries(recoveries)
    lines += _holdings(programs)
    numbers = {
        "lost": verdict.lost,
        "written twice": verdict.written_twice,
        "wrong value": verdict.wrong,
        "unexplained": verdict.unexplained,
    }
    lines += _table("must be 0", [(name, len(found)) for name, found in numbers.items()])
    for name, found in numbers.items():
        lines += [f"  {name}: {one}" for one in found[:SHOWN]]
    how = "all four are 0" if verdict.is_clean else "NOT all are 0"
    return "\n".join([*lines, f"{how}; seed {asked.seed} (./gateway faults {_again(asked)})"])


def _recoveries(recoveries: Mapping[str, Sequence[float]]) -> list[str]:
    """Return how long each kind of fault was felt."""
    rows = [
        f"  {kind:<48} {median(seconds):>6.1f} (median) {max(seconds):>6.1f} (longest)"
        for kind, seconds in sorted(recoveries.items())
    ]
    return ["seconds until events flowed as before:", *rows, ""]


def _holdings(programs: Sequence[HeldResources]) -> list[str]:
    """Return what each program held after a minute and at the end; nothing of a shorter run."""
    if not programs:
        return []
    lines = [f"  {one.program:<30} {one}{'  GROWN' if one.has_grown else ''}" for one in programs]
    return ["held after a minute and at the end:", *lines, ""]


def _again(asked: FaultOptions) -> str:
    """Return the words that repeat the run."""
    words = [f"--minutes {asked.minutes:g}", f"--seed {asked.seed}", f"--calls-per-second {asked.calls_per_second:g}"]
    words += [f"--skew-seconds {asked.skew_seconds:g}"] if asked.skew_seconds else []
    words += [f"--listeners {asked.listeners}"] if asked.listeners > 1 else []
    words += [f"--every {asked.every_seconds:g}"] if asked.every_seconds != EVERY_SECONDS else []
    words += ["--replicas"] if asked.has_replicas else []
    words += [f"--hosts {asked.hosts}"] if asked.hosts > 1 else []
    words += [f"--upgrade-from {asked.upgrade_from}"] if asked.upgrade_from else []
    words += [f"--only '{asked.only}'"] if asked.only else []
    return " ".join([*words, *(["--sqlite"] if asked.on_sqlite else [])])


def _table(head: str, rows: Sequence[tuple[str, int]]) -> list[str]:
    return [f"{head}:", *(f"  {name:<60} {count:>6}" for name, count in rows)]
