"""How long the web server waits for the broker."""

from celery import current_app

#: Above the second that an answer of a worker is waited for at once.
_LIMITS = {"socket_timeout": 1.5, "socket_connect_timeout": 1}


def wait_briefly_for_broker() -> None:
    """Let this process, which sends messages and works on none, wait no longer for the broker than a page may."""
    known = current_app.conf.broker_transport_options
    current_app.conf.broker_transport_options = {**known, **_LIMITS}
