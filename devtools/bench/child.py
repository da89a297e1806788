"""One bench in its own process: servers first, then Django, then the bench; the results go to a file."""

import argparse
import sys
from importlib import import_module
from pathlib import Path

import django
import msgspec
from django.core.management import call_command

from devtools.bench.options import Load
from devtools.bench.registry import BENCHES
from devtools.servers import begin_test_servers

#: The part of the load that shows that a bench works.
QUICK = 0.1


def main(words: list[str]) -> int:
    """Run one bench."""
    parser = argparse.ArgumentParser(prog="devtools.bench.child")
    parser.add_argument("name")
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rate", type=float)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--legs", type=int)
    parser.add_argument("--scale", type=float)
    asked = parser.parse_args(words)
    bench = BENCHES[asked.name]
    if not bench.is_whole:
        begin_test_servers()
        django.setup()
        call_command("migrate", verbosity=0)
    run = getattr(import_module(bench.module), bench.function)
    load = Load(QUICK if asked.quick else 1.0, asked.rate, asked.seconds, asked.legs, asked.scale)
    asked.into.write_bytes(msgspec.json.encode(run(load)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
