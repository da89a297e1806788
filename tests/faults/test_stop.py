"""A stop (SIGTERM) of each program, as the gateway starts it: over within ten seconds, and what it held is free.

Real workers on the real broker and database; the QMS takes every request and then says nothing.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis as redis_client

from agents.models import Trigger, UserRefresh
from agents.users import refresh
from calls.broker import send
from calls.models import RecordingSearch, SearchState
from calls.search.settling import LEASE
from calls.search.worker import look_up
from calls.storage.codec import leg_key
from cti.models import CtiSource
from devtools.servers import free_port, is_listening, wait_until
from flags.catalogue.values import FlagText
from flags.delivery.worker import deliver
from flags.models import FlagWrite
from flags.outbox.bulk_insert import NewWrite
from flags.outbox.queue import queue_writes
from gateway_site.ops import worker_heartbeat
from gateway_site.ops.worker_heartbeat import QUEUES
from launcher.procfile import programs
from qms import api as qms_api
from qms.models import DataServer, RecordingService
from qms.port import FlagDefinition
from simulators.qms.envelopes import Credentials
from simulators.qms.records import SimulatedService, SimulatedUser
from simulators.qms.server import Request, Response, SimulatedServer, in_thread
from simulators.qms.site import SimulatedQms
from tests.faults.test_killed_consumer import database_url

pytestmark = [pytest.mark.django_db(transaction=True, serialized_rollback=True), pytest.mark.one_database]

#: What the gateway may take for a stop.
STOP_SECONDS = 10
#: The service's time-out: a stop that waited for it would be too late.
TIMEOUT_SECONDS = 40
IN_FLIGHT, WRITES = 2, 5


def now() -> datetime:
    """Return the true clock: that of the servers and the workers."""
    return datetime.now(UTC)


class SilentServer(SimulatedServer):
    """Carries out what it is asked, and while it is silent never says so."""

    is_silent = True

    def __init__(self, qms: SimulatedQms) -> None:
        super().__init__(qms, Credentials("gateway", "pass"))
        self.asked: Counter[str] = Counter()

    async def _soap(self, service: str, request: Request) -> Response | None:
        response = await super()._soap(service, request)
        self.asked[request.headers.get("soapaction", "").strip('"').rsplit("#", 1)[-1]] += 1
        if self.is_silent:
            await asyncio.sleep(600)
        return response


class Place:
    """A Recording Service that is silent, and the programs that a test starts."""

    def __init__(self, folder: Path, server: SilentServer) -> None:
        self.folder, self.server, self.qms = folder, server, server.qms
        self.source = CtiSource.objects.create(slug="pbx", kind="http")
        self.service = RecordingService.objects.create(
            slug="rs1",
            data_server=DataServer.objects.create(slug="ds1"),
            username="gateway",
            password="pass",
            url=f"http://127.0.0.1:{server.port}/rs1",
            timeout_seconds=TIMEOUT_SECONDS,
            max_in_flight=IN_FLIGHT,
            lookup_interval_ms=50,
        )
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a program of the Procfile."""
        reported = {**os.environ, "DATABASE_URL": database_url(), **environment}
        program = next(one for one in programs(reported) if one.name == name)
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(program.command, env=reported, cwd=program.folder, stdout=log, stderr=log)
        self.started.append(process)
        return process

    def set_to_work(self, name: str, requests: int = 1) -> subprocess.Popen[bytes]:
        """Start a worker, and wait until this many requests hang."""
        worker = self.start(name)
        try:
            wait_until(lambda: self.server.asked.total() >= requests, "requests", 40)
        except TimeoutError as error:
            raise TimeoutError(self.log(name)) from error
        return worker

    def log(self, name: str) -> str:
        """Return what a program has said."""
        return (self.folder / f"{name}.log").read_text()

    def search(self, window: float = 60) -> RecordingSearch:
        """Begin a search at Connected, as the consumer does."""
        connected = now()
        return RecordingSearch.objects.create(
            leg_id=leg_key(self.source.pk, 1),
            source=self.source,
            service=self.service,
            extension="2001",
            not_started_before=connected - timedelta(seconds=3),
            connected_at=connected,
            next_at=connected,
            deadline=connected + timedelta(seconds=window),
        )

    def queue_writes(self) -> None:
        """Queue writes to recordings of their own."""
        for number in range(WRITES):
            recording = self.qms.connected("2001", now())
            assert recording is not None
            new = NewWrite(
                leg_id=number,
                source_id=self.source.pk,
                service_id=self.service.pk,
                recording_guid=recording.guid,
                at=now(),
                part="base",
                texts=(FlagText("AgentId", "A1"),),
            )
            assert queue_writes([new]) == []

    def deliver(self, after: float) -> None:
        """Deliver as another worker would, this many seconds later."""
        later = timedelta(seconds=after)
        deliver(self.service.pk, now=lambda: now() + later, connect=qms_api.connect)


