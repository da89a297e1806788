"""Which process folds which source."""

from collections.abc import Mapping

import pytest
import redis as redis_client

from cti.api import SourceLeases
from cti.journal import source_leases
from cti.journal.lease_shares import Move
from devtools.servers import wait_until

pytestmark = pytest.mark.usefixtures("redis")

SLUGS = ["a", "b", "c", "d"]


class EventsProcess:
    """A process that looks every second of its own clock, and whose sources take these shares of its time."""

    def __init__(self, name: str) -> None:
        self.at, self.worked = 0.0, dict.fromkeys(SLUGS, 0.0)
        self.leases = SourceLeases(name, lambda: self.at)
        self.held: set[str] = set()

    def look(self, busy: Mapping[str, float] | None = None) -> set[str]:
        self.at += 1
        for slug in self.held:
            self.worked[slug] += (busy or {}).get(slug, 0.0)
        self.held = self.leases.renew(SLUGS, {slug: self.worked[slug] for slug in self.held})
        return self.held


@pytest.fixture
def one() -> EventsProcess:
    return EventsProcess("one")


@pytest.fixture
def two() -> EventsProcess:
    return EventsProcess("two")


def test_a_process_that_is_alone_has_all_sources(one: EventsProcess) -> None:
    assert one.look() == set(SLUGS)
    assert one.leases.renew([], {}) == set()


def test_a_process_that_comes_has_its_share_at_its_first_look_and_the_rest_stays(
    one: EventsProcess, two: EventsProcess
) -> None:
    """The other goes on with what was taken until its next look: no source rests meanwhile."""
    one.look()
    taken = two.look()
    kept = one.look()

    assert (len(kept), len(taken), kept | taken) == (2, 2, set(SLUGS))
    assert (one.look(), two.look()) == (kept, taken)


def test_an_idle_process_takes_a_source_from_a_busy_one_and_both_then_rest(
    one: EventsProcess, two: EventsProcess, redis: "redis_client.Redis"
) -> None:
    one.look()
    for _ in range(20):
        one.look({"a": 0.9})
    assert two.look() == {"a"}
    assert one.look() == {"b", "c", "d"}

    for _ in range(20):
        two.look({"a": 0.1})
        one.look({"b": 0.5, "c": 0.4})
    assert one.held == {"b", "c", "d"}
    assert 0 < redis.pttl("folding:moved") <= source_leases.REST_MILLISECONDS
    redis.delete("folding:moved")  # As when the rest is over.
    assert two.look({"a": 0.1}) == {"a", "c"}
    assert one.look() == {"b", "d"}


def test_a_process_that_has_none_does_not_wait_until_others_have_rested(one: EventsProcess, two: EventsProcess) -> None:
    one.look()
    two.look()
    assert len(EventsProcess("three").look()) == 1


def test_who_takes_a_source_over_states_the_load_that_it_had(one: EventsProcess, two: EventsProcess) -> None:
    """Measured again from nothing, it would make its process look idle, which would then take more than its share."""
    one.look()
    for _ in range(20):
        one.look({"a": 0.3, "b": 0.3, "c": 0.3, "d": 0.05})
    two.look()
    three = EventsProcess("three")

    assert len(two.held) == 2
    assert len(three.look()) == 1


def test_a_process_that_ends_gives_its_sources_to_the_others_at_once(one: EventsProcess, two: EventsProcess) -> None:
    one.look()
    two.look()
    one.leases.release(SLUGS)

    assert two.look() == set(SLUGS)


def test_the_sources_of_a_process_that_died_are_free_when_its_leases_have_run_out(
    one: EventsProcess, two: EventsProcess, redis: "redis_client.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_leases, "LEASE_MILLISECONDS", 50)
    one.look()
    assert redis.pttl("folding:{a}") <= 50
    wait_until(lambda: two.look() == set(SLUGS), "the leases of the dead", 5)


def test_a_source_that_a_frozen_process_should_take_is_taken_at_the_second_look(
    one: EventsProcess, two: EventsProcess, redis: "redis_client.Redis"
) -> None:
    one.look()
    two.look()
    held = set(one.held)
    redis.delete("folding:{a}", "folding:{b}", "folding:{c}", "folding:{d}")
    first, second = two.look(), two.look()

    assert held
    assert (len(first), second) == (2, set(SLUGS))


def test_a_lease_that_another_took_meanwhile_is_not_taken_by_an_old_decision(
    one: EventsProcess, monkeypatch: pytest.MonkeyPatch, redis: "redis_client.Redis"
) -> None:
    def decided(*_: object) -> list[Move]:
        redis.set("folding:{a}", "three", px=2000)
        return [Move("a"), Move("b")]

    monkeypatch.setattr(source_leases, "moves_to", decided)

    assert one.look() == {"b"}
    assert redis.get("folding:{a}") == b"three"


def test_more_processes_than_sources_leave_some_without_any() -> None:
    processes = [EventsProcess(name) for name in ("one", "two", "three", "four", "five")]
    shares = [[process.look() for process in processes] for _ in range(3)][-1]

    assert sorted(map(len, shares)) == [0, 1, 1, 1, 1]
