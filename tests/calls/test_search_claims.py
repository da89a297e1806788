"""Searches are claimed by one worker at a time, within what the service allows, and given back."""

import threading
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from calls.models import RecordingSearch, SearchState
from calls.search import settling, worker
from calls.search.due import next_due
from calls.search.settling import PendingQuestion, settle
from calls.search.worker import SearchWorker, look_up
from clock.stopping import stop
from devtools.servers import wait_until
from qms.models import RecordingService
from qms.port import Recording
from tests.calls.search_desk import Desk, settled

SEARCH_COLUMNS = [field.attname for field in RecordingSearch._meta.concrete_fields]


@pytest.fixture
def desk(redis: Any, db: None) -> Desk:
    """Give services, a QMS and a source."""
    return Desk()


def test_a_search_that_was_cancelled_meanwhile_stays_cancelled(desk: Desk) -> None:
    search = desk.search()
    now = desk.now()
    RecordingSearch.objects.update(state=SearchState.CANCELLED)
    settle(desk.a, [PendingQuestion(search, now, recording=Recording("G1", "2001", now))], now)

    assert (settled(search).state, search.recording_guid) == (SearchState.CANCELLED, "")


def test_a_cancelled_search_is_not_asked(desk: Desk) -> None:
    desk.search(state=SearchState.CANCELLED)

    assert (desk.looks_up(), desk.asked) == (None, [])


def test_of_two_search_workers_one_asks(desk: Desk) -> None:
    search = desk.search(window=3)
    first, second = desk.worker(), desk.worker()

    assert [one.pk for one in first._claim(4)] == [search.pk]
    assert second._claim(4) == []


def test_a_search_that_another_worker_has_leaves_room_for_the_others(desk: Desk) -> None:
    first, second = desk.search(1, window=4), desk.search(2, window=3)

    assert [[one.pk for one in desk.worker()._claim(1)] for _ in range(3)] == [[first.pk], [second.pk], []]


def test_a_claimed_search_is_whole(desk: Desk) -> None:
    kept = desk.search(window=3)
    (claimed,) = desk.worker()._claim(4)
    kept.refresh_from_db()

    assert {name: getattr(claimed, name) for name in SEARCH_COLUMNS} == {
        name: getattr(kept, name) for name in SEARCH_COLUMNS
    }


def test_the_claim_of_a_search_worker_that_died_runs_out_soon_whatever_the_time_out(desk: Desk) -> None:
    RecordingService.objects.filter(pk=desk.a.pk).update(timeout_seconds=60)
    search = desk.search(window=60)
    desk.worker()._claim(4)
    later = SearchWorker(desk.a, lambda: desk.now() + timedelta(seconds=4), desk.connect)

    assert [one.pk for one in later._claim(4)] == [search.pk]


def test_a_search_whose_answer_takes_long_stays_with_its_search_worker(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "LEASE", timedelta(seconds=0.5))
    monkeypatch.setattr(worker, "RENEW_EVERY_SECONDS", 0.1)
    search, gate = desk.search(window=60), desk.gates.setdefault("a", threading.Event())
    one_worker = desk.worker()
    for one in one_worker._claim(4):
        one_worker.pool.submit(one_worker._ask_for_guid, one)
    long = time.monotonic() + 2
    while time.monotonic() < long:
        one_worker._harvest(time.monotonic() + 0.05)
    others = desk.worker()._claim(4)
    gate.set()
    while one_worker.pending:
        one_worker._harvest(time.monotonic() + 0.05)
        assert time.monotonic() < long + 10, "No answer came."

    assert others == []
    assert (settled(search).attempts, settled(search).claimed_until) == (1, None)


def test_a_search_worker_that_is_asked_to_stop_gives_its_searches_back_and_claims_no_more(desk: Desk) -> None:
    search, gate = desk.search(window=60), desk.gates.setdefault("a", threading.Event())

    def now() -> datetime:
        if desk.asked:
            stop.ask()
        return desk.now()

    try:
        assert look_up(desk.a.pk, now, desk.connect, seconds=60) == settled(search).next_at
        assert (settled(search).state, settled(search).claimed_until) == (SearchState.OPEN, None)
        desk.search(2)
        assert look_up(desk.a.pk, now, desk.connect, seconds=60) is None
    finally:
        stop.forget()
        gate.set()
    assert [extension for _, extension, *_ in desk.asked] == ["2001"]


def test_a_second_call_leaves_all_to_the_search_worker_that_runs(desk: Desk) -> None:
    answers: list[datetime | None] = []

    def now() -> datetime:
        if not answers:
            answers.append(desk.looks_up())
        return desk.now()

    look_up(desk.a.pk, now, desk.connect, seconds=0.1)
    assert answers == [None]


def test_a_worker_ends_when_nothing_is_due_and_says_when_something_is(desk: Desk) -> None:
    search = desk.search(next_at=desk.now() + timedelta(seconds=30), window=60)
    begin = time.monotonic()

    assert look_up(desk.a.pk, desk.now, desk.connect, seconds=20) == search.next_at
    assert desk.asked == []
    assert time.monotonic() - begin < 10


def test_a_search_that_another_worker_has_is_due_when_its_claim_runs_out(desk: Desk) -> None:
    until = desk.now() + timedelta(seconds=3)
    RecordingSearch.objects.filter(pk=desk.search().pk).update(claimed_until=until)

    assert next_due(desk.a.pk) == until


def test_more_than_may_be_in_flight_is_claimed_ahead_of_a_service_that_is_quick_and_of_no_other(desk: Desk) -> None:
    for number in range(1, 7):
        desk.search(number, window=60)
    one_worker = desk.worker()
    assert one_worker._look(one_worker._room()) == 4

    one_worker._harvest(time.monotonic() + 5)
    assert one_worker._room() == 4 * worker.CLAIMS_A_THREAD
    answered = RecordingSearch.objects.filter(attempts__gt=0)
    answered.update(next_at=desk.now() + timedelta(seconds=30))  # None is due again, however slow the machine is.

    gate = desk.gates.setdefault("a", threading.Event())
    assert one_worker._look(one_worker._room()) == 2
    one_worker._harvest(time.monotonic() + 0.05)
    assert one_worker._room() == 4 - 2
    gate.set()
    one_worker._end()


def test_no_more_questions_are_on_their_way_than_the_service_allows(desk: Desk) -> None:
    for number in range(1, 10):
        desk.qms.connected(str(2000 + number), desk.now(), "a")
        desk.search(number, window=5)
    desk.before_answer = lambda _: wait_until(lambda: desk.busiest >= 4, "a fourth question")
    desk.looks_up()

    assert (desk.busiest, RecordingSearch.objects.filter(state=SearchState.FOUND).count()) == (4, 9)


def test_the_time_slice_ends_though_searches_are_open(desk: Desk) -> None:
    desk.search(window=30)
    begin = time.monotonic()

    assert desk.looks_up(seconds=0.2) is not None
    assert time.monotonic() - begin < 10
