"""Celery's transport over Redis and its Sentinels, whose worker goes on where an acknowledgement fails.

Kombu (5.7.0) counts a message as being worked on until Redis has taken its acknowledgement. Where that runs into the
time-out, and the connection on which messages come stands, nothing takes it off: a worker that may hold one message
waits without end, alive and idle. What Redis still has of the message is given out again after the visibility time-out;
every task here is harmless when run twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis, virtual


class ReleasingQoS(redis.QoS):
    """Count a message as done with, whatever Redis answers to it."""

    def ack(self, delivery_tag: Any) -> None:
        """Acknowledge a message. Raises what redis-py raises."""
        with self._released(delivery_tag):
            super().ack(delivery_tag)

    def reject(self, delivery_tag: Any, requeue: bool = False) -> None:
        """Reject a message. Raises what redis-py raises."""
        with self._released(delivery_tag):
            super().reject(delivery_tag, requeue=requeue)

    @contextmanager
    def _released(self, delivery_tag: Any) -> Iterator[None]:
        try:
            yield
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


class ReleasingChannel(redis.Channel):
    """A channel that counts so."""

    QoS = ReleasingQoS


class ReleasingSentinelChannel(redis.SentinelChannel):
    """The same behind Sentinels."""

    QoS = ReleasingQoS


class Transport(redis.Transport):
    """Redis, with such channels."""

    Channel = ReleasingChannel


class SentinelTransport(redis.SentinelTransport):
    """Redis behind Sentinels, with such channels."""

    Channel = ReleasingSentinelChannel


def install() -> None:
    """Have every address of Redis mean these transports: one named beside an address would be ignored."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
    TRANSPORT_ALIASES["sentinel"] = f"{__name__}:SentinelTransport"
