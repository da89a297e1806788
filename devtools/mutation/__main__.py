"""The command line: ``./gateway mutate PATH``, or ``python -m devtools.mutation PATH``."""

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from devtools.mutation import children
from devtools.mutation.choice import NothingToMutate
from devtools.mutation.report import as_json, text, total
from devtools.mutation.run import Order, TestsBroken, run
from devtools.mutation.tables import BrokenTable, read_equivalents, read_mapping, read_nightly, read_survivors

_FOLDER = Path(__file__).parent
BELOW_FLOOR, CANNOT_RUN = 1, 2
NIGHTLY_FLOOR, DAY_SECONDS = 90.0, 86_400


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./gateway mutate",
        description="Change the code and see whether a test notices. What no test notices on SQLite is tried on "
        "PostgreSQL as well, of files with code of their own for it.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    core = [Path("calls/core")]
    add("paths", type=Path, metavar="PATH", nargs="*", default=core, help="files or folders (default: calls/core)")
    add("--count", type=int, help="how many, chosen by the seed; otherwise all")
    add("--seed", type=int, help="another seed is another sample (default 0; with --nightly the day's number)")
    add("--tests", help="pytest's arguments, in one word, instead of those of the table tests.toml")
    add("--floor", type=float, metavar="PERCENT", help="leave with status 1 when fewer are noticed")
    add(
        "--seconds",
        type=float,
        help="limit of one mutant; otherwise five times what its tests take, and five seconds more",
    )
    add("--json", type=Path, metavar="FILE", help="write all results to a file")
    add(
        "--nightly",
        action="store_true",
        help="the parts of tests.toml instead of a path, each with its count (or --count) and the floor (default 90)",
    )
    add(
        "--again",
        type=Path,
        metavar="FILE",
        help="only what survived or timed out in the run of which --json wrote this",
    )
    add("--quick", action="store_true", help="do not run survivors a second time in a fresh process")
    add("--root", type=Path, default=Path.cwd(), help=argparse.SUPPRESS)
    add("--tables", type=Path, default=_FOLDER, help=argparse.SUPPRESS)
    return parser


def _order(asked: argparse.Namespace) -> Order:
    root = asked.root.resolve()
    return Order(
        root=root,
        paths=[(root / path).resolve() for path in asked.paths],
        mapping=read_mapping(asked.tables / "tests.toml"),
        equivalents=read_equivalents(asked.tables / "equivalents.toml"),
        count=asked.count,
        seed=asked.seed or 0,
        tests=None if asked.tests is None else tuple(shlex.split(asked.tests)),
        seconds=asked.seconds,
        is_quick=asked.quick,
        again=None if asked.again is None else read_survivors(asked.again),
    )


def _say(words: str) -> None:
    print(f"mutate: {words}", file=sys.stderr, flush=True)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, 1 below the floor, 2 where nothing could be run."""
    asked = _parser().parse_args(words)
    return _nightly(asked) if asked.nightly else _run(asked)


def _nightly(asked: argparse.Namespace) -> int:
    """Run a night's sample of each part that has a floor; the worst status counts."""
    seed = asked.seed if asked.seed is not None else int(time.time() // DAY_SECONDS)
    floor = asked.floor if asked.floor is not None else NIGHTLY_FLOOR
    try:
        parts = read_nightly(asked.tables / "tests.toml")
    except BrokenTable as error:
        _say(str(error))
        return CANNOT_RUN
    common = {**vars(asked), "seed": seed, "floor": floor}
    samples = [(path, asked.count or count) for path, count in parts]
    return max(_run(argparse.Namespace(**{**common, "paths": [Path(path)], "count": count})) for path, count in samples)


def _run(asked: argparse.Namespace) -> int:
    try:
        outcome = run(_order(asked), _say)
    except (NothingToMutate, BrokenTable, TestsBroken) as error:
        _say(str(error))
        return CANNOT_RUN
    print(text(outcome))
    if asked.json is not None:
        asked.json.write_bytes(as_json(outcome))
    percent = total(outcome).percent
    is_below = asked.floor is not None and percent is not None and percent < asked.floor
    if is_below:
        paths = ", ".join(map(str, asked.paths))
        _say(f"{paths}: {percent} per cent of the changes were noticed; the floor is {asked.floor:g}")
    return BELOW_FLOOR if is_below else 0


if __name__ == "__main__":
    children.end_with_parent()  # Whoever ends the command ends its servers too.
    sys.exit(main())
