"""Which process folds which source."""

import pytest
import redis as redis_client

from cti.api import SourceLeases
from cti.journal import source_leases
from devtools.servers import wait_until

pytestmark = pytest.mark.usefixtures("redis")

SLUGS = ["a", "b", "c", "d"]


def test_a_process_that_is_alone_has_all_sources() -> None:
    assert SourceLeases("one").renew(SLUGS) == set(SLUGS)
    assert SourceLeases("one").renew([]) == set()


def test_a_process_that_comes_takes_its_share_over_and_the_rest_stays_where_it_was() -> None:
    one, two = SourceLeases("one"), SourceLeases("two")
    one.renew(SLUGS)
    assert two.renew(SLUGS) == set()
    kept = one.renew(SLUGS)
    taken = two.renew(SLUGS)

    assert (len(kept), len(taken), kept | taken) == (2, 2, set(SLUGS))
    assert one.renew(SLUGS) == kept


def test_a_process_that_ends_gives_its_sources_to_the_others_at_once() -> None:
    one, two = SourceLeases("one"), SourceLeases("two")
    for process in (one, two, one, two):
        process.renew(SLUGS)
    one.release(SLUGS)

    assert two.renew(SLUGS) == set(SLUGS)


def test_the_sources_of_a_process_that_died_are_free_when_its_leases_have_run_out(
    redis: "redis_client.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_leases, "LEASE_MILLISECONDS", 50)
    SourceLeases("one").renew(SLUGS)
    assert redis.pttl("folding:{a}") <= 50
    wait_until(lambda: SourceLeases("two").renew(SLUGS) == set(SLUGS), "the leases of the dead", 5)


def test_more_processes_than_sources_leave_some_without_any() -> None:
    processes = [SourceLeases(name) for name in ("one", "two", "three")]
    shares = [[process.renew(SLUGS[:2]) for process in processes] for _ in range(3)][-1]

    assert sorted(map(len, shares)) == [0, 1, 1]
