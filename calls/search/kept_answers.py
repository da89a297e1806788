"""QMS's answers to recording searches, kept in Redis as long as the journal, and found again when it is folded again.

A restored database has forgotten the answers since its backup, and QMS gives a GUID only for seconds after Connected.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from time import monotonic

import msgspec
import structlog
from django.conf import settings

from bulk.statements import fetched, marks
from calls.core.commands import StartSearch
from calls.models import RecordingSearch, SearchState
from cti.api import JournalUnavailable, KeptAnswer, answers_stream, keep_answers, kept_answers

log = structlog.get_logger()

_SLUGS = "SELECT id, slug FROM cti_ctisource WHERE id IN"
#: How long a source's slug is remembered, in seconds: what is answered then is of calls of the journal that had it.
SLUG_SECONDS = 60.0
#: Ends the key of a search that was missed: version 0.1.0 takes every other answer for a recording.
MISSED = " missed"


class FormerAnswer(msgspec.Struct, frozen=True):
    """What QMS answered, as it is kept. Without ``recording_guid`` the search was missed, and ``why`` says how: after a
    transfer *same* is the answer by which the leg keeps its recording.
    """

    service_id: int
    recording_guid: str
    asked_at: datetime | None
    answered_at: datetime | None
    recording_started_at: datetime | None
    attempts: int
    why: str = ""
    #: None in an answer that an earlier version kept: then the last question is taken for the first, which may only
    #: make a question seem late.
    first_asked_at: datetime | None = None


def keep(rows: Sequence[RecordingSearch]) -> None:
    """Keep the answers of searches that are over, and wake the consumers of all that are.

    Without Redis the answers are only in the database, where consumers find them at their next look.
    """
    over = {row.source_id for row in rows if row.state != SearchState.OPEN}
    found = [row for row in rows if row.state == SearchState.FOUND or _is_answered(row)]
    slugs = _slugs.of(over) if found else {}
    try:
        for source_id in over:
            answers = [_kept(row) for row in found if row.source_id == source_id]
            seconds = settings.JOURNAL_KEEP_HOURS * 3600
            keep_answers(slugs.get(source_id, ""), answers, seconds, [answers_stream(source_id)])
    except JournalUnavailable as error:
        log.warning("answers_not_kept", count=len(found), error=type(error).__name__)


class _Slugs:
    """The slugs of sources, as this process read them within the last minute."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Remember none."""
        self._known: dict[int, str] = {}
        self._read_at = -math.inf

    def of(self, source_ids: Collection[int]) -> Mapping[int, str]:
        """Return at least the slugs of these sources."""
        if monotonic() - self._read_at >= SLUG_SECONDS:
            self.forget()
            self._read_at = monotonic()
        if unknown := set(source_ids) - self._known.keys():
            self._known |= dict(fetched(f"{_SLUGS} ({marks([*unknown])})", [*unknown]))
        return self._known


_slugs = _Slugs()
#: A database that is put back behind the process's back, as each test's is, has other sources.
forget = _slugs.forget


def _is_answered(row: RecordingSearch) -> bool:
    """Say whether QMS named no recording for a search; one that came too late to ask has no answer."""
    return row.state == SearchState.MISSED and row.attempts > 0 and not row.error


def recall(slug: str, searches: Iterable[StartSearch]) -> dict[tuple[int, int], FormerAnswer]:
    """Return the kept answers of searches, by leg and search. Raises ``JournalUnavailable``."""
    keys = {(one.leg, one.search): _key(one.extension, one.since_gateway_at, one.search) for one in searches}
    moments = {_key(one.extension, one.since_gateway_at, one.search): one.since_gateway_at for one in searches}
    wanted = [KeptAnswer(f"{key}{end}", moments[key]) for key in keys.values() for end in ("", MISSED)]
    payloads = kept_answers(slug, wanted)
    decoder = msgspec.json.Decoder(FormerAnswer)
    found = {search: payloads.get(key) or payloads.get(f"{key}{MISSED}") for search, key in keys.items()}
    return {search: decoder.decode(payload) for search, payload in found.items() if payload}


def take_over(row: RecordingSearch, found: FormerAnswer) -> None:
    """Answer a search by what was kept."""
    row.state = SearchState.FOUND if found.recording_guid else SearchState.MISSED
    row.service_id, row.attempts, row.why = found.service_id, found.attempts, found.why
    row.recording_guid, row.recording_started_at = found.recording_guid, found.recording_started_at
    row.asked_at, row.answered_at = found.asked_at, found.answered_at
    row.first_asked_at = found.first_asked_at or found.asked_at


def _kept(row: RecordingSearch) -> KeptAnswer:
    found = FormerAnswer(
        row.service_id,
        row.recording_guid,
        row.asked_at,
        row.answered_at,
        row.recording_started_at,
        row.attempts,
        row.why,
        row.first_asked_at,
    )
    key = _key(row.extension, row.connected_at, row.ordinal)
    key += "" if row.recording_guid else MISSED
    return KeptAnswer(key, row.connected_at, msgspec.json.encode(found))


def _key(extension: str, connected_at: datetime, search: int) -> str:
    return f"{connected_at.timestamp():.6f} {search} {extension}"
