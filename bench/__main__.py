"""``./gateway bench [NAME ...]``: measure, and print a table or JSON."""

import argparse
import sys
from collections.abc import Callable

import msgspec
from django.core.management import call_command

from bench.consume import consume
from bench.result import Result, table
from bench.sources import sources

#: Every bench: a function of the load's size (1 is the whole, less shows only that it works).
BENCHES: dict[str, Callable[[float], list[Result]]] = {"consume": consume, "sources": sources}


def main(words: list[str]) -> int:
    """Run the benches named (without names: all) and print what they measured."""
    parser = argparse.ArgumentParser(prog="./gateway bench", description="Measure on servers started for this run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHES)}; default all")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="a tenth of the load: shows that it works, not how fast")
    asked = parser.parse_args(words)
    if unknown := set(asked.names) - set(BENCHES):
        parser.error(f"there is no bench {', '.join(sorted(unknown))}")
    call_command("migrate", verbosity=0)
    results = [one for name in asked.names or BENCHES for one in BENCHES[name](0.1 if asked.quick else 1)]
    print(msgspec.json.encode(results).decode() if asked.json else table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
