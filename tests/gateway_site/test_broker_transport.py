"""A worker does not wait without end for a message of which Redis did not take the acknowledgement."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import Connection, Message

from devtools.servers import free_port, start_redis, stop
from gateway_site import celery

ENDINGS: list[Callable[[Message], None]] = [Message.ack, Message.reject, Message.requeue]


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
def test_a_message_is_done_with_though_a_redis_that_stands_still_does_not_say_so(
    end: Callable[[Message], None], tmp_path: Path
) -> None:
    assert celery.app.conf.worker_prefetch_multiplier == 1
    port = free_port()
    server = start_redis(tmp_path, port)
    try:
        with Connection(f"redis://127.0.0.1:{port}/2", transport_options={"socket_timeout": 0.3}) as connection:
            hints = connection.SimpleQueue("idle")
            hints.put("work")
            message = hints.get(timeout=20)
            channel: Any = message.channel
            channel.qos.prefetch_count = 1
            assert not channel.qos.can_consume()

            server.send_signal(signal.SIGSTOP)
            with pytest.raises(redis.TimeoutError):
                end(message)
            server.send_signal(signal.SIGCONT)

            assert channel.qos.can_consume()
    finally:
        server.send_signal(signal.SIGCONT)
        stop(server)
