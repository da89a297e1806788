"""When a Recording Service's worker has a search to ask for."""

from collections.abc import Collection
from datetime import datetime

from bulk.statements import fetched, marks, moment

_NEXT_DUE = """
SELECT CASE WHEN claimed_until > next_at THEN claimed_until ELSE next_at END AS free_at
FROM calls_recordingsearch WHERE service_id = %s AND state = 'open'
"""


def next_due(service_id: int, besides: Collection[int] = ()) -> datetime | None:
    """Return when the next search of a service is due, or a dead worker's claim runs out; None: none is open.

    ``besides``: keys of searches that do not count.
    """
    others = f"AND id NOT IN ({marks([*besides])})" if besides else ""
    found = fetched(f"{_NEXT_DUE} {others} ORDER BY free_at LIMIT 1", [service_id, *besides])
    return moment(found[0][0]) if found else None
