"""What workers do for this app; each task is one line."""

from celery import shared_task

from qms import connection_tests


@shared_task
def test(service_id: int, run: int) -> None:
    """Test the connection to a Recording Service, as somebody asked on its page."""
    connection_tests.run_connection_test(service_id, run)
