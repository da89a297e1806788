"""How fast events go from the journal through the core into the database: seven events a call, 1,000 extensions.

The floor reads the same entries from Redis and inserts one plain row for each, many rows a statement: no decoding, no
state, no decisions. Nothing that keeps what it reads can be faster here. The baseline (``devtools.bench.baseline``) is
one Celery task for each event, by one worker process.
"""

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone

from agents.models import Allocation, QmsUser
from calls.models import Leg, RecordingSearch, SearchState
from calls.pipeline.consumer import Consumer
from cti.api import START, read_journal
from cti.events import AnyEvent, encode, from_mapping
from cti.journal.writer import JournalWriter
from cti.models import CtiSource
from devtools.bench.baseline import QUEUE, take
from devtools.bench.meter import taken
from devtools.bench.options import Load
from devtools.bench.result import Result
from devtools.servers import stop, wait_until
from qms.models import DataServer, RecordingService

EXTENSIONS = 1_000
CALLS = 10_000
BATCH = 1_000
BASELINE, BASELINE_CALLS = "one Celery task an event", 300
#: A call's events until its GUID is known, and after.
BEFORE, AFTER = 4, 3


def consume(load: Load) -> list[Result]:
    """Measure the consumer and the floor with the same journal."""
    source = site()
    calls = max(int(CALLS * load.size), EXTENSIONS)
    writer = JournalWriter(source.slug, 1)
    consumer = Consumer(source, lambda: datetime.now(UTC))
    writer.append(list(logons(source.slug)))
    drain(consumer)
    rates = [timed(consumer, writer, events_of(source.slug, calls, slice(0, BEFORE)))]
    answer_searches()
    rates.append(timed(consumer, writer, events_of(source.slug, calls, slice(BEFORE, BEFORE + AFTER))))
    assert Leg.objects.count() == calls, f"{Leg.objects.count()} legs of {calls} calls"
    events, seconds, cpu = (sum(column) for column in zip(*rates, strict=True))
    floor_seconds, floor_cpu, read = _floor(source.slug)
    floor = read / floor_seconds
    baseline = _baseline(source.slug, max(int(BASELINE_CALLS * load.size), 20))
    what = f"journal to {connection.vendor}"
    ours = [
        Result(
            bench="consume",
            what=what,
            rate=events / seconds,
            unit="events/s",
            cpu_seconds=cpu,
            against=other,
            ratio=events / seconds / rate,
        )
        for other, rate in (("floor", floor), (BASELINE, baseline.rate))
    ]
    bare = Result(bench="consume", what="floor", rate=floor, unit="events/s", cpu_seconds=floor_cpu)
    return [*ours, bare, baseline]


def _baseline(slug: str, calls: int) -> Result:
    """Measure one Celery worker that takes one event a task; its start is not counted."""
    for event in events_of(slug, calls, slice(0, BEFORE + AFTER)):
        take.delay(msgspec.json.decode(encode(event)))
    broker = redis.Redis.from_url(settings.CELERY_BROKER_URL)
    whole = int(broker.llen(QUEUE))
    command = [sys.executable, "-m", "celery", "-A", "devtools.bench.baseline", "worker", "-P", "solo", "-Q", QUEUE]
    worker = subprocess.Popen([*command, "--without-gossip", "--without-mingle"], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: broker.llen(QUEUE) < whole, "the first task", 60)
        began, cpu, left = time.perf_counter(), _cpu(worker.pid), int(broker.llen(QUEUE))
        wait_until(lambda: broker.llen(QUEUE) == 0, "the last task", 600)
        seconds, busy = time.perf_counter() - began, _cpu(worker.pid) - cpu
    finally:
        stop(worker)
    return Result(bench="consume", what=BASELINE, rate=left / seconds, unit="events/s", cpu_seconds=busy)


def _cpu(pid: int) -> float:
    return taken({"worker": pid})["worker"].cpu


