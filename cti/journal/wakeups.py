"""Wake-ups: of a source's consumer when its journal has new events, of a service's search worker when it has work.

A flag holds back all but the first wake-up of a burst. Who is at work holds it, for it looks by itself; it clears it
*before* it looks for the last time, so that what comes in between wakes it again. A wake-up that is lost costs little:
beat wakes everybody every few seconds.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

import msgspec
import structlog
from celery import current_app
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from cti.journal.stream import JournalUnavailable, translated
from cti.journal.stream import client as journal_client

CONSUME = "calls.tasks.consume"
QUEUE = "events"
#: Longer than an idle consumer needs to start, shorter than a person would notice.
FLAG_MILLISECONDS = 1500
#: A wake-up older than this has been replaced by another.
EXPIRES_SECONDS = 2

#: Interval at which the holder of a flag renews it.
RENEW_SECONDS = 0.3

_WOKEN, _HELD = b"1", b"0"

log = structlog.get_logger()


class Wakeup(msgspec.Struct, frozen=True):
    """A message that there is work: to the consumer of a source, or the search worker of a service."""

    task: str
    queue: str
    key: int

    def send(self) -> None:
        """Send the wake-up, at most once in a burst, and not to a worker that is polling. Never raises."""
        try:
            with translated():
                is_first = journal_client().set(self.flag, _WOKEN, nx=True, px=FLAG_MILLISECONDS)
            if is_first:
                current_app.send_task(
                    self.task, args=[self.key], queue=self.queue, expires=EXPIRES_SECONDS, ignore_result=True
                )
        except (JournalUnavailable, KombuError, RedisError, OSError) as error:
            # The flag stays: it spares the broker further tries until it lapses.
            log.warning("wakeup_not_sent", task=self.task, key=self.key, error=type(error).__name__)

    @property
    def flag(self) -> str:
        """Return the key of the flag."""
        return f"wake:{self.key}" if self.queue == QUEUE else f"wake:{self.queue}:{self.key}"


class PollingMarker:
    """Suppresses wake-ups while a worker is polling. Never raises; without Redis, wake-ups are simply sent."""

    def __init__(self, wakeup: Wakeup) -> None:
        self._wakeup, self._renew_at = wakeup, 0.0

    def keep(self) -> None:
        """Suppress wake-ups; to be called before each poll."""
        if monotonic() >= self._renew_at:
            self._renew_at = monotonic() + RENEW_SECONDS
            with self._forgiving():
                journal_client().set(self._wakeup.flag, _HELD, px=FLAG_MILLISECONDS)

    def leave(self) -> None:
        """Allow wake-ups again; to be called before the last poll."""
        self._renew_at = 0.0
        with self._forgiving():
            journal_client().delete(self._wakeup.flag)

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        try:
            with translated():
                yield
        except JournalUnavailable as error:
            log.warning(
                "wakeups_not_suppressed", task=self._wakeup.task, key=self._wakeup.key, error=type(error).__name__
            )


def wake(source_id: int) -> None:
    """Wake the source's consumer, at most once in a burst. Never raises."""
    _consumer(source_id).send()


def clear_wake(source_id: int) -> None:
    """Let the next append wake the consumer; to be called before the journal is read for the last time.

    Raises ``JournalUnavailable``: who cannot clear cannot read either.
    """
    with translated():
        journal_client().delete(_consumer(source_id).flag)


def hold_wake(source_id: int, others: Sequence[int]) -> bool:
    """Suppress wake-ups of a source's consumer, which is at work. Returns whether that of another source is woken.

    Raises ``JournalUnavailable``: who cannot hold cannot read either.
    """
    with translated():
        pipeline = journal_client().pipeline(transaction=False)
        pipeline.set(_consumer(source_id).flag, _HELD, px=FLAG_MILLISECONDS)
        if others:
            pipeline.mget([_consumer(other).flag for other in others])
        flags = pipeline.execute()[1:]
    return bool(flags) and _WOKEN in flags[0]


def _consumer(source_id: int) -> Wakeup:
    return Wakeup(CONSUME, QUEUE, source_id)
