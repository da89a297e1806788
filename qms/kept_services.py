"""Recording Services as they were read last, made again only where their rows have changed: one statement says so.

A service is read for each delivery of a quiet site. Two tables joined by the ORM, and a password decrypted, were a
fifth of what such a delivery cost.
"""

from django.db import connection

from bulk.kept import KeptRows, rows_as_text
from bulk.statements import fetched
from qms.models import RecordingService

#: A service's health without ``ok_at``: that it answered is noted every five seconds, and nobody reads it here. What is
#: left says what calls showed, and is not changed back within a reading.
_HEALTH = "(SELECT (to_jsonb(one) - 'ok_at')::text FROM qms_servicehealth AS one WHERE one.service_id = %s)"
_ROWS = f"SELECT {rows_as_text(RecordingService, 'one.id = %s')}, {_HEALTH}"
_known: dict[int, KeptRows[RecordingService | None]] = {}


def read_service(service_id: int) -> RecordingService | None:
    """Return a service with its health as both are now, None where there is none; ``ok_at`` may be an earlier one.

    It is the caller's to read, not to change: another reader may be given the same one. Raises ``DatabaseError``.
    """
    if connection.vendor != "postgresql":
        return _read(service_id)
    kept = _known.get(service_id)
    if kept is None:
        made: KeptRows[RecordingService | None] = KeptRows(
            lambda: fetched(_ROWS, [service_id] * 2), lambda: _read(service_id)
        )
        kept = _known.setdefault(service_id, made)
    return kept.read()


def _read(service_id: int) -> RecordingService | None:
    return RecordingService.objects.select_related("health").filter(pk=service_id).first()
