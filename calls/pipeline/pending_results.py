"""The answers that wait to be folded: searches that QMS answered or that missed, flag writes that are settled."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from bulk.statements import changed, fetched, one_of
from calls.core.result_events import (
    ANOTHERS,
    RecordingAssigned,
    RecordingFound,
    RecordingMissed,
    ResultEvent,
    WriteSettled,
)
from calls.core.state import WriteStatus
from calls.models import ASSIGNED, SearchState
from calls.search.lapse import CARRIED_OUT_WITHIN
from calls.stats.searches import EndedSearch, ended
from calls.storage.codec import SHIFT, leg_number
from calls.storage.search_rows import RecordedSearch, searches_to_fold
from flags.api import Settled, settled_writes
from flags.api import mark_folded as mark_writes_folded

_HELD = "SELECT id, recording_guid FROM calls_leg WHERE NOT (recording_guid IS NULL)"
_FOLDED = f"""
UPDATE calls_recordingsearch SET folded = true WHERE NOT (why = '{ASSIGNED}' AND state = '{SearchState.CANCELLED}')
"""  # noqa: S608  (the model's own words)


class PendingResult(msgspec.Struct, frozen=True):
    """An answer, the key of the row that has it, what a search is counted as, and a write's end as it was read."""

    key: int
    answer: ResultEvent
    ended: EndedSearch | None = None
    settled: Settled | None = None


def answered_searches(source_id: int, limit: int, until: datetime | None, now: datetime) -> list[PendingResult]:
    """Return the answered searches of a source that are not folded yet; with ``until``, those answered by then.

    A person's decision that is too old at ``now`` is left out: it lapses.
    """
    rows = searches_to_fold(source_id, limit, until, now - CARRIED_OUT_WITHIN)
    holders = _holders([row for row in rows if row.state == SearchState.FOUND])
    return [_pending(row, _holder(row, holders)) for row in rows]


def _pending(row: RecordedSearch, holder: int | None) -> PendingResult:
    """Return a row's answer; what a person assigned is no search that QMS answered, and not counted as one."""
    if row.why == ASSIGNED:
        return PendingResult(row.id, _assigned(row, holder))
    return PendingResult(row.id, answer_of(row, holder), None if row.is_canary else ended(row))


def _assigned(row: RecordedSearch, holder: int | None) -> RecordingAssigned:
    return RecordingAssigned(
        leg=leg_number(row.leg_id),
        search=row.ordinal,
        guid=row.recording_guid,
        service=row.service_id,
        started_at=row.recording_started_at or row.connected_at,
        at=row.answered_at or row.deadline,
        by=row.error,
        holder=holder,
    )


def _holders(found: Sequence[RecordedSearch]) -> dict[str, int]:
    """Return which leg has each recording, by its key."""
    if not found:
        return {}
    is_held, known = one_of([row.recording_guid for row in found])
    return {str(guid): key for key, guid in fetched(f"{_HELD} AND recording_guid {is_held}", [known])}


def answered_at(row: RecordedSearch) -> datetime:
    """Return when a search was answered, or ended without an answer."""
    return row.deadline if _was_never_asked(row) else row.answered_at or row.deadline


def answer_of(row: RecordedSearch, holder: int | None) -> ResultEvent:
    """Return what QMS answered to a search; ``holder``: the leg that has the recording, as far as is saved."""
    at = answered_at(row)
    leg = leg_number(row.leg_id)
    if row.state == SearchState.MISSED:
        return RecordingMissed(
            leg=leg,
            search=row.ordinal,
            why=_why(row),
            attempts=row.attempts,
            at=at,
            error=row.error,
            asked_at=row.asked_at,
            first_asked_at=row.first_asked_at,
        )
    return RecordingFound(
        leg=leg,
        search=row.ordinal,
        guid=row.recording_guid,
        service=row.service_id,
        attempts=row.attempts,
        at=at,
        started_at=row.recording_started_at or row.connected_at,
        holder=holder,
        asked_at=row.asked_at,
        why=row.why,
        first_asked_at=row.first_asked_at,
    )


def _was_never_asked(row: RecordedSearch) -> bool:
    """Say whether a leg's first search ended by its window alone: then it did so before a call that began after it.

    Example: connected at 4.2 and asked for until 14.2, by a worker that stood still until 18.8; the next call began at
    18.7, and no answer could have been taken for that one's.
    """
    is_first = row.ordinal == 1 and not row.known_guid
    return is_first and row.state == SearchState.MISSED and row.why == "late" and not row.attempts and not row.error


def _why(row: RecordedSearch) -> str:
    """Return why a search missed; of several services one that was away may have had the recording."""
    is_incomplete = bool(row.error) and len(row.services) > 1
    return "unreachable" if is_incomplete and row.why in ("none", "same") else row.why


def _holder(row: RecordedSearch, holders: Mapping[str, int]) -> int | None:
    """Return the number of the leg that has the recording of an answer; that of another source counts as another's."""
    key = holders.get(row.recording_guid)
    if key is None:
        return None
    return leg_number(key) if key >> SHIFT == row.source_id else ANOTHERS


def answered_writes(source_id: int, limit: int, until: datetime | None = None) -> list[PendingResult]:
    """Return the settled flag writes of a source that are not folded yet; with ``until``, those settled by then."""
    return [PendingResult(one.write_id, _settled(one), settled=one) for one in settled_writes(source_id, limit, until)]


def _settled(one: Settled) -> WriteSettled:
    return WriteSettled(
        leg=leg_number(one.leg_id),
        part="base" if one.part == "base" else "wrapup",
        status=WriteStatus(one.state),
        at=one.settled_at,
        error_code=one.error_code,
        error=one.error,
    )


def mark_folded(searches: Sequence[int], writes: Sequence[Settled]) -> bool:
    """Remember, in the consumer's transaction, that answers are in the legs.

    Returns False where a person's decision that was read has lapsed meanwhile: the transaction is to be rolled back.
    """
    if writes:
        mark_writes_folded(writes)
    if not searches:
        return True
    is_read, keys = one_of(searches)
    return changed(f"{_FOLDED} AND id {is_read}", [keys]) == len(searches)
