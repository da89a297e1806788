"""A Recording Service that takes seconds for each answer changes nothing for another: over real SOAP, by real pumps."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from django.db import connection

from calls.models import RecordingSearch, SearchState
from calls.search.worker import look_up
from calls.storage.codec import leg_key
from cti.models import CtiSource
from devtools.servers import wait_until
from qms import api as qms_api
from qms.models import DataServer, RecordingService
from simulators.qms.envelopes import Credentials
from simulators.qms.records import SimulatedService, SimulatedUser
from simulators.qms.server import SimulatedServer, in_thread
from simulators.qms.site import SimulatedQms

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

SLOW_SECONDS = 5
#: Maximum time for the healthy service's GUID, in seconds: generous for a busy machine, far below 5 s.
AT_MOST_SECONDS = 3.0
#: More searches than the slow service may have in flight: some wait in the table the whole time.
LIMIT, SATURATING = 4, 40
CALLS = 30


class Site:
    """Two Recording Services behind two SOAP servers, each with a pump at work, as the lookups' worker has them."""

    def __init__(self, well_port: int, slow_port: int) -> None:
        self.source = CtiSource.objects.create(slug="pbx", kind="http")
        self.server = DataServer.objects.create(slug="ds")
        self.well, self.slow = self._service("well", well_port), self._service("slow", slow_port)
        self.serial = 0

    def _service(self, slug: str, port: int) -> RecordingService:
        return RecordingService.objects.create(
            slug=slug,
            data_server=self.server,
            url=f"http://127.0.0.1:{port}/{slug}",
            username="gateway",
            password="pass",
            lookup_interval_ms=50,
            timeout_seconds=2 * SLOW_SECONDS,
            max_in_flight=LIMIT,
        )

    def search(self, service: RecordingService, extension: str, window: float) -> RecordingSearch:
        """Begin a search at Connected, as the consumer does."""
        self.serial += 1
        connected = now()
        return RecordingSearch.objects.create(
            leg_id=leg_key(self.source.pk, self.serial),
            source=self.source,
            service=service,
            extension=extension,
            not_started_before=connected - timedelta(seconds=3),
            connected_at=connected,
            next_at=connected,
            deadline=connected + timedelta(seconds=window),
        )

    def saturate(self) -> None:
        """Let the slow service have as many questions in flight as it may, and many more waiting."""
        for _ in range(SATURATING):
            self.search(self.slow, "3001", 60)
        asked = RecordingSearch.objects.filter(service=self.slow, claimed_until__isnull=False)
        wait_until(lambda: asked.count() == LIMIT, "questions in flight at the slow service", 10)


def now() -> datetime:
    """Return the true clock: that of the servers."""
    return datetime.now(UTC)


def pump(service_id: int, stop: threading.Event) -> None:
    """Ask for a service's searches until asked to stop: a thread of the lookups' worker."""
    try:
        while not stop.is_set():
            look_up(service_id, now, qms_api.connect, seconds=1)
            stop.wait(0.01)
    finally:
        connection.close()


@contextmanager
def pumping(*services: RecordingService) -> Iterator[threading.Event]:
    """Have a pump at work for each service while the block runs; tell them to stop by the event."""
    stop = threading.Event()
    threads = [threading.Thread(target=partial(pump, one.pk, stop)) for one in services]
    for thread in threads:
        thread.start()
    try:
        yield stop
    finally:
        stop.set()
        for thread in threads:
            thread.join(4 * SLOW_SECONDS)
        assert not any(thread.is_alive() for thread in threads), "A pump did not stop."


def seconds_to_guid(site: Site, qms: SimulatedQms) -> list[float]:
    """Connect calls at the healthy service one after the other; return how long after Connected each GUID was there."""
    took = []
    for number in range(CALLS):
        extension = str(2001 + number)
        qms.connected(extension, now(), "well")
        search = site.search(site.well, extension, 10)
        wait_until(partial(is_over, search), f"the end of search {number}", 2 * SLOW_SECONDS)
        search.refresh_from_db()
        assert search.state == SearchState.FOUND
        assert search.first_asked_at is not None
        assert search.answered_at is not None
        took.append((search.answered_at - search.connected_at).total_seconds())
    return sorted(took)


def is_over(search: RecordingSearch) -> bool:
    """Say whether a search has ended."""
    return not RecordingSearch.objects.filter(pk=search.pk, state=SearchState.OPEN).exists()


@pytest.mark.parametrize("is_saturated", [False, True], ids=["the other idle", "the other saturated"])
def test_the_guids_of_a_healthy_service_come_as_soon_beside_one_that_takes_five_seconds(
    redis: Any, is_saturated: bool
) -> None:
    well, slow = (SimulatedQms([SimulatedService(slug=slug, data_server="ds")]) for slug in ("well", "slow"))
    well.set_users([SimulatedUser(extension=str(2001 + number)) for number in range(CALLS)])
    slow.troubles["slow"] = msgspec.structs.replace(slow.troubles["slow"], delay_ms=SLOW_SECONDS * 1000)
    with ExitStack() as running:
        pumps = ExitStack()
        running.push(pumps)  # Left last: when the servers are gone, no question is under way any more.
        ports = [
            running.enter_context(in_thread(SimulatedServer(one, Credentials("gateway", "pass")))).port
            for one in (well, slow)
        ]
        site = Site(*ports)
        stop = pumps.enter_context(pumping(site.well, site.slow))
        if is_saturated:
            site.saturate()

        took = seconds_to_guid(site, well)

        at_work = RecordingSearch.objects.filter(service=site.slow, claimed_until__isnull=False).count()
        stop.set()
    assert took[-1] < AT_MOST_SECONDS, f"Connected to GUID: {took}"
    assert at_work == (LIMIT if is_saturated else 0), "The slow service was not busy all the while."
