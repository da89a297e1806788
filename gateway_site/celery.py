"""The Celery application: its queues, the loops of its workers, and the table of what beat starts.

The workers of the queues events, lookups and writes run loops of their own (``worker_loops``), which Celery starts and
stops. Each of beat's messages expires before the next one, and each task is harmless when run twice.
"""

import os
import sys
from importlib import import_module
from typing import Any

from billiard import current_process
from celery import Celery
from celery.concurrency import prefork
from celery.schedules import schedule
from celery.signals import (
    beat_init,
    setup_logging,
    task_prerun,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)
from django.db import close_old_connections

import clock
from clock.stopping import stop
from gateway_site.broker import transport
from gateway_site.ops import version_guard
from gateway_site.ops.worker_shutdown import begin_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")
# Django's checks load every page, which takes 25 MiB in each worker; the tests and ``manage.py check`` run them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

transport.install()

#: Timeout of a stop for the loops, in seconds; shorter than the last resort.
STOP_SECONDS = 8.0
MAIN_PROCESS = "MainProcess"

# Celery puts the current folder first on the path: run from /tmp, a file calls.py there would take the place of ours.
_path = list(sys.path)
# Celery's command line takes BROKER_URL of the environment for an option of its own and uses it as it stands. The
# settings have it as Celery needs it, with Sentinels, socket and certificates.
os.environ.pop("CELERY_BROKER_URL", None)
app = Celery("gateway")
sys.path[:] = _path
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _keep_django_logging(**_: Any) -> None:
    """Leave logging as Django's settings made it."""


@task_prerun.connect
def _drop_dead_connections(**_: Any) -> None:
    """Replace a database connection that died, as a web request would (Celery keeps it across tasks)."""
    close_old_connections()


@worker_ready.connect
def _begin_loops(sender: Any, **_: Any) -> None:
    """Start the loops in a worker that is one process; of a prefork pool, each process of its own starts them."""
    if not isinstance(sender.pool, prefork.TaskPool):
        _loops().begin(app.amqp.queues.consume_from)


@worker_process_init.connect
def _begin_loops_of_child(**_: Any) -> None:
    """Start the loops in a process of a prefork pool; a solo pool says the same of its worker, which is not ready."""
    if current_process().name != MAIN_PROCESS:
        _loops().begin(app.amqp.queues.consume_from)


@worker_shutting_down.connect
def _stop_loops(**_: Any) -> None:
    """Let the loops give back what they hold: Celery knows nothing of them."""
    begin_shutdown()


@worker_shutdown.connect
def _await_loops(**_: Any) -> None:
    """Wait for the loops of a worker that is one process."""
    _loops().await_end(STOP_SECONDS)


@worker_process_shutdown.connect
def _stop_loops_of_child(**_: Any) -> None:
    """Stop the loops in a process of a prefork pool, which hears of the stop by the end of its work alone."""
    stop.ask()
    _loops().await_end(STOP_SECONDS)


def _loops() -> Any:
    """Return the module of the loops, which needs the models: they are there only after this module."""
    return import_module("gateway_site.worker_loops")


@worker_init.connect
@beat_init.connect
def _refuse_newer_database(**_: Any) -> None:
    """End where a much newer version has migrated the database: it may mean by its rows what is not known here."""
    if problem := version_guard.version_problem():
        raise SystemExit(f"gateway: {problem}")


@beat_init.connect
def _load_users_at_start(**_: Any) -> None:
    """Have the QMS users loaded once at the start; what the broker loses here, the next due minute makes good."""
    app.send_task("agents.tasks.refresh_all_at_start", queue="default", expires=600)


def _every(seconds: float, task: str, queue: str) -> dict[str, Any]:
    """Wake a task again and again, by the gateway's time: beat stands still after its clock was put back."""
    options = {"queue": queue, "expires": max(seconds, 2)}
    return {"task": task, "schedule": schedule(seconds, nowfun=clock.now), "options": options}


app.conf.beat_schedule = {
    "start what is due": _every(5, "gateway_site.tasks.start_due_work", "default"),
    "note which new flags work": _every(60, "flags.tasks.note_flags_verified_by_calls", "default"),
    "refresh due users": _every(60, "agents.tasks.refresh_due", "default"),
    "mail reports": _every(900, "calls.tasks.mail_reports", "default"),
    "report calls at risk": _every(60, "calls.tasks.report_unmatched_calls", "default"),
    "check before the shift": _every(60, "agents.tasks.shift_check_due", "default"),
    "watch for alarms": _every(30, "gateway_site.tasks.watch_alarms", "default"),
    "ask for the day's reconciliation": _every(900, "gateway_site.tasks.ask_for_reconciliation", "default"),
    "carry out replays": _every(60, "gateway_site.tasks.replay", "default"),
    "forget old replays": _every(3600, "gateway_site.tasks.forget_replays", "default"),
    "forget old canary calls": _every(3600, "gateway_site.tasks.forget_canaries", "default"),
    "forget old shadow comparisons": _every(3600, "flags.tasks.forget_shadow", "default"),
    "seal evidence": _every(60, "gateway_site.tasks.seal_evidence", "default"),
    "archive journals": _every(60, "calls.tasks.archive_journals", "default"),
    "forget what is old": _every(3600, "calls.tasks.retain", "default"),
}
