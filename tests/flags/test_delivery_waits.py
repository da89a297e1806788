"""Flag writes that wait: for a service that is not well, for their time, and until they are given up."""

from datetime import timedelta
from itertools import pairwise

import pytest

from flags.delivery.worker import next_due
from flags.models import FlagWrite
from flags.outbox.claims import claim_due
from flags.outbox.queue import give_up, retry
from qms.models import RecordingService, ServiceHealth
from qms.port import (
    QmsBusy,
    QmsUnavailable,
    QmsUnclear,
)
from tests.flags.qms import Line, Post

pytestmark = pytest.mark.django_db(transaction=True)
LOST = QmsUnclear("No answer came.")
LEASE, PATIENCE = timedelta(seconds=60), timedelta(days=7)


@pytest.fixture
def post() -> Post:
    return Post()


def test_waits_grow_and_after_a_week_it_is_given_up(post: Post) -> None:
    key = post.queues()
    waits = []
    for _ in range(14):
        post.qms.meets("write", QmsBusy("busy"))
        ServiceHealth.objects.all().delete()
        assert post.delivers().sent == 1
        row = FlagWrite.objects.get(pk=key)
        waits.append((row.not_before - post.time).total_seconds())
        post.time = row.not_before
    assert waits[0] <= 1
    assert all(later >= earlier for earlier, later in pairwise(waits[:10]))
    assert all(450 <= wait <= 900 for wait in waits[-3:])
    post.qms.meets("write", QmsBusy("busy"))
    ServiceHealth.objects.all().delete()
    done = post.delivers(7 * 86400)

    assert post.answers(key) == ("given_up", "ServiceBusy")
    assert done.source_ids == {7}


def test_a_write_that_may_have_been_carried_out_is_given_up_as_unclear(post: Post) -> None:
    key = post.queues()
    post.qms.meets("write", LOST)
    post.qms.meets("read", QmsUnavailable("away"))
    post.delivers()
    post.delivers(7 * 86400)

    assert post.answers(key) == ("given_up", "Unclear")


def test_what_waits_for_a_week_for_a_service_that_is_never_reached_is_given_up(post: Post) -> None:
    old = post.queues("G1")
    post.time += timedelta(days=6)
    new = post.queues("G2")
    ServiceHealth.objects.create(service=post.service, failures=9, open_until=post.time + timedelta(days=2))
    done = post.delivers(86400 + 1)

    assert (post.answers(old), post.answers(new)) == (("given_up", "Unavailable"), ("queued", ""))
    assert (done.settled, done.source_ids, post.qms.asked) == (1, {7}, [])


def test_an_old_write_is_sent_when_the_service_is_well_again(post: Post) -> None:
    key = post.queues()
    post.delivers(8 * 86400)

    assert post.answers(key) == ("written", "")


def test_a_service_that_is_switched_off_is_sent_nothing(post: Post) -> None:
    key = post.queues()
    type(post.service).objects.update(enabled=False)
    post.delivers()

    assert (post.answers(key)[0], post.qms.asked) == ("queued", [])


def test_a_service_that_fails_is_left_alone_until_one_write_shows_that_it_is_well(post: Post) -> None:
    keys = [post.queues(f"G{number}") for number in range(30)]
    post.qms.meets("write", *[QmsUnavailable("away")] * 30)
    first = post.delivers()
    assert first.sent < 30
    post.qms.asked.clear()
    assert post.delivers().sent == 0
    assert post.delivers(2).sent == 1
    assert len(post.qms.asked) == 1
    post.qms.recovers()
    post.delivers(3)
    for _ in range(3):
        post.delivers(60)

    assert {post.answers(key)[0] for key in keys} == {"written"}


def test_a_single_failure_does_not_end_a_delivery(post: Post) -> None:
    keys = [post.queues(f"G{number}") for number in range(40)]
    post.qms.meets("write", QmsBusy("busy"))
    post.delivers()

    assert sorted(post.answers(key)[0] for key in keys) == ["queued"] + ["written"] * 39


def test_a_service_without_its_password_is_a_failure_and_claims_nothing(post: Post) -> None:
    key = post.queues()

    def no_password(_: RecordingService) -> Line:
        raise QmsUnavailable("No password.", code="Configuration")

    post.lines = no_password
    assert post.delivers().sent == 0
    row = FlagWrite.objects.get(pk=key)
    assert (row.state, row.attempts) == ("queued", 0)
    assert ServiceHealth.objects.get().failures == 1


def test_an_operator_gives_up_and_puts_back(post: Post) -> None:
    key = post.queues()
    assert give_up([key], "ann", "The call was a test.", post.time) == 1
    row = FlagWrite.objects.get(pk=key)
    assert (row.state, row.error) == ("given_up", "Given up by ann: The call was a test.")
    post.delivers()
    assert post.qms.asked == []
    assert retry([key], "ann", post.time) == 1
    post.delivers()

    assert post.answers(key) == ("written", "")


def test_the_moment_at_which_the_next_write_is_due_is_known(post: Post) -> None:
    assert next_due(post.service.pk) is None
    post.queues()
    assert next_due(post.service.pk) == post.time
    claim_due(post.service.pk, 1, post.time, lease=LEASE, patience=PATIENCE, limit=9)
    assert next_due(post.service.pk) is None
