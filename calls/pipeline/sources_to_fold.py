"""Which sources are folded: those that are on, and one that is off as long as something of its legs waits.

The flags of a leg may come to QMS, and QMS may answer, after its source was switched off: the leg learns of it
nevertheless. Of the journal of a source that is off nothing is taken but that its link ended.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bulk.statements import fetched, one_of
from calls.models import SearchState
from flags.api import sources_of_settled

_SOURCES = "SELECT slug, id, enabled FROM cti_ctisource"
_ANSWERED = f"""
SELECT DISTINCT source_id FROM calls_recordingsearch
WHERE NOT folded AND state IN ('{SearchState.FOUND}', '{SearchState.MISSED}') AND source_id
"""  # noqa: S608  (the model's own words)
_DUE = "SELECT DISTINCT source_id FROM calls_leg WHERE due_at <= %s AND source_id"


def sources_to_fold(now: datetime) -> dict[str, int]:
    """Return the keys of the sources that are to be folded, by slug. Raises ``DatabaseError``."""
    rows = fetched(_SOURCES, [])
    off = [key for _, key, is_enabled in rows if not is_enabled]
    waiting = _waiting(off, now) if off else set()
    return {slug: key for slug, key, is_enabled in rows if is_enabled or key in waiting}


def _waiting(sources: Sequence[int], now: datetime) -> set[int]:
    is_one, keys = one_of(sources)
    rows: list[Any] = [*fetched(f"{_ANSWERED} {is_one}", [keys]), *fetched(f"{_DUE} {is_one}", [now, keys])]
    return sources_of_settled(sources).union(key for (key,) in rows)
