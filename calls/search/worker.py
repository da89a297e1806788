"""Recording searches on their way: claimed, asked at once and then a few times quickly, answered before the deadline.

One worker for each Recording Service and process: the calling thread alone touches the database, a few threads ask QMS,
so that a service that hangs holds up no other. It looks for questions at a steady rhythm and settles together what was
answered since: under load each look finds many, and costs no more than one that finds one. A search row is claimed by
a conditional update; the claim is renewed while the worker lives, lasts until its next question (``held``), and expires
soon after the worker died. A worker that is asked to stop gives back what it holds.
"""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from time import monotonic, sleep

import msgspec
import structlog
from django.db.models import QuerySet

from calls.models import RecordingSearch, SearchState
from calls.search.claims import claim_due
from calls.search.due import next_due
from calls.search.held import HeldSearches
from calls.search.kept_answers import keep
from calls.search.known_service import KnownService
from calls.search.settling import PendingQuestion, claim_end, settle
from calls.search.silence import judge_silence
from calls.storage.search_rows import save_open
from clock import ReadClock
from clock.stopping import stop
from qms import api as qms_api
from qms.api import ConnectService, Threads
from qms.models import RecordingService
from qms.port import QmsError, QmsUnclear, Recording

log = structlog.get_logger()

#: Interval between two looks for open searches, in seconds, unless more are due than may be asked at once.
LOOK_EVERY_SECONDS = 0.025
#: Questions claimed for each thread while the service answers as many as there are threads within a look:
#: none waits for the next look, and a backlog is worked off.
CLAIMS_A_THREAD = 16
#: Interval at which claims are renewed, in seconds.
RENEW_EVERY_SECONDS = 1.0
#: Timeout of a stop for its answers, in seconds; most come within. The next worker must have time left.
STOP_SECONDS = 0.5


class SearchWorker:
    """Ask one Recording Service for all its searches that are due."""

    def __init__(
        self, service: RecordingService, now: ReadClock, connect: ConnectService, held: HeldSearches | None = None
    ) -> None:
        self.service, self.now, self.connect = service, now, connect
        #: Those that stay claimed from one question to the next; without, each question has a claim of its own.
        self.held, self.is_holding = held if held is not None else HeldSearches(), held is not None
        self.pool = _pool(service)
        #: Its own: what is answered to a worker that has ended is nobody's, for its searches were given back.
        self.inbox: SimpleQueue[PendingQuestion] = SimpleQueue()
        #: The searches that are being asked, each with its claim's end, which names the claim.
        self.pending: dict[int, datetime] = {}
        self.renew_at = monotonic() + RENEW_EVERY_SECONDS
        self.is_quick = False

    def run(self, seconds: float, *, is_any_new: bool = True) -> datetime | None:
        """Work until nothing is due, the time is over or the process stops. Returns when a search is due next.

        ``is_any_new``: there may be searches that this worker knows nothing of.
        """
        until = self.now() + timedelta(seconds=seconds)
        while self.now() < until and not stop.is_asked:
            next_look, room = monotonic() + LOOK_EVERY_SECONDS, self._room()
            claimed = self._look(room, is_claim_wanted=is_any_new or self._is_soon(self.next_at))
            if not self.pending and not claimed:
                return self._next_at()
            self._harvest(next_look)
            if not self.pending and claimed < room and not self._is_soon(self._next_at()):
                return self._next_at()
            if claimed < room:
                sleep(max(next_look - monotonic(), 0))
            is_any_new = True  # Nobody listens here for what comes meanwhile.
        self._end()
        return _sooner(next_due(self.service.pk), self.held.next_at)

    @property
    def next_at(self) -> datetime | None:
        """Return when a search is due that nobody asks for now and nobody holds, as far as this worker knows."""
        return self.held.others_at

    @next_at.setter
    def next_at(self, due: datetime | None) -> None:
        self.held.others_at = due

    def _next_at(self) -> datetime | None:
        """Return when a search that nobody asks for now is due, as far as this worker knows."""
        return _sooner(self.next_at, self.held.next_at)

    def _is_soon(self, due: datetime | None) -> bool:
        """Say whether it is worth waiting here for the next look."""
        return due is not None and due <= self.now() + timedelta(seconds=LOOK_EVERY_SECONDS)

    def _room(self) -> int:
        limit = self.service.max_in_flight * (CLAIMS_A_THREAD if self.is_quick else 1)
        return max(limit - len(self.pending), 0)

    def _look(self, room: int, *, is_claim_wanted: bool = True) -> int:
        """Give what is due to the threads: what is claimed, and then what was held. Returns how many."""
        claimed = self._claim(room) if is_claim_wanted else []
        held = self.held.take_due(self.now(), room - len(claimed))
        self.pending |= {row.pk: row.claimed_until for row in held if row.claimed_until}
        for search in (*claimed, *held):
            self.pool.submit(self._ask_for_guid, search)
        return len(claimed) + len(held)

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
        stamp = claim_end(now)
        found = claim_due(self.service.pk, now, stamp, free, {*self.held.keys, *self.pending})
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
        stamp = claim_end(self.now())
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
            settle(self.service, asked, self.now(), self.held if self.is_holding else None)
            put_off = [row for one in asked if (row := one.search).state == SearchState.OPEN]
            free = [row for row in put_off if row.service_id == self.service.pk and row.claimed_until is None]
            self.next_at = _sooner(self.next_at, *(row.next_at for row in free))
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


def _why(row: RecordingSearch) -> str:
    if row.error:
        return "unreachable"
    return "none" if row.attempts else "late"


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
    held: HeldSearches | None = None,
    is_any_new: bool = True,
) -> datetime | None:
    """Ask a service for its searches that are due, unless a worker that runs already in this process does.

    Returns when a search is due next; None where none is open. A process that stops asks nothing. ``known``: the
    service as it was read lately. ``held``: the searches that stay claimed until their next question. ``is_any_new``:
    there may be others.
    """
    if stop.is_asked:
        return None
    with _lock:
        running = _running.setdefault(service_id, threading.Lock())
    if not running.acquire(blocking=False):
        return None
    try:
        known = known or KnownService.read(service_id, now())
        _offsets[service_id] = known.offset_seconds
        worker = SearchWorker(known.service, now, connect or qms_api.connect, held)
        return worker.run(seconds, is_any_new=is_any_new)
    finally:
        running.release()


def _sooner(*moments: datetime | None) -> datetime | None:
    """Return the first of the moments that are known."""
    return min((moment for moment in moments if moment is not None), default=None)
