"""What a call's events state of its caller and its queue."""

from __future__ import annotations

from collections.abc import Iterable

from .world import Said

#: Times that differ by less are the same, in seconds.
EPSILON = 0.0015


def caller_of(events: Iterable[Said], end: float) -> str:
    """Return the caller's name as known at `end`; a personal name is never recorded."""
    name = ""
    for one in events:
        data = one.event.data
        if one.event.at <= end + EPSILON and data.get("callerName"):
            name = "" if data.get("callerNameSource") == "personal" else str(data["callerName"])
    return name


def queue_of(events: Iterable[Said], end: float) -> str:
    """Return the queue as known at `end`: the last one named, unless the caller left it unanswered."""
    queue = ""
    for one in events:
        if one.event.at > end + EPSILON:
            break
        queue = str(one.event.data.get("queueName") or queue)
        if one.event.type == "Diverted" and one.event.data.get("cause") == "queueCleared":
            queue = ""
    return queue
