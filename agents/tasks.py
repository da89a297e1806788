"""What workers do for this app; each task is one line."""

from celery import shared_task

import clock
from agents import pre_shift_check
from agents.users import refresh, schedule


@shared_task
def load_users(refresh_id: int) -> None:
    """Carry out a load of users that was begun."""
    refresh.load(refresh_id)


@shared_task
def refresh_due() -> None:
    """Begin the daily loads that are due."""
    schedule.request_due_refreshes(clock.now())


@shared_task
def refresh_all_at_start() -> None:
    """Load the users of every service when the gateway starts."""
    schedule.request_refreshes_at_start(clock.now())


@shared_task
def shift_check_due() -> None:
    """Match everybody once more before the shift, where the time has come."""
    pre_shift_check.check_due(clock.now())
