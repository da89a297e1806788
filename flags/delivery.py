"""Delivery of flag writes: claimed by a conditional update, sent, settled. Patient, one pump a Recording Service.

The calling thread alone touches the database; a few threads talk to QMS. ``sending`` is committed before a request
leaves, so that whatever dies in between is found: the claim runs out, and the write is read back before it is sent
again.
"""

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog
from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from flags.models import SETTLED, FlagValue, FlagWrite, WriteState
from flags.protocol import WRITTEN, Decision, Pending, after_error, after_failed_read_back, after_read_back
from qms import api as qms_api
from qms.models import RecordingService, ServiceHealth
from qms.port import Flag, FlagAlreadyWritten, QmsError, QmsRejected, RecordingServicePort

log = structlog.get_logger()

Now = Callable[[], datetime]
Connect = Callable[[RecordingService], RecordingServicePort]

#: Claimed for each thread, so that none runs dry while the database answers.
CLAIMS_A_THREAD = 4
UNSETTLED = (WriteState.QUEUED, WriteState.SENDING, WriteState.UNCLEAR)


class Breaker(Protocol):
    """The circuit breaker of a Recording Service."""

    def may_send(self, service_id: int, now: datetime) -> bool:
        """Say whether something may be sent now."""

    def mark_ok(self, service_id: int, now: datetime) -> None:
        """Note that the service answered."""

    def mark_failed(self, service_id: int, error: QmsError, now: datetime) -> None:
        """Note that it failed."""


class Delivered(msgspec.Struct, kw_only=True):
    """What a delivery did. ``source_ids``: the CTI sources whose consumers have answers to fold."""

    sent: int = 0
    settled: int = 0
    source_ids: set[int] = msgspec.field(default_factory=set)
    more: bool = False
    next_due: datetime | None = None


class Sending(msgspec.Struct, frozen=True):
    """A claimed write on its way; ``read_back``: its last end was unclear."""

    write: FlagWrite
    flags: tuple[Flag, ...]
    stamp: datetime
    read_back: bool


class Sent(msgspec.Struct, frozen=True):
    """A write and what became of it. ``error``: the service's failure, for its breaker."""

    sending: Sending
    decision: Decision
    error: QmsError | None = None


def deliver(
    service_id: int,
    *,
    now: Now,
    connect: Connect = qms_api.connect,
    seconds: float = 5.0,
    breaker: Breaker | None = None,
) -> Delivered:
    """Send a service its due flag writes until none is left, it fails, or the time is over."""
    with _lock:
        running = _running.setdefault(service_id, threading.Lock())
    if not running.acquire(blocking=False):
        return Delivered()
    try:
        service = RecordingService.objects.get(pk=service_id)
        return _Delivery(service, now, connect, breaker or _SharedBreaker()).run(seconds)
    finally:
        running.release()


class _SharedBreaker:
    """The breaker that all processes share, on the service's health row."""

    def may_send(self, service_id: int, now: datetime) -> bool:
        return qms_api.may_send(service_id, now)

    def mark_ok(self, service_id: int, now: datetime) -> None:
        qms_api.mark_ok(service_id, now)

    def mark_failed(self, service_id: int, error: QmsError, now: datetime) -> None:
        qms_api.mark_failed(service_id, error, now)


