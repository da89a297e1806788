"""Delivery of flag writes: claimed by a conditional update, sent, settled. Patient, one worker a Recording Service.

The calling thread alone touches the database; a few threads talk to QMS. ``sending`` is committed before a request
leaves, so that whatever dies in between is found: the claim runs out, and the write is read back before it is sent
again. A stop of the process gives back what was not sent, and leaves the end of what was sent unclear.
"""

import os
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic
from typing import Protocol

import msgspec
import structlog
from django.conf import settings

from clock import ReadClock
from clock.stopping import stop
from flags.delivery.senders import SenderThreads, SendResult, pools
from flags.models import SETTLED
from flags.outbox.alerts import ALERTING
from flags.outbox.claims import UNKNOWN, Claimed, NextDue, claim_due, due, give_back, give_up_overdue
from flags.outbox.settlements import Settlement, settle
from flags.outbox.state_machine import Decision, WriteFailed, next_step, settle_after
from flags.outbox.withheld import withhold_due
from flags.outbox.written_claims import is_any_free, next_due
from qms import api as qms_api
from qms.api import ConnectService
from qms.models import RecordingService
from qms.port import QmsError, QmsUnavailable, QmsUnclear, RecordingServicePort
from telemetry.counters import WRITE_ATTEMPTS

__all__ = ["Breaker", "DeliveryRun", "deliver", "is_any_free", "next_due"]

log = structlog.get_logger()


#: Writes claimed for each thread, so that none is idle while the database answers.
CLAIMS_A_THREAD = 4
#: Maximum requests for one claim: write, and read back.
CALLS_A_CLAIM = 2
#: The breaker opens after this many failures in a row; more need not be reported at once.
FAILURES_REPORTED = 5


class Breaker(Protocol):
    """The circuit breaker of a Recording Service."""

    def may_send(self, service_id: int, now: datetime) -> bool:
        """Say whether that one may be sent now."""

    def is_on_trial(self, service_id: int, now: datetime) -> bool:
        """Say whether one write alone is to be sent, to see whether the service is well; else all may be."""

    def mark_ok(self, service_id: int, now: datetime) -> None:
        """Note that the service answered."""

    def mark_failed(self, service_id: int, error: QmsError, now: datetime) -> None:
        """Note that it failed."""


class DeliveryRun(msgspec.Struct, kw_only=True):
    """What a delivery did. ``source_ids``: the CTI sources whose consumers have answers to fold.

    ``next_due``: when the next write is due, as far as the delivery knows.
    """

    sent: int = 0
    settled: int = 0
    source_ids: set[int] = msgspec.field(default_factory=set)
    more: bool = False
    next_due: NextDue = UNKNOWN


def deliver(
    service_id: int,
    *,
    now: ReadClock,
    connect: ConnectService = qms_api.connect,
    seconds: float = 5.0,
    limit: int = 200,
    breaker: Breaker | None = None,
) -> DeliveryRun:
    """Send a service its due flag writes until none is left, it fails, the time is over or the process stops.

    At most ``limit`` writes are claimed at once. A second delivery of the service in this process returns at once, and
    the first one then returns ``more``.
    """
    service = qms_api.read_service(service_id, now())
    if service is None or stop.is_asked:
        return DeliveryRun()
    with _turns.turn(service_id) as is_ours:
        if not is_ours:
            return DeliveryRun()
        done = DeliveryWorker(service, now, connect, breaker or SharedBreaker(), limit).run(seconds)
    done.more = done.more or _turns.is_wanted(service_id)
    return done


class SharedBreaker:
    """The breaker that all processes share, on the service's health row."""

    def may_send(self, service_id: int, now: datetime) -> bool:
        """Say whether something may be sent now; when the wait is over, to one caller alone."""
        return qms_api.may_send(service_id, now)

    def is_on_trial(self, service_id: int, now: datetime) -> bool:
        """Say whether the service has not answered since the breaker opened."""
        return qms_api.is_on_trial(service_id, now)

    def mark_ok(self, service_id: int, now: datetime) -> None:
        """Note that the service answered."""
        qms_api.mark_ok(service_id, now)

    def mark_failed(self, service_id: int, error: QmsError, now: datetime) -> None:
        """Note that it failed."""
        qms_api.mark_failed(service_id, error, now)


