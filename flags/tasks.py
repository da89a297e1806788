"""Celery's tasks: each one line that calls a plain function."""

from celery import shared_task

import clock
from flags import retrying


@shared_task(name="flags.tasks.carry_on_retries")
def carry_on_retries() -> None:
    """Go on with what operators told to put back."""
    retrying.carry_on(clock.now)
