"""A canary call over AMI: a simulated Asterisk, the real session over TCP, the journal, and QMS, through all steps."""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest
import redis as redis_client

from calls.models import Leg
from cti.api import Arrival, append_unique
from cti.events import ConnectionCleared, Established, Event, SnapshotEnded, encode
from cti.journal.call_requests import CallReport, report_call, take_call_wishes
from cti.models import LinkState, LinkStatus
from cti.sources.asterisk_ami.session import AmiSession
from cti.sources.port import CallNotMade, DeviceClass, MonitorRefusal, Quarantined, SourceConfig, Stamp
from devtools.servers import wait_until
from gateway_site.canary.steps import CanaryStep, CanaryVerdict
from simulators.asterisk.calls import Site
from simulators.asterisk.server import AsteriskServer
from tests.journeys.canaries import TEST_PHONE, CanaryStack, verdicts

pytestmark = pytest.mark.django_db


class AsteriskStack(CanaryStack):
    """A gateway with a link to a simulated Asterisk; the test stands for the listener's process."""

    def __init__(self, site: Site) -> None:
        super().__init__(kind="asterisk_ami", canary_way="originate", canary_destination="*43")
        LinkStatus.objects.create(source=self.source, state=LinkState.UP)
        self.site, self.waiting = site, deque[Event]()
        self.server = AsteriskServer(site, self.tapped, lambda: self.time)
        self.is_up = threading.Event()
        self._serials = iter(range(10_000))

    def tapped(self, extension: str, state: str) -> None:
        """Let the recorder see a conversation begin or end."""
        (self.qms.connected if state == "connected" else self.qms.disconnected)(extension, self.time)

    async def follow_link(self) -> None:
        """Serve and follow until the test is over."""
        self.loop, self.over = asyncio.get_running_loop(), asyncio.Event()
        async with self.server.listening():
            options = {"make_calls": True, "full_boot_seconds": 0.2, "preset": "freepbx"}
            port = self.server.port
            config = SourceConfig(slug="pbx", kind="asterisk_ami", host="127.0.0.1", port=port, options=options)
            self.session = AmiSession(config, Stamp("pbx", "1"), lambda: self.time)
            running = asyncio.create_task(self.session.run(self))
            await self.over.wait()
            running.cancel()
            await asyncio.wait({running})

    def works(self) -> None:
        """Let the listener work, too: a call is made, and its events are heard."""
        for wish in take_call_wishes(self.source.slug):
            if wish.act == "end":
                self._end(wish.request.key)
            else:
                self._make(wish.request)
        self._hear()
        super().works()

    def _make(self, request: Any) -> None:
        try:
            call = self._done(asyncio.run_coroutine_threadsafe(self.session.make_call(request), self.loop))
            report_call(self.source.slug, request.key, CallReport(call_id=call))
            self._until(Established)
        except CallNotMade as error:
            report_call(self.source.slug, request.key, CallReport(text=str(error), todo=error.todo))

    def _end(self, key: str) -> None:
        is_connected = bool(self.server.calls.channels)
        self._done(asyncio.run_coroutine_threadsafe(self.session.end_call(key), self.loop))
        if is_connected:
            self._until(ConnectionCleared)

    def _until(self, kind: type[Event]) -> None:
        wait_until(lambda: any(isinstance(one, kind) for one in list(self.waiting)), kind.__name__)

    def _done(self, future: "Future[Any]") -> Any:
        return future.result(10)

    def _hear(self) -> None:
        while self.waiting:
            append_unique(self.source.slug, [Arrival(f"a{next(self._serials)}", encode(self.waiting.popleft()))])

    # -- the outlet ------------------------------------------------------------------------------------------------

    async def linked(self) -> None:
        """Nothing to note."""

    async def accept(self, events: Sequence[Event]) -> None:
        """Keep events until the test lets the listener work."""
        self.waiting.extend(events)
        if any(isinstance(one, SnapshotEnded) for one in events):
            self.is_up.set()

    async def pace(self, size: int) -> None:
        """Hold nothing up."""

    async def quarantine(self, message: Quarantined) -> None:
        """Never called: every message can be read."""
        raise AssertionError(message)

    async def refused(self, device: str, refusal: MonitorRefusal | None) -> None:
        """Never called."""
        raise AssertionError(device)

    async def devices(self, seen: Sequence[DeviceClass]) -> None:
        """Nothing to note."""

    async def lacks(self, lack: MonitorRefusal) -> None:
        """Never called: the user has every right to hear."""
        raise AssertionError(lack)


@pytest.fixture
def site() -> Site:
    """Return a site whose phones answer at once."""
    return Site(ring_seconds=0.01, number_seconds=0.01)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch, site: Site) -> Iterator[AsteriskStack]:
    """Give a gateway with a link that is up."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    stack = AsteriskStack(site)
    thread = threading.Thread(target=asyncio.run, args=(stack.follow_link(),), daemon=True)
    thread.start()
    assert stack.is_up.wait(10)
    yield stack
    stack.loop.call_soon_threadsafe(stack.over.set)
    thread.join(10)
    assert not thread.is_alive()


def test_a_call_that_an_asterisk_makes_proves_the_whole_chain(gateway: AsteriskStack) -> None:
    call = gateway.follow()

    assert list(verdicts(call)) == list(CanaryStep)
    assert set(verdicts(call).values()) == {CanaryVerdict.PASSED}
    (leg,) = Leg.objects.all()
    assert (leg.is_canary, leg.outcome, leg.call_id) == (True, "flagged", call.call_id)
    (flags,) = gateway.flags(TEST_PHONE)
    assert flags["CTICallRef"] == call.call_id
    assert flags["QueueName"] == flags["CallerName"] == "Canary test call"
    assert gateway.server.calls.channels == []


def test_a_user_without_the_right_makes_it_red_and_the_page_says_which_line_gives_it(
    gateway: AsteriskStack, site: Site
) -> None:
    site.may_originate = False
    call = gateway.follow()

    assert call.is_red
    assert call.ends[-1].text.endswith("its user for the gateway may not make calls (Permission denied).")
    assert "write = system,call,agent,reporting,originate" in call.ends[-1].todo
    assert not Leg.objects.exists()
