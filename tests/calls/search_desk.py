"""Two Recording Services behind which a simulated QMS is, and the searches of a source."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from calls.models import RecordingSearch
from calls.search import worker
from calls.search.worker import SearchWorker, look_up
from calls.storage.codec import leg_key
from cti.models import CtiSource
from qms.models import DataServer, RecordingService
from qms.port import QmsError, Recording
from simulators.qms.in_process import InProcessRecordingService
from simulators.qms.records import SimulatedService, SimulatedUser
from simulators.qms.site import SimulatedQms

INTERVAL_MS = 50


#: Longest time between two looks at the clock that counts, in seconds; what is longer was a pause of the process.
MAXIMUM_STEP = 0.1


class PatientClock:
    """The true time, but for the time in which the machine let this process wait."""

    def __init__(self) -> None:
        self._lock, self._seen_at, self._at = threading.Lock(), time.monotonic(), datetime.now(UTC)

    def __call__(self) -> datetime:
        """Return the time."""
        with self._lock:
            seen_at, self._seen_at = self._seen_at, time.monotonic()
            self._at += timedelta(seconds=min(self._seen_at - seen_at, MAXIMUM_STEP))
            return self._at


class Line(InProcessRecordingService):
    """The way to one service, on which a test may listen, wait, and put other words."""

    def __init__(self, desk: "Desk", slug: str) -> None:
        super().__init__(desk.qms, slug, desk.now)
        self.desk, self.slug = desk, slug

    def find_live_recording(self, extension: str, not_started_before: datetime | None = None) -> Recording | None:
        """Note the question; answer as the simulated QMS does, unless the test has it otherwise."""
        with self.desk.lock:
            self.desk.asked.append((self.slug, extension, self.desk.now(), not_started_before))
            self.desk.busy += 1
            self.desk.busiest = max(self.desk.busiest, self.desk.busy)
            number = len(self.desk.asked)
        try:
            if self.slug in self.desk.gates:
                assert self.desk.gates[self.slug].wait(10)
            if error := self.desk.errors.get(self.slug):
                raise error
            self.desk.before_answer(number)
            return self.desk.reworded(super().find_live_recording(extension, not_started_before))
        finally:
            with self.desk.lock:
                self.desk.busy -= 1


class Desk:
    """Two Recording Services, a simulated QMS behind them, and the searches of a source."""

    def __init__(self) -> None:
        for _, pool in worker._pools.values():  # Their services had the same keys, and a forked process no threads.
            pool.shutdown()
        worker._pools.clear()
        self.now = PatientClock()
        self.qms = SimulatedQms([SimulatedService(slug=slug, data_server="ds") for slug in ("a", "b")])
        self.qms.set_users([SimulatedUser(extension=str(number)) for number in range(2001, 2010)])
        self.source = CtiSource.objects.create(slug="pbx", kind="http")
        server = DataServer.objects.create(slug="ds")
        self.a, self.b = (
            RecordingService.objects.create(
                slug=slug,
                data_server=server,
                url="http://127.0.0.1:9/",
                lookup_interval_ms=INTERVAL_MS,
                timeout_seconds=1,
                max_in_flight=4,
            )
            for slug in ("a", "b")
        )
        self.asked: list[tuple[str, str, datetime, datetime | None]] = []
        self.errors: dict[str, QmsError] = {}
        self.gates: dict[str, threading.Event] = {}
        self.lock = threading.Lock()
        self.busy = self.busiest = 0
        self.before_answer: Callable[[int], Any] = lambda _: None
        self.reworded: Callable[[Recording | None], Recording | None] = lambda found: found

    def connect(self, service: RecordingService) -> Line:
        """Connect to a service."""
        return Line(self, service.slug)

    def search(self, number: int = 1, *, window: float = 0.5, ago: float = 0.0, **members: Any) -> RecordingSearch:
        """Save a search for the leg and extension of a number, as the consumer would."""
        connected = self.now() - timedelta(seconds=ago)
        usual: dict[str, Any] = {
            "leg_id": leg_key(self.source.pk, number),
            "source": self.source,
            "service": self.a,
            "extension": str(2000 + number),
            "not_started_before": connected - timedelta(seconds=3),
            "connected_at": connected,
            "deadline": connected + timedelta(seconds=window),
            "next_at": connected,
        }
        return RecordingSearch.objects.create(**{**usual, **members})

    def looks_up(self, service: RecordingService | None = None, seconds: float = 3.0) -> datetime | None:
        """Ask a service until nothing is open, as its thread does; return when something is due next."""
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            due = look_up((service or self.a).pk, self.now, self.connect, seconds=left)
            if due is None or time.monotonic() >= until:
                return due
            time.sleep(min(max((due - self.now()).total_seconds(), 0.001), MAXIMUM_STEP / 2))

    def worker(self) -> SearchWorker:
        """Make a search worker of another process."""
        return SearchWorker(self.a, self.now, self.connect)


#: The time of a desk that stands still.
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def standing_desk() -> Desk:
    """Return a desk at a time that stands still."""
    desk = Desk()
    desk.now = lambda: NOW  # type: ignore[assignment]
    return desk


def second(seconds: float) -> datetime:
    """Return a moment by its seconds after that time."""
    return NOW + timedelta(seconds=seconds)


def settled(search: RecordingSearch) -> RecordingSearch:
    """Return what became of a search."""
    search.refresh_from_db()
    return search
