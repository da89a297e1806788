"""Everything on this machine: ringing at a simulated PBX to flags in a simulated QMS, at a steady rate of calls."""

import shutil

import django

from devtools.bench.options import Load
from devtools.bench.result import Result
from devtools.faults.environment import take_place
from devtools.faults.options import options

CALLS_RATE, CALLS_SECONDS = 250.0, 300.0
LATENCY_RATE, LATENCY_SECONDS = 125.0, 120.0
QUICK_RATE, QUICK_SECONDS = 10.0, 12.0


def calls(load: Load) -> list[Result]:
    """Measure whether the rate is sustained, without backlog and growth."""
    return _measured("calls", load, CALLS_RATE, CALLS_SECONDS)


def latency(load: Load) -> list[Result]:
    """Measure how soon QMS is asked and how soon flags are written, at half the rate."""
    return _measured("latency", load, LATENCY_RATE, LATENCY_SECONDS)


def _measured(bench: str, load: Load, rate: float, seconds: float) -> list[Result]:
    if load.is_quick:
        rate, seconds = QUICK_RATE, QUICK_SECONDS
    place = take_place(options([]))
    django.setup()
    from devtools.bench.watch import RunWatch  # noqa: PLC0415  (needs the environment that was just made)

    result = RunWatch(bench, place, load.rate or rate, load.seconds or seconds).go()
    if not result.is_broken:
        shutil.rmtree(place.folder, ignore_errors=True)
    return [result]
