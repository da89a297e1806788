"""Recording Services as they were read last, made again only where their rows have changed: one statement says so.

A service is read for each delivery of a quiet site. Two tables joined by the ORM, and a password decrypted, were a
fifth of what such a delivery cost.
"""

from django.db import connection

from bulk.statements import fetched
from qms.models import RecordingService

_ROWS = """
SELECT one::text, health::text FROM qms_recordingservice AS one
LEFT JOIN qms_servicehealth AS health ON health.service_id = one.id WHERE one.id = %s
"""

_Rows = list[tuple[str | None, ...]]
_known: dict[int, tuple[_Rows, RecordingService | None]] = {}


def read_service(service_id: int) -> RecordingService | None:
    """Return a service with its health as both are now, None where there is none.

    It is the caller's to read, not to change: another reader may be given the same one. Raises ``DatabaseError``.
    """
    if connection.vendor != "postgresql":
        return _read(service_id)
    rows = fetched(_ROWS, [service_id])
    known = _known.get(service_id)
    if known is None or known[0] != rows:
        known = _known[service_id] = (rows, _read(service_id))
    return known[1]


def _read(service_id: int) -> RecordingService | None:
    return RecordingService.objects.select_related("health").filter(pk=service_id).first()
