"""Logs are data: a constant event name and fields. Identifiers only; never call data, never secrets."""

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

#: Loggers that only warn.
QUIET = (
    "zeep",  # It logs envelopes, passwords included, at DEBUG.
    "zeep.transports",
    "celery.app.trace",
    "celery.worker.request",  # It logs each message of beat that expired while the worker was away ("revoked").
    "celery.worker.strategy",
    "celery.beat",  # It logs each wake-up that it sends.
    "axes",
    "django_structlog",
    "fontTools",  # It logs each table of a font, dozens of lines for a PDF.
)

#: What would begin a line of its own, or tell a terminal something.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: What has lines of its own.
_TRACEBACKS = ("exception", "stack")


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
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(form)],
        "foreign_pre_chain": _shared,
    }
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


def _rendering(form: str) -> list[Any]:
    if form == "json":
        return [structlog.processors.JSONRenderer()]
    return [
        on_one_line,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]


def on_one_line(_: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape control characters in what is logged: a client's text, such as a path, begins no line of its own."""
    for name, value in fields.items():
        if isinstance(value, str) and name not in _TRACEBACKS:
            fields[name] = _CONTROL.sub(lambda found: ascii(found[0])[1:-1], value)
    return fields
