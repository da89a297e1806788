"""Recording searches on their way: claimed, asked at once and then a few times quickly, answered before the deadline.

One worker for each Recording Service and process: the calling thread alone touches the database, a few threads ask QMS,
so that a service that hangs holds up no other. It looks for questions at a steady rhythm and settles together what was
answered since: under load each look finds many, and costs no more than one that finds one. A search row is claimed by
a conditional update; the claim is renewed while the worker lives, and expires soon after it died. A worker that is
asked to stop gives back what it holds.
"""

import random
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from time import monotonic, sleep

import msgspec
import structlog
from django.db.models import QuerySet

from calls.core.clocks import APART
from calls.core.result_events import LATE, why_before
from calls.models import RecordingSearch, SearchState
from calls.search.claims import KnownRecordings, claim_due, known_recordings
from calls.search.due import next_due
from calls.search.kept_answers import keep
from calls.search.known_service import KnownService
from calls.search.silence import is_first_answer_kept, judge_silence, note_first_answer
from calls.storage.search_rows import save_open
from clock import ReadClock
from clock.stopping import stop
from cti.api import searches_stream, wake
from qms import api as qms_api
from qms.api import ConnectService, Threads
from qms.guids import guid_key
from qms.models import RecordingService
from qms.port import QmsError, QmsUnclear, Recording
from telemetry.counters import SEARCH_ANSWERS

log = structlog.get_logger()

#: Interval between two looks for open searches, in seconds, unless more are due than may be asked at once.
LOOK_EVERY_SECONDS = 0.025
#: Questions claimed for each thread while the service answers as many as there are threads within a look:
#: none waits for the next look, and a backlog is worked off.
CLAIMS_A_THREAD = 16
#: From this age on a search asks every third interval: QMS names a recording within a moment of its beginning.
SLOWER_AFTER, SLOWER = timedelta(seconds=2), 3
#: QMS that still names a leg's recording this long after a transfer began no other with it: the search is over. One
#: that begins later is no part of the leg.
GOES_ON = LATE + timedelta(seconds=1)
#: Random part of the interval between two questions, as a share of it.
JITTER = 0.2
#: Maximum time by which a claim outlives its worker, whatever the service's time-out: QMS reports a GUID for ten
#: seconds only.
LEASE = timedelta(seconds=3)
#: Interval at which claims are renewed, in seconds.
RENEW_EVERY_SECONDS = 1.0
#: Timeout of a stop for its answers, in seconds; most come within. The next worker must have time left.
STOP_SECONDS = 0.5


class PendingQuestion(msgspec.Struct, frozen=True):
    """One question and its end: a recording, none, or an error."""

    search: RecordingSearch
    asked_at: datetime
    recording: Recording | None = None
    error: QmsError | None = None


