"""The claims of searches, and what is known of the recordings that QMS named, by one statement each."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from bulk.arrays import array
from bulk.statements import SKIP_LOCKED, adapted, fetched, one_of
from calls.core.state import LegPhase
from calls.models import RecordingSearch
from calls.search.due import next_due
from qms.guids import guid_key, spellings

#: Maximum number of searches past their deadline that a claim ends; they cost QMS nothing.
LATE_AT_ONCE = 500
_FIELDS = RecordingSearch._meta.concrete_fields  # noqa: SLF001  (documented by Django)
_ATTRIBUTES = [one.attname for one in _FIELDS]
_SERVICES = _ATTRIBUTES.index("services")
_FREE = """
SELECT id FROM calls_recordingsearch
WHERE service_id = %s AND state = 'open' AND next_at <= %s AND (claimed_until IS NULL OR claimed_until < %s)
"""
#: Where more are due than may be asked: QMS names a recording while its call lasts. So the newest are asked first, most
#: of whose calls last still, and who was asked for already last. By the soonest deadline nearly all would be over.
_DUE = f"{_FREE} AND deadline > %s ORDER BY attempts > 0, deadline DESC LIMIT %s"
_LATE = f"{_FREE} AND deadline <= %s LIMIT {LATE_AT_ONCE}"
_CLAIMED = f"""
due AS MATERIALIZED ({_DUE} {SKIP_LOCKED}), late AS MATERIALIZED ({_LATE} {SKIP_LOCKED}),
free AS MATERIALIZED (SELECT id FROM due UNION ALL SELECT id FROM late)
"""  # noqa: S608  (no value of anybody's)
_CLAIM = f"""
WITH {_CLAIMED}
UPDATE calls_recordingsearch SET claimed_until = %s WHERE state = 'open' AND id IN (SELECT id FROM free) RETURNING *
"""  # noqa: S608  (no value of anybody's)
#: The same, and in each row when another search is free to be claimed; one row without a search where none is due.
_CLAIM_AND_LOOK = f"""
WITH {_CLAIMED}, claimed AS (
    UPDATE calls_recordingsearch SET claimed_until = %s WHERE state = 'open' AND id IN (SELECT id FROM free) RETURNING *
), later AS (
    SELECT min(GREATEST(next_at, claimed_until)) AS free_at FROM calls_recordingsearch
    WHERE service_id = %s AND state = 'open' AND id NOT IN (SELECT id FROM free) AND id <> ALL (%s::bigint[])
)
SELECT free_at, {", ".join(f"claimed.{one.column}" for one in _FIELDS)} FROM later LEFT JOIN claimed ON TRUE
"""  # noqa: S608  (no value of anybody's)
_OVER = (LegPhase.CLOSED.value, LegPhase.DELIVERING.value)
_FLAGGED = "flagged"


class KnownRecordings(msgspec.Struct, frozen=True):
    """What is known of the recordings of some answers: those of open legs, the flagged ones, and each one's spelling.

    :param spelling: the key of each known GUID, and the form in which it is kept.
    """

    firm: frozenset[str] = frozenset()
    flagged: frozenset[str] = frozenset()
    spelling: dict[str, str] = {}


class ClaimedSearches(msgspec.Struct, frozen=True):
    """The searches that were claimed, in the order in which to ask, and when another one is free to be claimed."""

    rows: list[RecordingSearch]
    next_at: datetime | None


def claim_due(
    service_id: int, now: datetime, until: datetime, limit: int, asked: Collection[int] = ()
) -> ClaimedSearches:
    """Claim a service's due searches until a moment, which names the claim; say when another one is due.

    ``limit``: maximum number of those that may still be asked for; others are past their deadline. ``asked``: the keys
    of those that the caller is asking for. Of two that claim at the same moment each gets others. On SQLite nothing is
    locked while nothing is due.
    """
    free = [service_id, now, now, now]
    due = [*free, limit, *free]
    if connection.vendor == "postgresql":
        values = [*due, until, service_id, array([*asked])]
        found = fetched(_CLAIM_AND_LOOK, values)
        rows, next_at = [_search(row[1:]) for row in found if row[1] is not None], found[0][0]
    else:
        is_any_free = fetched(f"{_FREE} LIMIT 1", free[:3])
        rows = list(RecordingSearch.objects.raw(*adapted(_CLAIM, [*due, until]))) if is_any_free else []
        next_at = next_due(service_id, {row.pk for row in rows}.union(asked))
    rows.sort(key=lambda row: row.deadline, reverse=True)
    rows.sort(key=lambda row: row.attempts > 0)
    return ClaimedSearches(rows, next_at)


def _search(values: tuple[Any, ...]) -> RecordingSearch:
    """Return a row of PostgreSQL's as a model; ``raw`` finds out each time which column is which."""
    services = msgspec.json.decode(values[_SERVICES])
    columns = [*values[:_SERVICES], services, *values[_SERVICES + 1 :]]
    return RecordingSearch.from_db(connection.alias, _ATTRIBUTES, columns)


def known_recordings(guids: Sequence[str]) -> KnownRecordings:
    """Look up recordings in every spelling.

    What began as the asking leg was connected is reported to the core although an open leg has it: the link may have
    stalled, and it decides whose it is. So is that of a leg that is over and not yet flagged.
    """
    if not guids:
        return KnownRecordings()
    is_one, forms = one_of([form for guid in guids for form in spellings(guid)])
    rows = fetched(
        f"SELECT recording_guid, phase FROM calls_leg"  # noqa: S608  (no value of anybody's)
        f" WHERE NOT (recording_guid IS NULL) AND recording_guid {is_one}"
        f" UNION ALL SELECT recording_guid, '{_FLAGGED}' FROM flags_flagwrite WHERE recording_guid {is_one}",
        [forms, forms],
    )
    flagged = frozenset(guid for guid, phase in rows if phase == _FLAGGED)
    held = {guid: phase for guid, phase in rows if phase != _FLAGGED}
    firm = frozenset(guid for guid, phase in held.items() if phase not in _OVER)
    return KnownRecordings(firm, flagged, {guid_key(guid): guid for guid in (*held, *flagged)})
