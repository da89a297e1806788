"""QMS's answers to recording searches, kept in Redis as long as the journal, and found again when it is folded again.

A restored database has forgotten the answers since its backup, and QMS gives a GUID only for seconds after Connected.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
import structlog
from django.conf import settings

from calls.core.commands import StartSearch
from calls.models import RecordingSearch, SearchState
from cti.api import JournalUnavailable, KeptAnswer, keep_answers, kept_answers
from cti.models import CtiSource

log = structlog.get_logger()


class FoundRecording(msgspec.Struct, frozen=True):
    """What QMS answered, as it is kept."""

    service_id: int
    recording_guid: str
    asked_at: datetime | None
    answered_at: datetime | None
    recording_started_at: datetime | None
    attempts: int


def keep(rows: Sequence[RecordingSearch]) -> None:
    """Keep the answers of searches that found a recording; without Redis they are only in the database."""
    found = [row for row in rows if row.state == SearchState.FOUND]
    slugs = dict(CtiSource.objects.filter(pk__in={row.source_id for row in found}).values_list("pk", "slug"))
    try:
        for source_id, slug in slugs.items():
            answers = [_kept(row) for row in found if row.source_id == source_id]
            keep_answers(slug, answers, settings.JOURNAL_KEEP_HOURS * 3600)
    except JournalUnavailable as error:
        log.warning("answers_not_kept", count=len(found), error=type(error).__name__)


def recall(slug: str, searches: Iterable[StartSearch]) -> dict[tuple[int, int], FoundRecording]:
    """Return the kept answers of searches, by leg and search. Raises ``JournalUnavailable``."""
    keys = {(one.leg, one.search): _key(one.extension, one.since_gateway_at, one.search) for one in searches}
    moments = {_key(one.extension, one.since_gateway_at, one.search): one.since_gateway_at for one in searches}
    payloads = kept_answers(slug, [KeptAnswer(key, moments[key]) for key in keys.values()])
    decoder = msgspec.json.Decoder(FoundRecording)
    return {search: decoder.decode(payloads[key]) for search, key in keys.items() if key in payloads}


def take_over(row: RecordingSearch, found: FoundRecording) -> None:
    """Answer a search by what was kept."""
    row.state, row.service_id, row.attempts = SearchState.FOUND, found.service_id, found.attempts
    row.recording_guid, row.recording_started_at = found.recording_guid, found.recording_started_at
    row.asked_at, row.answered_at = found.asked_at, found.answered_at


def _kept(row: RecordingSearch) -> KeptAnswer:
    found = FoundRecording(
        row.service_id, row.recording_guid, row.asked_at, row.answered_at, row.recording_started_at, row.attempts
    )
    key = _key(row.extension, row.connected_at, row.ordinal)
    return KeptAnswer(key, row.connected_at, msgspec.json.encode(found))


def _key(extension: str, connected_at: datetime, search: int) -> str:
    return f"{connected_at.timestamp():.6f} {search} {extension}"
