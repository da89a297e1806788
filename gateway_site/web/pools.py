"""Pools of threads by path: pages cannot starve the intake, nor the intake them, and neither can starve health."""

import time
from collections.abc import Mapping

from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import Error

from gateway_site.web.channel import RequestChannel
from gateway_site.web.limits import REFUSALS, STOP_SECONDS, PoolSize, pool_of


class Overloaded(Error):
    """All threads of a pool are busy, and as many requests wait as may."""

    code = 503
    reason = "Service Unavailable"


class PathPools:
    """The dispatcher of the server: hands each request to the pool of its path."""

    def __init__(self, sizes: Mapping[str, PoolSize]) -> None:
        self._sizes = sizes
        self._pools = {name: ThreadedTaskDispatcher() for name in sizes}
        for name, size in sizes.items():
            self._pools[name].set_thread_count(size.threads)

    def add_task(self, channel: RequestChannel) -> None:
        """Queue the first request of a channel; never blocks."""
        request = channel.requests[0]
        name = REFUSALS if request.error else pool_of(request.path)
        if len(self._pools[name].queue) >= self._sizes[name].waiting:
            request.error = Overloaded("The gateway is busy. Try again in a few seconds.")
            name = REFUSALS
        self._pools[name].add_task(channel)

    def shutdown(self) -> None:
        """Let running requests end, within ``STOP_SECONDS`` for all pools together."""
        deadline = time.monotonic() + STOP_SECONDS
        for pool in self._pools.values():
            pool.shutdown(timeout=max(0.0, deadline - time.monotonic()))
