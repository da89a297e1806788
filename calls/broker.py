"""Send wake-ups for tasks to the broker."""

import structlog
from celery import current_app
from kombu.exceptions import KombuError

log = structlog.get_logger()


def send(task: str, key: int, queue: str, *, countdown: float = 0) -> None:
    """Send a wake-up. Never raises: the work is in the database, where beat finds it if the message is lost."""
    try:
        current_app.send_task(task, args=[key], queue=queue, expires=countdown + 5, countdown=countdown or None)
    except (KombuError, OSError) as error:
        log.warning("wakeup_not_sent", task=task, key=key, error=type(error).__name__)
