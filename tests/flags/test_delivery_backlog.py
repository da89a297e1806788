"""Delivery with much to do, with a slow service, and with another process at the same work."""

import threading
import uuid
from datetime import datetime, timedelta
from itertools import count
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import connection, transaction

from bulk.tables import UpsertTable
from flags.delivery.worker import Breaker, DeliveryWorker, SharedBreaker, deliver
from flags.models import SETTLED, FlagValue, FlagWrite, state_is_one_of
from flags.outbox.claims import _TAKE_AT_ONCE, claim_due, due
from flags.outbox.queue import settled_writes
from qms.models import ServiceHealth
from qms.port import Flag, QmsError, QmsUnavailable, QmsUnclear
from tests.flags.qms import Line, Post, Recorder

pytestmark = pytest.mark.django_db(transaction=True)
LEASE, PATIENCE = timedelta(seconds=60), timedelta(days=7)


@pytest.fixture
def post() -> Post:
    return Post()


@transaction.atomic
def backlog(post: Post, writes: int, *, state: str = "queued", part: str = "base") -> None:
    """Queue many writes at once, each a second younger than the one before."""
    names = (
        "leg_id",
        "source_id",
        "service",
        "recording_guid",
        "part",
        "state",
        "attempts",
        "not_before",
        "created_at",
        "error_code",
        "error",
        "folded",
    )
    moments = [post.time - timedelta(seconds=writes - number) for number in range(writes)]
    UpsertTable(FlagWrite, names, ["id"]).insert(
        [
            (number, 7, post.service.pk, str(uuid.uuid4()), part, state, 0, moment, moment, "", "", False)
            for number, moment in enumerate(moments)
        ]
    )
    values = FlagWrite.objects.filter(state=state).values_list("pk", "recording_guid")
    UpsertTable(FlagValue, ("write", "recording_guid", "name", "value", "cut", "masked"), ["id"]).insert(
        [(key, guid, "AgentId", "A1", False, False) for key, guid in values]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def fold_all_but(newest: int) -> None:
    """Let the consumer have taken in all that was written, but for the newest."""
    written = FlagWrite.objects.filter(state="written")
    waiting = list(written.order_by("-id").values_list("id", flat=True)[:newest])
    written.exclude(id__in=waiting).update(folded=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def explained(statement: str, *values: Any) -> str:
    """Return PostgreSQL's plan."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}", values)
        return "\n".join(line for (line,) in cursor.fetchall())


def test_a_claim_and_a_fold_read_their_indexes_however_much_stands(post: Post) -> None:
    backlog(post, 20_000)
    backlog(post, 20_000, state="written")
    fold_all_but(200)
    plan = due(post.service.pk, post.time)[:64].explain()
    assert "flags_write_due" in plan, plan
    assert "TEMP B-TREE" not in plan, plan
    if connection.vendor == "postgresql":
        service, now = post.service.pk, post.time
        plan = explained(_TAKE_AT_ONCE, service, now, now, "{}", 64, 1, now + LEASE, service)
        assert "flags_write_due" in plan, plan
        # Of Recording Services there are few, and a page of them is read at once.
        assert "Seq Scan on flags_" not in plan, plan
    folding = FlagWrite.objects.filter(state_is_one_of(SETTLED), source_id=7, folded=False).order_by("id")
    plan = folding[:100].explain()
    assert "flags_write_to_fold" in plan, plan
    assert len(settled_writes(7, 100)) == 100


def test_the_oldest_are_claimed_first(post: Post) -> None:
    backlog(post, 300)
    claimed = claim_due(post.service.pk, 1, post.time, lease=LEASE, patience=PATIENCE, limit=10)

    assert [one.leg_id for one in claimed] == list(range(10))


def test_a_backlog_is_drained_in_slices_that_say_that_there_is_more(post: Post) -> None:
    keys = [post.queues(f"G{number}") for number in range(300)]
    first = post.delivers(seconds=0.001)
    assert first.more
    assert 0 < first.settled < 300
    while post.delivers(seconds=0.2).more:
        assert len(post.qms.asked) <= 300

    assert FlagWrite.objects.filter(pk__in=keys, state="written").count() == 300
    assert FlagWrite.objects.filter(attempts=1).count() == 300


class Slow(Line):
    """A service that hangs until it is let go."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def write_flags(self, guid: str, flags: Any) -> int:
        self.begun.release()
        if not self.go.wait(20):
            raise QmsUnclear("It hung.")
        return super().write_flags(guid, flags)


def test_no_more_is_in_flight_than_allowed_and_what_is_not_begun_is_given_back_at_the_end(post: Post) -> None:
    for number in range(30):
        post.queues(f"G{number}")
    type(post.service).objects.update(max_in_flight=3)
    slow = Slow(post.qms)
    post.lines = lambda _: slow

    def let_go_later() -> None:
        for _ in range(3):
            assert slow.begun.acquire(timeout=10)
        is_fourth = slow.begun.acquire(timeout=0.2)
        ends.append(is_fourth)
        slow.go.set()

    ends: list[bool] = []
    helper = threading.Thread(target=let_go_later)
    helper.start()
    done = post.delivers(seconds=0.05)
    helper.join(20)

    assert ends == [False]
    assert (done.settled, done.more) == (done.sent, True)
    assert FlagWrite.objects.filter(state="queued", attempts=0, claim=None).count() == 30 - done.sent


def test_one_write_alone_tries_whether_a_service_is_well_again(post: Post) -> None:
    for number in range(5):
        post.queues(f"G{number}")
    ServiceHealth.objects.create(service=post.service, failures=5, open_until=post.time - timedelta(seconds=1))
    slow = Slow(post.qms)
    post.lines = lambda _: slow
    ends: list[bool] = []

    def let_go_later() -> None:
        assert slow.begun.acquire(timeout=10)
        ends.append(slow.begun.acquire(timeout=0.2))
        slow.go.set()

    helper = threading.Thread(target=let_go_later)
    helper.start()
    done = post.delivers()
    helper.join(20)

    assert ends == [False]
    assert done.settled == 5


class OpensAtOnce:
    """A breaker that opens with the first failure; its wait is over at once, and it closes with an answer."""

    def __init__(self, slow: "FailsFirst") -> None:
        self.slow, self.is_open = slow, False
        self.asked_beside: list[int] = []

    def may_send(self, service_id: int, now: datetime) -> bool:
        self.asked_beside.append(self.slow.hanging)
        return True

    def is_on_trial(self, service_id: int, now: datetime) -> bool:
        return self.is_open

    def mark_ok(self, service_id: int, now: datetime) -> None:
        self.is_open = False

    def mark_failed(self, service_id: int, error: QmsError, now: datetime) -> None:
        self.is_open = True


class FailsFirst(Line):
    """A service that fails at the first request, while the second takes its time, and fails too."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self.numbers, self.second, self.hanging = count(1), threading.Event(), 0

    def write_flags(self, guid: str, flags: Any) -> int:
        number = next(self.numbers)
        if number == 1:
            assert self.second.wait(10)
            raise QmsUnavailable("away")
        if number == 2:
            self.hanging = 1
            self.second.set()
            sleep(0.3)
            self.hanging = 0
            raise QmsUnavailable("away")
        return super().write_flags(guid, flags)


def test_no_trial_is_asked_for_while_something_is_under_way(post: Post) -> None:
    for number in range(3):
        post.queues(f"G{number}")
    type(post.service).objects.update(max_in_flight=2)
    post.service.refresh_from_db()
    line = FailsFirst(post.qms)
    breaker = OpensAtOnce(line)
    done = DeliveryWorker(post.service, lambda: post.time, lambda _: line, breaker, 9).run(5)

    assert breaker.asked_beside == [0]
    assert done.settled == 1


def test_a_second_delivery_in_the_process_leaves_the_work_to_the_first(post: Post) -> None:
    post.queues()
    slow = Slow(post.qms)
    post.lines = lambda _: slow
    second = []

    def try_too() -> None:
        assert slow.begun.acquire(timeout=10)
        second.append(post.delivers())
        slow.go.set()
        connection.close()

    helper = threading.Thread(target=try_too)
    helper.start()
    first = post.delivers()
    helper.join(20)

    assert [one.sent for one in second] == [0]
    assert (first.settled, first.more) == (1, True)
    assert not post.delivers().more


def test_a_hanging_service_holds_up_no_other(post: Post) -> None:
    other = Post("rs2")
    post.queues("G1")
    key = other.queues("G2")
    slow = Slow(post.qms)
    post.lines = lambda _: slow
    ends = []

    def deliver_the_other() -> None:
        assert slow.begun.acquire(timeout=10)
        ends.append(other.delivers().settled)
        slow.go.set()
        connection.close()

    helper = threading.Thread(target=deliver_the_other)
    helper.start()
    post.delivers()
    helper.join(20)

    assert ends == [1]
    assert other.answers(key) == ("written", "")


class Counting(Line):
    """A way to the QMS that counts the requests for each recording."""

    def write_flags(self, guid: str, flags: "list[Flag] | Any") -> int:
        self.recorder.asked.append(guid)
        return self.recorder.site.write_flags("rs1", guid, flags)


def test_two_processes_at_once_send_each_write_once(post: Post) -> None:
    for number in range(400):
        post.queues(f"G{number}")
    gate, ends = threading.Barrier(2), []
    breaker: Breaker = SharedBreaker()

    def run() -> None:
        line = Counting(post.qms)
        gate.wait(10)
        ends.append(DeliveryWorker(post.service, now, lambda _: line, breaker, 20).run(20).settled)
        connection.close()

    def now() -> datetime:
        return post.time

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sum(ends) == 400
    assert len(post.qms.asked) == len(set(post.qms.asked)) == 400
    assert FlagWrite.objects.filter(state="written", attempts=1).count() == 400


def test_the_clock_of_the_gateway_may_step_back_without_a_delivery_that_never_ends(post: Post) -> None:
    for number in range(100):
        post.queues(f"G{number}")
    steps = iter(range(10**6))

    def stepping() -> datetime:
        return post.time - timedelta(minutes=next(steps) // 50)

    begun = monotonic()
    deliver(post.service.pk, now=stepping, connect=post.lines, seconds=0.5)

    assert monotonic() - begun < 10
    post.delivers(61 * 5)
    post.delivers(3600)
    assert FlagWrite.objects.filter(state="written").count() == 100
