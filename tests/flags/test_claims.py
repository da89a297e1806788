"""Claims of flag writes: what they cost, and several at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from flags.models import FlagWrite
from flags.outbox.claims import Claimed, claim_due
from qms.models import RecordingService, ServiceHealth
from qms.port import QmsUnavailable
from tests.flags.qms import Line, Post

pytestmark = pytest.mark.django_db(transaction=True)
LEASE, PATIENCE = timedelta(seconds=60), timedelta(days=7)
only_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite: one transaction at a time")


@pytest.fixture
def post() -> Post:
    return Post()


def claim(post: Post, number: int, **options: Any) -> list[Claimed]:
    return claim_due(
        post.service.pk, number, post.time, lease=LEASE, patience=PATIENCE, limit=options.pop("limit", 9), **options
    )


def test_a_claim_lists_the_flags_in_the_order_in_which_they_were_queued(post: Post) -> None:
    key = post.queues(QueueName="Sales", AgentId="A1", CTICallRef="C1")
    (first,) = claim(post, 1)
    post.time += timedelta(seconds=61)
    (second,) = claim(post, 2)

    assert [flag.name for flag in first.pending.flags] == ["QueueName", "AgentId", "CTICallRef"]
    assert (first.write_id, first.is_unclear, first.pending.attempts) == (key, False, 1)
    assert (second.write_id, second.is_unclear, second.pending.attempts) == (key, True, 2)
    row = FlagWrite.objects.get()
    assert (row.state, row.claim, row.claimed_until, row.attempts) == ("unclear", 2, post.time + LEASE, 2)


def test_what_is_still_under_way_is_not_claimed_again_though_its_claim_ran_out(post: Post) -> None:
    first, second = post.queues("G1"), post.queues("G2")
    claim(post, 1)
    post.time += timedelta(seconds=61)

    assert [one.write_id for one in claim(post, 1, besides={first})] == [second]


@only_postgresql
def test_a_claim_waits_for_no_other_and_passes_over_what_it_takes(post: Post) -> None:
    first, second = post.queues("G1"), post.queues("G2")

    def claim_elsewhere() -> list[int]:
        try:
            return [one.write_id for one in claim(post, 2)]
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        assert [one.write_id for one in claim(post, 1, limit=1)] == [first]
        assert pool.submit(claim_elsewhere).result(4) == [second]


def test_of_many_deliveries_at_once_each_write_is_claimed_by_one(post: Post) -> None:
    keys = [post.queues(f"G{number}") for number in range(200)]

    def claim_all(number: int) -> list[int]:
        found: list[int] = []
        try:
            while claimed := claim(post, number, limit=3):
                found += [one.write_id for one in claimed]
        finally:
            connection.close()
        return found

    with ThreadPoolExecutor(4) as pool:
        found = [key for one in pool.map(claim_all, range(1, 5)) for key in one]

    assert sorted(found) == keys
    assert set(FlagWrite.objects.values_list("attempts", "state")) == {(1, "sending")}


def test_what_is_sent_is_marked_before_for_every_other_process_to_see(post: Post) -> None:
    class Looking(Line):
        def write_flags(self, guid: str, flags: Any) -> int:
            try:  # In a thread, which has a connection of its own.
                seen.append(FlagWrite.objects.values_list("state", "attempts").get(recording_guid=guid))
            finally:
                connection.close()
            return super().write_flags(guid, flags)

    seen: list[tuple[str, int]] = []
    post.lines = lambda _: Looking(post.qms)
    post.queues()

    assert post.delivers().settled == 1
    assert seen == [("sending", 1)]


def test_a_delivery_costs_few_statements_whatever_it_sends(post: Post) -> None:
    post.queues()
    post.delivers()  # From now on the service is known to be well, for a second,
    post.delivers()  # and what this noted of it was read.
    counts = []
    for size in (1, 24):
        for number in range(size):
            post.queues(f"{size}-{number}")
        with CaptureQueriesContext(connection) as queries:
            assert post.delivers().settled == size
        counts.append(len(queries))
    with CaptureQueriesContext(connection) as queries:
        assert post.delivers().sent == 0

    # The service; claimed; settled; whether more is due is known. SQLite looks, claims in a transaction, reads.
    assert [*counts, len(queries)] == ([3, 3, 2] if connection.vendor == "postgresql" else [8, 8, 2])


def test_a_delivery_with_nothing_to_send_leaves_the_trial_to_another(post: Post) -> None:
    ServiceHealth.objects.create(service=post.service, failures=5, open_until=post.time - timedelta(seconds=1))
    post.delivers()
    assert ServiceHealth.objects.get().probe_at is None
    key = post.queues()
    post.delivers()

    assert post.answers(key) == ("written", "")


def test_a_service_without_its_password_has_not_failed_while_there_is_nothing_to_send(post: Post) -> None:
    def no_password(_: RecordingService) -> Line:
        raise QmsUnavailable("No password.", code="Configuration")

    post.lines = no_password
    post.delivers()

    assert not ServiceHealth.objects.filter(failures__gt=0).exists()