class _Delivery:
    """One run of the pump of one service."""

    def __init__(self, service: RecordingService, now: Now, connect: Connect, breaker: Breaker) -> None:
        self.service, self.now, self.connect, self.breaker = service, now, connect, breaker
        # The longest a claim can take: a write and a read-back for each place in the queue of its thread.
        self.lease = timedelta(seconds=service.timeout_seconds * 2 * CLAIMS_A_THREAD + 10)
        self.give_up = timedelta(days=settings.FLAG_WRITE_GIVE_UP_DAYS)
        self.pool = _pool(service)
        self.pending: set[Future[Sent]] = set()
        self.done = Delivered()

    def run(self, seconds: float) -> Delivered:
        """Claim, send, settle."""
        until = self.now() + timedelta(seconds=seconds)
        is_well = True
        while is_well and self.now() < until:
            claimed = self._claim() if self._may_send() else []
            self.pending |= {self.pool.submit(self._send, one) for one in claimed}
            self.done.sent += len(claimed)
            if not self.pending:
                break
            is_well = self._harvest(FIRST_COMPLETED)
        if self.pending:
            self._harvest("ALL_COMPLETED")
        due = _unsettled(self.service.pk).order_by("not_before").values_list("not_before", flat=True).first()
        self.done.next_due, self.done.more = due, is_well and due is not None and due <= self.now()
        return self.done

    def _may_send(self) -> bool:
        return bool(self.pending) or self.breaker.may_send(self.service.pk, self.now())

    def _room(self) -> int:
        """Return how many writes may be claimed: one alone while the service is on trial."""
        if ServiceHealth.objects.filter(pk=self.service.pk, open_until__isnull=False).exists():
            return 1 - len(self.pending)
        return self.service.max_in_flight * CLAIMS_A_THREAD - len(self.pending)

    def _claim(self) -> list[Sending]:
        """Claim due writes, oldest first; whose claim ran out while being sent is to be read back."""
        now, room = self.now(), self._room()
        rows = list(_due(self.service.pk, now).order_by("not_before", "id")[:room]) if room > 0 else []
        if not rows:
            return []
        stamp = now + self.lease + timedelta(microseconds=random.randrange(10**6))  # noqa: S311  (names this claim)
        fresh = [row.pk for row in rows if row.state == WriteState.QUEUED]
        unclear = [row.pk for row in rows if row.state != WriteState.QUEUED]
        won = _take(fresh, WriteState.QUEUED, now, state=WriteState.SENDING, claimed_until=stamp)
        won += _take(unclear, WriteState.SENDING, now, state=WriteState.UNCLEAR, claimed_until=stamp)
        won += _take(unclear, WriteState.UNCLEAR, now, claimed_until=stamp)
        mine = {row.pk for row in rows} if won == len(rows) else _stamped([row.pk for row in rows], stamp)
        return self._sendings([row for row in rows if row.pk in mine], stamp)

    def _sendings(self, rows: list[FlagWrite], stamp: datetime) -> list[Sending]:
        flags: dict[int, list[Flag]] = {row.pk: [] for row in rows}
        values = FlagValue.objects.filter(write__in=rows).order_by("id").values_list("write_id", "name", "value")
        for write_id, name, value in values:
            flags[write_id].append(Flag(name, value))
        return [Sending(row, tuple(flags[row.pk]), stamp, row.state != WriteState.QUEUED) for row in rows]

    def _send(self, sending: Sending) -> Sent:
        """Write, or read back first; runs in the pool and touches no database."""
        port, guid = self.connect(self.service), sending.write.recording_guid
        if sending.read_back:
            return self._read_back(port, sending)
        try:
            port.write_flags(guid, sending.flags)
        except FlagAlreadyWritten:
            return self._read_back(port, sending)
        except QmsError as error:
            return Sent(sending, after_error(error, self._facts(sending), self.now(), _chance()), error)
        return Sent(sending, WRITTEN)

    def _read_back(self, port: RecordingServicePort, sending: Sending) -> Sent:
        try:
            carried = port.flags(sending.write.recording_guid)
        except QmsError as error:
            facts = self._facts(sending)
            return Sent(sending, after_failed_read_back(error, facts, self.now(), _chance()), error)
        wanted = {flag.name: flag.value for flag in sending.flags}
        return Sent(sending, after_read_back(carried, wanted, self.now()))

    def _facts(self, sending: Sending) -> Pending:
        write = sending.write
        return Pending(
            attempts=write.attempts + 1, created_at=write.created_at, give_up_at=write.created_at + self.give_up
        )

    def _harvest(self, until: str) -> bool:
        """Settle what has come to an end. Returns whether the service seems well."""
        ended, self.pending = wait(self.pending, return_when=until)
        sents = [future.result() for future in ended]
        self.done.settled += _settle(sents, self.now())
        self.done.source_ids |= {one.sending.write.source_id for one in sents if one.decision.state in SETTLED}
        return self._tell_breaker(sents)

    def _tell_breaker(self, sents: Sequence[Sent]) -> bool:
        failures = [one.error for one in sents if one.error is not None and not _is_answer(one.error)]
        if len(failures) < len(sents):
            self.breaker.mark_ok(self.service.pk, self.now())
            return True
        self.breaker.mark_failed(self.service.pk, failures[-1], self.now())
        return False


