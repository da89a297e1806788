"""``./gateway replay_days``: play days of the demo's traffic and replay them; nothing may be different."""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import django

from devtools.simulation.environment import begin


def main(words: list[str]) -> int:
    """Play a day for each seed; status 1 where a replay differs from what was done, with what differs."""
    asked = _parser().parse_args(words)
    if min(asked.jobs, len(asked.seeds)) > 1:
        return _side_by_side(asked)
    begin()
    django.setup()
    from devtools.replay_days.report import replay_days  # noqa: PLC0415  (needs Django's settings)

    return replay_days(asked.seeds, timedelta(hours=asked.hours), asked.calls_per_second)


def _side_by_side(asked: argparse.Namespace) -> int:
    """Play each day in a process of its own: it has a Redis, a database and an archive of its own."""
    with ThreadPoolExecutor(asked.jobs) as pool:
        return int(any(pool.map(partial(_in_process, asked), asked.seeds)))


def _in_process(asked: argparse.Namespace, seed: int) -> int:
    """Play one day, say at once what came of it, and return its status."""
    day = ["--hours", str(asked.hours), "--calls-per-second", str(asked.calls_per_second)]
    command = [sys.executable, "-m", "devtools.replay_days", "--jobs", "1", "--seeds", str(seed), *day]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    print(ended.stdout or f"seed {seed}: the process ended with status {ended.returncode}\n", end="", flush=True)
    return ended.returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./gateway replay_days", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], metavar="N", help="days (default 1 2 3)")
    parser.add_argument("--hours", type=float, default=24.0, help="how long calls come (default 24)")
    parser.add_argument(
        "--calls-per-second", type=float, default=0.02, metavar="N", help="new calls (default 0.02: 1,700 a day)"
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser.add_argument("--jobs", type=int, default=cores, metavar="N", help="processes (default: one for each core)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
