"""Celery's settings, each with its reason. The broker's messages are wake-ups; the database is the only truth."""

from typing import Any

#: Early acknowledgement: a lost message is found again by beat; a repeated one could write twice.
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
#: A worker takes no more than it works on, so that an urgent task never waits behind a reserved one.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
#: A demoted, read-only Redis answers with an error, not with a disconnect.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
#: Celery's own forgets connections that fail half-way, and leaves their sockets open.
#: Celery's own ends at every start once its file was damaged, as by a kill while it was written.
CELERY_BEAT_SCHEDULER = "gateway_site.broker.schedule:LenientScheduler"
CELERY_WORKER_CONSUMER = "gateway_site.broker.consumer:ClosingConsumer"
#: One connection per worker thread is kept; Django's health check replaces one that died.
CELERY_DB_REUSE_MAX = 10**9
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = 100_000
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
    # Above the 1 s BRPOP; without it a frozen Redis hangs a publish without end.
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    # Far above the longest task: a task that outlives it runs twice at once.
    "visibility_timeout": 3600,
    # A publish gives up in under a second: it is only a wake-up.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.2,
}
CELERY_TASK_PUBLISH_RETRY_POLICY: dict[str, Any] = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.2,
}
