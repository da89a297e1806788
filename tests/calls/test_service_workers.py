"""The threads that work for the Recording Services: when they look, and what wakes them."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError

import clock
from calls.service_workers import Reason, ServiceWorker, ServiceWorkers
from clock.stopping import stop
from cti.api import searches_stream, wake
from devtools.servers import wait_until

pytestmark = [pytest.mark.usefixtures("redis"), pytest.mark.django_db(transaction=True)]

STREAM = searches_stream(7)


class Work:
    """What a worker does: it notes that it was done, and says when something is due next."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.finished = 0
        self.due: Callable[[], datetime | None] = lambda: None
        self.errors: list[Exception] = []
        self.reasons: list[Reason] = []

    def __call__(self, reason: Reason) -> datetime | None:
        self.at.append(time.monotonic())
        self.reasons.append(reason)
        try:
            if self.errors:
                raise self.errors.pop()
            return self.due()
        finally:
            self.finished += 1


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def running(work: Work) -> Iterator[ServiceWorker]:
    """Run a worker that looks every half minute by itself."""
    worker = ServiceWorker(work, STREAM, gather_seconds=0.01, look_seconds=30)
    thread = threading.Thread(target=worker.run)
    thread.start()
    yield worker
    worker.is_over = True
    wake(STREAM)
    thread.join(10)
    assert not thread.is_alive()


def test_a_wake_up_has_the_work_done_again(work: Work, running: ServiceWorker) -> None:
    wait_until(lambda: work.finished == 1, "the first look")
    wake(STREAM)
    wait_until(lambda: len(work.at) == 2, "the look after the wake-up")


def test_what_comes_while_it_works_is_found_by_the_next_look(work: Work, running: ServiceWorker) -> None:
    work.due = lambda: wake(STREAM) if len(work.at) < 3 else None
    wake(STREAM)

    wait_until(lambda: len(work.at) >= 3, "the looks after both wake-ups")


def test_what_is_due_is_done_then_without_a_wake_up(work: Work, running: ServiceWorker) -> None:
    wait_until(lambda: work.finished == 1, "the first look")
    work.due = lambda: clock.now() + timedelta(seconds=0.1) if len(work.at) < 3 else None
    wake(STREAM)
    wait_until(lambda: len(work.at) == 3, "what was due")

    assert work.at[2] - work.at[1] >= 0.1


def test_the_work_is_told_why_it_is_done_now(work: Work) -> None:
    worker = ServiceWorker(work, STREAM, gather_seconds=0.01, look_seconds=0.05)
    thread = threading.Thread(target=worker.run)
    thread.start()
    wait_until(lambda: len(work.at) >= 3, "two looks after the first")
    looks = work.reasons[:3]
    work.due = lambda: clock.now() + timedelta(seconds=0.02)
    wait_until(lambda: work.reasons[-2:] == [Reason.DUE, Reason.DUE], "what was due")
    work.due = lambda: clock.now() + timedelta(seconds=30)
    wait_until(lambda: work.reasons[-2:] == [Reason.LOOK, Reason.LOOK], "looks again, before what is due then")
    worker.is_over = True
    thread.join(10)

    assert not thread.is_alive()
    assert looks == [Reason.WOKEN, Reason.LOOK, Reason.LOOK]


def test_what_a_worker_holds_is_let_go_at_its_end_even_where_that_fails(work: Work) -> None:
    ended: list[str] = []

    def let_go() -> None:
        ended.append("let go")
        raise OperationalError("away")

    worker = ServiceWorker(work, STREAM, gather_seconds=0.01, look_seconds=0.05, at_end=let_go)
    worker.is_over = True
    worker.run()

    assert ended == ["let go"]


def test_an_error_is_survived(work: Work, running: ServiceWorker) -> None:
    wait_until(lambda: work.finished == 1, "the first look")
    work.errors = [OperationalError("away"), ValueError("a defect")]
    wake(STREAM)

    wait_until(lambda: len(work.at) == 4, "the look after both errors", 10)


def test_services_are_followed_and_a_stop_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calls.service_workers.FOLLOW_SECONDS", 0.01)
    monkeypatch.setattr("calls.service_workers.REST_SECONDS", 0.01)
    services, done, signs = {1}, set(), []

    def begin(service_id: int) -> ServiceWorker:
        return ServiceWorker(lambda _: done.add(service_id), searches_stream(service_id), 0.01, 30)

    workers = ServiceWorkers(lambda: services, begin)
    thread = threading.Thread(target=workers.run, args=(lambda: signs.append(1),))
    thread.start()
    wait_until(lambda: done == {1}, "the first service")
    services = {2}
    wait_until(lambda: done == {1, 2}, "the second service")
    stop.ask()
    thread.join(10)
    stop.forget()

    assert not thread.is_alive()
    assert signs
