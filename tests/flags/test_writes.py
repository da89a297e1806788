"""Flag writes as the consumer queues them and takes them back, and as an operator puts them back."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from flags.catalogue.values import FlagText
from flags.models import FlagValue, FlagWrite, RetryRun, WriteState
from flags.outbox.bulk_insert import NewWrite
from flags.outbox.claims import claim_due
from flags.outbox.queue import QueueRefusal, give_up, mark_folded, queue_writes, retry, settled_writes
from flags.outbox.retry_runs import continue_retries, retry_all
from qms.models import DataServer, RecordingService

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def service() -> RecordingService:
    return RecordingService.objects.create(slug="rs1", data_server=DataServer.objects.create(slug="ds1"), url="x")


def new(
    service: RecordingService, guid: str, *names: str, leg: int = 1, part: Literal["base", "wrapup"] = "base"
) -> NewWrite:
    texts = tuple(FlagText(name, f"value of {name}", cut=name == "Cut") for name in names)
    return NewWrite(leg_id=leg, source_id=7, service_id=service.pk, recording_guid=guid, part=part, texts=texts, at=NOW)


def settle(guid: str, state: str, code: str = "") -> int:
    row = FlagWrite.objects.get(recording_guid=guid)
    FlagWrite.objects.filter(pk=row.pk).update(state=state, error_code=code, settled_at=NOW, attempts=3)
    return row.pk


def test_writes_are_queued_with_their_flags_in_order(service: RecordingService) -> None:
    assert queue_writes([new(service, "G1", "B", "Cut"), new(service, "G2", "B", leg=2)]) == []

    row = FlagWrite.objects.get(recording_guid="G1")
    assert (row.leg_id, row.source_id, row.service, row.part, row.state) == (1, 7, service, "base", WriteState.QUEUED)
    assert (row.not_before, row.created_at, row.attempts, row.folded) == (NOW, NOW, 0, False)
    values = FlagValue.objects.filter(write=row).values_list("recording_guid", "name", "value", "cut", "masked")
    assert list(values) == [("G1", "B", "value of B", False, False), ("G1", "Cut", "value of Cut", True, False)]


def test_the_same_again_changes_nothing(service: RecordingService) -> None:
    for _ in range(2):
        assert queue_writes([new(service, "G1", "A"), new(service, "G1", "A")]) == []

    assert (FlagWrite.objects.count(), FlagValue.objects.count()) == (1, 1)


def test_another_legs_flags_on_the_recording_are_refused_whole(service: RecordingService) -> None:
    queue_writes([new(service, "G1", "A")])
    refused = queue_writes([new(service, "G1", "B", leg=2), new(service, "G2", "B", leg=2)])

    reason = "Another leg's flags stand on this recording; flags can be written only once."
    assert refused == [QueueRefusal(2, "base", reason)]
    assert FlagWrite.objects.filter(leg_id=2).get().recording_guid == "G2"


def test_another_leg_in_the_same_batch_is_refused_too(service: RecordingService) -> None:
    refused = queue_writes([new(service, "G1", "A"), new(service, "G1", "A", leg=2)])

    assert [one.leg_id for one in refused] == [2]


def test_a_flag_that_stands_on_the_recording_is_refused_in_another_part(service: RecordingService) -> None:
    queue_writes([new(service, "G1", "A")])
    refused = queue_writes([new(service, "G1", "B", "A", part="wrapup")])

    assert refused == [QueueRefusal(1, "wrapup", "The flag A stands on this recording already.")]
    assert FlagValue.objects.count() == 1


def test_a_flag_twice_or_no_flag_at_all_is_refused(service: RecordingService) -> None:
    refused = queue_writes([new(service, "G1", "A", "A"), new(service, "G2", leg=2)])

    assert [one.leg_id for one in refused] == [1, 2]
    assert FlagWrite.objects.count() == 0


def test_a_refusal_leaves_the_rest_of_the_batch_whole_and_nothing_of_its_own(service: RecordingService) -> None:
    queue_writes([new(service, "G1", "A"), new(service, "G2", "A", leg=2)])
    refused = queue_writes(
        [
            new(service, "G3", "B", "A", leg=3),
            new(service, "G1", "B", leg=4),
            new(service, "G2", "C", "A", part="wrapup"),
            new(service, "G3", "C", leg=3, part="wrapup"),
        ]
    )

    assert [(one.leg_id, one.part) for one in refused] == [(4, "base"), (1, "wrapup")]
    rows = FlagWrite.objects.filter(recording_guid="G3").order_by("id").prefetch_related("values")
    assert [(row.part, [one.name for one in row.values.all()]) for row in rows] == [
        ("base", ["B", "A"]),
        ("wrapup", ["C"]),
    ]
    assert (FlagWrite.objects.count(), FlagValue.objects.count()) == (4, 5)


def test_a_wrap_up_waits_as_long_as_base_flags_that_are_not_settled(service: RecordingService) -> None:
    queue_writes([new(service, "G1", "A"), new(service, "G2", "A", leg=2)])
    later = NOW + timedelta(minutes=5)
    FlagWrite.objects.update(not_before=later)
    settle("G2", "written")
    queue_writes([new(service, "G1", "B", part="wrapup"), new(service, "G2", "B", leg=2, part="wrapup")])

    wrapups = FlagWrite.objects.filter(part="wrapup").order_by("recording_guid")
    assert list(wrapups.values_list("not_before", flat=True)) == [later, NOW]


def test_a_batch_costs_as_many_queries_whatever_its_size(service: RecordingService) -> None:
    counts = []
    for size in (1, 500):
        batch = [new(service, f"{size}-{number}", "A", "B", "C") for number in range(size)]
        with CaptureQueriesContext(connection) as queries:
            queue_writes(batch)
        counts.append(len(queries))

    # Not at once: what stands, the services, the writes, their keys, their values.
    is_at_once = connection.vendor == "postgresql"
    assert counts == ([1, 1] if is_at_once else [5, 5])
    assert FlagValue.objects.count() == 3 * 501


def test_the_database_itself_refuses_a_second_flag(service: RecordingService) -> None:
    queue_writes([new(service, "G1", "A")])
    row = FlagWrite.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        FlagValue.objects.create(write=row, recording_guid="G1", name="A", value="other")


def race(*batches: list[NewWrite]) -> list[QueueRefusal]:
    """Queue batches at once, each in a transaction of its own. Returns all that was refused."""
    gate = threading.Barrier(len(batches))

    def queue(batch: list[NewWrite]) -> list[QueueRefusal]:
        try:
            with transaction.atomic():
                FlagWrite.objects.count()
                gate.wait(10)
                return queue_writes(batch)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(batches)) as pool:
        return [refused for found in pool.map(queue, batches) for refused in found]


only_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite: one transaction at a time")


@pytest.mark.django_db(transaction=True)
@only_postgresql
def test_of_two_consumers_that_queue_one_recording_at_once_one_is_refused_and_need_not_repeat(
    service: RecordingService,
) -> None:
    refused = race([new(service, "G1", "A", leg=1)], [new(service, "G1", "A", leg=2), new(service, "G2", "A", leg=2)])

    assert len(refused) == 1
    assert sorted(FlagWrite.objects.values_list("recording_guid", flat=True)) == ["G1", "G2"]


@pytest.mark.django_db(transaction=True)
@only_postgresql
def test_of_two_parts_that_share_a_flag_and_are_queued_at_once_one_stands_whole(service: RecordingService) -> None:
    for number in range(10):
        base, wrapup = new(service, f"G{number}", "A", "B"), new(service, f"G{number}", "B", "C", part="wrapup")
        refused = race([base], [wrapup])

        assert [one.reason for one in refused] == ["The flag B stands on this recording already."]
        assert FlagValue.objects.filter(recording_guid=f"G{number}").count() == 2
        assert FlagWrite.objects.filter(recording_guid=f"G{number}").count() == 1


def test_settled_writes_are_reported_once_folded_no_more(service: RecordingService) -> None:
    queue_writes([new(service, "G1", "A"), new(service, "G2", "A", leg=2), new(service, "G3", "A", leg=3)])
    first, second = settle("G1", "written"), settle("G2", "refused", "UnknownFlag")

    reported = settled_writes(7, 10)
    assert [(one.write_id, one.leg_id, one.part, one.state, one.error_code, one.attempts) for one in reported] == [
        (first, 1, "base", "written", "", 3),
        (second, 2, "base", "refused", "UnknownFlag", 3),
    ]
    assert [one.write_id for one in settled_writes(7, 1)] == [first]
    assert settled_writes(8, 10) == []
    mark_folded(reported)
    assert settled_writes(7, 10) == []


def test_a_write_that_is_put_back_while_it_is_folded_is_reported_again(service: RecordingService) -> None:
    queue_writes([new(service, "G1", "A")])
    key = settle("G1", "refused")
    read = settled_writes(7, 10)
    assert len(read) == 1
    retry([key], "ann", NOW)
    mark_folded(read)
    settle("G1", "written")

    assert [one.state for one in settled_writes(7, 10)] == ["written"]


@pytest.mark.parametrize("state", ["written", "refused"])
def test_the_next_end_of_a_write_that_was_read_before_it_is_reported_too(service: RecordingService, state: str) -> None:
    queue_writes([new(service, "G1", "A"), new(service, "G2", "A", leg=2)])
    key, other = settle("G1", "refused"), settle("G2", "written")
    read = settled_writes(7, 10)
    retry([key], "ann", NOW)
    settle("G1", state)  # at the same moment, after as many tries: only the retry distinguishes the ends
    mark_folded(read)

    assert [(one.write_id, one.state) for one in settled_writes(7, 10)] == [(key, state)]
    assert FlagWrite.objects.get(pk=other).folded


@pytest.mark.parametrize("state", ["refused", "conflict", "gone", "given_up"])
def test_a_bad_end_is_put_back_with_new_patience(service: RecordingService, state: str) -> None:
    queue_writes([new(service, "G1", "A")])
    key = settle("G1", state, "UnknownFlag")
    mark_folded(settled_writes(7, 10))
    later = NOW + timedelta(days=30)
    assert retry([key], "ann", later) == 1

    row = FlagWrite.objects.get()
    assert (row.state, row.not_before, row.retried_at, row.attempts) == ("queued", later, later, 0)
    assert (row.settled_at, row.folded) == (None, False)
    (claimed,) = claim_due(service.pk, 1, later, lease=timedelta(60), patience=timedelta(days=7), limit=9)
    assert claimed.pending.give_up_at == later + timedelta(days=7)


def test_what_may_have_been_written_is_put_back_to_be_read(service: RecordingService) -> None:
    queue_writes([new(service, "G1", "A")])
    FlagWrite.objects.update(state="unclear")
    key = FlagWrite.objects.get().pk
    assert give_up([key], "ann", "tired", NOW) == 1
    retry([key], "ann", NOW)

    assert FlagWrite.objects.get().state == "unclear"


def test_what_is_written_or_being_sent_cannot_be_given_up_or_put_back(service: RecordingService) -> None:
    queue_writes([new(service, "G1", "A"), new(service, "G2", "A", leg=2)])
    written = settle("G1", "written")
    (claimed,) = claim_due(service.pk, 1, NOW, lease=timedelta(60), patience=timedelta(days=7), limit=9)
    keys = [written, claimed.write_id]

    assert (give_up(keys, "ann", "why not", NOW), retry(keys, "ann", NOW)) == (0, 0)
    assert set(FlagWrite.objects.values_list("state", flat=True)) == {"written", "sending"}


def test_a_waiting_write_is_tried_at_once_when_it_is_put_back(service: RecordingService) -> None:
    queue_writes([new(service, "G1", "A")])
    FlagWrite.objects.update(not_before=NOW + timedelta(minutes=15), attempts=9)
    assert retry([FlagWrite.objects.get().pk], "ann", NOW) == 1

    row = FlagWrite.objects.get()
    assert (row.not_before, row.attempts, row.state) == (NOW, 9, "queued")


def test_all_of_one_reason_or_one_service_are_put_back(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flags.outbox.retry_runs.RETRIED_AT_ONCE", 2)
    queue_writes([new(service, f"G{number}", "A", leg=number) for number in range(7)])
    for number in range(5):
        settle(f"G{number}", "refused", "UnknownFlag")
    settle("G5", "gone", "RecordingNotFound")
    settle("G6", "written")

    other = RecordingService.objects.create(slug="rs2", data_server=service.data_server, url="x")

    assert retry_all("ann", NOW, service_id=other.pk).writes == 0
    run = retry_all("ann", NOW, error_code="UnknownFlag", service_id=service.pk)
    assert (run.writes, run.finished_at) == (2, None)  # the rest is no request's work
    settle("G0", "refused", "UnknownFlag")
    continue_retries(lambda: NOW)
    run.refresh_from_db()
    assert (run.writes, run.finished_at) == (5, NOW)
    assert FlagWrite.objects.filter(state="queued").count() == 4, "what failed again meanwhile is put back no more"
    assert retry_all("ann", NOW).writes == 2


def test_a_run_begins_no_step_when_the_time_is_over(service: RecordingService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flags.outbox.retry_runs.RETRIED_AT_ONCE", 1)
    queue_writes([new(service, f"G{number}", "A", leg=number) for number in range(3)])
    for number in range(3):
        settle(f"G{number}", "refused", "UnknownFlag")
    retry_all("ann", NOW)

    continue_retries(lambda: NOW, seconds=0)

    assert RetryRun.objects.get().writes == 1, "no step is begun when the time is over"
