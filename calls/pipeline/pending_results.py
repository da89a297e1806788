"""The answers that wait to be folded: searches that QMS answered or that missed, flag writes that are settled."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter

import msgspec

from bulk.statements import changed, fetched, moment, one_of
from calls.core.clocks import APART
from calls.core.result_events import (
    RecordingAssigned,
    RecordingFound,
    RecordingMissed,
    ResultEvent,
    WriteSettled,
)
from calls.core.state import WriteStatus
from calls.models import ASSIGNED, SearchState
from calls.stats.searches import EndedSearch, ended
from calls.storage.codec import SHIFT, leg_key, leg_number
from calls.storage.search_rows import RecordedSearch, searches_to_fold
from flags.api import Settled, settled_writes
from flags.api import mark_folded as mark_writes_folded

_HELD = "SELECT id, recording_guid, NULL AS at FROM calls_leg WHERE NOT (recording_guid IS NULL)"
_CONNECTED = "SELECT id, device_id, connected_at FROM calls_leg WHERE id >= %s AND id < %s"
#: When the legs of each extension were connected, by key.
_Connected = dict[str, dict[int, datetime]]
#: No leg has this number: a recording that is another's in any case.
ANOTHERS = -1


class PendingResult(msgspec.Struct, frozen=True):
    """An answer, the key of the row that has it, what a search is counted as, and a write's end as it was read."""

    key: int
    answer: ResultEvent
    ended: EndedSearch | None = None
    settled: Settled | None = None


def answered_searches(source_id: int, limit: int) -> list[PendingResult]:
    """Return the answered searches of a source that are not folded yet."""
    rows = searches_to_fold(source_id, limit)
    holders, connected = _legs_of([row for row in rows if row.state == SearchState.FOUND])
    return [_pending(row, _holder(row, holders, connected)) for row in rows]


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


def _legs_of(found: Sequence[RecordedSearch]) -> tuple[dict[str, int], _Connected]:
    """Return which leg has each recording, and when the legs of the extensions were connected, the oldest first.

    Of the extensions of first searches, and from the oldest leg on that such a search is for. Read by one statement:
    a row without a time is of a leg that has a recording.
    """
    if not found:
        return {}, {}
    guids, first = [row.recording_guid for row in found], [row for row in found if row.ordinal == 1]
    extensions = sorted({row.extension for row in first})
    is_held, known = one_of(guids)
    text = f"{_HELD} AND recording_guid {is_held}"
    values: list[object] = [known]
    if first:
        # The keys alone name the source: its column would have PostgreSQL read the index of all its legs.
        is_there, names = one_of(extensions)
        text = f"{_CONNECTED} AND device_id {is_there} UNION ALL {text}"
        keys = [min(row.leg_id for row in first), leg_key(first[0].source_id + 1, 0)]
        values = [*keys, names, *values]
    connected: _Connected = defaultdict(dict)
    holders: dict[str, int] = {}
    for key, name, at in sorted(fetched(text, values), key=itemgetter(0)):
        if at is None:
            holders[str(name)] = key
        else:
            connected[name][key] = moment(at)
    return holders, connected


def began_later(row: RecordedSearch, connected: Mapping[int, datetime]) -> bool:
    """Say whether a search found what began with a later leg; ``connected``: the extension's legs, oldest first."""
    own, began = connected.get(row.leg_id), row.recording_started_at
    if own is None or began is None:
        return False
    later = (row.connected_at + (at - own) - APART for key, at in connected.items() if key > row.leg_id)
    return any(began >= moment > row.connected_at for moment in later)


def answer_of(row: RecordedSearch, holder: int | None) -> ResultEvent:
    """Return what QMS answered to a search; ``holder``: the leg that has the recording already."""
    at = row.answered_at or row.deadline
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
    )


def _why(row: RecordedSearch) -> str:
    """Return why a search missed; of several services one that was away may have had the recording."""
    is_incomplete = bool(row.error) and len(row.services) > 1
    return "unreachable" if is_incomplete and row.why in ("none", "same") else row.why


def _holder(row: RecordedSearch, holders: Mapping[str, int], connected: _Connected) -> int | None:
    """Return the number of the leg that has the recording of an answer, or to which it belongs in any case.

    A leg of another source counts as another's, and so does a later one of the extension, also one settled long ago:
    another search may have found the same recording for it.
    """
    if row.ordinal == 1 and row.extension in connected and began_later(row, connected[row.extension]):
        return ANOTHERS
    key = holders.get(row.recording_guid)
    if key is None:
        return None
    return leg_number(key) if key >> SHIFT == row.source_id else ANOTHERS


def answered_writes(source_id: int, limit: int) -> list[PendingResult]:
    """Return the settled flag writes of a source that are not folded yet."""
    return [PendingResult(one.write_id, _settled(one), settled=one) for one in settled_writes(source_id, limit)]


def _settled(one: Settled) -> WriteSettled:
    return WriteSettled(
        leg=leg_number(one.leg_id),
        part="base" if one.part == "base" else "wrapup",
        status=WriteStatus(one.state),
        at=one.settled_at,
        error_code=one.error_code,
        error=one.error,
    )


def mark_folded(searches: Sequence[int], writes: Sequence[Settled]) -> None:
    """Remember, in the consumer's transaction, that answers are in the legs."""
    if searches:
        is_read, keys = one_of(searches)
        changed(f"UPDATE calls_recordingsearch SET folded = true WHERE id {is_read}", [keys])  # noqa: S608
    if writes:
        mark_writes_folded(writes)
