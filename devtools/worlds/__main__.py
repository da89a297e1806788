"""``./gateway worlds``: play worlds that an independent judge makes, and say which flags came out wrong or missing."""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import django

from devtools.worlds.judge.emit import MORE_FAULTS
from devtools.worlds.judge.player import Player
from devtools.worlds.judge.runner import ALL, Report, joined, minimal, run
from devtools.worlds.players.core import CorePlayer, LateCorePlayer, StampedCorePlayer

SHOWN = (
    "worlds",
    "recordings",
    "flagged",
    "wrong",
    "double",
    "missing",
    "unexplained",
    "unsettled",
    "untrue",
    "partition_differences",
)
#: Worlds that a process plays at a time.
PART = 500
#: Failing seeds that the summary names.
MAXIMUM_SEEDS = 20
#: Failures that are shrunk and written to the folder of `--write`.
MAXIMUM_TRANSCRIPTS = 10


def main(words: list[str]) -> int:
    """Play worlds; status 1 when anything was found, with the first failure as a transcript."""
    asked = _parser().parse_args(words)
    if asked.http or asked.live:
        return _live(asked)
    player = _player(asked)
    report = played(asked)
    print(summary(report))
    if asked.write:
        write(player, report, asked.kinds, asked.write)
    elif report.failures:
        print("\n" + minimal(player, report.failures[0], asked.kinds)[1])
    return 1 if report.failed else 0


def _player(asked: argparse.Namespace) -> CorePlayer:
    if asked.csta or asked.ami:
        return _wire_player(asked)
    if asked.stamped:
        return StampedCorePlayer()
    return LateCorePlayer() if asked.late else CorePlayer()


def _wire_player(asked: argparse.Namespace) -> CorePlayer:
    # Only these forms need the product's sessions.
    from devtools.worlds.players import ami, csta, wire_link  # noqa: PLC0415

    wire_link.be_quiet()
    return csta.CstaCorePlayer() if asked.csta else ami.AmiCorePlayer()


def played(asked: argparse.Namespace) -> Report:
    """Play the worlds that were asked for, in the given number of processes; the time is that of all together."""
    began = time.monotonic()
    parts = [
        (asked, seed, min(PART, asked.seed + asked.count - seed), began)
        for seed in range(asked.seed, asked.seed + asked.count, PART)
    ]
    if asked.jobs == 1:
        report = joined(_part(*part) for part in parts)
    else:
        with ProcessPoolExecutor(asked.jobs) as pool:
            report = joined(pool.map(_part, *zip(*parts, strict=True)))
    report.seconds = time.monotonic() - began
    return report


def _part(asked: argparse.Namespace, seed: int, count: int, began: float) -> Report:
    """Play one part of a run; processes of one machine share the monotonic clock."""
    left = asked.seconds - (time.monotonic() - began)
    if asked.seconds and left <= 0:
        return Report(first_seed=seed)
    left, excused = left if asked.seconds else 0.0, ("missing",) if asked.late else ()
    cut = not (asked.no_partitions or asked.late or asked.stamped)
    return run(_player(asked), seed, count, left, asked.kinds, cut=cut, excused=excused)


def _live(asked: argparse.Namespace) -> int:
    from devtools.worlds.players.live_environment import take_place  # noqa: PLC0415  (only this form starts a gateway)

    place = take_place(on_sqlite=asked.sqlite)
    django.setup()
    from devtools.worlds.players.http_run import run_live  # noqa: PLC0415  (needs Django's settings)
    from devtools.worlds.players.live_wires import AMI, CSTA  # noqa: PLC0415

    wire = CSTA if asked.csta else AMI if asked.ami else None
    return run_live(place, asked.seed, asked.kinds, asked.calls, asked.longest, wire)


def write(player: Player, report: Report, kinds: list[str], folder: Path) -> None:
    """Write the first failures as transcripts."""
    folder.mkdir(parents=True, exist_ok=True)
    for failure in report.failures[:MAXIMUM_TRANSCRIPTS]:
        text = minimal(player, failure, kinds)[1]
        (folder / f"world_{failure.seed}.toml").write_text(text, encoding="utf-8")


def summary(report: Report) -> str:
    """Return a report as lines for a person."""
    lines = [f"{name:24} {getattr(report, name)}" for name in SHOWN]
    lines += [f"{'cost_of_caution':24} {report.cost_of_caution:.4%} ({report.left} of {report.knowable} recordings)"]
    lines += [f"{'flags left':24} {report.flags_left} of {report.flags_knowable}"]
    pace = report.worlds * 60 / max(report.seconds, 1e-9)
    lines += [f"{'seconds':24} {report.seconds:.1f} ({pace:.0f} worlds a minute)"]
    seeds = " ".join(str(one.seed) for one in report.failures[:MAXIMUM_SEEDS])
    return "\n".join([*lines, f"{'failing seeds':24} {seeds or 'none'}"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./gateway worlds", description="Judge the core by worlds made by chance.")
    parser.add_argument("--seed", type=int, default=0, help="the first world (default 0)")
    parser.add_argument("--count", type=int, default=10_000, help="how many worlds (default 10,000)")
    parser.add_argument("--seconds", type=float, default=0.0, help="stop after this time (default: no limit)")
    parser.add_argument("--kinds", nargs="*", default=list(ALL), choices=(*ALL, *MORE_FAULTS), metavar="KIND",
                        help="kinds of calls and faults: " + ", ".join((*ALL, *MORE_FAULTS)))  # fmt: skip
    parser.add_argument("--csta", action="store_true", help="say worlds as CSTA messages, to the product's session")
    parser.add_argument("--ami", action="store_true", help="say worlds as an Asterisk does, to the product's session")
    parser.add_argument("--late", action="store_true", help="fold late by chance; what is missing then is excused")
    parser.add_argument("--stamped", action="store_true", help="stamp events as the HTTP intake does, not by receipt")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that play (default 1)")
    parser.add_argument("--no-partitions", action="store_true", help="play each world in one way of batches only")
    parser.add_argument("--http", action="store_true", help="play worlds side by side at a running gateway instead")
    parser.add_argument("--live", action="store_true", help="with --csta, --ami: at a running gateway, over TCP")
    parser.add_argument(
        "--calls", type=int, default=300, metavar="N", help="with --http, --live: recordings (default 300)"
    )
    parser.add_argument(
        "--longest", type=float, default=120.0, help="with --http, --live: seconds of a world (default 120)"
    )
    parser.add_argument("--sqlite", action="store_true", help="with --http, --live: on SQLite instead of PostgreSQL")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="for transcripts of the first ten failures")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
