"""What the bounds refused or held up lately, by source: kept in Redis, as many processes refuse and others ask."""

from datetime import UTC, datetime
from typing import Any

import msgspec

import clock
from cti.bounds import BOUNDS, Bound
from cti.journal.stream import client, translated
from telemetry.counters import EVENTS_REFUSED, LINK_HELD_SECONDS

#: How long it is remembered after the last time, in seconds.
KEPT_SECONDS = 600


class Refusals(msgspec.Struct, frozen=True):
    """What a bound did to a source: events that were refused, and seconds for which its link was not read."""

    bound: Bound
    since: datetime
    last: datetime
    events: int = 0
    held_seconds: float = 0.0


def note_refused(slug: str, bound: Bound, events: int) -> None:
    """Note that events were refused, 0 where nobody knows how many. Raises ``JournalUnavailable``."""
    _note(slug, bound, "events", events)
    EVENTS_REFUSED.labels(slug, bound.setting).inc(events)


def note_held(slug: str, bound: Bound, seconds: float) -> None:
    """Note that a link was not read for some time. Raises ``JournalUnavailable``."""
    _note(slug, bound, "held", seconds)
    LINK_HELD_SECONDS.labels(slug, bound.setting).inc(seconds)


def refused_lately(slug: str) -> list[Refusals]:
    """Return what was refused or held up within the last ten minutes. Raises ``JournalUnavailable``."""
    with translated():
        pipe = client().pipeline(transaction=False)
        for bound in BOUNDS:
            pipe.hgetall(_key(slug, bound))
        answers = pipe.execute()
    return [_refusals(bound, found) for bound, found in zip(BOUNDS, answers, strict=True) if found]


def _note(slug: str, bound: Bound, member: str, amount: float) -> None:
    key, now = _key(slug, bound), clock.now().timestamp()
    with translated():
        pipe = client().pipeline()
        pipe.hsetnx(key, "since", repr(now))
        pipe.hset(key, "last", repr(now))
        pipe.hincrbyfloat(key, member, amount)
        pipe.expire(key, KEPT_SECONDS)
        pipe.execute()


def _refusals(bound: Bound, found: dict[bytes, Any]) -> Refusals:
    since, last = (datetime.fromtimestamp(float(found[name]), UTC) for name in (b"since", b"last"))
    return Refusals(bound, since, last, round(float(found.get(b"events", 0))), float(found.get(b"held", 0)))


def _key(slug: str, bound: Bound) -> str:
    return f"refused:{{{slug}}}:{bound.setting}"