def _is_answer(error: QmsError) -> bool:
    """Say whether the service is well though it refused."""
    return isinstance(error, QmsRejected) and error.code not in ("AuthenticationFailed", "NotAuthorised")


def _unsettled(service_id: int) -> QuerySet[FlagWrite]:
    return FlagWrite.objects.filter(service_id=service_id, state__in=[state.value for state in UNSETTLED])


def _due(service_id: int, now: datetime) -> QuerySet[FlagWrite]:
    """Return the writes that may be claimed; a recording's wrap-up not before its base flags are settled."""
    base = FlagWrite.objects.filter(
        recording_guid=OuterRef("recording_guid"), part="base", state__in=[state.value for state in UNSETTLED]
    )
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    return _unsettled(service_id).filter(free, Q(part="base") | ~Exists(base), not_before__lte=now)


def _take(keys: Sequence[int], was: WriteState, now: datetime, **change: object) -> int:
    """Claim by a conditional update; only the count is to be trusted."""
    if not keys:
        return 0
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    return FlagWrite.objects.filter(free, id__in=keys, state=was).update(attempts=F("attempts") + 1, **change)


def _stamped(keys: Sequence[int], stamp: datetime) -> set[int]:
    return set(FlagWrite.objects.filter(id__in=keys, claimed_until=stamp).values_list("id", flat=True))


def _settle(sents: Sequence[Sent], now: datetime) -> int:
    """Save what became of writes whose claims are still ours. Returns how many are settled for good."""
    written = [one for one in sents if one.decision is WRITTEN or one.decision.state == "written"]
    settled = 0
    for stamp in {one.sending.stamp for one in written}:
        keys = [one.sending.write.pk for one in written if one.sending.stamp == stamp]
        settled += FlagWrite.objects.filter(id__in=keys, claimed_until=stamp).update(
            state=WriteState.WRITTEN, settled_at=now, claimed_until=None, error_code="", error=""
        )
    for one in sents:
        if one.decision.state != "written":
            settled += _put_off(one, now)
    return settled


def _put_off(one: Sent, now: datetime) -> int:
    decision, is_end = one.decision, one.decision.state in SETTLED
    changed = FlagWrite.objects.filter(pk=one.sending.write.pk, claimed_until=one.sending.stamp).update(
        state=decision.state, not_before=decision.not_before or now, claimed_until=None,
        settled_at=now if is_end else None, error_code=decision.error_code[:32], error=decision.error[:500],
    )  # fmt: skip
    return changed if is_end else 0


def _chance() -> float:
    return random.random()  # noqa: S311  (spreads the tries)


_lock = threading.Lock()
_running: dict[int, threading.Lock] = {}
_pools: dict[int, tuple[int, ThreadPoolExecutor]] = {}


def _pool(service: RecordingService) -> ThreadPoolExecutor:
    """Return the service's threads, as many as may be in flight; new when the limit was changed."""
    with _lock:
        limit, pool = _pools.get(service.pk, (0, None))
        if pool is None or limit != service.max_in_flight:
            pool = ThreadPoolExecutor(service.max_in_flight, f"write-{service.slug}")
            _pools[service.pk] = (service.max_in_flight, pool)
        return pool


def services_with_due_writes(now: datetime) -> list[int]:
    """Return the Recording Services that have writes due: what beat finds when a hint was lost."""
    due = FlagWrite.objects.filter(state__in=[state.value for state in UNSETTLED], not_before__lte=now)
    return list(due.order_by().values_list("service_id", flat=True).distinct())
