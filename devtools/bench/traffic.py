"""Calls at one source for the benches of the consumer, at times of the bench's own: seven events a call, as `consume`.

What QMS would have done is done by plain updates beside what is measured: each recording is found, each write written.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat, LPad

from agents.models import Allocation, QmsUser
from calls.models import RecordingSearch, SearchState
from calls.pipeline.consumer import Consumer
from cti.events import AnyEvent, from_mapping
from cti.journal.writer import JournalWriter
from cti.models import CtiSource
from flags.models import FlagWrite, WriteState
from qms.models import DataServer, RecordingService

#: A call's events until its extension is connected and known, and after.
BEFORE, AFTER = slice(0, 4), slice(4, 7)
RINGING, TOLD, ANSWERED = timedelta(seconds=5), timedelta(seconds=1), timedelta(seconds=0.3)
#: Late events have had their time, and the flags are queued.
SETTLED = timedelta(seconds=3)


@dataclass(frozen=True)
class BenchCall:
    """One call at an extension: when it came and how long they talked."""

    number: int
    extension: str
    came: datetime
    talk: timedelta


@dataclass(frozen=True)
class FoldCost:
    """How many events were folded, in how many seconds and CPU seconds of this process."""

    events: int = 0
    seconds: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: "FoldCost") -> "FoldCost":
        return FoldCost(self.events + other.events, self.seconds + other.seconds, self.cpu + other.cpu)

    @property
    def rate(self) -> float:
        """Return the events a second."""
        return self.events / self.seconds if self.seconds else 0.0

    @property
    def cpu_rate(self) -> float:
        """Return the events a CPU second."""
        return self.events / self.cpu if self.cpu else 0.0


class Traffic:
    """A source, what is appended to its journal, and its consumer in this process. ``now``: the bench's time."""

    def __init__(self, source: CtiSource, now: datetime) -> None:
        self.source, self.now = source, now
        self.writer, self.appended = JournalWriter(source.slug, 1), 0
        self.consumer = self._consumer()

    def _consumer(self) -> Consumer:
        return Consumer(self.source, lambda: self.now)

    def begin_anew(self) -> None:
        """Take another consumer, which remembers nothing."""
        self.consumer = self._consumer()

    def append(self, events: Sequence[AnyEvent]) -> int:
        """Append events to the journal; return how many."""
        self.appended += len(events)
        return len(self.writer.append(events))

    def take(self, events: Sequence[AnyEvent]) -> FoldCost:
        """Append events, then fold them and what was answered since; only the folding counts."""
        count = self.append(events)
        began, cpu = time.perf_counter(), time.process_time()
        while self.consumer.fold_once() is not None:
            pass
        return FoldCost(count, time.perf_counter() - began, time.process_time() - cpu)

    def talk(self, talks: Sequence[BenchCall]) -> FoldCost:
        """Let calls come at once, be found, end and be flagged."""
        spent = self.connect(talks)
        self.now = max(one.came + RINGING + one.talk for one in talks) + SETTLED
        spent += self.take(list(events(self.source.slug, talks, AFTER)))
        write_flags(self.source, self.now)
        return spent + self.take([])

    def connect(self, talks: Sequence[BenchCall]) -> FoldCost:
        """Let calls come at once and be answered, and their recordings be found."""
        self.now = max(one.came for one in talks) + RINGING + TOLD
        spent = self.take(list(events(self.source.slug, talks, BEFORE)))
        find_recordings(self.source)
        return spent + self.take([])


def make_source(slug: str, extensions: Sequence[str], now: datetime) -> CtiSource:
    """Make a source with a Recording Service whose users are at the extensions."""
    server = DataServer.objects.create(slug=slug)
    service = RecordingService.objects.create(slug=slug, data_server=server, url="http://127.0.0.1:1/")
    source = CtiSource.objects.create(slug=slug, kind="http")
    Allocation.objects.create(source=source, service=service)
    users = (
        QmsUser(
            service=service,
            user_id=f"u{name}",
            extension=name,
            recording_service="Any",
            licence="Unlimited",
            loaded_at=now,
        )
        for name in extensions
    )
    QmsUser.objects.bulk_create(users, batch_size=2000)
    return source


def event(slug: str, kind: str, key: str, at: datetime, data: dict[str, Any]) -> AnyEvent:
    """Return one event; ``kind`` with its family."""
    return from_mapping(
        {"specversion": "1.0", "id": key, "source": slug, "type": f"csta.{kind}", "time": at.isoformat(), "data": data}
    )


def logons(slug: str, extensions: Iterable[str], at: datetime) -> Iterator[AnyEvent]:
    """Yield the logging on of an agent at each extension."""
    for name in extensions:
        agent = {"agentId": f"a{name}", "agentName": f"Agent {name}", "deviceId": name}
        yield event(slug, "agent.LoggedOn", f"on{name}", at, agent)


def events(slug: str, talks: Iterable[BenchCall], part: slice) -> Iterator[AnyEvent]:
    """Yield a part of each call's events, call by call."""
    for one in talks:
        yield from events_of(slug, one)[part]


def events_of(slug: str, one: BenchCall) -> list[AnyEvent]:
    """Return a call's seven events."""
    call, key, ended = f"c{one.number}", f"{one.number}-", one.came + RINGING + one.talk
    here = {"callId": call, "deviceId": one.extension}
    interaction = {"interactionId": f"i{one.number}"}
    script: list[tuple[str, datetime, dict[str, Any]]] = [
        ("Queued", one.came, {"callId": call, "queueDeviceId": "7001", "queueName": "Sales", **interaction}),
        ("Delivered", one.came + TOLD, here | {"callingNumber": "+491701234567", **interaction}),
        ("Established", one.came + RINGING, here | {"callerName": "A. Caller", "callerNameSource": "isdn"}),
        ("CallInformation", one.came + RINGING, {"callId": call, "queryData": {"customer": str(one.number)}}),
        ("ConnectionCleared", ended, here),
        ("ConnectionCleared", ended, {"callId": call, "deviceId": "trunk"}),
        ("CallCleared", ended, {"callId": call}),
    ]
    return [event(slug, f"call.{kind}", f"{key}{n}", at, data) for n, (kind, at, data) in enumerate(script)]


def find_recordings(source: CtiSource) -> None:
    """Find every recording that is sought, begun as its extension was connected, and reported soon after."""
    number = LPad(Cast(F("leg_id"), CharField()), 20, Value("0"))
    RecordingSearch.objects.filter(source=source, state=SearchState.OPEN).update(
        state=SearchState.FOUND,
        recording_guid=Concat(Value("0000-bench-"), number),
        attempts=1,
        recording_started_at=F("connected_at"),
        first_asked_at=F("connected_at"),
        asked_at=F("connected_at"),
        answered_at=F("connected_at") + ANSWERED,
    )


def write_flags(source: CtiSource, now: datetime) -> None:
    """Write every flag that is due."""
    FlagWrite.objects.filter(source_id=source.pk, state=WriteState.QUEUED).update(
        state=WriteState.WRITTEN, attempts=1, settled_at=now
    )
