"""Flags are written once, and what became of a write is read back before it is sent again."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from flags.delivery.worker import deliver
from flags.models import FlagWrite
from flags.outbox.claims import Claimed, claim_due, give_back
from flags.outbox.settlements import Settlement, settle
from flags.outbox.state_machine import Decision
from qms.models import ServiceHealth
from qms.port import (
    Flag,
    FlagAlreadyWritten,
    QmsBusy,
    QmsLoginFailed,
    QmsRejected,
    QmsUnavailable,
    QmsUnclear,
    RecordingNotFound,
    UnknownFlag,
)
from tests.flags.qms import Post

pytestmark = pytest.mark.django_db(transaction=True)
LOST = QmsUnclear("No answer came.")
LEASE, PATIENCE = timedelta(seconds=60), timedelta(days=7)


@pytest.fixture
def post() -> Post:
    return Post()


def test_flags_are_written_once_and_reported(post: Post) -> None:
    key = post.queues(AgentId="A1", QueueName="Sales")
    done = post.delivers()

    assert post.qms.flags(FlagWrite.objects.get().recording_guid) == {"AgentId": "A1", "QueueName": "Sales"}
    assert post.answers(key) == ("written", "")
    assert (done.sent, done.settled, done.source_ids, done.more) == (1, 1, {7}, False)
    assert post.delivers(3600).sent == 0


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (UnknownFlag("AgentId"), "refused"),
        (QmsRejected("no"), "refused"),
        (RecordingNotFound("gone"), "queued"),
        (QmsUnavailable("away"), "queued"),
        (QmsBusy("busy"), "queued"),
        (QmsLoginFailed("who are you"), "queued"),
        (LOST, "unclear"),
    ],
)
def test_each_answer_has_its_state_and_its_reason(post: Post, error: QmsRejected, state: str) -> None:
    key = post.queues()
    post.qms.meets("write", error)
    post.delivers()

    row = FlagWrite.objects.get(pk=key)
    assert (row.state, row.error_code, row.error) == (state, error.code, str(error))
    assert row.claim is None
    assert row.claimed_until is None
    assert (row.settled_at is None) == (state in ("queued", "unclear"))


def test_a_value_too_long_or_an_unknown_flag_of_the_real_service_is_refused(post: Post) -> None:
    long, unknown = post.queues("G1", AgentId="A" * 30), post.queues("G2", NoSuchFlag="x")
    post.delivers()

    assert post.answers(long) == ("refused", "ValueTooLong")
    assert post.answers(unknown) == ("refused", "UnknownFlag")


def test_a_lost_answer_is_read_back_and_not_sent_again(post: Post) -> None:
    key = post.queues()
    post.qms.meets("write", LOST, is_done=True)
    post.delivers()
    post.delivers(2)

    assert post.qms.asked == ["write G1", "read G1"]
    assert post.answers(key) == ("written", "")


def test_what_was_not_carried_out_is_sent_again_after_reading_back(post: Post) -> None:
    key = post.queues()
    post.qms.meets("write", LOST)
    post.delivers()
    for _ in range(39):
        post.delivers(3)
    assert post.qms.asked.count("write G1") == 1
    assert post.answers(key) == ("unclear", "Unclear")
    post.delivers(3)

    assert post.qms.asked[-3:] == ["read G1", "read G1", "write G1"]
    assert post.answers(key) == ("written", "")


@pytest.mark.parametrize("seconds", [3, 20, 60, 115])
def test_a_write_that_qms_finishes_after_the_time_out_is_never_sent_twice(post: Post, seconds: float) -> None:
    key = post.queues()
    guid = FlagWrite.objects.get(pk=key).recording_guid
    post.qms.meets("write", LOST)
    post.delivers()
    late = post.time + timedelta(seconds=seconds)
    while post.answers(key)[0] != "written":
        if post.time >= late:
            post.qms.site.write_flags("rs1", guid, [Flag("AgentId", "A1")])
        post.delivers(0.5)

    assert post.qms.asked.count("write G1") == 1
    assert post.qms.asked.count("read G1") < 15


def test_a_service_that_was_seen_to_finish_late_is_left_more_time(post: Post) -> None:
    first = post.queues()
    post.qms.meets("write", LOST)
    post.delivers()
    post.delivers(100)
    post.qms.site.write_flags("rs1", FlagWrite.objects.get(pk=first).recording_guid, [Flag("AgentId", "A1")])
    post.delivers(20)
    assert post.answers(first)[0] == "written"
    assert ServiceHealth.objects.get().late_write_seconds == 120
    post.queues("G2")
    post.qms.meets("write", LOST)
    post.delivers()
    for _ in range(70):
        post.delivers(5)

    assert post.qms.asked.count("write G2") == 1
    for _ in range(5):
        post.delivers(5)
    assert post.qms.asked.count("write G2") == 2


def test_only_the_flags_that_are_missing_are_sent_again(post: Post) -> None:
    key = post.queues(AgentId="A1", QueueName="Sales")
    post.qms.meets("write", LOST)
    post.delivers()
    post.qms.site.write_flags("rs1", FlagWrite.objects.get().recording_guid, [Flag("AgentId", "A1")])
    post.delivers(121)
    post.delivers()

    assert post.answers(key) == ("written", "")
    assert post.qms.sent == [("AgentId", "QueueName"), ("QueueName",)]


@pytest.mark.parametrize("written", [0, 1, 3])
def test_another_count_than_was_sent_is_read_back(post: Post, written: int) -> None:
    """An answer of 0 never makes a leg "flagged"; one whose flags are found does, whatever the count says."""
    nothing, all_of_it = post.queues("G1", AgentId="A1", QueueName="S"), post.queues("G2", AgentId="A1", QueueName="S")
    post.qms.counts = {"G1": (written, False), "G2": (written, True)}
    post.delivers()

    assert post.answers(nothing) == ("unclear", "Unclear")
    assert post.answers(all_of_it) == ("written", "")
    assert sorted(post.qms.asked) == ["read G1", "read G2", "write G1", "write G2"]


def test_a_write_whose_claim_could_run_out_before_its_answer_is_not_sent(post: Post) -> None:
    """As after a pause of the whole process: another may have the write, and send it."""
    post.queues()
    pump = threading.current_thread()
    before, after = post.time, post.time + timedelta(seconds=51)
    deliver(
        post.service.pk,
        now=lambda: before if threading.current_thread() is pump else after,
        connect=post.lines,
        seconds=0.1,
    )

    assert post.qms.asked == []


def test_nothing_is_sent_while_it_cannot_be_read_back(post: Post) -> None:
    key = post.queues()
    post.qms.meets("write", LOST)
    post.qms.meets("read", QmsUnavailable("away"), QmsRejected("GetFlags is not known"), RecordingNotFound("soon"))
    for _ in range(4):
        post.delivers(5)

    assert post.qms.asked == ["write G1", "read G1", "read G1", "read G1"]
    assert post.answers(key) == ("unclear", "RecordingNotFound")


def test_a_flag_that_stands_with_another_value_is_a_conflict_and_is_not_touched(post: Post) -> None:
    key = post.queues(AgentId="A1")
    guid = FlagWrite.objects.get(pk=key).recording_guid
    post.qms.site.write_flags("rs1", guid, [Flag("AgentId", "B2")])
    post.delivers()

    assert post.answers(key) == ("conflict", "FlagAlreadyWritten")
    assert post.qms.flags(guid) == {"AgentId": "B2"}


def test_a_recording_that_is_not_known_yet_is_tried_for_a_minute_and_then_gone(post: Post) -> None:
    key = post.queues(guid="nowhere")
    for _ in range(8):
        post.delivers(5)
    assert post.answers(key)[0] == "queued"
    post.delivers(60)

    assert post.answers(key) == ("gone", "RecordingNotFound")


def test_a_wrap_up_waits_for_its_base_flags(post: Post) -> None:
    base = post.queues(AgentId="A1")
    guid = FlagWrite.objects.get(pk=base).recording_guid
    post.qms.meets("write", QmsBusy("busy"))
    post.delivers()
    wrapup = post.queues(part="wrapup", guid=guid, CTIWrapup="Sold")
    assert FlagWrite.objects.get(pk=wrapup).not_before == FlagWrite.objects.get(pk=base).not_before
    post.delivers()
    post.delivers(2)
    post.delivers(2)

    assert (post.answers(base)[0], post.answers(wrapup)[0]) == ("written", "written")
    assert post.qms.asked == ["write G1"] * 3


def test_a_wrap_up_is_put_off_with_its_base_flags(post: Post) -> None:
    base = post.queues(AgentId="A1")
    wrapup = post.queues(part="wrapup", guid=FlagWrite.objects.get().recording_guid, CTIWrapup="Sold")
    post.qms.meets("write", QmsLoginFailed("who are you"))
    post.delivers()

    assert FlagWrite.objects.get(pk=base).not_before > post.time
    assert FlagWrite.objects.get(pk=wrapup).not_before == FlagWrite.objects.get(pk=base).not_before


def test_a_service_that_contradicts_itself_is_asked_again_later(post: Post) -> None:
    """It refuses because a flag stands, and then carries none."""
    key = post.queues()
    post.qms.meets("write", FlagAlreadyWritten("AgentId"))
    post.delivers()

    assert post.answers(key) == ("queued", "FlagAlreadyWritten")
    assert FlagWrite.objects.get(pk=key).not_before > post.time
    assert post.qms.asked == ["write G1", "read G1"]


@pytest.mark.skipif("connection.vendor == 'postgresql'", reason="PostgreSQL locks rows")
def test_what_another_delivery_claimed_in_between_is_left_to_it(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rows cannot be locked, the conditional update decides."""
    first, second = post.queues("G1"), post.queues("G2")

    def unlocked(rows: QuerySet[FlagWrite]) -> list[FlagWrite]:
        found = list(rows)
        FlagWrite.objects.filter(pk=first).update(state="sending", claim=2, claimed_until=post.time + LEASE)
        return found

    monkeypatch.setattr("flags.outbox.claims._locked", unlocked)
    claimed = claim_due(post.service.pk, 1, post.time, lease=LEASE, patience=PATIENCE, limit=9)

    assert [one.write_id for one in claimed] == [second]


