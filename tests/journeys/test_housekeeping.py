"""Hints, beat's sweeps and retention: harmless when repeated, and nothing is forgotten too soon."""

from datetime import timedelta
from pathlib import Path

import pytest
import redis as redis_client
from django.utils import timezone
from pytest_django import Settings

from calls.models import Checkpoint, Leg, RecordingSearch
from calls.pipeline.guarded_consumer import GuardedConsumer
from calls.retention import retain
from cti.api import archive_journals, journal_state, read_journal
from flags.models import FlagValue, FlagWrite
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway whose hints work at its own clock, and one flagged call in it."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    one = GatewayStack()
    one.connects("C1", "2001")
    one.passes(0.2)
    one.clears("C1", "2001")
    one.passes(1.2)
    assert one.outcomes() == [("2001", "flagged")]
    return one


def test_what_is_older_than_its_keeping_time_is_forgotten_with_all_that_belongs_to_it(gateway: GatewayStack) -> None:
    gateway.time += timedelta(days=401)
    retain(lambda: gateway.time)

    assert [model.objects.count() for model in (Leg, RecordingSearch, FlagWrite, FlagValue)] == [0, 0, 0, 0]


def test_what_is_younger_is_kept_and_an_open_leg_always(gateway: GatewayStack) -> None:
    gateway.connects("C2", "2002")
    gateway.fold()
    gateway.time += timedelta(days=399)
    retain(lambda: gateway.time)
    assert Leg.objects.count() == 2
    gateway.time += timedelta(days=10)
    retain(lambda: gateway.time)

    assert [leg.call_id for leg in gateway.legs()] == ["C2"]


def _fill_a_node_of_the_stream(gateway: GatewayStack) -> None:
    """Append and fold more than a hundred entries, which Redis forgets together."""
    for number in range(120):
        gateway.call("Established", f"C{number + 3}", "2003")
    gateway.fold()


def test_what_was_folded_is_kept_for_its_hours_however_long_ago_its_listener_became_the_leader(
    gateway: GatewayStack, settings: Settings
) -> None:
    settings.ARCHIVE_DAYS = 0
    _fill_a_node_of_the_stream(gateway)
    retain(lambda: gateway.time + timedelta(hours=100))
    length = journal_state("pbx").length
    retain(lambda: gateway.time + timedelta(hours=105))
    assert journal_state("pbx").length == length

    retain(lambda: gateway.time + timedelta(hours=107))

    assert journal_state("pbx").length < length


def test_the_journal_keeps_what_the_archive_lacks_for_as_long_again(
    gateway: GatewayStack, settings: Settings, tmp_path: Path
) -> None:
    settings.ARCHIVE_DIR = tmp_path / "a file in its place" / "archive"
    settings.ARCHIVE_DIR.parent.write_text("")
    retain(lambda: gateway.time)
    _fill_a_node_of_the_stream(gateway)
    retain(lambda: gateway.time + timedelta(hours=1))
    archive_journals(lambda: gateway.time)
    length = journal_state("pbx").length
    retain(lambda: gateway.time + timedelta(hours=8))
    assert journal_state("pbx").length == length

    retain(lambda: gateway.time + timedelta(hours=14))

    assert journal_state("pbx").length < length
    assert read_journal("pbx", "0-0", 1)


def test_the_journal_is_trimmed_only_as_far_as_it_is_folded(gateway: GatewayStack) -> None:
    gateway.call("Established", "C3", "2003")
    length = journal_state("pbx").length
    gateway.time += timedelta(days=1)
    retain(lambda: gateway.time)
    assert journal_state("pbx").length >= 1
    gateway.fold()

    assert length >= 1
    assert Leg.objects.filter(call_id="C3").exists()


def test_a_consumer_folds_what_waits_and_says_how_far_it_is(gateway: GatewayStack) -> None:
    gateway.call("Established", "C4", "2004")
    consumer = GuardedConsumer(gateway.source.pk, lambda: gateway.time)
    assert consumer.position() is None
    consumer.fold(1000, with_answers=True, with_settled=True)
    folded = Checkpoint.objects.get().events
    assert consumer.fold(1000, with_answers=False, with_settled=False) is None
    assert consumer.position() == journal_state("pbx").last_id

    assert Leg.objects.filter(call_id="C4").exists()
    assert Checkpoint.objects.get().events == folded


def test_the_consumer_of_a_source_that_is_gone_does_nothing(redis: redis_client.Redis) -> None:
    consumer = GuardedConsumer(987654, timezone.now)

    assert (consumer.fold(1000, with_answers=True, with_settled=True), consumer.position(), consumer.due_in()) == (
        None,
        None,
        None,
    )
