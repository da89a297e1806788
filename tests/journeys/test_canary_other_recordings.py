"""What a canary call caused, or may have caused, at its test extension is in no comparison with QMS."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import msgspec
import pytest
import redis as redis_client

from agents.models import Allocation, QmsUser
from calls.models import Leg
from gateway_site.canary.models import CanaryCall
from gateway_site.canary.steps import CanaryStep
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.runs import ask, steps
from qms.models import RecordingService
from qms.port import FlagDefinition
from simulators.qms.records import SimulatedService, SimulatedUser
from simulators.qms.site import SimulatedQms
from tests.journeys.canaries import TEST_PHONE, CanaryStack, RealCanaryStack, red
from tests.journeys.stack import FLAGS

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture(autouse=True)
def quick(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)


class TwoRecorders(RealCanaryStack):
    """A test phone that two Recording Services record: QMS has its user marked "Any" at both."""

    def __init__(self) -> None:
        super().__init__()
        self.qms = SimulatedQms([SimulatedService(slug=one, data_server="ds1") for one in ("rs1", "rs2")])
        self.qms.set_users([SimulatedUser(extension=one) for one in ("2001", "2002", TEST_PHONE)])
        for name in FLAGS:
            self.qms.create_flag_definition("rs1", FlagDefinition(name))
        server, address = self.service.data_server, "http://127.0.0.1:9/"
        self.second = RecordingService.objects.create(slug="rs2", data_server=server, url=address)
        Allocation.objects.create(source=self.source, service=self.second, position=1)
        user = {"user_id": TEST_PHONE, "licence": "Unlimited", "extension": TEST_PHONE, "recording_service": "Any"}
        QmsUser.objects.create(service=self.second, loaded_at=self.time, **user)

    def pick_up(self, call_id: str, *, is_canary: bool = False) -> None:
        self.qms.connected(TEST_PHONE, self.time, "rs2")
        super().pick_up(call_id, is_canary=is_canary)

    def hang_up(self, call_id: str, *, is_canary: bool = False) -> None:
        self.qms.disconnected(TEST_PHONE, self.time, "rs2")
        super().hang_up(call_id, is_canary=is_canary)


def unflagged_at(gateway: CanaryStack, services: Sequence[RecordingService]) -> list[tuple[str, datetime]]:
    """Compare the services; return the test extension's recordings without flags, by service and time."""
    later = gateway.begin + timedelta(days=2)
    for service in services:
        run = ask(service, gateway.begin - timedelta(hours=1), gateway.begin + timedelta(hours=3), "Ada", later)
        for _ in steps(run, lambda: later, gateway.connect):
            pass
        assert run.error == ""
    found = ReconciliationFinding.objects.filter(withdrawn_at=None, extension=TEST_PHONE)
    return [(one.service.slug, one.began_at) for one in found.order_by("began_at")]


def test_the_recording_of_a_second_recorder_is_the_canarys_too() -> None:
    gateway = TwoRecorders()
    services = [gateway.service, gateway.second]
    assert not gateway.follow().is_red
    assert len(gateway.qms.recordings) == 2
    assert unflagged_at(gateway, services) == []

    CanaryCall.objects.all().delete()  # They are kept for 30 days, their legs for longer.
    gateway.time += timedelta(minutes=30)
    at, _ = gateway.time, gateway.qms.connected(TEST_PHONE, gateway.time, "rs2")
    assert unflagged_at(gateway, services) == [("rs2", at)], "somebody used the test phone"


@contextmanager
def recorder_without_answers(gateway: CanaryStack) -> Iterator[str]:
    """Begin and end recordings as asked, and answer that it failed."""

    class Recorder(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
            act = gateway.qms.connected if asked["state"] == "connected" else gateway.qms.disconnected
            act(asked["extension"], gateway.time)
            self.send_response(500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Recorder) as server:
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_recording_whose_begin_was_not_answered_is_the_canarys() -> None:
    gateway = CanaryStack()
    with recorder_without_answers(gateway) as address:
        gateway.set(canary_recorder_api=address)
        assert red(gateway.follow())[0] is CanaryStep.CALL
    assert len(gateway.qms.recordings) == 1
    assert unflagged_at(gateway, [gateway.service]) == []

    gateway.time += timedelta(minutes=30)
    at, _ = gateway.time, gateway.qms.connected(TEST_PHONE, gateway.time)
    assert unflagged_at(gateway, [gateway.service]) == [("rs1", at)], "somebody used the test phone"


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:9"])
def test_a_recorder_whose_address_was_changed_since_was_asked_all_the_same(address: str) -> None:
    """It was slow, and the site takes it out: before, the next comparison found what it had recorded."""
    gateway = CanaryStack()
    with recorder_without_answers(gateway) as recorder:
        gateway.set(canary_recorder_api=recorder)
        assert red(gateway.follow())[0] is CanaryStep.CALL
    gateway.set(canary_recorder_api=address)

    assert unflagged_at(gateway, [gateway.service]) == []


def test_a_recorder_that_was_entered_since_was_not_asked() -> None:
    """Somebody used the test phone then, and no event of that came."""
    gateway = CanaryStack()
    gateway.follow()
    at, _ = gateway.time, gateway.qms.connected(TEST_PHONE, gateway.time)
    CanaryCall.objects.update(recording_guid="", made_at=at)
    gateway.set(canary_recorder_api="http://127.0.0.1:9")
    Leg.objects.all().delete()

    assert unflagged_at(gateway, [gateway.service]) == [("rs1", at)]


def test_a_second_recorder_that_was_taken_from_the_source_since_recorded_it_all_the_same() -> None:
    gateway = TwoRecorders()
    assert not gateway.follow().is_red
    Allocation.objects.filter(service=gateway.second).delete()

    assert unflagged_at(gateway, [gateway.service, gateway.second]) == []


def test_a_second_recorder_that_was_given_to_the_source_since_did_not_record_it() -> None:
    gateway = TwoRecorders()
    Allocation.objects.filter(service=gateway.second).delete()
    assert not gateway.follow().is_red
    Leg.objects.all().delete()
    Allocation.objects.create(source=gateway.source, service=gateway.second, position=1)

    assert [slug for slug, _ in unflagged_at(gateway, [gateway.second])] == ["rs2"]


def test_a_call_that_an_earlier_release_made_is_judged_by_todays_settings() -> None:
    gateway = TwoRecorders()
    assert not gateway.follow().is_red
    CanaryCall.objects.update(may_be_recorded=None, services=[])

    assert unflagged_at(gateway, [gateway.service, gateway.second]) == []
