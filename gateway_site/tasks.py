"""Tasks that concern the whole gateway; each is one line."""

from celery import shared_task

from gateway_site.ops import worker_heartbeat


@shared_task
def note_pulse(queue: str) -> None:
    """Show that beat and a worker of the queue live."""
    worker_heartbeat.note(queue)