class SearchWorker:
    """Ask one Recording Service for all its searches that are due."""

    def __init__(self, service: RecordingService, now: ReadClock, connect: ConnectService) -> None:
        self.service, self.now, self.connect = service, now, connect
        self.pool = _pool(service)
        #: Its own: what is answered to a worker that has ended is nobody's, for its searches were given back.
        self.inbox: SimpleQueue[PendingQuestion] = SimpleQueue()
        #: The searches that are being asked, each with its claim's end, which names the claim.
        self.pending: dict[int, datetime] = {}
        self.renew_at = monotonic() + RENEW_EVERY_SECONDS
        self.is_quick = False
        #: When a search that nobody asks for now is due, as far as this worker knows.
        self.next_at: datetime | None = None

    def run(self, seconds: float) -> datetime | None:
        """Work until nothing is due, the time is over or the process stops. Returns when a search is due next."""
        until = self.now() + timedelta(seconds=seconds)
        while self.now() < until and not stop.is_asked:
            next_look, room = monotonic() + LOOK_EVERY_SECONDS, self._room()
            claimed = self._look(room)
            if not self.pending and not claimed:
                return self.next_at
            self._harvest(next_look)
            if not self.pending and claimed < room and not self._is_soon(self.next_at):
                return self.next_at
            if claimed < room:
                sleep(max(next_look - monotonic(), 0))
        self._end()
        return next_due(self.service.pk)

    def _is_soon(self, due: datetime | None) -> bool:
        """Say whether it is worth waiting here for the next look."""
        return due is not None and due <= self.now() + timedelta(seconds=LOOK_EVERY_SECONDS)

    def _room(self) -> int:
        limit = self.service.max_in_flight * (CLAIMS_A_THREAD if self.is_quick else 1)
        return max(limit - len(self.pending), 0)

    def _look(self, room: int) -> int:
        """Claim what is due and give it to the threads. Returns how many."""
        claimed = self._claim(room)
        for search in claimed:
            self.pool.submit(self._ask_for_guid, search)
        return len(claimed)

    def _end(self) -> None:
        """Wait for what is on its way, and give back the rest."""
        last = monotonic() + self.service.timeout_seconds + 1
        while self.pending and monotonic() < last and not stop.is_over(STOP_SECONDS):
            self._harvest(monotonic() + LOOK_EVERY_SECONDS)
        self._give_back()

    def _claim(self, free: int) -> list[RecordingSearch]:
        """Claim due searches, in the order in which to ask; those past their deadline are missed without asking."""
        if free <= 0:
            return []
        now = self.now()
        stamp = _stamp(now)
        found = claim_due(self.service.pk, now, stamp, free, self.pending)
        rows, self.next_at = found.rows, found.next_at
        late, claimed = [row for row in rows if row.deadline <= now], [row for row in rows if row.deadline > now]
        if late:
            self._missed(late, now)
        self.pending |= dict.fromkeys((row.pk for row in claimed), stamp)
        return claimed

    def _held(self) -> QuerySet[RecordingSearch]:
        """Return what is being asked and still claimed by this worker."""
        stamps = set(self.pending.values())
        return RecordingSearch.objects.filter(pk__in=self.pending, state=SearchState.OPEN, claimed_until__in=stamps)

    def _renew(self) -> None:
        """Show that this worker lives, while the service takes its time."""
        if not self.pending or monotonic() < self.renew_at:
            return
        self.renew_at = monotonic() + RENEW_EVERY_SECONDS
        stamp = _stamp(self.now())
        self._held().update(claimed_until=stamp)
        self.pending = dict.fromkeys(self.pending, stamp)

    def _give_back(self) -> None:
        """Let another worker ask at once for what was not answered here."""
        if self.pending:
            self._held().update(claimed_until=None)

    def _ask_for_guid(self, search: RecordingSearch) -> None:
        """Ask QMS and hand the answer to the worker; runs in the pool and touches no database."""
        asked_at = self.now()
        try:
            self.inbox.put(PendingQuestion(search, asked_at, recording=self._found(search)))
        except QmsError as error:
            self.inbox.put(PendingQuestion(search, asked_at, error=error))
        except Exception as error:  # noqa: BLE001  (a defect of ours holds up no other search; it is logged)
            kind = type(error).__name__
            log.error("search_crashed", search_id=search.pk, error=kind)
            self.inbox.put(PendingQuestion(search, asked_at, error=QmsUnclear(f"The gateway itself failed ({kind}).")))

    def _found(self, search: RecordingSearch) -> Recording | None:
        """Return the recording that QMS reports, with its time by the gateway's clock."""
        offset = timedelta(seconds=_offsets.get(self.service.pk, 0.0))
        found = self.connect(self.service).find_live_recording(search.extension, search.not_started_before + offset)
        return found and msgspec.structs.replace(found, started_at=found.started_at - offset)

    def _harvest(self, until: float) -> None:
        """Settle together what is answered until a moment of the monotonic clock, or all that is asked, if sooner."""
        if asked := self._gather(until):
            for one in asked:
                self.pending.pop(one.search.pk, None)
            settle(self.service, asked, self.now())
            put_off = [row for one in asked if (row := one.search).state == SearchState.OPEN]
            due = [row.next_at for row in put_off if row.service_id == self.service.pk]
            self.next_at = min(due + ([self.next_at] if self.next_at else []), default=None)
        self.is_quick = not self.pending or len(asked) >= self.service.max_in_flight
        self._renew()

    def _gather(self, until: float) -> list[PendingQuestion]:
        asked: list[PendingQuestion] = []
        while len(asked) < len(self.pending):
            try:
                asked.append(self.inbox.get(timeout=max(until - monotonic(), 0)))
            except Empty:
                break
        return asked

    def _missed(self, rows: Sequence[RecordingSearch], now: datetime) -> None:
        judge_silence(rows)
        for row in rows:
            row.state, row.answered_at, row.why = SearchState.MISSED, now, row.why or _why(row)
            row.claimed_until = None
        save_open(rows)
        keep(rows)


def _stamp(now: datetime) -> datetime:
    """Return the end of a claim; chance makes it a name."""
    return now + LEASE + timedelta(microseconds=random.randrange(10**6))  # noqa: S311  (names this claim)


def _why(row: RecordingSearch) -> str:
    if row.error:
        return "unreachable"
    return "none" if row.attempts else "late"


def settle(service: RecordingService, asked: Sequence[PendingQuestion], now: datetime) -> None:
    """Save what QMS answered: found, or the next question's time; wake the consumers of what was found."""
    known = known_recordings(
        [one.recording.guid for one in asked if one.recording and not _is_strange(one.search, one.recording)]
    )
    for one in asked:
        _take(service, _in_known_spelling(one, known), known, now)
    rows = [one.search for one in asked]
    save_open(rows)
    for one in asked:
        SEARCH_ANSWERS.labels(service.slug, _result(one)).inc()
    keep(rows)
    _record_health(service, asked, now)
    # A user marked "Any": the next service is asked at once.
    others = {row.service_id for row in rows if row.state == SearchState.OPEN} - {service.pk}
    if others:
        wake(*map(searches_stream, others))


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


_lock = threading.Lock()
_pools: dict[int, tuple[int, Threads]] = {}
_running: dict[int, threading.Lock] = {}
#: How far each service's clock is ahead of ours, in seconds, as last measured.
_offsets: dict[int, float] = {}


def _pool(service: RecordingService) -> Threads:
    """Return the service's threads, as many as may be in flight; new when the limit was changed."""
    with _lock:
        limit, pool = _pools.get(service.pk, (0, None))
        if pool is None or limit != service.max_in_flight:
            if pool is not None:
                pool.shutdown()
            pool = Threads(service.max_in_flight, f"lookup-{service.slug}")
            _pools[service.pk] = (service.max_in_flight, pool)
        return pool


def look_up(
    service_id: int,
    now: ReadClock,
    connect: ConnectService | None = None,
    seconds: float = 5.0,
    known: KnownService | None = None,
) -> datetime | None:
    """Ask a service for its searches that are due, unless a worker that runs already in this process does.

    Returns when a search is due next; None where none is open. A process that stops asks nothing. ``known``: the
    service as it was read lately.
    """
    if stop.is_asked:
        return None
    with _lock:
        running = _running.setdefault(service_id, threading.Lock())
    if not running.acquire(blocking=False):
        return None
    try:
        known = known or KnownService.read(service_id)
        _offsets[service_id] = known.offset_seconds
        return SearchWorker(known.service, now, connect or qms_api.connect).run(seconds)
    finally:
        running.release()
