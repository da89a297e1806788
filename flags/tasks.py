"""Celery's tasks: each one line that calls a plain function."""

from celery import shared_task

import clock
from flags.outbox import retry_runs
from flags.provisioning import create_jobs, verify_jobs


@shared_task(name="flags.tasks.carry_on_retries")
def carry_on_retries() -> None:
    """Go on with what operators ordered to be put back."""
    retry_runs.carry_on(clock.now)


@shared_task(name="flags.tasks.create")
def create(server_id: int, run: int) -> None:
    """Create the Flags on a Data Server, as somebody asked on the page Flags."""
    create_jobs.carry_out(server_id, run)


@shared_task(name="flags.tasks.carry_on_creations")
def carry_on_creations() -> None:
    """Have workers take up creations that no worker is at."""
    create_jobs.carry_on(clock.now())


@shared_task(name="flags.tasks.prove")
def prove(server_id: int, run: int) -> None:
    """Prove that new Flags work, as somebody asked on a Data Server's page."""
    verify_jobs.carry_out(server_id, run)


@shared_task(name="flags.tasks.note_what_calls_proved")
def note_what_calls_proved() -> None:
    """Take new Flags as proved that QMS took with the flags of calls."""
    verify_jobs.note_what_calls_proved()