def test_a_wrap_up_is_not_claimed_beside_its_base_flags(post: Post) -> None:
    base = post.queues(AgentId="A1")
    post.queues(part="wrapup", guid=FlagWrite.objects.get().recording_guid, CTIWrapup="Sold")
    first = claim_due(post.service.pk, 1, post.time, lease=LEASE, patience=PATIENCE, limit=9)
    second = claim_due(post.service.pk, 2, post.time, lease=LEASE, patience=PATIENCE, limit=9)

    assert ([one.write_id for one in first], second) == ([base], [])


def test_what_a_dead_delivery_was_sending_is_read_back_when_its_claim_ran_out(post: Post) -> None:
    key = post.queues()
    claim_due(post.service.pk, 1, post.time, lease=LEASE, patience=PATIENCE, limit=9)
    assert post.delivers(59).sent == 0
    post.delivers(2)
    assert post.qms.asked == ["read G1"]
    post.delivers(118)
    assert post.qms.asked == ["read G1"] * 2
    post.delivers(1)
    post.delivers()

    assert post.qms.asked == ["read G1"] * 4 + ["write G1"]
    assert post.answers(key) == ("written", "")


def test_a_delivery_that_lost_its_claim_changes_nothing(post: Post) -> None:
    key = post.queues()
    (late,) = claim_due(post.service.pk, 1, post.time, lease=LEASE, patience=PATIENCE, limit=9)
    post.delivers(61)
    post.delivers(121)
    post.delivers()
    assert settle([Settlement(late, Decision(state="refused"))], 1, post.time) == 0
    give_back([late], 1)

    assert post.answers(key) == ("written", "")


