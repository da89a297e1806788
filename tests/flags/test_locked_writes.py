"""Two processes at the same flag writes, on PostgreSQL: who passes over what the other has locked, and who waits."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection, transaction

from flags.models import AlertCount, FlagWrite, RetryRun
from flags.outbox import retry_runs
from flags.outbox.claims import Claimed, claim_due, give_up_overdue
from flags.outbox.operator_actions import acknowledge, retry_now
from flags.outbox.retry_runs import continue_retries, retry_all
from flags.outbox.settlements import Settlement, settle
from flags.outbox.state_machine import Decision
from flags.outbox.withheld import withhold_due
from qms.models import RecordingService
from tests.flags.qms import Post

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite locks no rows: one transaction at a time"),
]
SECONDS = 4


@pytest.fixture
def post() -> Post:
    return Post()


@contextmanager
def _another_process() -> Iterator[Callable[[Callable[[], object]], "Future[object]"]]:
    """Give what begins an act with a connection of its own."""

    def acting(act: Callable[[], object]) -> object:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        yield lambda act: pool.submit(acting, act)


def _lock(key: int) -> None:
    FlagWrite.objects.select_for_update().get(pk=key)


def _await_waiting() -> None:
    """Wait until somebody waits for a lock."""
    until = time.monotonic() + SECONDS
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone() != (0,):
                return
            time.sleep(0.005)
    pytest.fail("nobody waits")


def test_what_is_never_sent_is_settled_without_waiting_for_what_another_has_locked(post: Post) -> None:
    locked, free = post.queues("G1"), post.queues("G2")
    RecordingService.objects.update(shadow=True)
    service = RecordingService.objects.get()

    with _another_process() as begin, transaction.atomic():
        _lock(locked)
        assert begin(lambda: withhold_due(service, post.time).writes).result(SECONDS) == 1
    assert [FlagWrite.objects.get(pk=key).state for key in (locked, free)] == ["queued", "shadow"]


def test_what_is_overdue_is_given_up_without_waiting_for_what_another_has_locked(post: Post) -> None:
    locked, free = post.queues("G1"), post.queues("G2")

    with _another_process() as begin, transaction.atomic():
        _lock(locked)
        given_up = begin(lambda: give_up_overdue(post.service.pk, post.time, post.time).write_ids)
        assert given_up.result(SECONDS) == (free,)


def test_a_run_whose_step_another_takes_is_left_to_it(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_runs, "RETRIED_AT_ONCE", 1)
    for name in ("G1", "G2"):
        post.queues(name)
    FlagWrite.objects.update(state="refused", error_code="UnknownFlag", settled_at=post.time)
    run = retry_all("ann", post.time)

    with _another_process() as begin, transaction.atomic():
        RetryRun.objects.select_for_update().get()
        begin(lambda: continue_retries(lambda: post.time)).result(SECONDS)
    run.refresh_from_db()
    assert (run.writes, run.finished_at) == (1, None)


def test_an_alert_of_which_two_take_note_at_once_is_noted_by_the_first(post: Post) -> None:
    ann, bert = User.objects.create_user("ann"), User.objects.create_user("bert")
    key = post.queues()
    FlagWrite.objects.update(state="refused", alert_since=post.time, settled_at=post.time)

    with _another_process() as begin:
        with transaction.atomic():
            assert acknowledge([key], ann, post.time) == 1
            second = begin(lambda: acknowledge([key], bert, post.time))
            _await_waiting()
        assert second.result(SECONDS) == 0
    assert FlagWrite.objects.get().acknowledged_by == "ann"
    assert LogEntry.objects.count() == 1


def test_a_write_that_two_put_back_at_once_was_put_back_by_the_first(post: Post) -> None:
    ann, bert = User.objects.create_user("ann"), User.objects.create_user("bert")
    key = post.queues()
    FlagWrite.objects.update(state="refused", error_code="UnknownFlag", settled_at=post.time)

    with _another_process() as begin:
        with transaction.atomic():
            assert retry_now([key], ann, post.time) == 1
            second = begin(lambda: retry_now([key], bert, post.time))
            _await_waiting()
        assert second.result(SECONDS) == 0
    assert list(LogEntry.objects.values_list("user_id", flat=True)) == [ann.pk]


def test_an_end_that_another_delivery_overtakes_raises_no_alert(post: Post) -> None:
    post.queues()
    (claimed,) = _claims(post, 1)
    post.time += timedelta(seconds=61)
    refused = Settlement(claimed, Decision(state="refused", error_code="UnknownFlag"))

    with _another_process() as begin:
        with transaction.atomic():
            assert _claims(post, 2)
            late = begin(lambda: settle([refused], 1, post.time))
            _await_waiting()
        assert late.result(SECONDS) == 0
    assert not AlertCount.objects.exists()
    assert FlagWrite.objects.get().claim == 2


def _claims(post: Post, number: int) -> list[Claimed]:
    return claim_due(
        post.service.pk, number, post.time, lease=timedelta(seconds=60), patience=timedelta(days=7), limit=9
    )
