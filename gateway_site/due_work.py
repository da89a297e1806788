"""Work that may be waiting at any moment and rarely is: looked for every few seconds, all of it by one statement.

Only what has something to do gets a message. A message for each kind of work every few seconds, which then finds
nothing, was most of what the gateway cost while nobody called.
"""

from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from celery import current_app
from django.db import connection
from django.db.models import Q, QuerySet

from calls.api import left_out, retired, switched_off, switched_on
from calls.models import ExportJob, ExportState
from cti.models import CtiSource
from flags.models import FlagCreation, RetryRun, ShadowComparison
from gateway_site.alarms.models import AlarmMessage
from gateway_site.canary.models import CanaryCall
from gateway_site.reconciliation.models import ReconciliationRun

#: Interval of the looks, in seconds; what is sent lapses after as long.
LOOK_SECONDS = 5


def start_due_work(now: datetime) -> None:
    """Send each task that has something to do to a worker. Raises ``DatabaseError``; what the broker raises."""
    for task in due_tasks(now):
        current_app.send_task(task, queue="default", expires=LOOK_SECONDS)


def due_tasks(now: datetime) -> list[str]:
    """Return the names of the tasks that have something to do. Raises ``DatabaseError``."""
    looks = _looks(now.replace(second=0, microsecond=0))
    with connection.cursor() as cursor:
        cursor.execute(looks.text, looks.values_at(now))
        found = cursor.fetchone()
    return list(dict.fromkeys(task for task, is_there in zip(looks.tasks, found, strict=True) if is_there))


class _Looks(msgspec.Struct, frozen=True):
    """The statement that asks for everything, as it was built for a moment; its columns are those of the tasks."""

    tasks: tuple[str, ...]
    text: str
    values: tuple[Any, ...]
    moment: datetime

    def values_at(self, now: datetime) -> list[Any]:
        """Return its values for another moment of the same minute.

        What is due by a moment is due by the new one; what lies a day before it is a minute late at most.
        """
        built_for, present = (connection.ops.adapt_datetimefield_value(one) for one in (self.moment, now))
        return [present if value == built_for else value for value in self.values]


@lru_cache(maxsize=1)
def _looks(moment: datetime) -> _Looks:
    """Build the statement, once a minute: to build it by the ORM costs several times what it costs to run it."""
    waiting = _waiting(moment)
    looks = [rows.order_by().query.exists().sql_with_params() for _, rows in waiting]
    text = f"SELECT {', '.join(f'EXISTS ({look})' for look, _ in looks)}"
    return _Looks(tuple(task for task, _ in waiting), text, tuple(one for _, values in looks for one in values), moment)


def _waiting(now: datetime) -> "list[tuple[str, QuerySet[Any]]]":
    """Return each task with the rows that give it something to do."""
    is_free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    with_canaries = CtiSource.objects.filter(enabled=True).exclude(canary_extensions=[])
    return [
        ("flags.tasks.continue_retries", RetryRun.objects.filter(finished_at=None)),
        ("flags.tasks.continue_creations", FlagCreation.objects.filter(done_at=None).exclude(asked_at=None)),
        ("flags.tasks.compare_shadow", ShadowComparison.objects.filter(next_look_at__lte=now)),
        ("calls.tasks.wake_exports", ExportJob.objects.filter(state__in=[ExportState.QUEUED, ExportState.RUNNING])),
        ("calls.tasks.note_switched", left_out(now)),
        ("calls.tasks.note_switched", switched_off(now)),
        ("calls.tasks.note_switched", switched_on()),
        ("calls.tasks.note_switched", retired(now)),
        ("gateway_site.tasks.send_alarms", AlarmMessage.objects.filter(next_at__lte=now)),
        ("gateway_site.tasks.reconcile", ReconciliationRun.objects.filter(is_free, done_at=None)),
        ("gateway_site.tasks.carry_on_canaries", with_canaries),
        ("gateway_site.tasks.carry_on_canaries", CanaryCall.objects.filter(is_free, ended_at=None)),
    ]
