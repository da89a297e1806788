"""The claims of searches, and what is known of the recordings that QMS named, by one statement each."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.db import connection

from bulk.statements import SKIP_LOCKED, adapted, fetched, marks
from calls.core.state import LegPhase
from calls.models import RecordingSearch
from qms.guids import guid_key, spellings

_DUE = """
SELECT id FROM calls_recordingsearch
WHERE service_id = %s AND state = 'open' AND next_at <= %s AND (claimed_until IS NULL OR claimed_until < %s)
ORDER BY deadline LIMIT %s
"""
_CLAIM = f"""
WITH due AS MATERIALIZED ({_DUE} {SKIP_LOCKED})
UPDATE calls_recordingsearch SET claimed_until = %s WHERE state = 'open' AND id IN (SELECT id FROM due) RETURNING *
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


def claim_due(service_id: int, now: datetime, until: datetime, limit: int) -> list[RecordingSearch]:
    """Claim a service's due searches until a moment, which names the claim; return them, soonest deadline first.

    Of two that claim at the same moment each gets others. On SQLite nothing is locked while nothing is due.
    """
    due = [service_id, now, now, limit]
    if connection.vendor == "sqlite" and not fetched(_DUE, due):
        return []
    claimed = RecordingSearch.objects.raw(*adapted(_CLAIM, [*due, until]))
    return sorted(claimed, key=lambda row: row.deadline)


def known_recordings(guids: Sequence[str]) -> KnownRecordings:
    """Look up recordings in every spelling.

    What began as the asking leg was connected is reported to the core although an open leg has it: the link may have
    stalled, and it decides whose it is. So is that of a leg that is over and not yet flagged.
    """
    if not guids:
        return KnownRecordings()
    forms = [form for guid in guids for form in spellings(guid)]
    rows = fetched(
        f"SELECT recording_guid, phase FROM calls_leg"  # noqa: S608  (marks of parameters alone)
        f" WHERE NOT (recording_guid IS NULL) AND recording_guid IN ({marks(forms)})"
        f" UNION ALL SELECT recording_guid, '{_FLAGGED}' FROM flags_flagwrite WHERE recording_guid IN ({marks(forms)})",
        [*forms, *forms],
    )
    flagged = frozenset(guid for guid, phase in rows if phase == _FLAGGED)
    held = {guid: phase for guid, phase in rows if phase != _FLAGGED}
    firm = frozenset(guid for guid, phase in held.items() if phase not in _OVER)
    return KnownRecordings(firm, flagged, {guid_key(guid): guid for guid in (*held, *flagged)})
