"""When a Recording Service's worker has a search to ask for."""

from datetime import datetime

from bulk.statements import fetched, moment

_NEXT_DUE = """
SELECT CASE WHEN claimed_until > next_at THEN claimed_until ELSE next_at END AS free_at
FROM calls_recordingsearch WHERE service_id = %s AND state = 'open' ORDER BY free_at LIMIT 1
"""


def next_due(service_id: int) -> datetime | None:
    """Return when the next search of a service is due, or a dead worker's claim runs out; None: none is open."""
    found = fetched(_NEXT_DUE, [service_id])
    return moment(found[0][0]) if found else None
