"""``./gateway disturb``: recorded traces of Asterisk with cut links and lost, doubled or late events."""

import argparse
import itertools
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from cti.sources.asterisk_ami.pbx_state import PbxState
from cti.sources.port import SourceConfig, Stamp
from devtools.disturb.disturbances import Disturbed, disturbed, undisturbed
from devtools.disturb.judge import DisturbanceJudge, Wrong
from devtools.disturb.trace import load, names

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "cti" / "ami" / "data"
#: Disturbances that one worker takes at a time, and the seed by which a sample is drawn.
SLICE, SEED = 50, 16

Result = tuple[str, list[Wrong], int]


def main(words: list[str]) -> int:
    """Disturb each trace; 1 where a recording would get a wrong flag."""
    asked = _parser().parse_args(words)
    began, tried, faults = time.monotonic(), 0, 0
    for name in asked.trace or names(asked.folder):
        results = run(asked.folder, name, asked.count, asked.jobs, asked.after)
        for disturbance, wrong, _ in _within(results, asked.seconds, began):
            tried += 1
            faults += bool(wrong)
            for one in wrong:
                print(f"{name}: {disturbance}: {one.guid} {one.flag} is {one.value!r}, not {one.right!r}", flush=True)
    took = time.monotonic() - began
    worked = time.process_time()
    print(f"disturb: {tried} disturbances in {took:.0f} s ({worked:.0f} s of CPU), {faults} with a wrong flag")
    return 1 if faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./gateway disturb", description="Disturb recorded traces of Asterisk.")
    parser.add_argument("--trace", action="append", metavar="NAME", help="only this one; may come twice")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where NAME.ami and NAME.truth.json lie")
    parser.add_argument("--count", type=int, metavar="N", help="a sample of N for each trace; without it, all")
    parser.add_argument("--after", type=int, default=0, metavar="N", help="leave out the first N of each trace")
    parser.add_argument("--seconds", type=float, metavar="T", help="begin no other after this time")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default 1)")
    return parser


def _within(results: Iterator[Result], seconds: float | None, began: float) -> Iterator[Result]:
    for one in results:
        yield one
        if seconds is not None and time.monotonic() - began > seconds:
            return


def run(folder: Path, name: str, count: int | None = None, jobs: int = 1, after: int = 0) -> Iterator[Result]:
    """Yield what each disturbance of a trace comes to, from the one at ``after`` on."""
    total = sum(1 for _ in _all(folder, name))
    places = (
        list(range(total)) if count is None else sorted(random.Random(SEED).sample(range(total), min(count, total)))
    )
    slices = [tuple(places[start : start + SLICE]) for start in range(after, len(places), SLICE)]
    judge = partial(_judged, folder, name)
    if jobs == 1:
        yield from itertools.chain.from_iterable(map(judge, slices))
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from itertools.chain.from_iterable(pool.map(judge, slices))


def _judged(folder: Path, name: str, places: tuple[int, ...]) -> list[Result]:
    trace = load(folder, name)
    judge, wanted = DisturbanceJudge(trace), set(places)
    first = judge.learn(undisturbed(trace))
    found: list[Result] = [("undisturbed", first, 0)] if 0 in wanted and first else []
    for place, one in enumerate(_all(folder, name)):
        if place in wanted:
            wrong, missing = judge.wrong(one)
            found.append((one.name, wrong, missing))
    return found


def _all(folder: Path, name: str) -> Iterator[Disturbed]:
    pbx = PbxState(SourceConfig(slug="pbx", kind="asterisk_ami"), Stamp("pbx", "0"))
    return disturbed(load(folder, name), pbx.events)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
