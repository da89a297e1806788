"""Wake-ups: each loop that waits has a Redis stream of one entry, and blocks on it, on journals as well.

Whoever waits names the last entry that it has seen, so that what was sent while it worked ends its next wait at once. A
wake-up that is lost with Redis costs little: each loop also looks when something is due, and every few seconds.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from redis.client import Pipeline

from cti.journal.stream import MEMBER, Entry, JournalUnavailable, translated
from cti.journal.stream import client as journal_client

#: Maximum duration of one wait, in seconds: shorter than the time in which Redis must answer.
LONGEST_WAIT_SECONDS = 1.0

log = structlog.get_logger()


def answers_stream(source_id: int) -> str:
    """Return the stream on which a source's consumer waits for what QMS answered to searches."""
    return f"wake:answers:{source_id}"


def settled_stream(source_id: int) -> str:
    """Return the stream on which a source's consumer waits for flag writes that are settled."""
    return f"wake:settled:{source_id}"


def searches_stream(service_id: int) -> str:
    """Return the stream on which a Recording Service's search worker waits for searches."""
    return f"wake:searches:{service_id}"


def writes_stream(service_id: int) -> str:
    """Return the stream on which a Recording Service's delivery waits for flag writes."""
    return f"wake:writes:{service_id}"


def wake(*streams: str) -> None:
    """Wake those that wait for the streams. Never raises."""
    try:
        with translated():
            pipeline = journal_client().pipeline(transaction=False)
            add_wake_ups(pipeline, streams)
            pipeline.execute()
    except JournalUnavailable as error:
        log.warning("wakeup_not_sent", streams=streams, error=type(error).__name__)


def add_wake_ups(pipeline: Pipeline, streams: Iterable[str]) -> None:
    """Add to what is sent together that those who wait for the streams are woken."""
    for stream in streams:
        pipeline.xadd(stream, {"": ""}, maxlen=1, approximate=False)


def wait_for_entries(after: Mapping[str, str], seconds: float, count: int = 1) -> dict[str, list[Entry]]:
    """Wait until one of the streams has an entry after the given id. Returns the next ones, up to ``count`` of each.

    ``seconds``: 0 only looks; more than ``LONGEST_WAIT_SECONDS`` counts as that. Raises ``JournalUnavailable``.
    """
    block = round(min(seconds, LONGEST_WAIT_SECONDS) * 1000) or None  # BLOCK 0 would wait without end.
    streams: dict[Any, Any] = {**after}
    with translated():
        found: Any = journal_client().xread(streams, count=count, block=block)
    return {stream.decode(): [_entry(*one) for one in entries] for stream, entries in found}


def _entry(entry_id: bytes, members: Mapping[bytes, bytes]) -> Entry:
    return Entry(entry_id.decode(), members.get(MEMBER, b""))
