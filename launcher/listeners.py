"""One ``listen`` process for each enabled TCP source; it follows sources that come or go in the admin."""

import itertools
import os
import sys
import time

from django.db import OperationalError, connections

from cti.models import CtiSource
from cti.sources.registry import kinds_without_listener
from gateway_site.ops.version_guard import version_problem
from launcher.forks import Forked
from launcher.paths import ROOT
from launcher.supervisor import Program, Stopped, Supervisor, say, stopped_by_signals

#: Interval at which listeners that died are noticed, and that at which sources that came or went are, in seconds.
WATCH_INTERVAL, FOLLOW_INTERVAL = 1, 3
#: Timeout of the listeners' stop, in seconds: shorter than the outer supervisor's, so that they end first.
GRACE_TIMEOUT = 7


def run(_: list[str]) -> int:
    """Follow the enabled sources until it is stopped (the Procfile's line ``listeners``)."""
    if problem := version_problem():
        print(f"gateway: {problem}", file=sys.stderr)
        return 1
    supervisor = Supervisor()
    try:
        with stopped_by_signals():
            for second in itertools.count():
                if second % FOLLOW_INTERVAL == 0:
                    follow(supervisor, _wanted(supervisor.names))
                supervisor.watch()
                time.sleep(WATCH_INTERVAL)
    except Stopped:
        supervisor.stop_all(GRACE_TIMEOUT)
    return 0


def follow(supervisor: Supervisor, wanted: set[str]) -> None:
    """Start a listener for each source that has none, and stop those whose source went."""
    supervisor.stop(supervisor.names - wanted, GRACE_TIMEOUT)
    for slug in sorted(wanted - supervisor.names):
        say(f"listening to {slug}")
        supervisor.start(_listener(slug))


def _listener(slug: str) -> Program:
    command = [sys.executable, str(ROOT / "manage.py"), "listen", slug]
    fork = Forked(["manage", "listen", slug], of_starter=True)
    return Program(name=slug, command=command, environment=dict(os.environ), folder=ROOT, fork=fork)


def _wanted(now: set[str]) -> set[str]:
    """Return the slugs of the enabled TCP sources; while the database is away, what runs goes on."""
    try:
        return set(
            CtiSource.objects.filter(enabled=True)
            .exclude(kind__in=kinds_without_listener())
            .values_list("slug", flat=True)
        )
    except OperationalError as error:
        say(f"the sources cannot be read now: {error}")
        connections.close_all()  # Nothing else replaces a connection that died with its server.
        return now
