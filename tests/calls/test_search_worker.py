"""Recording searches: asked at once and then quickly, answered before the deadline."""

import threading
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection

from calls.models import SearchState
from cti.api import answers_stream
from qms.models import RecordingService
from qms.port import QmsUnavailable
from tests.calls.search_desk import INTERVAL_MS, Desk, settled


@pytest.fixture
def desk(redis: Any, db: None) -> Desk:
    """Give services, a QMS and a source."""
    return Desk()


def test_qms_is_asked_at_once(desk: Desk, redis: Any) -> None:
    recording = desk.qms.connected("2001", desk.now(), "a")
    search = desk.search()
    desk.looks_up()
    found = settled(search)

    assert recording is not None
    assert (found.state, found.recording_guid, found.attempts) == (SearchState.FOUND, recording.guid, 1)
    assert found.recording_started_at == recording.started_at
    assert found.answered_at is not None
    assert found.answered_at - found.connected_at < timedelta(milliseconds=250)


def test_the_consumer_is_woken_by_an_answer(desk: Desk, redis: Any) -> None:
    desk.qms.connected("2001", desk.now(), "a")
    desk.search()
    desk.looks_up()

    assert redis.exists(answers_stream(desk.source.pk))


def test_qms_is_asked_again_at_each_interval_until_the_deadline(desk: Desk) -> None:
    search = desk.search(window=0.6)
    desk.looks_up()
    times = [at for _, _, at, _ in desk.asked]
    found = settled(search)

    assert (found.state, found.why, found.attempts) == (SearchState.MISSED, "none", len(desk.asked))
    assert 3 <= len(desk.asked) <= 14
    assert min((b - a).total_seconds() for a, b in pairwise(times)) >= INTERVAL_MS / 1000 * 0.85
    assert found.answered_at is not None
    assert found.answered_at >= found.deadline


def test_a_recording_that_begins_a_little_later_is_found(desk: Desk) -> None:
    desk.before_answer = lambda number: number == 3 and desk.qms.connected("2001", desk.now(), "a")
    search = desk.search(window=3)
    desk.looks_up()

    assert (settled(search).state, search.attempts) == (SearchState.FOUND, 3)


def test_a_search_past_its_deadline_is_missed_without_asking(desk: Desk) -> None:
    search = desk.search(ago=60, window=10)
    desk.looks_up()

    assert (settled(search).state, search.why, search.attempts) == (SearchState.MISSED, "late", 0)
    assert desk.asked == []


def test_the_newest_search_is_asked_first(desk: Desk) -> None:
    """Its call lasts most probably still."""
    RecordingService.objects.filter(pk=desk.a.pk).update(max_in_flight=1)
    desk.search(1, window=1)
    desk.search(2, window=3)
    for extension in ("2001", "2002"):
        desk.qms.connected(extension, desk.now(), "a")
    desk.looks_up()

    assert [extension for _, extension, _, _ in desk.asked] == ["2002", "2001"]


def test_a_service_that_never_answers_is_distinguished_from_one_that_has_no_recording(desk: Desk) -> None:
    desk.errors["a"] = QmsUnavailable("the line is dead")
    search = desk.search(window=0.3)
    desk.looks_up()

    assert (settled(search).state, search.why, search.attempts) == (SearchState.MISSED, "unreachable", 0)
    assert "the line is dead" in search.error


def test_a_service_that_comes_back_within_the_window_is_asked_again(desk: Desk) -> None:
    desk.errors["a"] = QmsUnavailable("the line is dead")
    desk.qms.connected("2001", desk.now(), "a")
    search = desk.search(window=3)
    desk.looks_up(seconds=0.1)
    desk.errors.clear()
    desk.looks_up()

    assert (settled(search).state, search.error) == (SearchState.FOUND, "")


def test_a_user_marked_any_is_asked_for_at_the_next_service_when_the_first_is_away(desk: Desk) -> None:
    desk.errors["a"] = QmsUnavailable("the line is dead")
    desk.qms.connected("2001", desk.now(), "b")
    search = desk.search(window=3, services=[desk.a.pk, desk.b.pk])
    is_open = desk.looks_up()
    assert (is_open, settled(search).service_id) == (None, desk.b.pk)
    desk.looks_up(desk.b)

    assert (settled(search).state, search.service_id) == (SearchState.FOUND, desk.b.pk)
    assert [slug for slug, *_ in desk.asked] == ["a", "b"]


def test_the_services_take_turns_while_none_answers(desk: Desk) -> None:
    desk.errors |= {"a": QmsUnavailable("dead"), "b": QmsUnavailable("dead")}
    search = desk.search(window=0.6, services=[desk.a.pk, desk.b.pk])
    while settled(search).state == SearchState.OPEN:
        desk.looks_up(RecordingService.objects.get(pk=search.service_id), seconds=0.2)

    slugs = [slug for slug, *_ in desk.asked]
    assert slugs[:4] == ["a", "b", "a", "b"]
    assert search.why == "unreachable"


@pytest.mark.django_db(transaction=True)
def test_a_service_that_hangs_does_not_delay_another(desk: Desk) -> None:
    desk.gates["a"] = threading.Event()
    desk.qms.connected("2002", desk.now(), "b")
    desk.search(1, window=5)
    other = desk.search(2, window=5, service=desk.b)

    def slow() -> None:
        desk.looks_up(seconds=0.5)
        connection.close()

    hanging = threading.Thread(target=slow)
    hanging.start()
    desk.looks_up(desk.b)
    desk.gates["a"].set()
    hanging.join(10)

    assert not hanging.is_alive()
    found = settled(other)
    assert found.answered_at is not None
    assert found.answered_at - found.connected_at < timedelta(milliseconds=500)


def test_the_next_service_is_asked_where_the_first_knows_of_no_recording(desk: Desk) -> None:
    """A user marked "Any" may be recorded by each of the services."""
    search = desk.search(window=0.6, services=[desk.a.pk, desk.b.pk])
    while settled(search).state == SearchState.OPEN:
        desk.looks_up(RecordingService.objects.get(pk=search.service_id), seconds=0.2)

    assert [slug for slug, *_ in desk.asked][:4] == ["a", "b", "a", "b"]
    assert search.why == "none"
