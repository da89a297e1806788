"""Logs are data: a constant event name and fields. Identifiers only; never call data, never secrets."""

import logging
import os
from typing import Any

import structlog

JSON_LOGS = os.environ.get("LOG_FORMAT", "console") == "json"


class NoTracebackOfRefusals(logging.Filter):
    """Takes the traceback from the record of a refused request: a 403 is an answer, not an accident."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record pass, without the traceback where the answer was below 500."""
        if getattr(record, "status_code", 500) < 500:
            record.exc_info = record.exc_text = None
        return True


_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
]

structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_shared,
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)

_renderer: Any = (
    structlog.processors.JSONRenderer()
    if JSON_LOGS
    else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
)

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "data": {"()": structlog.stdlib.ProcessorFormatter, "processor": _renderer, "foreign_pre_chain": _shared}
    },
    "filters": {"no_traceback_of_refusals": {"()": NoTracebackOfRefusals}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "data"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"filters": ["no_traceback_of_refusals"]},
        "django.security": {"filters": ["no_traceback_of_refusals"]},
        # zeep logs envelopes, passwords included, at DEBUG.
        "zeep": {"level": logging.WARNING},
        "zeep.transports": {"level": logging.WARNING},
        "celery.app.trace": {"level": logging.WARNING},
        "celery.worker.strategy": {"level": logging.WARNING},
        "celery.beat": {"level": logging.WARNING},  # It tells of each hint that it sends.
        "axes": {"level": logging.WARNING},
        "django_structlog": {"level": logging.WARNING},
    },
}