def site() -> CtiSource:
    """Make one source and one Recording Service that is not there, with a user at each extension."""
    server = DataServer.objects.create(slug="bench")
    service = RecordingService.objects.create(slug="bench", data_server=server, url="http://127.0.0.1:1/")
    source = CtiSource.objects.create(slug="bench", kind="http")
    Allocation.objects.create(source=source, service=service)
    now = timezone.now()
    QmsUser.objects.bulk_create(
        QmsUser(
            service=service,
            user_id=f"u{n}",
            extension=extension_of(n),
            recording_service="Any",
            licence="Unlimited",
            loaded_at=now,
        )
        for n in range(EXTENSIONS)
    )
    return source


def extension_of(number: int) -> str:
    """Return where a call of this number goes."""
    return str(2000 + number % EXTENSIONS)


def _event(slug: str, kind: str, key: str, data: dict[str, Any], family: str = "call") -> AnyEvent:
    moment = datetime.now(UTC).isoformat()
    return from_mapping(
        {"specversion": "1.0", "id": key, "source": slug, "type": f"csta.{family}.{kind}", "time": moment, "data": data}
    )


def logons(slug: str) -> Iterator[AnyEvent]:
    """Yield an agent's log on at each extension."""
    for n in range(EXTENSIONS):
        agent = {"agentId": f"a{n}", "agentName": f"Agent {n}", "deviceId": extension_of(n)}
        yield _event(slug, "LoggedOn", f"on{n}", agent, "agent")


def events_of(slug: str, calls: int, part: slice, first: int = 0) -> Iterator[AnyEvent]:
    """Yield a part of each call's events, from call ``first`` on; the calls of all extensions run side by side."""
    for n in range(first, first + calls):
        call, device = f"c{n}", extension_of(n)
        here = {"callId": call, "deviceId": device}
        script: list[tuple[str, dict[str, Any]]] = [
            ("Queued", {"callId": call, "queueDeviceId": "7001", "queueName": "Sales", "interactionId": f"i{n}"}),
            ("Delivered", here | {"callingNumber": "+491701234567", "interactionId": f"i{n}"}),
            ("Established", here | {"callerName": "A. Caller", "callerNameSource": "isdn"}),
            ("CallInformation", {"callId": call, "queryData": {"customer": str(n)}}),
            ("ConnectionCleared", here),
            ("ConnectionCleared", {"callId": call, "deviceId": "trunk"}),
            ("CallCleared", {"callId": call}),
        ]
        for at, (kind, data) in list(enumerate(script))[part]:
            yield _event(slug, kind, f"{n}-{at}", data)


def timed(consumer: Consumer, writer: JournalWriter, events: Iterator[AnyEvent]) -> tuple[int, float, float]:
    """Append events, then consume them; return how many, in how many seconds and CPU seconds."""
    count = len(writer.append(list(events)))
    began, cpu = time.perf_counter(), time.process_time()
    drain(consumer)
    return count, time.perf_counter() - began, time.process_time() - cpu


def drain(consumer: Consumer) -> None:
    """Fold until nothing is left to do."""
    while consumer.fold_once() is not None:
        pass


def answer_searches() -> None:
    """Find every recording, as the lookups would have: not a part of what is measured."""
    now = timezone.now()
    searches = list(RecordingSearch.objects.filter(state=SearchState.OPEN))
    for search in searches:
        search.state, search.recording_guid = SearchState.FOUND, str(uuid.uuid4())
        search.recording_started_at, search.answered_at = search.connected_at, now
    RecordingSearch.objects.bulk_update(
        searches, ["state", "recording_guid", "recording_started_at", "answered_at"], batch_size=500
    )


def _floor(slug: str) -> tuple[float, float, int]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_floor (id TEXT PRIMARY KEY, payload TEXT NOT NULL)")
        began, cpu = time.perf_counter(), time.process_time()
        read = _copy(slug, cursor.execute)
        return time.perf_counter() - began, time.process_time() - cpu, read


def _copy(slug: str, execute: Callable[..., Any]) -> int:
    after, read = START, 0
    while entries := read_journal(slug, after, BATCH):
        marks = ", ".join(["(%s, %s)"] * len(entries))
        values = [value for one in entries for value in (one.id, one.payload.decode())]
        execute(f"INSERT INTO bench_floor (id, payload) VALUES {marks}", values)  # noqa: S608  (marks only)
        after, read = entries[-1].id, read + len(entries)
    return read
