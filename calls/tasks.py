"""Celery's tasks: each one line that calls a plain function. A message carries primary keys only."""

from celery import shared_task

import clock
from calls import jobs
from calls.objectives.mail import mail_monthly
from calls.objectives.targets import note_targets
from calls.pipeline import switched_off
from calls.report import mail
from calls.stats import unmatched_calls


@shared_task(name="calls.tasks.export")
def export(job_id: int) -> None:
    """Write an export."""
    jobs.export(job_id)


@shared_task(name="calls.tasks.wake_exports")
def wake_exports() -> None:
    """Wake the exports that nobody works on."""
    jobs.wake_exports()


@shared_task(name="calls.tasks.note_switched")
def note_switched() -> None:
    """Keep in the ledger of gaps which sources were switched off or on."""
    switched_off.note_switched(clock.now())


@shared_task(name="calls.tasks.mail_reports")
def mail_reports() -> None:
    """Mail the weekly reports that are due, and the report of the month; keep by which targets it is judged."""
    note_targets(clock.now())
    mail.mail_weekly(clock.now())
    mail_monthly(clock.now())


@shared_task(name="calls.tasks.archive_journals")
def archive_journals() -> None:
    """Copy what is new in the journals to the archive."""
    jobs.archive()


@shared_task(name="calls.tasks.retain")
def retain() -> None:
    """Forget what is older than its keeping time."""
    jobs.retain()


@shared_task(name="calls.tasks.report_unmatched_calls")
def report_unmatched_calls() -> None:
    """Count for the agents' page what conflicts in the matches cost today."""
    unmatched_calls.report_unmatched_calls(clock.now())
