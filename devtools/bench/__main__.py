"""``./gateway bench [NAME ...]``: measure, and print tables or JSON."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from devtools.bench.registry import BENCHES
from devtools.bench.result import Result, table

#: A bench that takes longer than this, besides the seconds that it was asked for, hangs.
MAXIMUM_SECONDS = 3600.0


def main(words: list[str]) -> int:
    """Run the benches named (without names: all), print what they measured; 1 where the gateway did wrong."""
    asked = _parser().parse_args(words)
    results: list[Result] = []
    for name in asked.names or BENCHES:
        print(f"bench: {name}", file=sys.stderr, flush=True)
        found = _run(name, asked)
        if found is None:
            print(f"bench: {name} failed; the reason stands above", file=sys.stderr)
            return 1
        results += found
    print(msgspec.json.encode(results).decode() if asked.json else table(results))
    return 1 if any(one.is_broken for one in results) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./gateway bench", description="Measure on servers started for this run.")
    parser.add_argument("names", nargs="*", metavar="NAME", type=_name, help=f"{', '.join(BENCHES)}; default all")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--quick", action="store_true", help="little load: shows that it works, not how fast")
    parser.add_argument("--rate", type=float, metavar="N", help="calls a second, for calls, latency, quiet and flood")
    parser.add_argument("--seconds", type=float, metavar="S", help="of load, for the same benches")
    parser.add_argument("--legs", type=int, metavar="N", help="in the database, for pages, reconcile; open, for open")
    parser.add_argument(
        "--scale", type=float, metavar="X", help="the part of the calls, for day, replay, scale and flood"
    )
    return parser


def _name(word: str) -> str:
    if word not in BENCHES:
        raise argparse.ArgumentTypeError(f"there is no bench {word}")
    return word


def _run(name: str, asked: argparse.Namespace) -> list[Result] | None:
    """Run one bench in a process of its own; None where it failed."""
    number, path = tempfile.mkstemp(prefix="gateway-bench-", suffix=".json")
    os.close(number)
    command = [sys.executable, "-m", "devtools.bench.child", name, "--into", path]
    command += ["--quick"] if asked.quick else []
    for option in ("rate", "seconds", "legs", "scale"):
        value = getattr(asked, option)
        command += [f"--{option}", str(value)] if value else []
    try:
        # What a bench prints besides is for the person, not for who reads the JSON.
        done = subprocess.run(command, stdout=sys.stderr, timeout=MAXIMUM_SECONDS + (asked.seconds or 0), check=False)
        return None if done.returncode else msgspec.json.decode(Path(path).read_bytes(), type=list[Result])
    finally:
        Path(path).unlink()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
