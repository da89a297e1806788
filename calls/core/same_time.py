"""Whether a leg and a recording may be one call by their times; pure."""

from datetime import datetime, timedelta

import msgspec


class CallTime(msgspec.Struct, frozen=True):
    """When a leg was connected, or a recording went on; ``end`` None: it goes on, or nobody knows."""

    begin: datetime
    end: datetime | None


def is_one_call(leg: CallTime, recording: CallTime, tolerance: timedelta) -> bool:
    """Say whether both began and ended together, within what clocks may differ, and most of the longer was of both.

    Without the last, two short calls that follow each other would be one.
    """
    if leg.end is None or recording.end is None:
        return False
    begin_apart, end_apart = abs(leg.begin - recording.begin), abs(leg.end - recording.end)
    longer = max(leg.end - leg.begin, recording.end - recording.begin)
    return max(begin_apart, end_apart) <= tolerance and 2 * overlap(leg, recording) > longer


def overlap(one: CallTime, other: CallTime) -> timedelta:
    """Return for how long both went on at once; nothing or less: not at all. One without an end goes on."""
    ends = [end for end in (one.end, other.end) if end is not None]
    begin = max(one.begin, other.begin)
    return min(ends) - begin if ends else timedelta.max
