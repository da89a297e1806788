"""Whether three sources that send far too much harm another one: the whole gateway, free and short of CPU.

One source opens 200,000 calls that never end, one logs 30,000 agents on, one sends 5,000 events a second. They are
appended to their journals directly, past all that refuses them earlier (the intake's rates, a source's bounds). The
calls of the simulated PBX beside them are watched and judged as in ``calls``.
"""

import shutil

import django

from devtools.bench.options import Load
from devtools.bench.result import Result
from devtools.faults.environment import take_place
from devtools.faults.options import options

RATE, SECONDS = 2.0, 90.0
QUICK_SECONDS, QUICK_SCALE = 12.0, 0.005
THIRD, TENTH = 1 / 3, 0.1


def flood(load: Load) -> list[Result]:
    """Measure with all of the machine's cores."""
    return _measured("flood", load, None)


def flood_third(load: Load) -> list[Result]:
    """Measure with the gateway's own processes confined to a third of one core."""
    return _measured("flood-third", load, THIRD)


def flood_tenth(load: Load) -> list[Result]:
    """Measure with the gateway's own processes confined to a tenth of one core."""
    return _measured("flood-tenth", load, TENTH)


def _measured(bench: str, load: Load, cores: float | None) -> list[Result]:
    place = take_place(options([]))
    django.setup()
    from devtools.bench.flood_watch import FloodWatch  # noqa: PLC0415  (needs the environment that was just made)

    seconds = load.seconds or (QUICK_SECONDS if load.is_quick else SECONDS)
    scale = load.scale or (QUICK_SCALE if load.is_quick else 1.0)
    result = FloodWatch(bench, place, load.rate or RATE, seconds, scale=scale, cores=cores).go()
    if not result.is_broken:
        shutil.rmtree(place.folder, ignore_errors=True)
    return [result]
