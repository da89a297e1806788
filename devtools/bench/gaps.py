"""Whether one comparison with QMS shows every kind of gap of a running gateway under its right cause."""

import shutil

import django

from devtools.bench.options import Load
from devtools.bench.result import Result
from devtools.faults.environment import take_place
from devtools.faults.options import options


def gaps(_: Load) -> list[Result]:
    """Run the gateway beside a simulated PBX and QMS, break it in every way, and compare once."""
    place = take_place(options([]))
    django.setup()
    from devtools.bench.gaps_run import GapsRun  # noqa: PLC0415  (needs the environment that was just made)

    result = GapsRun(place).go()
    if not result.is_broken:
        shutil.rmtree(place.folder, ignore_errors=True)
    return [result]
