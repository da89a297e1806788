"""``python -m devtools.attacks slow-clients | flood``: attack a running gateway, and print how the others fared."""

import argparse
import sys
import time
from datetime import UTC, datetime

from devtools.attacks import slow_clients
from devtools.attacks.flood import SETTLING_SECONDS, FloodTarget, flagged_share, flood


def main(words: list[str]) -> int:
    """Attack and print; the exit status of slow-clients is 1 where anybody else was not answered."""
    parser = argparse.ArgumentParser(prog="python -m devtools.attacks", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--seconds", type=float, default=20)
    attacks = parser.add_subparsers(dest="attack", required=True)
    slow = attacks.add_parser("slow-clients")
    slow.add_argument("--clients", type=int, default=8)
    fast = attacks.add_parser("flood")
    fast.add_argument("--source", required=True, help="the attacker's source, of kind http")
    fast.add_argument("--token", required=True)
    fast.add_argument("--other-source", required=True, help="a source whose calls are to be flagged meanwhile")
    fast.add_argument("--other-token", required=True, help="a token that reads its legs")
    asked = parser.parse_args(words)
    return _slow_clients(asked) if asked.attack == "slow-clients" else _flood(asked)


def _slow_clients(asked: argparse.Namespace) -> int:
    found = slow_clients.attack(asked.host, asked.port, asked.clients, asked.seconds)
    for kind, figures in found.items():
        print(f"{asked.clients} clients that send {kind}:", *figures, sep="\n  ")
    return int(any(one.failed for figures in found.values() for one in figures))


def _flood(asked: argparse.Namespace) -> int:
    other = FloodTarget(asked.host, asked.port, asked.other_source, asked.other_token)
    began = datetime.now(UTC)
    figures = flood(FloodTarget(asked.host, asked.port, asked.source, asked.token), asked.seconds, 4, 500)
    print(f"{asked.source}: {figures}")
    time.sleep(SETTLING_SECONDS)
    print(f"{asked.other_source}: {flagged_share(other, began)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
