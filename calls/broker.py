"""Send hints to the broker."""

import structlog
from celery import current_app
from kombu.exceptions import KombuError

log = structlog.get_logger()


def send(task: str, key: int, queue: str, *, countdown: float = 0) -> None:
    """Send a hint. Never raises: beat finds in the database what a lost hint was about."""
    try:
        current_app.send_task(task, args=[key], queue=queue, expires=countdown + 5, countdown=countdown or None)
    except (KombuError, OSError) as error:
        log.warning("hint_not_sent", task=task, key=key, error=type(error).__name__)
