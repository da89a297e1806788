"""Hints, beat's sweeps and retention: harmless when repeated, and nothing is forgotten too soon."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import redis as redis_client

from calls import jobs
from calls.models import Checkpoint, Leg, RecordingSearch
from calls.retention import retain
from cti.api import journal_state
from flags.models import FlagValue, FlagWrite
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def house(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway whose hints work at its own clock, and one flagged call in it."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    one = GatewayStack()
    monkeypatch.setattr(jobs, "now", lambda: one.time)
    monkeypatch.setattr(jobs, "_consumers", {})
    one.connects("C1", "2001")
    one.passes(0.2)
    one.clears("C1", "2001")
    one.passes(1.2)
    assert one.outcomes() == [("2001", "flagged")]
    return one


def test_what_is_older_than_its_keeping_time_is_forgotten_with_all_that_belongs_to_it(house: GatewayStack) -> None:
    house.time += timedelta(days=401)
    retain(lambda: house.time)

    assert [model.objects.count() for model in (Leg, RecordingSearch, FlagWrite, FlagValue)] == [0, 0, 0, 0]


def test_what_is_younger_is_kept_and_an_open_leg_always(house: GatewayStack) -> None:
    house.connects("C2", "2002")
    house.fold()
    house.time += timedelta(days=399)
    retain(lambda: house.time)
    assert Leg.objects.count() == 2
    house.time += timedelta(days=10)
    retain(lambda: house.time)

    assert [leg.call_id for leg in house.legs()] == ["C2"]


def test_the_journal_is_trimmed_only_as_far_as_it_is_folded(house: GatewayStack) -> None:
    house.call("Established", "C3", "2003")
    length = journal_state("pbx").length
    house.time += timedelta(days=1)
    retain(lambda: house.time)
    assert journal_state("pbx").length >= 1
    house.fold()

    assert length >= 1
    assert Leg.objects.filter(call_id="C3").exists()


@pytest.mark.parametrize("sweep", [jobs.wake_consumers, jobs.wake_searches, jobs.wake_deliveries])
def test_a_sweep_is_harmless_however_often_it_runs(house: GatewayStack, sweep: Callable[[], None]) -> None:
    for _ in range(3):
        sweep()

    assert house.outcomes() == [("2001", "flagged")]


def test_a_wake_up_to_consume_folds_what_waits_and_a_repeated_one_changes_nothing(house: GatewayStack) -> None:
    house.call("Established", "C4", "2004")
    jobs.consume(house.source.pk)
    folded = Checkpoint.objects.get().events
    jobs.consume(house.source.pk)

    assert Leg.objects.filter(call_id="C4").exists()
    assert Checkpoint.objects.get().events == folded


def test_a_wake_up_for_a_source_that_is_gone_does_nothing() -> None:
    jobs.consume(987654)
