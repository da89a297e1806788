"""Logs are data: a constant event name and fields. Identifiers only; never call data, never secrets."""

import logging
from typing import Any

import structlog

#: Loggers that only warn.
QUIET = (
    "zeep",  # It logs envelopes, passwords included, at DEBUG.
    "zeep.transports",
    "celery.app.trace",
    "celery.worker.strategy",
    "celery.beat",  # It logs each wake-up that it sends.
    "axes",
    "django_structlog",
    "fontTools",  # It logs each table of a font, dozens of lines for a PDF.
)


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


def logging_settings(level: str, form: str) -> dict[str, Any]:
    """Return Django's ``LOGGING``: everything to standard error. ``form``: "json", or "console" for people."""
    formatter = {"()": structlog.stdlib.ProcessorFormatter, "processor": _renderer(form), "foreign_pre_chain": _shared}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"data": formatter},
        "filters": {"no_traceback_of_refusals": {"()": NoTracebackOfRefusals}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "data"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            **{name: {"level": logging.WARNING} for name in QUIET},
            **{name: {"filters": ["no_traceback_of_refusals"]} for name in ("django.request", "django.security")},
        },
    }


def _renderer(form: str) -> Any:
    if form == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
