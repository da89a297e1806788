"""A QMS for tests of delivery: the simulated one, whose next calls can be made to fail, before or after they act."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from flags.catalogue.values import FlagText
from flags.delivery.worker import DeliveryRun, deliver
from flags.models import FlagWrite
from flags.outbox.bulk_insert import NewWrite
from flags.outbox.queue import queue_writes
from qms.models import DataServer, RecordingService
from qms.port import Flag, FlagDefinition
from simulators.qms.in_process import InProcessRecordingService
from simulators.qms.records import SimulatedService, SimulatedUser
from simulators.qms.site import SimulatedQms

Result = TypeVar("Result")
NAMES = ("AgentId", "QueueName", "CTICallRef", "CTIWrapup")


class Trouble(msgspec.Struct, frozen=True):
    """What a call meets; ``is_done``: QMS carries it out before."""

    error: Exception
    is_done: bool = False


class Line(InProcessRecordingService):
    """A way to the QMS on which calls can fail. Remembers what was asked for."""

    def __init__(self, recorder: "Recorder") -> None:
        super().__init__(recorder.site, "rs1", lambda: recorder.begin)
        self.recorder = recorder

    def write_flags(self, guid: str, flags: Sequence[Flag]) -> int:
        """Write, unless trouble was ordered."""
        name = self.recorder.called(guid)
        self.recorder.asked.append(f"write {name}")
        self.recorder.sent.append(tuple(flag.name for flag in flags))
        if name in self.recorder.counts:
            count, is_done = self.recorder.counts[name]
            if is_done:
                super().write_flags(guid, flags)
            return count
        return self._troubled("write", lambda: super(Line, self).write_flags(guid, flags))

    def flags(self, guid: str) -> list[Flag]:
        """Read back, unless trouble was ordered."""
        self.recorder.asked.append(f"read {self.recorder.called(guid)}")
        return self._troubled("read", lambda: super(Line, self).flags(guid))

    def _troubled(self, operation: str, act: Callable[[], Result]) -> Result:
        trouble = self.recorder.next_trouble(operation)
        if trouble is None:
            return act()
        if trouble.is_done:
            act()
        raise trouble.error


class Recorder:
    """A QMS with recordings that are called by short names."""

    def __init__(self, seed: str = "rs1") -> None:
        self.begin = datetime(2026, 3, 2, 9, tzinfo=UTC)
        self.site = SimulatedQms([SimulatedService(slug="rs1", data_server="ds1")], seed=sum(seed.encode()))
        self.site.set_users([SimulatedUser(extension="2001")])
        for name in NAMES:
            self.site.create_flag_definition("rs1", FlagDefinition(name, 20))
        self.asked: list[str] = []
        self.sent: list[tuple[str, ...]] = []
        #: By the recording's short name: the count with which a write is answered, and whether it is carried out.
        self.counts: dict[str, tuple[int, bool]] = {}
        self.names: dict[str, str] = {}
        self._troubles: dict[str, deque[Trouble]] = {"write": deque(), "read": deque()}
        self._lock = threading.Lock()

    def records(self, name: str) -> str:
        """Make a recording and return its GUID."""
        made = self.site.connected("2001", self.begin)
        assert made is not None
        self.names[made.guid] = name
        return made.guid

    def called(self, guid: str) -> str:
        """Return the short name of a recording."""
        return self.names.get(guid, guid)

    def meets(self, operation: str, *errors: Exception, is_done: bool = False) -> None:
        """Let the next calls of an operation fail."""
        self._troubles[operation].extend(Trouble(error, is_done) for error in errors)

    def recovers(self) -> None:
        """Let no more calls fail."""
        for troubles in self._troubles.values():
            troubles.clear()

    def next_trouble(self, operation: str) -> Trouble | None:
        """Take the next trouble of an operation."""
        with self._lock:
            return self._troubles[operation].popleft() if self._troubles[operation] else None

    def flags(self, guid: str) -> dict[str, str]:
        """Return what a recording carries."""
        return self.site.recordings[guid].flags


class Post:
    """One Recording Service with its queue of writes; the clock stands until it is moved."""

    def __init__(self, slug: str = "rs1", **settings: Any) -> None:
        self.qms = Recorder(slug)
        self.time = self.qms.begin
        server, _ = DataServer.objects.get_or_create(slug="ds1")
        self.service = RecordingService.objects.create(
            slug=slug, data_server=server, url="http://127.0.0.1:9/", **settings
        )
        self.lines: Callable[[RecordingService], Line] = lambda _: Line(self.qms)
        self.legs = 0

    def queues(
        self,
        name: str = "G1",
        part: str = "base",
        guid: str = "",
        connected_at: datetime | None = None,
        **texts: str,
    ) -> int:
        """Queue a write to a new recording or to the one with this GUID; returns the write's key."""
        guid = guid or self.qms.records(name)
        self.legs += 1
        new = NewWrite(
            leg_id=self.legs,
            source_id=7,
            service_id=self.service.pk,
            recording_guid=guid,
            at=self.time,
            connected_at=connected_at,
            part="base" if part == "base" else "wrapup",
            texts=tuple(FlagText(name, value) for name, value in (texts or {"AgentId": "A1"}).items()),
        )
        assert queue_writes([new]) == []
        return FlagWrite.objects.get(recording_guid=guid, part=part).pk

    def delivers(self, after: float = 0, **options: Any) -> DeliveryRun:
        """Let time pass, then deliver."""
        self.time += timedelta(seconds=after)
        return deliver(self.service.pk, now=lambda: self.time, connect=self.lines, **options)

    def answers(self, key: int) -> tuple[str, str]:
        """Tell a write's state and its error's code."""
        row = FlagWrite.objects.get(pk=key)
        return row.state, row.error_code
