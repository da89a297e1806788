"""``./gateway simulate``: the whole gateway by a simulated clock, with crashes, judged by the judge of the worlds."""

import argparse
import sys
import time

import django

from devtools.simulation.environment import begin
from devtools.worlds.judge.runner import ALL


def main(words: list[str]) -> int:
    """Simulate worlds; status 1 when anything was found, with the first failure as a transcript."""
    asked = _parser().parse_args(words)
    begin()
    django.setup()
    from devtools.simulation.run import simulate  # noqa: PLC0415  (needs Django's settings)

    began = time.monotonic()
    report = simulate(asked.seed, asked.count, asked.seconds, asked.kinds, with_crashes=not asked.no_crashes)
    print(report.sentences(time.monotonic() - began))
    return 1 if report.failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./gateway simulate", description="Simulate the whole gateway.")
    parser.add_argument("--seed", type=int, default=0, help="the first world (default 0)")
    parser.add_argument("--count", type=int, default=100, help="how many worlds (default 100)")
    parser.add_argument("--seconds", type=float, default=0.0, help="stop after this time (default: no limit)")
    parser.add_argument("--kinds", nargs="*", default=list(ALL), choices=ALL, metavar="KIND",
                        help="kinds of calls and faults: " + ", ".join(ALL))  # fmt: skip
    parser.add_argument("--no-crashes", action="store_true", help="let no process die")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
