"""Alerts of flag writes that the gateway itself ended badly: raised once, counted, gone when a person knows."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from flags.models import AlertCount, FlagWrite, WriteState
from flags.outbox import alerts
from flags.outbox.alerts import OfReason, open_alerts, open_by_reason, raised_by_reason
from flags.outbox.claims import claim_due
from flags.outbox.queue import give_up, retry
from flags.outbox.settlements import Settlement, settle
from flags.outbox.state_machine import Decision
from qms.models import ServiceHealth
from qms.port import QmsBusy, QmsError, QmsRejected, QmsUnavailable, RecordingNotFound, UnknownFlag
from tests.flags.qms import Post

pytestmark = pytest.mark.django_db(transaction=True)
WEEK = 7 * 86400


@pytest.fixture
def post() -> Post:
    return Post()


def alert_of(key: int) -> bool:
    return FlagWrite.objects.get(pk=key).alert_since is not None


@pytest.mark.parametrize(
    ("error", "after", "state", "alert"),
    [
        (UnknownFlag("AgentId"), 1, "refused", True),
        (QmsRejected("no"), 1, "refused", True),
        (QmsBusy("busy"), WEEK, "given_up", True),
        (QmsBusy("busy"), 1, "queued", False),
        (QmsUnavailable("away"), 1, "queued", False),
        (RecordingNotFound("gone"), 90, "gone", False),
    ],
)
def test_what_the_gateway_itself_ends_raises_an_alert_and_what_it_tries_again_none(
    post: Post, error: QmsError, after: float, state: str, alert: bool
) -> None:
    key = post.queues()
    post.qms.meets("write", error)
    post.delivers(after)

    assert (post.answers(key)[0], alert_of(key), open_alerts().count) == (state, alert, int(alert))


def test_what_is_written_raises_none(post: Post) -> None:
    post.queues()
    post.delivers()

    assert open_alerts() == alerts.Alerts()
    assert raised_by_reason() == []


def test_another_value_on_the_recording_raises_an_alert(post: Post) -> None:
    guid = post.qms.records("G1")
    post.qms.site.recordings[guid].flags["AgentId"] = "another"
    key = post.queues(guid=guid)
    post.delivers()

    assert (post.answers(key)[0], alert_of(key)) == ("conflict", True)


def test_what_waits_for_a_week_for_a_service_that_is_never_reached_raises_alerts(post: Post) -> None:
    first, second = post.queues("G1"), post.queues("G2")
    post.time += timedelta(days=6)
    young = post.queues("G3")
    ServiceHealth.objects.create(service=post.service, failures=9, open_until=post.time + timedelta(days=2))
    post.delivers(86400 + 1)

    assert [alert_of(key) for key in (first, second, young)] == [True, True, False]
    assert open_by_reason() == raised_by_reason() == [OfReason("rs1", "Unavailable", 2)]


def test_an_operators_own_giving_up_raises_none(post: Post) -> None:
    key = post.queues()

    assert give_up([key], "ann", "a test", post.time) == 1
    assert (alert_of(key), open_alerts().count, raised_by_reason()) == (False, 0, [])


def test_a_retry_ends_the_alert_and_a_second_bad_end_raises_it_again(post: Post) -> None:
    key = post.queues()
    post.qms.meets("write", UnknownFlag("AgentId"), UnknownFlag("AgentId"))
    post.delivers()
    FlagWrite.objects.update(acknowledged_at=post.time, acknowledged_by="ann")
    retry([key], "ann", post.time)
    assert open_alerts().count == 0
    post.delivers(1)

    row = FlagWrite.objects.get()
    assert (row.acknowledged_at, row.acknowledged_by) == (None, "")
    assert open_by_reason() == [OfReason("rs1", "UnknownFlag", 1)]
    assert raised_by_reason() == [OfReason("rs1", "UnknownFlag", 2)], "each was an alert of its own"


def test_a_delivery_that_lost_its_claim_raises_none(post: Post) -> None:
    key = post.queues()
    refused = Decision(state="refused", error_code="UnknownFlag", error="no")
    lease, patience = timedelta(seconds=60), timedelta(days=7)
    (lost,) = claim_due(post.service.pk, 1, post.time, lease=lease, patience=patience, limit=9)
    later = post.time + timedelta(seconds=61)
    (held,) = claim_due(post.service.pk, 2, later, lease=lease, patience=patience, limit=9)

    assert settle([Settlement(lost, refused)], 1, later) == 0
    assert (alert_of(key), AlertCount.objects.count()) == (False, 0)
    assert settle([Settlement(held, refused)], 2, later) == 1
    assert settle([Settlement(held, refused)], 2, later) == 0
    assert raised_by_reason() == [OfReason("rs1", "UnknownFlag", 1)]


def test_the_most_frequent_reason_is_reported_and_counting_ends(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        post.queues(f"G{number}")
    post.qms.meets("write", QmsRejected("no"), *[UnknownFlag("AgentId")] * 4)
    post.delivers()

    found = open_alerts()
    assert (found.words, found.code, found.of_code) == ("5", "UnknownFlag", 4)
    monkeypatch.setattr(alerts, "MAXIMUM_COUNTED", 2)
    assert open_alerts().words == "more than 2"


def test_the_alerts_are_found_by_their_own_index(post: Post) -> None:
    """Among millions of settled writes: neither the dashboard nor a scrape reads them."""
    FlagWrite.objects.bulk_create(
        FlagWrite(
            leg_id=number,
            source_id=7,
            service=post.service,
            recording_guid=f"G{number}",
            part="base",
            state=WriteState.WRITTEN,
            not_before=post.time,
            created_at=post.time,
        )
        for number in range(500)
    )
    with CaptureQueriesContext(connection) as asked:
        open_alerts()
        open_by_reason()
    is_postgresql = connection.vendor == "postgresql"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ANALYZE flags_flagwrite")  # Of an empty table every plan costs the same.
        if is_postgresql:
            cursor.execute("SET LOCAL enable_seqscan = off")
        for query in [one for one in asked.captured_queries if "flags_flagwrite" in one["sql"]]:
            cursor.execute(f"{'EXPLAIN' if is_postgresql else 'EXPLAIN QUERY PLAN'} {query['sql']}")
            plan = str(cursor.fetchall())
            assert "flags_write_alert" in plan, plan
