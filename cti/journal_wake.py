"""The hint to the consumer that a source's journal has something new.

The flag ``wake:<id>`` holds back all but the first hint of a burst. A consumer at work holds it, for it looks by
itself; it clears it *before* it reads for the last time, so that an append in between wakes it again. A hint that got
lost costs little: beat wakes every consumer every few seconds.
"""

from collections.abc import Sequence

import structlog
from celery import current_app
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from cti.journal import JournalUnavailable, translated
from cti.journal import client as journal_client

CONSUME = "calls.tasks.consume"
QUEUE = "events"
#: Longer than an idle consumer needs to start, shorter than anybody would notice.
FLAG_MILLISECONDS = 1500
#: A hint older than this has been replaced by another.
EXPIRES_SECONDS = 2

_WOKEN, _HELD = b"1", b"0"

log = structlog.get_logger()


def wake(source_id: int) -> None:
    """Tell the source's consumer that there is something to read; at most once in a burst. Never raises."""
    try:
        with translated():
            is_first = journal_client().set(_flag(source_id), _WOKEN, nx=True, px=FLAG_MILLISECONDS)
        if is_first:
            current_app.send_task(CONSUME, args=[source_id], queue=QUEUE, expires=EXPIRES_SECONDS, ignore_result=True)
    except (JournalUnavailable, KombuError, RedisError, OSError) as error:
        # The flag stays: it spares the broker further tries until it lapses.
        log.warning("consumer_not_woken", source=source_id, error=type(error).__name__)


def clear_wake(source_id: int) -> None:
    """Let the next append wake the consumer; to be called before the journal is read for the last time.

    Raises ``JournalUnavailable``: who cannot clear cannot read either.
    """
    with translated():
        journal_client().delete(_flag(source_id))


def hold_wake(source_id: int, others: Sequence[int]) -> bool:
    """Have nobody wake a source's consumer, which is at work. Returns whether that of another source is woken.

    Raises ``JournalUnavailable``: who cannot hold cannot read either.
    """
    with translated():
        pipeline = journal_client().pipeline(transaction=False)
        pipeline.set(_flag(source_id), _HELD, px=FLAG_MILLISECONDS)
        if others:
            pipeline.mget([_flag(other) for other in others])
        flags = pipeline.execute()[1:]
    return bool(flags) and _WOKEN in flags[0]


def _flag(source_id: int) -> str:
    return f"wake:{source_id}"
