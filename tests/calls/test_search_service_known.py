"""What a search worker knows of its service, and the threads that ask it."""

import threading
from datetime import timedelta
from time import monotonic
from typing import Any

import msgspec
import pytest

from calls.search.assign import Assignment
from calls.search.claims import ClaimedSearches, KnownRecordings
from calls.search.kept_answers import FormerAnswer
from calls.search.known_service import KnownService
from calls.search.settling import PendingQuestion
from calls.search.worker import SearchWorker, look_up
from qms.models import RecordingService, ServiceHealth
from tests.calls.search_desk import Desk, PatientClock, standing_desk


@pytest.fixture
def desk(redis: Any, db: None) -> Desk:
    """Give services, a QMS and a source, at a time that stands still."""
    return standing_desk()


def test_a_worker_believes_the_service_that_was_read_lately(desk: Desk) -> None:
    desk.now = PatientClock()
    search = desk.search(window=3)
    look_up(desk.a.pk, desk.now, desk.connect, 0.1, known=KnownService(desk.a, 2.0, 0.0))

    assert desk.asked[0][3] == search.not_started_before + timedelta(seconds=2)


def test_a_service_is_read_with_how_far_its_clock_is_ahead(desk: Desk) -> None:
    before = monotonic()
    fresh = KnownService.read(desk.a.pk, desk.now())
    ServiceHealth.objects.create(service=desk.a, clock_offset_seconds=3.5)
    known = KnownService.read(desk.a.pk, desk.now())

    assert (fresh.offset_seconds, known.offset_seconds, known.service) == (0.0, 3.5, desk.a)
    assert before <= fresh.read_at <= known.read_at <= monotonic()
    with pytest.raises(RecordingService.DoesNotExist):
        KnownService.read(desk.b.pk + 1, desk.now())


def test_a_services_threads_are_replaced_when_their_number_is_changed(desk: Desk) -> None:
    first = desk.worker().pool
    assert SearchWorker(desk.a, desk.now, desk.connect).pool is first

    desk.a.max_in_flight = 2
    second = desk.worker().pool
    assert second is not first
    assert second._count == 2
    assert SearchWorker(desk.b, desk.now, desk.connect).pool is not second


def test_threads_that_are_replaced_end(desk: Desk) -> None:
    first = desk.worker().pool
    begun = threading.Event()
    running: list[threading.Thread] = []

    def work() -> None:
        running.append(threading.current_thread())
        begun.set()

    first.submit(work)
    assert begun.wait(10)
    desk.a.max_in_flight = 2
    desk.worker()
    running[0].join(10)

    assert not running[0].is_alive()


@pytest.mark.parametrize(
    "kind", [Assignment, ClaimedSearches, FormerAnswer, KnownRecordings, KnownService, PendingQuestion]
)
def test_what_is_known_of_a_search_is_passed_on_and_never_changed(kind: type[msgspec.Struct]) -> None:
    """It goes from thread to thread."""
    assert kind.__struct_config__.frozen
