"""A recorded trace of a source: what its bytes say, without a link to it. Pure.

Each kind of source brings a ``TraceReader`` (``SourceKind.trace``); it decodes with the parts that its session uses.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from cti.events import AgentEvent, CallEvent, Event, Queued
from cti.sources.port import Quarantined, SourceConfig

#: When a trace without any time begins.
BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
#: Time from one message to the next where a trace has no times.
INTERVAL = timedelta(milliseconds=500)


class TracedDevice(msgspec.Struct, frozen=True):
    """A device that a trace names: what it counts as (extension, queue, outside, ...), and why."""

    name: str
    counts_as: str
    reason: str


@dataclass
class Trace:
    """What a trace says. ``ignored``: messages that mean nothing to a recording, by name, with their number.
    ``monitored``: the devices of the source, or those that the trace's client monitored.
    """

    events: list[Event] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    devices: list[TracedDevice] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    monitored: tuple[str, ...] = ()
    #: False: messages had no time, and were put at an interval.
    is_timed: bool = True


class TraceReader(Protocol):
    """Reads one recorded connection."""

    def speaks(self, head: bytes) -> bool:
        """Say whether the first bytes of one direction of a connection are of this kind."""

    def feed(self, direction: int, data: bytes, at: datetime | None) -> None:
        """Take the next bytes of a direction (0 or 1), and when they were captured; None where that is not known."""

    def lost(self, direction: int) -> None:
        """Note that bytes of a direction are missing before those that are fed next."""

    def end(self) -> Trace:
        """Return what the trace says."""


class TraceClock:
    """The time of each message: when it was captured, else when it says it was sent, else an interval later."""

    def __init__(self) -> None:
        self._last: datetime | None = None
        self.is_timed = True

    def time(self, captured: datetime | None, sent: datetime | None = None) -> datetime:
        """Return the time of the next message, never before the one before."""
        last = self._last
        following = BEGIN if last is None else last + INTERVAL
        at = captured or sent or following
        self.is_timed = self.is_timed and (captured or sent) is not None
        self._last = at if last is None else max(at, last)
        return self._last


def seen_devices(events: Iterable[Event], config: SourceConfig, ignored: frozenset[str]) -> list[TracedDevice]:
    """Return the devices at which events say that connections are, and what they count as for a source."""
    seen: dict[str, TracedDevice] = {}
    for event in events:
        if isinstance(event, CallEvent | AgentEvent) and (name := event.data.device_id):
            is_outside = isinstance(event, CallEvent) and bool(event.data.outside)
            seen.setdefault(name, _classified(name, config, ignored, is_outside=is_outside))
            if isinstance(event, Queued) and name not in config.queues:
                seen[name] = TracedDevice(
                    name, "queue", "calls queue there; it is not listed among the queues of the source"
                )
        if isinstance(event, CallEvent):
            for item in event.data.connections:
                name = item.new.device_id
                seen.setdefault(name, _classified(name, config, ignored, is_outside=False))
    return [seen[name] for name in sorted(seen)]


def _classified(name: str, config: SourceConfig, ignored: frozenset[str], *, is_outside: bool) -> TracedDevice:
    if name in ignored:
        return TracedDevice(name, "ignored", "one of the option ignored_devices")
    if name in config.queues:
        return TracedDevice(name, "queue", "listed among the queues of the source")
    if is_outside:
        return TracedDevice(name, "outside", "the event says that the connection is outside")
    if not config.devices:
        return TracedDevice(name, "extension", "the source lists no devices, and it is no queue")
    if name in config.devices:
        return TracedDevice(name, "extension", "listed among the devices of the source")
    return TracedDevice(name, "not recorded", "not among the devices of the source")
