"""The broker's messages are hints: whichever of them is lost, beat finds in the database what they were about."""

import json
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
import redis as redis_client

from calls import jobs
from calls.search import worker
from devtools.servers import wait_until
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

QUEUES = ("events", "lookups", "writes")
TASKS: dict[str, Callable[[int], None]] = {
    "calls.tasks.consume": jobs.consume,
    "calls.tasks.look_up": jobs.look_up,
    "calls.tasks.deliver": jobs.deliver,
}


class Workers:
    """The workers of all queues; in those named, the broker is emptied of every hint until beat is let in."""

    def __init__(self, broker: redis_client.Redis, emptied: tuple[str, ...]) -> None:
        self.broker, self.emptied, self.lost = broker, emptied, 0

    def work(self) -> None:
        """Do what stands in the queues."""
        for _ in range(50):
            taken = [one for queue in QUEUES for one in self._take(queue)]
            for task, key in taken:
                TASKS[task](key)
            if not taken:
                return

    def beat(self) -> None:
        """Send what beat sends."""
        for sweep in (jobs.wake_consumers, jobs.wake_searches, jobs.wake_deliveries):
            sweep()

    def _take(self, queue: str) -> list[tuple[str, int]]:
        messages = [json.loads(text) for text in reversed(self.broker.lrange(queue, 0, -1))]
        self.broker.delete(queue)
        if queue in self.emptied:
            self.lost += len(messages)
            return []
        return [(one["headers"]["task"], json.loads(b64decode(one["body"]))[0][0]) for one in messages]


@pytest.fixture
def house(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway that works by hints alone, at its own clock."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    one = GatewayStack()
    monkeypatch.setattr(jobs, "now", one.now)
    monkeypatch.setattr(jobs, "_consumers", {})
    monkeypatch.setattr(jobs, "_coming_back", {})
    monkeypatch.setattr(jobs, "connect", one.connect)
    monkeypatch.setattr(worker, "look_up", partial(worker.look_up, connect=one.connect, seconds=0.02))
    return one


@pytest.mark.parametrize("emptied", [(), *((queue,) for queue in QUEUES), QUEUES], ids=str)
def test_a_call_is_flagged_though_the_broker_was_emptied_of_every_wake_up(
    house: GatewayStack, redis: redis_client.Redis, emptied: tuple[str, ...]
) -> None:
    workers = Workers(redis, emptied)
    house.connects("C1", "2001")
    _lose_then_find(workers, lambda: bool(house.legs() and house.legs()[0].recording_guid))
    house.clears("C1", "2001")
    house.time += timedelta(seconds=1.2)
    _lose_then_find(workers, lambda: house.outcomes() == [("2001", "flagged")])

    assert (workers.lost > 0) == bool(emptied)
    assert len([flags for flags in house.flags("2001") if flags]) == 1


def _lose_then_find(workers: Workers, is_done: Callable[[], bool]) -> None:
    """Let beat's hints and those that follow from them be lost; then the broker keeps them, until a condition holds."""
    workers.beat()
    workers.work()
    emptied, workers.emptied = workers.emptied, ()

    def is_found() -> bool:
        workers.beat()
        workers.work()
        return is_done()

    wait_until(is_found, "what the broker had lost", 15)
    workers.emptied = emptied