@pytest.fixture
def place(redis: redis_client.Redis, tmp_path: Path) -> Iterator[Place]:
    """Give a place; end what was started in it."""
    qms = SimulatedQms([SimulatedService(slug="rs1", data_server="ds1")])
    qms.set_users([SimulatedUser(extension="2001")])
    qms.create_flag_definition("rs1", FlagDefinition("AgentId", 20))
    server = SilentServer(qms)
    with ExitStack() as running:
        running.enter_context(in_thread(server))
        there = Place(tmp_path, server)
        yield there
        for one in there.started:
            one.kill()
            one.wait()


def seconds_to_stop(process: subprocess.Popen[bytes]) -> float:
    """Stop a process and return how long it took; raises ``subprocess.TimeoutExpired``."""
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(STOP_SECONDS)
    return time.monotonic() - begun


def test_a_stopped_lookups_worker_gives_its_searches_back_at_once(place: Place) -> None:
    search = place.search()
    worker = place.set_to_work("lookups")

    assert seconds_to_stop(worker) < STOP_SECONDS, place.log("lookups")
    search.refresh_from_db()
    assert (worker.returncode, search.state, search.claimed_until) == (0, SearchState.OPEN, None), place.log("lookups")

    place.server.is_silent = False
    recording = place.qms.connected("2001", now())
    look_up(place.service.pk, now, qms_api.connect, seconds=20)
    search.refresh_from_db()
    assert recording is not None
    assert search.recording_guid == recording.guid


def test_the_searches_of_a_killed_worker_are_asked_again_when_its_lease_is_over(place: Place) -> None:
    search = place.search()
    worker = place.set_to_work("lookups")
    worker.kill()
    worker.wait()
    search.refresh_from_db()
    assert search.claimed_until is not None
    lease = LEASE + timedelta(seconds=1)  # A random part of the last second names the claim.
    assert search.claimed_until <= now() + lease

    place.server.is_silent = False
    recording = place.qms.connected("2001", now())
    assert recording is not None
    look_up(place.service.pk, lambda: now() + lease, qms_api.connect, seconds=20)
    search.refresh_from_db()
    assert search.recording_guid == recording.guid


def test_a_stopped_writes_worker_gives_back_what_it_did_not_send_and_what_it_sent_is_read_back(place: Place) -> None:
    place.queue_writes()
    worker = place.set_to_work("writes", IN_FLIGHT)

    assert seconds_to_stop(worker) < STOP_SECONDS, place.log("writes")
    rows = list(FlagWrite.objects.values_list("state", "claim", "claimed_until"))
    assert worker.returncode == 0, place.log("writes")
    assert Counter(rows) == {("unclear", None, None): IN_FLIGHT, ("queued", None, None): WRITES - IN_FLIGHT}

    place.server.is_silent = False
    place.deliver(after=0)
    assert Counter(FlagWrite.objects.values_list("state", flat=True)) == {
        "written": WRITES - IN_FLIGHT,
        "unclear": IN_FLIGHT,
    }
    place.deliver(after=TIMEOUT_SECONDS + 5)
    assert set(FlagWrite.objects.values_list("state", flat=True)) == {"written"}
    assert place.server.asked == {"WriteFlags": WRITES, "GetFlags": IN_FLIGHT}


def test_a_stopped_worker_does_not_wait_for_a_load_of_users_that_hangs(place: Place) -> None:
    begun = refresh.begin_refresh(place.service.pk, Trigger.BUTTON)
    worker = place.start("default")
    for _ in range(20):  # A message that the worker does not take in time is dropped.
        send("agents.tasks.load_users", begun.pk, "default")
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: place.server.asked.total() >= 1, "the question that hangs", 2)
            break

    assert seconds_to_stop(worker) < STOP_SECONDS, place.log("default")
    assert "stop_overdue" in place.log("default")
    assert UserRefresh.objects.get(pk=begun.pk).finished_at is None


def test_all_programs_stop_together_in_time(place: Place) -> None:
    place.server.is_silent = False
    CtiSource.objects.create(slug="away", kind="csta_xml", host="127.0.0.1", port=free_port())
    port = free_port()
    names = ("web", "beat", "listeners", *QUEUES)
    running = {name: place.start(name, BIND=f"127.0.0.1:{port}") for name in names}
    wait_until(lambda: is_listening(port), "web", 60)
    wait_until(lambda: "listening to away" in place.log("listeners"), "the listener", 60)
    wait_until(lambda: all(map(worker_heartbeat.last, QUEUES)), "a pulse through every queue", 60)

    begun = time.monotonic()
    for one in running.values():
        one.send_signal(signal.SIGTERM)
    for one in running.values():
        one.wait(max(begun + STOP_SECONDS - time.monotonic(), 0.01))
    overdue = [name for name in QUEUES if "stop_overdue" in place.log(name)]
    assert overdue == []