def test_what_was_claimed_and_not_sent_is_given_back_as_it_was(post: Post) -> None:
    key = post.queues()
    before = FlagWrite.objects.filter(pk=key).values().get()
    claimed = claim_due(post.service.pk, 1, post.time, lease=LEASE, patience=PATIENCE, limit=9)
    give_back(claimed, 1)

    assert FlagWrite.objects.filter(pk=key).values().get() == before


def test_a_defect_of_ours_is_unclear_and_stops_no_other_write(post: Post) -> None:
    bad, good = post.queues("G1"), post.queues("G2")
    post.qms.meets("write", ValueError("a value that nobody may read in a log"))
    post.delivers()
    post.delivers(121)
    post.delivers()

    assert (post.answers(bad)[0], post.answers(good)[0]) == ("written", "written")


def test_a_batch_costs_as_many_queries_whatever_its_size(post: Post) -> None:
    counts = [_queries(post, size) for size in (4, 80)]

    assert counts[0] == counts[1] <= (9 if connection.vendor == "postgresql" else 14)


def _queries(post: Post, size: int) -> int:
    """Count the queries from the claim to the settled writes: half are written, the rest put off or refused."""
    for number in range(size):
        post.queues(f"{size}-{number}")
    with CaptureQueriesContext(connection) as queries:
        claimed = claim_due(post.service.pk, size, post.time, lease=LEASE, patience=PATIENCE, limit=99)
        settle([_end(one, number) for number, one in enumerate(claimed)], size, post.time)
    assert len(claimed) == size
    assert FlagWrite.objects.filter(claim=None).count() == size
    FlagWrite.objects.all().delete()
    return len(queries)


def _end(claimed: Claimed, number: int) -> Settlement:
    later = Decision(state="queued", not_before=claimed.pending.give_up_at, error_code="x", error=str(number))
    refused = Decision(state="refused", error_code="x", error=str(number))
    return Settlement(claimed, (Decision(state="written"), later, Decision(state="written"), refused)[number % 4])
