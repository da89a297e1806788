"""A test of the installation that somebody asked for: the quick steps at once, the way to each service by a worker.

The quick steps are kept in the cache for a day, those of the services by the tests of their connections, so that the
page can be left and come back to.
"""

from collections.abc import Iterator
from datetime import datetime

import msgspec
from django.core.cache import cache

from gateway_site.installation.steps import (
    NO_SERVICE,
    InstallationStep,
    StepState,
    clocks_step,
    enabled_services,
    fetched_steps,
    is_known,
    name_of,
    quick_steps,
    way_steps,
    without_redis,
)
from qms.api import connection_test_progress, request_connection_test
from qms.models import RecordingService
from redis_address.unavailable import CacheUnavailable

KEY, KEPT_SECONDS = "installation-test", 24 * 3600


class Begun(msgspec.Struct, frozen=True):
    """What was found at once. ``is_over``: more cannot be known, for the database or Redis does not answer."""

    at: datetime
    by: str
    steps: list[InstallationStep]
    is_over: bool = False


class ShownRun(msgspec.Struct, frozen=True):
    """A test as the page shows it."""

    at: datetime
    by: str
    steps: list[InstallationStep]
    is_running: bool


def begin_run(by: str, now: datetime) -> ShownRun:
    """Look at what is quick, and have a worker go the way to each service.

    Where the database or Redis does not answer, the run that is returned is all there is, and nothing is kept.
    """
    quick = list(quick_steps())
    if not is_known(quick) or any(one.name == "redis" and one.state is not StepState.PASS for one in quick):
        return ShownRun(now, by, quick, is_running=False)
    cache.set(KEY, msgspec.json.encode(Begun(now, by, quick)), KEPT_SECONDS)
    for service in enabled_services():
        request_connection_test(service, by, now)
    return _shown(Begun(now, by, quick), now)


def latest(now: datetime) -> ShownRun | None:
    """Return the last test, as far as it is; None where there was none in the last day.

    Where Redis, which keeps it, does not answer, what is returned says so.
    """
    try:
        kept = cache.get(KEY)
    except CacheUnavailable as error:
        return ShownRun(now, "", [without_redis(error)], is_running=False)
    return _shown(msgspec.json.decode(kept, type=Begun), now) if kept else None


def _shown(begun: Begun, now: datetime) -> ShownRun:
    services = enabled_services()
    progress = {service.pk: connection_test_progress(service, now) for service in services}
    is_running = any(one.is_running for one in progress.values())
    steps = [*begun.steps, *(step for service in services for step in _steps(service, now))]
    steps += [] if services else [NO_SERVICE]
    return ShownRun(begun.at, begun.by, [*steps, *([] if is_running else [clocks_step()])], is_running)


def _steps(service: RecordingService, now: datetime) -> Iterator[InstallationStep]:
    progress = connection_test_progress(service, now)
    yield from way_steps(service, progress.steps)
    if progress.is_running:
        yield InstallationStep(f"{name_of(service)}: being tested", StepState.NOT_YET, progress.verdict)
    elif not progress.steps:
        yield InstallationStep(
            name_of(service), StepState.FAIL, progress.verdict, "See that the worker for default runs; then test again."
        )
    else:
        yield from fetched_steps(service)
