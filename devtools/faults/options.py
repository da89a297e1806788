"""What the person asked of a run of faults."""

import argparse
import secrets
from dataclasses import dataclass


@dataclass(frozen=True)
class FaultOptions:
    """``only``: words, parted by commas; faults whose name has one of them."""

    minutes: float
    seed: int
    calls_per_second: float
    on_sqlite: bool
    keep: bool
    skew_seconds: float
    listeners: int
    every_seconds: float
    only: str
    has_replicas: bool = False
    hosts: int = 1
    upgrade_from: str = ""


def options(words: list[str]) -> FaultOptions:
    """Read the words after ``./gateway faults``; leaves with status 2 where they cannot be understood."""
    parser = argparse.ArgumentParser(
        prog="./gateway faults",
        description="Break the running gateway again and again, then compare what QMS holds with what the PBX did.",
    )
    parser.add_argument("--minutes", type=_positive, default=5.0, metavar="M", help="of load (default 5)")
    parser.add_argument("--seed", type=int, help="repeats a schedule of faults and a day of calls; default: chance")
    parser.add_argument("--calls-per-second", type=_positive, default=5.0, metavar="N", help="new calls (default 5)")
    parser.add_argument("--sqlite", action="store_true", help="the form of one machine instead of PostgreSQL")
    parser.add_argument("--keep", action="store_true", help="leave folder and logs behind, whatever the end")
    skew = "how far the gateway's clock is ahead of the PBX's and QMS's (needs cc)"
    parser.add_argument("--skew-seconds", type=float, default=0.0, metavar="N", help=skew)
    parser.add_argument("--listeners", type=int, choices=(1, 2), default=1, help="2: one leads, one stands by")
    every = "from one fault to the next, half as much more or less (default 10)"
    parser.add_argument("--every", type=_positive, default=10.0, metavar="SECONDS", help=every)
    only = "faults whose name has this word in it, or one of several"
    parser.add_argument("--only", default="", metavar="WORD[,WORD]", help=only)
    _add_layouts(parser)
    found = parser.parse_args(words)
    if found.sqlite and (found.replicas or found.hosts > 1 or found.upgrade_from):
        parser.error("--replicas, --hosts and --upgrade-from need PostgreSQL")
    seed = secrets.randbelow(1_000_000) if found.seed is None else found.seed
    return FaultOptions(
        minutes=found.minutes,
        seed=seed,
        calls_per_second=found.calls_per_second,
        on_sqlite=found.sqlite,
        keep=found.keep,
        skew_seconds=found.skew_seconds,
        listeners=found.listeners,
        every_seconds=found.every,
        only=found.only,
        has_replicas=found.replicas,
        hosts=found.hosts,
        upgrade_from=found.upgrade_from,
    )


def _add_layouts(parser: argparse.ArgumentParser) -> None:
    layout = parser.add_mutually_exclusive_group()
    replicas = "PostgreSQL with a streaming replica, Redis with two replicas behind Sentinels; they fail over"
    layout.add_argument("--replicas", action="store_true", help=replicas)
    hosts = "2: a gateway on each of two hosts (network namespaces; needs root), which are lost and parted"
    layout.add_argument("--hosts", type=int, choices=(1, 2), default=1, help=hosts)
    upgrade = "begin with the version of a commit, upgrade to this one while calls go on, and go back"
    layout.add_argument("--upgrade-from", default="", metavar="COMMIT", help=upgrade)


def _positive(word: str) -> float:
    number = float(word)
    if not number > 0:
        raise argparse.ArgumentTypeError("must be greater than 0")
    return number
