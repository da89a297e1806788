"""Tasks that concern the whole gateway; each is one line."""

from celery import shared_task

import clock
from calls.api import publish_loads
from gateway_site import due_work
from gateway_site.alarms import incidents, messages
from gateway_site.canary import runs as canary_runs
from gateway_site.ops import worker_heartbeat
from gateway_site.reconciliation import runs
from gateway_site.replays import runs as replay_runs
from gateway_site.sealing import collect
from qms.api import connect


@shared_task
def start_due_work() -> None:
    """Show that beat and a worker of the queue default live, start what is due, count what sources hold."""
    try:
        worker_heartbeat.note("default")
    finally:  # Where the cache's Redis is away, alarms are waiting to be sent.
        due_work.start_due_work(clock.now())
    publish_loads(clock.now())


@shared_task
def watch_alarms() -> None:
    """Look at what is wrong and keep the incidents."""
    incidents.watch(clock.now())


@shared_task
def send_alarms() -> None:
    """Send the messages that are due."""
    messages.send_due(clock.now)


@shared_task
def ask_for_reconciliation() -> None:
    """Ask for the day's comparison with QMS."""
    runs.ask_daily(clock.now())


@shared_task
def reconcile() -> None:
    """Carry on the comparisons that were asked for."""
    runs.carry_on(clock.now, connect, clock.now() + runs.SLICE)


@shared_task
def carry_on_canaries() -> None:
    """Begin the canary calls that are due, and take those under way as far as they have come."""
    canary_runs.work(clock.now, connect)


@shared_task
def forget_canaries() -> None:
    """Forget old canary calls."""
    canary_runs.forget_old(clock.now())


@shared_task
def seal_evidence() -> None:
    """Append what has ended to the evidence, and seal the days that are over."""
    collect.seal(clock.now, clock.now() + collect.SLICE)


@shared_task
def replay() -> None:
    """Carry out the replays that were asked for."""
    replay_runs.carry_on(clock.now)


@shared_task
def forget_replays() -> None:
    """Delete replays of a time whose legs are no longer kept."""
    replay_runs.forget_old(clock.now())
