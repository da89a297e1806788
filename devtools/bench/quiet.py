"""What the whole gateway costs where little happens: without any call, and at a few calls a second."""

import shutil
import time

import django

from devtools.bench.options import Load
from devtools.bench.result import Result
from devtools.faults.environment import FaultEnvironment, take_place
from devtools.faults.options import options

RATE, SECONDS, IDLE_SECONDS = 2.0, 75.0, 60.0
QUICK_SECONDS, QUICK_IDLE_SECONDS = 12.0, 5.0
#: After the start, before anything is measured, in seconds: what every program does once is over.
WARM_SECONDS, QUICK_WARM_SECONDS = 20.0, 1.0


def quiet(load: Load) -> list[Result]:
    """Measure the gateway without calls, then with a few."""
    place = take_place(options([]))
    django.setup()
    results = _measured(place, load)
    if not any(one.is_broken for one in results):
        shutil.rmtree(place.folder, ignore_errors=True)
    return results


def _measured(place: FaultEnvironment, load: Load) -> list[Result]:
    from devtools.bench.quiet_stack import QuietStack  # noqa: PLC0415  (needs the environment that was just made)

    seconds = load.seconds or (QUICK_SECONDS if load.is_quick else SECONDS)
    with QuietStack.running(place, load.rate or RATE) as stack:
        time.sleep(QUICK_WARM_SECONDS if load.is_quick else WARM_SECONDS)
        idle = stack.idle(QUICK_IDLE_SECONDS if load.is_quick else IDLE_SECONDS)
        return [idle, stack.busy(seconds)]
