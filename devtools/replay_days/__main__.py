"""``./gateway replay_days``: play days of the demo's traffic and replay them; nothing may be different."""

import argparse
import sys
from datetime import timedelta

import django

from devtools.simulation.environment import begin


def main(words: list[str]) -> int:
    """Play a day for each seed; status 1 where a replay differs from what was done, with what differs."""
    asked = _parser().parse_args(words)
    begin()
    django.setup()
    from devtools.replay_days.report import replay_days  # noqa: PLC0415  (needs Django's settings)

    return replay_days(asked.seeds, timedelta(hours=asked.hours), asked.calls_per_second)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./gateway replay_days", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], metavar="N", help="days (default 1 2 3)")
    parser.add_argument("--hours", type=float, default=24.0, help="how long calls come (default 24)")
    parser.add_argument(
        "--calls-per-second", type=float, default=0.02, metavar="N", help="new calls (default 0.02: 1,700 a day)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
