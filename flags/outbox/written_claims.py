"""What every delivery asks and does, by statements of constant text: when it is due, and that QMS has written."""

from collections.abc import Sequence
from datetime import datetime

from bulk.statements import changed, fetched, marks, moment
from flags.models import UNSETTLED, WriteState

_NEXT_DUE = f"""
SELECT not_before FROM flags_flagwrite
WHERE state IN ({", ".join(f"'{state}'" for state in UNSETTLED)}) AND service_id = %s AND claimed_until IS NULL
ORDER BY not_before LIMIT 1
"""  # noqa: S608  (the states are the model's own words)
_FREE = f"""
SELECT not_before FROM flags_flagwrite
WHERE state IN ({", ".join(f"'{state}'" for state in UNSETTLED)}) AND service_id = %s AND not_before <= %s
      AND (claimed_until IS NULL OR claimed_until < %s)
LIMIT 1
"""  # noqa: S608  (the states are the model's own words)
_WRITTEN = f"""
UPDATE flags_flagwrite SET state = '{WriteState.WRITTEN}', settled_at = %s, claim = NULL, claimed_until = NULL,
       error_code = '', error = '', folded = false
WHERE claim = %s
"""  # noqa: S608  (the states are the model's own words)


def next_due(service_id: int) -> datetime | None:
    """Return when the next write of a service that nobody has is due; None: there is none."""
    found = fetched(_NEXT_DUE, [service_id])
    return moment(found[0][0]) if found else None


def is_any_free(service_id: int, now: datetime) -> bool:
    """Say whether a write of a service is due that nobody has, or that a delivery had which has died."""
    return bool(fetched(_FREE, [service_id, now, now]))


def settle_written(write_ids: Sequence[int], claim: int, now: datetime) -> int:
    """Settle writes that QMS has confirmed, where the claim still stands. Returns how many."""
    return changed(f"{_WRITTEN} AND id IN ({marks(write_ids)})", [now, claim, *write_ids]) if write_ids else 0
