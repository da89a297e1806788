"""What QMS answered to recording searches is saved together: found, or which service is asked next, and when."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from calls.core.clocks import APART
from calls.core.result_events import LATE, why_before
from calls.models import RecordingSearch, SearchState
from calls.search.claims import KnownRecordings, known_recordings
from calls.search.held import HeldSearches
from calls.search.kept_answers import keep
from calls.search.silence import is_first_answer_kept, note_first_answer
from calls.storage.search_rows import save_open
from cti.api import searches_stream, wake
from qms import api as qms_api
from qms.guids import guid_key
from qms.models import RecordingService
from qms.port import QmsError, Recording
from telemetry.counters import SEARCH_ANSWERS

#: From this age on a search asks every third interval: QMS names a recording within a moment of its beginning.
SLOWER_AFTER, SLOWER = timedelta(seconds=2), 3
#: QMS that still names a leg's recording this long after a transfer began no other with it: the search is over. One
#: that begins later is no part of the leg.
GOES_ON = LATE + timedelta(seconds=1)
#: Random part of the interval between two questions, as a share of it.
JITTER = 0.2
#: Maximum time by which a claim outlives its worker, or the next question that it would have asked, whatever the
#: service's time-out: QMS reports a GUID for ten seconds only.
LEASE = timedelta(seconds=3)


class PendingQuestion(msgspec.Struct, frozen=True):
    """One question and its end: a recording, none, or an error."""

    search: RecordingSearch
    asked_at: datetime
    recording: Recording | None = None
    error: QmsError | None = None


def claim_end(now: datetime) -> datetime:
    """Return the end of a claim; chance makes it a name."""
    return now + LEASE + timedelta(microseconds=random.randrange(10**6))  # noqa: S311  (names this claim)


def settle(
    service: RecordingService, asked: Sequence[PendingQuestion], now: datetime, held: HeldSearches | None = None
) -> None:
    """Save what QMS answered: found, or the next question's time; wake the consumers of what was found.

    ``held``: takes the searches that stay claimed until their next question.
    """
    known = known_recordings(
        [one.recording.guid for one in asked if one.recording and not _is_strange(one.search, one.recording)]
    )
    for one in asked:
        _take(service, _in_known_spelling(one, known), known, now)
    rows = [one.search for one in asked]
    staying = [row for row in rows if _stays(row, service)][: held.room] if held is not None else []
    for row in staying:
        row.claimed_until = claim_end(row.next_at)
    save_open(rows)
    if held is not None:
        held.hold(staying)
    for one in asked:
        SEARCH_ANSWERS.labels(service.slug, _result(one)).inc()
    keep(rows)
    _record_health(service, asked, now)
    # A user marked "Any": the next service is asked at once.
    others = {row.service_id for row in rows if row.state == SearchState.OPEN} - {service.pk}
    if others:
        wake(*map(searches_stream, others))


def _stays(row: RecordingSearch, service: RecordingService) -> bool:
    """Say whether the next question of a search is this service's; at its deadline a claim ends it."""
    return row.state == SearchState.OPEN and row.service_id == service.pk and row.next_at < row.deadline


def _result(one: PendingQuestion) -> str:
    if one.error is not None:
        return "error"
    return "found" if one.search.state == SearchState.FOUND else "none"


def _in_known_spelling(one: PendingQuestion, known: KnownRecordings) -> PendingQuestion:
    """Name a recording as it was first named, so that it is the same one for all that follows."""
    kept = one.recording and known.spelling.get(guid_key(one.recording.guid))
    if one.recording is None or not kept or kept == one.recording.guid:
        return one
    return msgspec.structs.replace(one, recording=msgspec.structs.replace(one.recording, guid=kept))


