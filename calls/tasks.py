"""Celery's tasks: each one line that calls a plain function. Messages are wake-ups and carry primary keys only."""

from celery import shared_task

import clock
from calls import jobs
from calls.report import mail
from calls.stats import source_load, unmatched_calls


@shared_task(name="calls.tasks.consume")
def consume(source_id: int) -> None:
    """Fold a source's journal until it is empty or the time slice ends."""
    jobs.consume(source_id)


@shared_task(name="calls.tasks.look_up")
def look_up(service_id: int) -> None:
    """Ask a Recording Service for its open searches."""
    jobs.look_up(service_id)


@shared_task(name="calls.tasks.deliver")
def deliver(service_id: int) -> None:
    """Send a Recording Service its due flag writes."""
    jobs.deliver(service_id)


@shared_task(name="calls.tasks.wake_consumers")
def wake_consumers() -> None:
    """Wake every consumer, in case the broker lost a wake-up."""
    jobs.wake_consumers()


@shared_task(name="calls.tasks.wake_searches")
def wake_searches() -> None:
    """Wake the search workers of services with searches due."""
    jobs.wake_searches()


@shared_task(name="calls.tasks.wake_deliveries")
def wake_deliveries() -> None:
    """Wake the deliveries of services with writes due."""
    jobs.wake_deliveries()


@shared_task(name="calls.tasks.export")
def export(job_id: int) -> None:
    """Write an export."""
    jobs.export(job_id)


@shared_task(name="calls.tasks.wake_exports")
def wake_exports() -> None:
    """Wake the exports that nobody works on."""
    jobs.wake_exports()


@shared_task(name="calls.tasks.mail_reports")
def mail_reports() -> None:
    """Mail the weekly reports that are due."""
    mail.mail_weekly(clock.now())


@shared_task(name="calls.tasks.publish_loads")
def publish_loads() -> None:
    """Count what each source holds open."""
    source_load.publish_loads(clock.now())


@shared_task(name="calls.tasks.retain")
def retain() -> None:
    """Forget what is older than its keeping time."""
    jobs.retain()


@shared_task(name="calls.tasks.report_unmatched_calls")
def report_unmatched_calls() -> None:
    """Tell the agents' page what troubled matches cost today."""
    unmatched_calls.report_unmatched_calls(clock.now())