class DeliveryWorker:
    """One run of the worker of one service."""

    def __init__(
        self, service: RecordingService, now: ReadClock, connect: ConnectService, breaker: Breaker, limit: int
    ) -> None:
        self.service, self.now, self.connect, self.breaker = service, now, connect, breaker
        self.claim = random.getrandbits(62)  # names this run
        self.limit = min(limit, service.max_in_flight * CLAIMS_A_THREAD)
        # The longest a claim can take: its thread may have others to send before it.
        self.lease = timedelta(seconds=service.timeout_seconds * CALLS_A_CLAIM * CLAIMS_A_THREAD + 20)
        self.settle_after = settle_after(service.timeout_seconds, qms_api.latest_write_seconds(service, now()))
        self.patience = timedelta(days=settings.FLAG_WRITE_GIVE_UP_DAYS)
        self.senders = SenderThreads(pools.of(service.pk, service.max_in_flight), now)
        self.done = DeliveryRun()
        #: The last claim took all that was due, and none of it is due again; what is queued later wakes the next run.
        self.is_drained = False

    def run(self, seconds: float) -> DeliveryRun:
        """Claim, send, settle; at the end what is under way is waited for, and what is not begun is given back."""
        until, is_dry = monotonic() + seconds, False
        self._withhold(until)
        try:
            while not is_dry and monotonic() < until and not stop.is_asked:
                is_dry = not self._fill()
                if not is_dry:
                    self._harvest()
        finally:
            self.senders.halt.set()
        while self.senders.under_way:
            self._harvest()
        self.done.more = not is_dry and self._is_any_due()
        if not self.is_drained:
            self.done.next_due = UNKNOWN
        return self.done

    def _withhold(self, until: float) -> None:
        """Settle what is never to be sent. It asks nothing of QMS, so neither the breaker nor a switch holds it up."""
        is_more = True
        while is_more and monotonic() < until and not stop.is_asked:
            withheld = withhold_due(self.service, self.now())
            self.done.settled += withheld.writes
            self.done.source_ids |= withheld.source_ids
            is_more = withheld.is_more

    def _fill(self) -> bool:
        """Claim and send when less than half of what may be is under way. Returns whether anything is."""
        under_way = self.senders.under_way
        if self.is_drained and not under_way:
            return False
        if len(under_way) * 2 <= self.limit and (room := self._room()) and (port := self._port()):
            for claimed in self._claim(room):
                self.senders.send(port, claimed)
        return bool(under_way)

    def _room(self) -> int:
        """Say how many may be claimed.

        While the breaker is open, it is asked with something to send alone, and one write is sent beside no other: who
        asks may be the one that tries.
        """
        under_way = self.senders.under_way
        if self.service.enabled and not self.breaker.is_on_trial(self.service.pk, self.now()):
            return self.limit - len(under_way)
        if under_way or not self._is_any_due():
            return 0
        if self.service.enabled and self.breaker.may_send(self.service.pk, self.now()):
            return 1
        self._give_up_overdue()
        return 0

    def _is_any_due(self) -> bool:
        return due(self.service.pk, self.now()).exists()

    def _port(self) -> RecordingServicePort | None:
        try:
            return self.connect(self.service)
        except QmsUnavailable as error:
            if self._is_any_due():  # With nothing to send, a failed connection does not count.
                self.breaker.mark_failed(self.service.pk, error, self.now())
            return None

    def _claim(self, room: int) -> Sequence[Claimed]:
        self.senders.halt.clear()
        claimed = claim_due(
            self.service.pk,
            self.claim,
            self.now(),
            lease=self.lease,
            patience=self.patience,
            limit=room,
            besides=self.senders.under_way,
            settle=self.settle_after,
            margin=timedelta(seconds=self.service.timeout_seconds * CALLS_A_CLAIM),
        )
        self.done.sent += len(claimed)
        self.is_drained = len(claimed) < room
        self.done.next_due = claimed[0].next_due if claimed else UNKNOWN
        return claimed

    def _harvest(self) -> None:
        """Settle what has come to an end."""
        found = self.senders.gather(self.lease.total_seconds())
        if not found and stop.is_asked:
            self._leave()
            return
        if not found:
            log.error("flag_writes_hang", service=self.service.slug, writes=len(self.senders.under_way))
            self.senders.under_way.clear()  # Their claims run out, and they are read back.
            return
        self._give_back([one.claimed for one in found if one.decision is None])
        self._settle([Settlement(one.claimed, one.decision) for one in found if one.decision is not None])
        self._report_to_breaker([one for one in found if one.decision is not None])
        self.is_drained = self.is_drained and all(one.decision and one.decision.state in SETTLED for one in found)

    def _give_back(self, unsent: Sequence[Claimed]) -> None:
        give_back(unsent, self.claim)
        self.done.sent -= len(unsent)

    def _leave(self) -> None:
        """Give up what a stop cannot wait for any longer."""
        unsent, sent = self.senders.abandon()
        self._give_back(unsent)
        self._settle([Settlement(one, self._left(one)) for one in sent])
        log.info("flag_writes_left", service=self.service.slug, unsent=len(unsent), unclear=len(sent))

    def _left(self, claimed: Claimed) -> Decision:
        """Leave the end unclear; QMS may still be at work on it, so it is read back when its time is over."""
        now, answer = (
            self.now(),
            WriteFailed(QmsUnclear("The gateway was stopped before QMS answered."), claimed.is_unclear),
        )
        decision = next_step(claimed.pending, answer, now, random.random())  # noqa: S311  (spreads the attempts)
        if decision.not_before is None or claimed.is_unclear:
            return decision
        over = now + timedelta(seconds=self.service.timeout_seconds)
        return msgspec.structs.replace(decision, not_before=max(decision.not_before, over))

    def _settle(self, settlements: Sequence[Settlement]) -> None:
        self.done.settled += settle(settlements, self.claim, self.now())
        for one in settlements:
            WRITE_ATTEMPTS.labels(self.service.slug, one.decision.state).inc()
        self._note_delays([one.decision.late_seconds for one in settlements if one.decision.late_seconds is not None])
        ended = [one for one in settlements if one.decision.state in SETTLED]
        self.done.source_ids |= {one.claimed.source_id for one in ended}
        for one in ended:
            if one.decision.state not in ("written", "shadow"):
                log.warning(
                    "flags_not_written",
                    write_id=one.claimed.write_id,
                    leg_id=one.claimed.leg_id,
                    service=self.service.slug,
                    state=one.decision.state,
                    code=one.decision.error_code,
                    alert=one.decision.state in ALERTING,
                )

    def _note_delays(self, seconds: Sequence[float]) -> None:
        """Remember how late the service finished writes: the next unclear one waits at least as long."""
        if seconds:
            qms_api.note_late_write(self.service, max(seconds), self.now())

    def _report_to_breaker(self, found: Sequence[SendResult]) -> None:
        """Report how the service answered: the failures after its last answer. What was withheld says nothing."""
        found = [one for one in found if one.decision is not None and one.decision.state != "shadow"]
        answered = [index for index, one in enumerate(found) if one.failure is None]
        if answered:
            self.breaker.mark_ok(self.service.pk, self.now())
        since = answered[-1] + 1 if answered else 0
        for one in found[since:][:FAILURES_REPORTED]:
            if one.failure is not None:
                self.breaker.mark_failed(self.service.pk, one.failure, self.now())

    def _give_up_overdue(self) -> None:
        """Give up what has waited too long: only while the service cannot be reached, else it is sent."""
        now = self.now()
        given_up = give_up_overdue(self.service.pk, now - self.patience, now)
        if given_up.write_ids:
            self.done.settled += len(given_up.write_ids)
            self.done.source_ids |= given_up.source_ids
            log.warning(
                "flag_writes_given_up",
                service=self.service.slug,
                writes=len(given_up.write_ids),
                first_write_id=min(given_up.write_ids),
                last_write_id=max(given_up.write_ids),
                alert=True,
            )


class _Turns:
    """One delivery at a time for each service in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._wanted: set[int] = set()

    @contextmanager
    def turn(self, service_id: int) -> Iterator[bool]:
        """Give the turn, or False when another has it; that one learns that it is wanted."""
        with self._lock:
            is_free = service_id not in self._running
            (self._running if is_free else self._wanted).add(service_id)
        try:
            yield is_free
        finally:
            if is_free:
                with self._lock:
                    self._running.discard(service_id)

    def is_wanted(self, service_id: int) -> bool:
        """Say, once, whether another delivery asked for the turn meanwhile."""
        with self._lock:
            is_wanted = service_id in self._wanted
            self._wanted.discard(service_id)
            return is_wanted


_turns = _Turns()
# A forked child delivers nothing yet, and the lock may have been held by a thread that it does not have.
os.register_at_fork(after_in_child=_turns.__init__)  # type: ignore[misc]
