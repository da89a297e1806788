"""A search whose next question comes soon stays with the worker that asked the one before."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls import jobs
from calls.models import RecordingSearch, SearchState
from calls.search import worker
from calls.search.held import MAXIMUM_HELD, HeldSearches
from calls.search.settling import LEASE
from calls.search.worker import look_up
from calls.service_workers import Reason
from tests.calls.search_desk import INTERVAL_MS, Desk, settled

pytestmark = [pytest.mark.usefixtures("redis"), pytest.mark.django_db(transaction=True), pytest.mark.storage]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def ask(desk: Desk, held: HeldSearches, *, is_any_new: bool = True, seconds: float = 0.02) -> None:
    look_up(desk.a.pk, desk.now, desk.connect, seconds=seconds, held=held, is_any_new=is_any_new)


def pass_interval() -> None:
    """Let the time pass until the next question, with its random part."""
    time.sleep(INTERVAL_MS * 1.2 / 1000)


def test_the_next_question_of_a_search_costs_no_claim(desk: Desk) -> None:
    search, held = desk.search(window=60), HeldSearches()
    ask(desk, held)
    for _ in range(2):
        pass_interval()
        with CaptureQueriesContext(connection) as asked:
            ask(desk, held, is_any_new=False)
        assert not [one["sql"] for one in asked if "SET claimed_until" in one["sql"]]

    assert settled(search).attempts >= 3
    assert held.keys == {search.pk}


def test_a_held_search_is_nobody_elses_until_some_seconds_after_its_next_question(desk: Desk) -> None:
    search, held = desk.search(window=60), HeldSearches()
    ask(desk, held)
    claimed_until, next_at = settled(search).claimed_until, settled(search).next_at
    pass_interval()

    assert desk.worker()._claim(4) == []
    assert claimed_until is not None
    assert next_at + LEASE <= claimed_until <= next_at + LEASE + timedelta(seconds=1)
    assert held.take_due(claimed_until, 4) == []  # Then it is anybody's.
    assert held.keys == frozenset()


def test_a_recording_that_begins_after_the_first_question_is_found_by_a_held_one(desk: Desk) -> None:
    search, held = desk.search(window=60), HeldSearches()
    ask(desk, held)
    recording = desk.qms.connected("2001", desk.now())
    pass_interval()
    ask(desk, held, is_any_new=False)

    assert recording is not None
    assert (settled(search).state, settled(search).recording_guid) == (SearchState.FOUND, recording.guid)
    assert (settled(search).claimed_until, held.keys) == (None, frozenset())


def test_an_answer_to_a_held_search_that_was_cancelled_is_not_taken(desk: Desk) -> None:
    search, held = desk.search(window=60), HeldSearches()
    ask(desk, held)
    RecordingSearch.objects.update(state=SearchState.CANCELLED)
    desk.qms.connected("2001", desk.now())
    pass_interval()
    ask(desk, held, is_any_new=False)

    assert (settled(search).state, settled(search).recording_guid) == (SearchState.CANCELLED, "")


def test_a_search_that_goes_on_to_another_service_or_to_its_end_is_not_held(desk: Desk) -> None:
    held = HeldSearches()
    desk.search(1, window=60, services=[desk.a.pk, desk.b.pk])
    desk.search(2, window=INTERVAL_MS / 2000)
    ask(desk, held)

    assert held.keys == frozenset()
    assert not RecordingSearch.objects.exclude(claimed_until=None).exists()


def test_new_searches_are_asked_for_before_held_ones(desk: Desk) -> None:
    held = HeldSearches()
    desk.a.max_in_flight = 1
    desk.a.save()
    desk.search(1, window=60)
    ask(desk, held)
    pass_interval()
    desk.search(2, window=60)
    ask(desk, held)

    assert [extension for _, extension, *_ in desk.asked][:2] == ["2001", "2002"]


def test_no_more_are_held_than_may_be(desk: Desk) -> None:
    held = HeldSearches()
    late = desk.now() + timedelta(hours=1)
    held.hold(RecordingSearch(pk=-number, next_at=late, claimed_until=late) for number in range(MAXIMUM_HELD))
    search = desk.search(window=60)
    ask(desk, held)

    assert held.room == 0
    assert search.pk not in held.keys
    assert settled(search).claimed_until is None


def test_a_worker_that_stops_gives_back_what_it_holds_and_nothing_of_others(desk: Desk) -> None:
    mine, others, held = desk.search(1, window=60), desk.search(2, window=60), HeldSearches()
    ask(desk, held)
    until = desk.now() + timedelta(seconds=3)
    RecordingSearch.objects.filter(pk=others.pk).update(claimed_until=until)  # It was claimed again meanwhile.
    held.give_back()

    assert (settled(mine).claimed_until, settled(others).claimed_until) == (None, until)
    assert held.keys == frozenset()


def test_a_loop_that_holds_searches_looks_for_others_as_often_as_one_that_holds_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(jobs, "now", desk.now)
    monkeypatch.setattr(worker, "look_up", lambda *_, is_any_new, **__: asked.append(is_any_new))
    loop = jobs.SearchLoop(desk.a.pk)
    for reason in (Reason.WOKEN, Reason.DUE, Reason.WOKEN, Reason.DUE):
        loop.look_up(reason)
    loop._looked_at -= jobs.SEARCH_LOOK_SECONDS
    loop.look_up(Reason.DUE)

    assert asked == [True, False, True, False, True]
