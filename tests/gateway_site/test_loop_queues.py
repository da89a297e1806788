"""Workers of loops ask the broker for no messages, which nobody sends, and hear of a stop all the same."""

from typing import Any
from unittest.mock import Mock, call

from gateway_site.broker.consumer import HEAR_SECONDS, LOOP_QUEUES, ClosingConsumer
from gateway_site.celery import app
from gateway_site.worker_loops import _LOOPS


def _consumer() -> Any:
    consumer: Any = ClosingConsumer.__new__(ClosingConsumer)
    consumer.init_callback, consumer.task_consumer, consumer.timer = None, Mock(), Mock()
    return consumer


def test_only_the_queues_of_loops_are_left() -> None:
    consumer = _consumer()

    consumer.on_ready()

    assert consumer.task_consumer.cancel_by_queue.mock_calls == [call(queue) for queue in LOOP_QUEUES]
    assert set(LOOP_QUEUES) == _LOOPS.keys()


def test_nothing_is_sent_to_the_queues_of_loops() -> None:
    app.loader.import_default_modules()
    sent = {one["options"]["queue"] for one in app.conf.beat_schedule.values()}

    assert sent == {"default"}
    assert app.conf.task_default_queue not in LOOP_QUEUES


def test_the_worker_looks_for_a_stop_every_second_and_no_more_often_after_a_new_connection() -> None:
    consumer = _consumer()
    first = consumer.timer.call_repeatedly.return_value = Mock()

    consumer.on_ready()
    assert consumer.timer.call_repeatedly.call_args.args[0] == HEAR_SECONDS
    consumer.on_ready()

    first.cancel.assert_called_once_with()
    assert consumer.timer.call_repeatedly.call_count == 2
