"""``python -m devtools.attacks slow-clients | flood | hostile-pbx | hostile-answers``: attack, print what it cost."""

import argparse
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from devtools.attacks import hostile_answers, hostile_pbx, slow_clients
from devtools.attacks.flood import SETTLING_SECONDS, FloodTarget, flagged_share, flood
from devtools.attacks.memory import PeakMemory, family_of, resident_megabytes


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
    pbx = attacks.add_parser("hostile-pbx")
    pbx.add_argument(
        "--listen", type=int, required=True, help="the port that the gateway's source of kind csta_xml has"
    )
    pbx.add_argument("--pbx", type=int, required=True, help="the port of a simulated PBX on this machine")
    pbx.add_argument("--kind", choices=hostile_pbx.FLOODS, required=True)
    for one in (fast, pbx):
        one.add_argument("--other-source", required=True, help="a source whose calls are to be flagged meanwhile")
        one.add_argument("--other-token", required=True, help="a token that reads its legs")
        one.add_argument(
            "--gateway-pid", type=int, default=0, help="the gateway's first process: its memory is watched"
        )
    answers = attacks.add_parser("hostile-answers")
    answers.add_argument("--timeout", type=float, default=5.0, help="of the Recording Service, in seconds")
    answers.add_argument("--serve", type=int, default=0, help="serve all kinds at this port, for a running gateway")
    asked = parser.parse_args(words)
    known = {"slow-clients": _slow_clients, "flood": _flood, "hostile-pbx": _hostile_pbx}
    return {**known, "hostile-answers": _hostile_answers}[asked.attack](asked)


def _hostile_answers(asked: argparse.Namespace) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")  # Where QMS may be is a setting.
    if asked.serve:
        hostile_answers.serve(asked.serve, list(hostile_answers.KINDS))
    for one in hostile_answers.costs(asked.timeout):
        print(one, flush=True)
    return 0


def _slow_clients(asked: argparse.Namespace) -> int:
    found = slow_clients.attack(asked.host, asked.port, asked.clients, asked.seconds)
    for kind, figures in found.items():
        print(f"{asked.clients} clients that {kind}:", *figures, sep="\n  ")
    return int(any(one.failed for figures in found.values() for one in figures))


def _flood(asked: argparse.Namespace) -> int:
    target = FloodTarget(asked.host, asked.port, asked.source, asked.token)
    return _watched(asked, asked.source, lambda: flood(target, asked.seconds, 4, 500))


def _hostile_pbx(asked: argparse.Namespace) -> int:
    place = ("127.0.0.1", asked.pbx)
    return _watched(asked, "the PBX", lambda: hostile_pbx.serve(asked.listen, place, asked.kind, asked.seconds))


def _watched(asked: argparse.Namespace, attacker: str, attack: Callable[[], object]) -> int:
    """Attack, and print what it got, what memory it cost, and how another source fared."""
    other = FloodTarget(asked.host, asked.port, asked.other_source, asked.other_token)
    began = datetime.now(UTC)
    pids = family_of(asked.gateway_pid) if asked.gateway_pid else []
    before = sum(map(resident_megabytes, pids))
    with PeakMemory(pids, 1.0) as peak:
        figures = attack()
    print(f"{attacker}: {figures}")
    if pids:
        print(f"{len(pids)} processes of the gateway: {before:.0f} MB before, {peak.megabytes:.0f} MB at the peak")
    time.sleep(SETTLING_SECONDS)
    print(f"{asked.other_source}: {flagged_share(other, began)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