def _take(service: RecordingService, one: PendingQuestion, known: KnownRecordings, now: datetime) -> None:
    row, recording = one.search, one.recording
    may_be_its_own = recording is not None and recording.started_at >= row.connected_at - APART
    held = known.flagged if may_be_its_own else known.firm | known.flagged
    row.first_asked_at = row.first_asked_at or one.asked_at
    row.claimed_until = None
    if one.error is not None:
        row.error = f"{one.error.code}: {one.error}"[:500]
        if row.known_guid and row.why != "same" and (row.asked_at is None or row.asked_at < row.connected_at + LATE):
            row.why = "unreachable"  # Whether the recording went on at the transfer was not answered yet.
        _go_on(service, row, now)
        return
    note_first_answer(row)
    is_first_kept = is_first_answer_kept(row)
    before = why_before(row.why, row.attempts, row.connected_at, row.asked_at) if row.known_guid else ""
    row.attempts += 1
    if row.asked_at is None or (row.asked_at < row.connected_at + LATE and not is_first_kept):
        row.asked_at = one.asked_at
    row.error = row.error if len(row.services) > 1 else ""  # Of several, the one that is away may be who recorded.
    if recording is not None and (refusal := _refusal(row, recording, held)) is None:
        row.state, row.asked_at, row.answered_at = SearchState.FOUND, one.asked_at, now
        row.recording_guid, row.recording_started_at = recording.guid, recording.started_at
        row.why = before
        return
    if recording is not None and refusal and not (refusal == "same" and _is_of_other_leg(row, recording)):
        row.why = refusal
    if _goes_on(row, recording, one.asked_at):
        row.state, row.answered_at = SearchState.MISSED, now
        return
    _go_on(service, row, now)


def _goes_on(row: RecordingSearch, recording: Recording | None, asked_at: datetime) -> bool:
    """Say whether QMS showed that a recording went on after a transfer, where no other service may have a new one."""
    if recording is None or not row.known_guid or _is_of_other_leg(row, recording):
        return False
    return row.why == "same" and len(row.services) < 2 and asked_at >= row.connected_at + GOES_ON


def _refusal(row: RecordingSearch, recording: Recording, held: frozenset[str]) -> str | None:
    """Say why an answer is not taken: another extension's, an earlier time's, another leg's or the one known."""
    if _is_strange(row, recording):
        return "stranger"
    if guid_key(recording.guid) == guid_key(row.known_guid) or recording.guid in held:
        return "same"
    return None


def _is_of_other_leg(row: RecordingSearch, recording: Recording) -> bool:
    """Say whether QMS named another recording than the one that is known: it does not say whether that goes on."""
    return bool(row.known_guid) and guid_key(recording.guid) != guid_key(row.known_guid)


def _is_strange(row: RecordingSearch, recording: Recording) -> bool:
    """Say whether a recording is another extension's or an earlier time's, whatever is known of it."""
    return recording.extension != row.extension or recording.started_at < row.not_started_before


def _go_on(service: RecordingService, row: RecordingSearch, now: datetime) -> None:
    """Put the next question: to the next service that could know, at once; a new round waits its interval."""
    row.service_id = _next_service(row)
    row.next_at = now if _is_onward(row, service) else _next_at(service, row, now)


def _next_service(row: RecordingSearch) -> int:
    """Return the next of the services that could know: a user marked "Any" may be recorded by each."""
    services = [int(one) for one in row.services] or [row.service_id]
    place = services.index(row.service_id) if row.service_id in services else -1
    return services[(place + 1) % len(services)]


def _is_onward(row: RecordingSearch, service: RecordingService) -> bool:
    """Say whether a search goes on to a service not asked in this round; a new round waits its interval."""
    services = [int(one) for one in row.services]
    both = row.service_id in services and service.pk in services
    return both and services.index(row.service_id) > services.index(service.pk)


def _next_at(service: RecordingService, row: RecordingSearch, now: datetime) -> datetime:
    chance = 1 + JITTER * (random.random() - 0.5)  # noqa: S311  (spreads the questions)
    intervals = SLOWER if now >= row.connected_at + SLOWER_AFTER else 1
    return min(now + timedelta(milliseconds=service.lookup_interval_ms * intervals * chance), row.deadline)


def _record_health(service: RecordingService, asked: Sequence[PendingQuestion], now: datetime) -> None:
    errors = [one.error for one in asked if one.error is not None]
    if len(errors) < len(asked):
        qms_api.mark_ok(service.pk, now)
    else:
        qms_api.mark_failed(service.pk, errors[-1], now)
