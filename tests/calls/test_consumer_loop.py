"""A consumer's turn: how long it goes on, what it lets gather, and which source it leaves its place to."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_client

from calls.jobs import PendingWakeups
from calls.pipeline.consumer import Folded
from calls.pipeline.consumer_loop import GATHER_SECONDS, LINGER_SECONDS, ConsumerLoop
from calls.search.due import search_wakeup
from cti import api
from cti.journal.wakeups import FLAG_MILLISECONDS
from devtools.servers import free_port

pytestmark = pytest.mark.usefixtures("redis")

SOURCE, OTHER = 7, 8
LIMIT_SECONDS = 20


class Journal:
    """What a source's folds find: ``find`` is asked each time how many events there are."""

    def __init__(self, find: Callable[[int], int | None]) -> None:
        self._find, self.folds = find, 0

    def fold_once(self, *, goes_on: bool = False) -> Folded | None:
        """Fold what is found; the first of a turn alone reads the settings again."""
        assert goes_on == bool(self.folds)
        self.folds += 1
        found = self._find(self.folds)
        return None if found is None else Folded(events=found)


def turn(find: Callable[[int], int | None], seconds: float = LIMIT_SECONDS) -> tuple[bool, Journal]:
    journal = Journal(find)
    return ConsumerLoop(SOURCE, [OTHER], journal, lambda _: None).run(seconds), journal


def test_a_turn_at_an_idle_source_looks_once_and_ends() -> None:
    is_more, journal = turn(lambda _: None)

    assert (is_more, journal.folds) == (False, 1)


def test_nobody_sends_a_wake_up_for_what_a_turn_finds_by_itself(redis: "redis_client.Redis") -> None:
    def find(fold: int) -> int | None:
        if fold in range(2, 6):
            api.wake(SOURCE)
        return 1 if fold < 6 else None

    turn(find)
    assert redis.llen("events") == 0

    redis.delete("events")
    api.clear_wake(SOURCE)
    api.wake(SOURCE)
    assert redis.llen("events") == 1


def test_what_comes_after_the_last_look_of_a_turn_sends_a_wake_up_or_is_folded(redis: "redis_client.Redis") -> None:
    late = [1]

    def find(fold: int) -> int | None:
        if fold > 1 and not redis.exists(f"wake:{SOURCE}") and late:
            return late.pop()  # It came before the flag was cleared, when no hint could be sent.
        return 1 if fold == 1 else None

    is_more, _ = turn(find)

    assert (is_more, late) == (False, [])
    api.wake(SOURCE)
    assert redis.llen("events") == 1


def test_a_turn_lingers_for_what_comes_soon_and_no_longer() -> None:
    begin = time.monotonic()
    is_more, journal = turn(lambda fold: 1 if fold == 1 else None)

    assert not is_more
    assert time.monotonic() - begin >= LINGER_SECONDS
    assert journal.folds <= 2 + LINGER_SECONDS / GATHER_SECONDS + 1


def test_a_turn_that_lingers_leaves_when_another_source_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calls.pipeline.consumer_loop.LINGER_SECONDS", LIMIT_SECONDS)

    def find(fold: int) -> int | None:
        if fold == 3:
            api.wake(OTHER)
        return 1

    is_more, journal = turn(lambda fold: find(fold) if fold < 6 else None)

    assert (is_more, journal.folds) == (False, 6)


def test_a_source_at_which_another_worker_is_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calls.pipeline.consumer_loop.GATHER_SECONDS", 0.001)
    monkeypatch.setattr("calls.pipeline.consumer_loop.LINGER_SECONDS", 0.5)
    api.hold_wake(OTHER, [])
    _, journal = turn(lambda fold: 1 if fold < 6 else None)

    assert journal.folds > 10


def test_events_that_trickle_in_are_folded_together() -> None:
    is_more, journal = turn(lambda _: 1, seconds=0.4)

    assert is_more
    assert journal.folds <= 0.4 / GATHER_SECONDS + 3


def test_a_full_batch_is_followed_by_the_next_at_once() -> None:
    journal = Journal(lambda _: None)
    batches = iter([Folded(events=1000, is_more=True)] * 50)
    journal.fold_once = lambda **_: next(batches, None)  # type: ignore[method-assign]
    begin = time.monotonic()

    assert not ConsumerLoop(SOURCE, [], journal, lambda _: None).run(LIMIT_SECONDS)
    assert time.monotonic() - begin < 50 * GATHER_SECONDS + LINGER_SECONDS


def sent(redis: "redis_client.Redis") -> dict[str, int]:
    return {queue: redis.llen(queue) for queue in ("lookups", "writes")}


def test_a_fold_that_takes_long_leaves_the_processors_to_others_for_as_long() -> None:
    def find(_: int) -> int:
        until = time.process_time() + GATHER_SECONDS
        while time.process_time() < until:
            pass
        return 1

    _, journal = turn(find, seconds=10 * GATHER_SECONDS)
    assert journal.folds <= 7


def test_a_delivery_is_sent_wake_ups_at_most_so_often_and_one_more_at_the_end(redis: "redis_client.Redis") -> None:
    pending = PendingWakeups()
    for _ in range(5):
        pending.note(Folded(events=1, writing=frozenset({1, 2})))
    assert sent(redis)["writes"] == 2

    pending.send_due()
    assert sent(redis)["writes"] == 4

    pending.send_due()
    assert sent(redis)["writes"] == 4


def test_a_search_worker_of_questions_is_sent_one_wake_up_until_it_leaves_and_none_while_it_looks(
    redis: "redis_client.Redis",
) -> None:
    pending, found = PendingWakeups(), Folded(events=1, looking_up=frozenset({1, 2}))
    for _ in range(3):
        pending.note(found)
    assert sent(redis)["lookups"] == 2

    watch = api.PollingMarker(search_wakeup(1))
    watch.keep()
    redis.delete("lookups", search_wakeup(2).flag)
    pending.note(found)
    assert sent(redis)["lookups"] == 1

    watch.leave()
    pending.note(found)
    assert sent(redis)["lookups"] == 2


def test_a_search_worker_that_died_while_it_looked_is_sent_wake_ups_again_soon(redis: "redis_client.Redis") -> None:
    api.PollingMarker(search_wakeup(1)).keep()
    assert 0 < redis.pttl(search_wakeup(1).flag) <= FLAG_MILLISECONDS


def test_without_redis_a_search_worker_looks_all_the_same(settings: Any) -> None:
    settings.JOURNAL_URL = f"redis://127.0.0.1:{free_port()}/0"
    watch = api.PollingMarker(search_wakeup(1))
    watch.keep()
    watch.leave()
    search_wakeup(1).send()
