"""Delivery against a model of QMS: whatever dies, is lost, comes late or races, each flag is written once or reported.

One delivery at a time runs to its end, dies at a named point, or is stopped while a request hangs; beside it a slow one
claims, asks and settles step by step, so that its claims run out and are taken by others."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, cast

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from clock.stopping import stop
from flags.catalogue.values import FlagText
from flags.delivery import senders, worker
from flags.models import SETTLED, UNSETTLED, FlagValue, FlagWrite
from flags.outbox.bulk_insert import NewWrite
from flags.outbox.claims import Claimed, claim_due, give_back
from flags.outbox.queue import give_up, queue_writes, retry
from flags.outbox.settlements import Settlement, settle
from flags.outbox.state_machine import next_step
from qms.models import RecordingService
from qms.port import Flag, QmsError
from tests.flags.mortal_delivery import POINTS, TROUBLES, Died, Inline, Sent, Well, Wire
from tests.flags.qms import Post

LEASE, PATIENCE = timedelta(seconds=60), timedelta(days=7)


class DeliveryMachine(RuleBasedStateMachine):
    """Queue, deliver, die, race; at the end the service is well and everything must be settled."""

    def __init__(self) -> None:
        super().__init__()
        FlagWrite.objects.all().delete()
        RecordingService.objects.all().delete()
        self.post = Post()
        self.sent: list[Sent] = []
        self.held_back: list[Sent] = []
        self.holds_back = False
        self.not_read_back: set[Sent] = set()
        self.requests_to_stop: int | None = None
        self.fate = ""
        self.hung: list[Sent | None] = []
        self.is_every_thread_hung = False
        self.is_slow = False
        self.point = ""
        self.guids: list[str] = []
        self.foreign: set[str] = set()
        self.queued = 0
        self.slow: list[Claimed] = []
        self.slow_ends: list[Settlement] = []
        self.slow_claim = 1
        self.line = Wire(self.post.qms, self)

    def checks_the_mark(self, sent: Sent) -> None:
        """See that a write is marked before it leaves, and read back first where its end was unclear."""
        if self.is_slow:  # Its claim may have run out.
            return
        assert self._state(sent) == "sending"
        assert sent not in self.not_read_back
        self.not_read_back.add(sent)

    def _state(self, sent: Sent) -> str:
        part = "wrapup" if sent.flags[0].name == "CTIWrapup" else "base"
        return FlagWrite.objects.get(recording_guid=sent.guid, part=part).state

    def is_stopped_now(self, sent: Sent | None) -> bool:
        """Send the process a stop request at the chosen request; say whether that one hangs, whatever became of it."""
        if self.requests_to_stop is None or self.is_slow:
            return False
        self.requests_to_stop -= 1
        if self.requests_to_stop >= 0 or stop.is_asked:
            return False
        stop.ask()
        if self.fate == "answered":
            return False
        self.hung.append(sent)
        if sent is not None and self.fate == "done":
            with suppress(QmsError):
                self.post.qms.site.write_flags("rs1", sent.guid, sent.flags)
        if sent is not None and self.fate == "comes late":
            self.held_back.append(sent)
        return True

    def dies_at(self, point: str) -> None:
        if self.point == point:
            raise Died(point)

    # What the consumer does.

    @rule(name=st.sampled_from(["A1", "B2"]), wrapup=st.sampled_from(["", "Sold"]))
    def leg_closes(self, name: str, wrapup: str) -> None:
        guid = self.post.qms.records(f"G{len(self.guids)}")
        self.guids.append(guid)
        self._queue(guid, len(self.guids), "base", AgentId=name, QueueName="Sales")
        if wrapup:
            self._queue(guid, len(self.guids), "wrapup", CTIWrapup=wrapup)

    @precondition(lambda self: self.guids)
    @rule(number=st.integers(0, 99), wrapup=st.sampled_from(["Sold", "Lost"]))
    def wrapup_comes(self, number: int, wrapup: str) -> None:
        self._queue(self._guid(number), number % len(self.guids) + 1, "wrapup", CTIWrapup=wrapup)

    @precondition(lambda self: self.guids)
    @rule(number=st.integers(0, 99))
    def rival_leg_claims_the_recording(self, number: int) -> None:
        before = FlagValue.objects.count()
        new = self._new(self._guid(number), 1000, "base", AgentId="rival")
        assert [one.leg_id for one in queue_writes([new])] == [1000]
        assert FlagValue.objects.count() == before

    def _guid(self, number: int) -> str:
        return self.guids[number % len(self.guids)]

    def _new(self, guid: str, leg: int, part: Any, **texts: str) -> NewWrite:
        return NewWrite(
            leg_id=leg,
            source_id=7,
            service_id=self.post.service.pk,
            recording_guid=guid,
            part=part,
            at=self.post.time,
            texts=tuple(FlagText(name, value) for name, value in texts.items()),
        )

    def _queue(self, guid: str, leg: int, part: str, **texts: str) -> None:
        self.queued += not FlagWrite.objects.filter(recording_guid=guid, part=part).exists()
        assert queue_writes([self._new(guid, leg, part, **texts)]) == []

    # What the world does.

    @rule(seconds=st.sampled_from([0.5, 3, 61, 400]))
    def time_passes(self, seconds: float) -> None:
        self.post.time += timedelta(seconds=seconds)

    @rule(kind=st.sampled_from(["lost before", "lost after", "held back"]))
    def network_gets_worse(self, kind: str) -> None:
        self.holds_back = kind == "held back"
        if not self.holds_back:
            self._troubled("write", kind)

    @rule(operation=st.sampled_from(["write", "read"]), kind=st.sampled_from(sorted(TROUBLES)))
    def call_meets_trouble(self, operation: str, kind: str) -> None:
        self._troubled(operation, kind)

    def _troubled(self, operation: str, kind: str) -> None:
        trouble = TROUBLES[kind]
        self.post.qms.meets(operation, trouble.error, is_done=trouble.is_done)

    @precondition(lambda self: self.held_back)
    @rule()
    def request_arrives_late(self) -> None:
        late = self.held_back.pop(0)
        try:
            self.post.qms.site.write_flags("rs1", late.guid, late.flags)
        except QmsError:
            assert late.guid in self.foreign

    @precondition(lambda self: self.guids)
    @rule(number=st.integers(0, 99))
    def somebody_else_writes(self, number: int) -> None:
        guid = self._guid(number)
        if "QueueName" not in self.post.qms.flags(guid):
            self.post.qms.site.write_flags("rs1", guid, [Flag("QueueName", "theirs")])
            self.foreign.add(guid)

    # What the operator does.

    @precondition(lambda self: self.guids)
    @rule(number=st.integers(0, 99), is_retry=st.booleans())
    def operator_acts(self, number: int, is_retry: bool) -> None:
        keys = list(FlagWrite.objects.filter(recording_guid=self._guid(number)).values_list("pk", flat=True))
        if is_retry:
            retry(keys, "ann", self.post.time)
        else:
            give_up(keys, "ann", "no reason", self.post.time)

    # What deliveries do.

    @rule(point=st.sampled_from(["", "", *POINTS]), limit=st.integers(1, 5))
    def delivery_runs(self, point: str, limit: int) -> None:
        self.point = point
        try:
            self._deliver(limit)
        except Died:
            worker._turns.is_wanted(self.post.service.pk)
        finally:
            self.point = ""

    @rule(
        requests=st.integers(0, 4),
        fate=st.sampled_from(["answered", "done", "comes late", "lost"]),
        is_every_thread_hung=st.booleans(),
        limit=st.integers(1, 5),
    )
    def delivery_is_stopped(self, requests: int, fate: str, is_every_thread_hung: bool, limit: int) -> None:
        claimed = set(FlagWrite.objects.filter(claim__isnull=False).values_list("pk", flat=True))
        self.requests_to_stop, self.fate, self.is_every_thread_hung = requests, fate, is_every_thread_hung
        try:
            self._deliver(limit)
            assert set(FlagWrite.objects.filter(claim__isnull=False).values_list("pk", flat=True)) <= claimed
            assert all(self._state(sent) == "unclear" for sent in self.hung if sent)
        finally:
            self.requests_to_stop, self.hung = None, []
            stop.forget()

    def _deliver(self, limit: int) -> None:
        worker.deliver(
            self.post.service.pk, now=lambda: self.post.time, connect=lambda _: self.line, limit=limit, breaker=Well()
        )

    @precondition(lambda self: not self.slow and not self.slow_ends)
    @rule(limit=st.integers(1, 3))
    def slow_delivery_claims(self, limit: int) -> None:
        self.slow_claim += 1
        self.slow = claim_due(
            self.post.service.pk, self.slow_claim, self.post.time, lease=LEASE, patience=PATIENCE, limit=limit
        )
        for one in self.slow:
            base = FlagWrite.objects.filter(recording_guid=one.recording_guid, part="base", state__in=UNSETTLED)
            assert one.part == "base" or not base.exists()

    @precondition(lambda self: self.slow)
    @rule()
    def slow_delivery_asks(self) -> None:
        one = self.slow.pop(0)
        self.is_slow = True
        answer = senders._carry_out_claim(self.line, one, lambda: self.post.time)
        self.is_slow = False
        self.slow_ends.append(Settlement(one, next_step(one.pending, answer, self.post.time, 0.5)))

    @precondition(lambda self: self.slow_ends)
    @rule()
    def slow_delivery_settles(self) -> None:
        others = FlagWrite.objects.exclude(claim=self.slow_claim).order_by("pk")
        before = list(others.filter(part="base").values())
        settle(self.slow_ends, self.slow_claim, self.post.time)
        after = others.filter(part="base", pk__in=[row["id"] for row in before])
        assert list(after.values()) == before
        self.slow_ends = []

    @precondition(lambda self: self.slow)
    @rule()
    def slow_delivery_gives_back(self) -> None:
        give_back(self.slow, self.slow_claim)
        self.slow = []

    @precondition(lambda self: self.slow or self.slow_ends)
    @rule()
    def slow_delivery_dies(self) -> None:
        self.slow, self.slow_ends = [], []

    # What must hold at every moment.

    @invariant()
    def every_flag_is_sent_with_one_value(self) -> None:
        values: dict[tuple[str, str], set[str]] = {}
        for sent in self.sent:
            for flag in sent.flags:
                values.setdefault((sent.guid, flag.name), set()).add(flag.value)
        assert all(len(one) == 1 for one in values.values())

    @invariant()
    def nothing_is_lost_and_what_is_called_written_is_written(self) -> None:
        assert FlagWrite.objects.count() == self.queued
        for row in FlagWrite.objects.filter(state="written").prefetch_related("values"):
            carried = self.post.qms.flags(row.recording_guid)
            assert all(carried[value.name] == value.value for value in row.values.all())
        conflicts = FlagWrite.objects.filter(state="conflict").values_list("recording_guid", flat=True)
        assert set(conflicts) <= self.foreign

    @invariant()
    def what_is_settled_is_claimed_by_nobody(self) -> None:
        assert not FlagWrite.objects.filter(state__in=(*SETTLED, "queued"), claim__isnull=False).exists()

    def teardown(self) -> None:
        """Let the service be well: then everything comes to its end."""
        self.post.qms.recovers()
        self.holds_back = False
        for late in self.held_back:
            if late.guid not in self.foreign:
                self.post.qms.site.write_flags("rs1", late.guid, late.flags)
        for _ in range(6):
            self.post.time += timedelta(seconds=901)
            self._deliver(5)
        ends = FlagWrite.objects.values_list("recording_guid", "state")
        assert all(state in ("written", "given_up") or guid in self.foreign for guid, state in ends)
        assert all(state in SETTLED for _, state in ends)
        self.nothing_is_lost_and_what_is_called_written_is_written()


@contextmanager
def _mortal(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[DeliveryMachine]]:
    """Let deliveries run in one thread, and die where the machine says."""
    current: list[DeliveryMachine] = []

    class Mortal(DeliveryMachine):
        def __init__(self) -> None:
            super().__init__()
            current[:] = [self]

    def claiming(*arguments: Any, **options: Any) -> list[Claimed]:
        claimed = claim_due(*arguments, **options)
        current[0].dies_at("claimed")
        return claimed

    def settling(*arguments: Any) -> int:
        current[0].dies_at("settling")
        ended = settle(*arguments)
        current[0].dies_at("settled")
        return ended

    monkeypatch.setattr(worker, "claim_due", claiming)
    monkeypatch.setattr(worker, "settle", settling)
    monkeypatch.setattr(senders.pools, "of", lambda *_: cast("Any", Inline(current[0])))
    monkeypatch.setattr(senders, "STOP_SECONDS", 0.0)
    monkeypatch.setattr(senders, "LOOK_EVERY_SECONDS", 0.001)
    yield Mortal


@pytest.mark.slow
@pytest.mark.django_db
def test_whatever_dies_repeats_or_races_each_flag_is_written_once_or_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with _mortal(monkeypatch) as machine:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
