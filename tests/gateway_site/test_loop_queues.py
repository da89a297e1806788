"""Workers of loops ask the broker for no messages, which nobody sends, and hear of a stop all the same."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
from kombu import Connection, Queue
from kombu.messaging import Consumer

from gateway_site.broker.consumer import HEAR_SECONDS, LOOP_QUEUES, ClosingConsumer
from gateway_site.celery import app
from gateway_site.worker_loops import _LOOPS


@pytest.fixture
def consumer() -> Iterator[Any]:
    """A worker's consumer that takes messages of every queue, from a broker in memory."""
    found: Any = ClosingConsumer.__new__(ClosingConsumer)
    found.init_callback, found.timer = None, Mock()
    with Connection("memory://") as broker, broker.channel() as channel:
        found.task_consumer = Consumer(channel, [Queue(name) for name in (*LOOP_QUEUES, "default")])
        found.task_consumer.consume()
        yield found


def test_messages_are_asked_for_in_no_queue_of_loops(consumer: Any) -> None:
    consumer.on_ready()

    asked = [queue for queue in (*LOOP_QUEUES, "default") if consumer.task_consumer.consuming_from(queue)]
    assert asked == ["default"]
    assert set(LOOP_QUEUES) == _LOOPS.keys()


def test_a_worker_of_loops_still_says_which_queue_it_serves(consumer: Any) -> None:
    """The installation test asks for them (``active_queues``)."""
    consumer.on_ready()

    assert {queue.name for queue in consumer.task_consumer.queues} == {*LOOP_QUEUES, "default"}


def test_nothing_is_sent_to_the_queues_of_loops() -> None:
    app.loader.import_default_modules()
    sent = {one["options"]["queue"] for one in app.conf.beat_schedule.values()}

    assert sent == {"default"}
    assert app.conf.task_default_queue not in LOOP_QUEUES


def test_the_worker_looks_for_a_stop_every_second_and_no_more_often_after_a_new_connection(consumer: Any) -> None:
    first = consumer.timer.call_repeatedly.return_value = Mock()

    consumer.on_ready()
    assert consumer.timer.call_repeatedly.call_args.args[0] == HEAR_SECONDS
    consumer.on_ready()

    first.cancel.assert_called_once_with()
    assert consumer.timer.call_repeatedly.call_count == 2
