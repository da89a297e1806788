"""Celery's tasks: each one line that calls a plain function."""

from celery import shared_task

import clock
from flags.outbox import retry_runs
from flags.provisioning import create_jobs, verify_jobs
from flags.shadow import readings
from qms.api import connect


@shared_task(name="flags.tasks.continue_retries")
def continue_retries() -> None:
    """Go on with what operators ordered to be put back."""
    retry_runs.continue_retries(clock.now)


@shared_task(name="flags.tasks.create")
def create(server_id: int, run: int) -> None:
    """Create the Flags on a Data Server, as somebody asked on the page Flags."""
    create_jobs.run_creation(server_id, run)


@shared_task(name="flags.tasks.continue_creations")
def continue_creations() -> None:
    """Have workers take up creations that no worker is at."""
    create_jobs.continue_creations(clock.now())


@shared_task(name="flags.tasks.verify")
def verify(server_id: int, run: int) -> None:
    """Verify that new Flags work, as somebody asked on a Data Server's page."""
    verify_jobs.run_verification(server_id, run)


@shared_task(name="flags.tasks.note_flags_verified_by_calls")
def note_flags_verified_by_calls() -> None:
    """Take new Flags as verified that QMS accepted with the flags of calls."""
    verify_jobs.note_flags_verified_by_calls()


@shared_task(name="flags.tasks.compare_shadow")
def compare_shadow() -> None:
    """Read back what another gateway wrote to recordings of services in shadow mode, and compare."""
    readings.compare_due(clock.now, connect, clock.now() + readings.SLICE)


@shared_task(name="flags.tasks.forget_shadow")
def forget_shadow() -> None:
    """Forget comparisons that are old, and examples beyond the newest."""
    readings.forget_old(clock.now())
