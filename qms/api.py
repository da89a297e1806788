"""What this app offers to others: connect to a Recording Service, threads to ask it, its health."""

from datetime import datetime

from qms import health, kept_services
from qms.connection_steps import ConnectionStep, test_connection
from qms.connection_tests import TestProgress, connection_test_progress, request_connection_test
from qms.connections import ConnectService, adapters, connect
from qms.dialect_drafts import draft_dialect
from qms.endpoints import is_guarded_host
from qms.health import (
    BreakerState,
    breaker_state,
    clock_offset_seconds,
    is_on_trial,
    latest_write_seconds,
    mark_failed,
    may_send,
    note_late_write,
)
from qms.models import RecordingService
from qms.threads import Threads

__all__ = [
    "BreakerState",
    "ConnectService",
    "ConnectionStep",
    "TestProgress",
    "Threads",
    "breaker_state",
    "clock_offset_seconds",
    "connect",
    "connection_test_progress",
    "draft_dialect",
    "is_guarded_host",
    "is_on_trial",
    "latest_write_seconds",
    "mark_failed",
    "mark_ok",
    "may_send",
    "note_late_write",
    "read_service",
    "request_connection_test",
    "test_connection",
]


def mark_ok(service_id: int, now: datetime) -> None:
    """Note that the service answered, and its clock as the calling thread saw it; closes the breaker.

    Looks once a second where the service was not read since, and at once after a failure; writes only where something
    changed or five seconds passed.
    """
    offset = adapters.clock_offset_seconds(service_id)
    if not health.is_known_to_answer(service_id, now, offset):
        health.mark_ok(service_id, now, offset)


def read_service(service_id: int, now: datetime) -> RecordingService | None:
    """Return a service with its health as both are now, None where there is none; ``ok_at`` may be an earlier one.

    It is the caller's to read, not to change: another reader may be given the same one. That it is well is then known
    for a second from ``now`` on, as after a look at its health. Raises ``DatabaseError``.
    """
    failure, found = health.last_failure(service_id), kept_services.read_service(service_id)
    if found is not None:
        health.note_read(found, failure, now)
    return found
