"""Three Recording Services on two Data Servers, users marked "Any", one service down: over real SOAP."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from agents.models import Allocation
from calls.search.worker import look_up
from devtools.servers import wait_until
from flags.delivery.worker import deliver
from flags.outbox.state_machine import SETTLE_SECONDS
from qms import api as qms_api
from qms.models import DataServer, RecordingService
from qms.port import FlagDefinition
from simulators.qms.envelopes import Credentials
from simulators.qms.records import SimulatedService
from simulators.qms.server import SimulatedServer, in_thread
from simulators.qms.site import SimulatedQms
from tests.journeys.stack import FLAGS, GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

PLACES = {"rs1": "ds1", "rs2": "ds1", "rs3": "ds2"}
RECORDED = {"2001": "rs1", "2002": "rs2", "2003": "rs3"}


class Campus(GatewayStack):
    """A gateway with three Recording Services behind SOAP; its clock is the true one, for so is that of the server."""

    def __init__(self, qms: SimulatedQms, port: int) -> None:
        super().__init__()
        self.qms = qms
        self.later = timedelta(0)  # How far the gateway's clock is moved on.
        self.users(*RECORDED)
        self.services = [self._service(slug, port) for slug in PLACES]

    def _service(self, slug: str, port: int) -> RecordingService:
        server, _ = DataServer.objects.get_or_create(slug=PLACES[slug])
        settings = {
            "data_server": server,
            "url": f"http://127.0.0.1:{port}/{slug}",
            "username": "gateway",
            "password": "pass",
            "lookup_interval_ms": 50,
            "guid_window_seconds": 3,
        }
        service, _ = RecordingService.objects.update_or_create(slug=slug, defaults=settings)
        Allocation.objects.get_or_create(source=self.source, service=service, defaults={"position": service.pk})
        return service

    def turn(self) -> None:
        """Do once all that is due at every service."""
        self.time = datetime.now(UTC)
        self.fold()
        for service in self.services:
            look_up(service.pk, self._true_now, qms_api.connect, seconds=0.02)
            deliver(service.pk, now=self._true_now, connect=qms_api.connect, seconds=0.2)

    def _true_now(self) -> datetime:
        return datetime.now(UTC) + self.later

    def until(self, **outcomes: str) -> None:
        """Work until the extensions' legs have these outcomes."""
        wanted = {name.removeprefix("x"): outcome for name, outcome in outcomes.items()}

        def is_so() -> bool:
            self.turn()
            reported = dict(self.outcomes())
            return all(reported.get(one) == outcome for one, outcome in wanted.items())

        wait_until(is_so, f"the outcomes {wanted}", 20)

    def talk(self, *extensions: str) -> None:
        """Connect each extension; the service that records there sees it."""
        self.time = datetime.now(UTC) - timedelta(milliseconds=1)
        for extension in extensions:
            self.call("Delivered", f"C{extension}", extension)
            self.qms.connected(extension, datetime.now(UTC), RECORDED[extension])
            self.call("Established", f"C{extension}", extension)

    def hang_up(self, *extensions: str) -> None:
        """Disconnect each extension."""
        self.time = datetime.now(UTC)
        for extension in extensions:
            self.qms.disconnected(extension, self.time, RECORDED[extension])
            self.call("ConnectionCleared", f"C{extension}", extension)

    def set_down(self, slug: str, *, down: bool) -> None:
        """Let a service drop every request, or serve again."""
        self.qms.troubles[slug] = msgspec.structs.replace(self.qms.troubles[slug], down=down)

    def until_found(self, count: int) -> None:
        """Work until this many legs know their recordings."""

        def is_so() -> bool:
            self.turn()
            return sum(bool(leg.recording_guid) for leg in self.legs()) == count

        wait_until(is_so, f"{count} recordings", 10)

    def flagged_at(self) -> dict[str, str]:
        """Tell which service holds the flagged recording of each extension."""
        return {one.extension: one.service for one in self.qms.recordings.values() if one.flags}


@pytest.fixture
def campus(redis: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Campus]:
    """Give a gateway with three Recording Services over SOAP and an empty journal."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.01)
    qms = SimulatedQms([SimulatedService(slug=slug, data_server=server) for slug, server in PLACES.items()])
    for slug in ("rs1", "rs3"):
        for name in FLAGS:
            qms.create_flag_definition(slug, FlagDefinition(name))
    with in_thread(SimulatedServer(qms, Credentials("gateway", "pass"))) as server:
        yield Campus(qms, server.port)


def test_each_leg_is_flagged_at_the_service_that_recorded_it(campus: Campus) -> None:
    campus.talk(*RECORDED)
    campus.until_found(3)
    campus.hang_up(*RECORDED)

    campus.until(x2001="flagged", x2002="flagged", x2003="flagged")

    assert campus.flagged_at() == RECORDED
    assert [one.writes for one in campus.qms.recordings.values()] == [1, 1, 1]


def test_a_service_that_is_down_holds_up_no_other_and_its_leg_says_why(campus: Campus) -> None:
    campus.set_down("rs3", down=True)
    campus.talk(*RECORDED)
    campus.until_found(2)
    campus.hang_up(*RECORDED)

    campus.until(x2001="flagged", x2002="flagged", x2003="window_missed")

    assert campus.flagged_at() == {"2001": "rs1", "2002": "rs2"}
    assert next(leg for leg in campus.legs() if leg.device_id == "2003").reason


def test_another_service_of_the_data_server_serves_the_users_of_one_that_is_down(campus: Campus) -> None:
    campus.set_down("rs1", down=True)
    campus.talk(*RECORDED)
    campus.until_found(3)
    campus.hang_up(*RECORDED)

    campus.until(x2001="flagged", x2002="flagged", x2003="flagged")

    assert campus.flagged_at() == RECORDED


def test_flags_wait_for_a_service_that_goes_down_during_the_call(campus: Campus) -> None:
    campus.talk(*RECORDED)
    campus.until_found(3)
    campus.set_down("rs3", down=True)
    campus.hang_up(*RECORDED)
    campus.until(x2001="flagged", x2002="flagged", x2003="waiting")

    campus.set_down("rs3", down=False)
    # An answer of 503 leaves open whether it wrote: it is read back for a while before it is sent again.
    campus.later = 2 * timedelta(seconds=SETTLE_SECONDS)
    campus.until(x2003="flagged")

    assert campus.flagged_at() == RECORDED
