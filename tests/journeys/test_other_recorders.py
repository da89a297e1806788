"""From a foreign WSDL, or a folder, to the first flagged call: as the manual says, with its command alone."""

from collections.abc import Callable, Iterator
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client
from django.core.management import call_command

from agents.models import QmsUser, RefreshState, Trigger
from agents.users.refresh import begin_refresh, load
from flags.models import FlagWrite
from flags.provisioning.create import create_flags
from qms import api
from qms.files.adapter import FileAdapter
from qms.models import RecordingService
from qms.port import RecordingServicePort
from simulators.qms.files import SimulatedFileRecorder
from tests.journeys.stack import GatewayStack
from tests.qms.foreign_soap import Archive, JaxWsService, Misbehaviour, Operation, Person, WcfService
from tests.qms.foreign_soap.service import ForeignService

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
ALICE = Person(1, "alice", "Alice", "Archer", "2001", agent_id="9101")


class OtherStack(GatewayStack):
    """A gateway whose recorder is another; ``records`` begins a recording there."""

    records: Callable[[str, datetime], object]

    def connect(self, service: RecordingService) -> RecordingServicePort:
        """Connect as the product does."""
        return api.connect(service)

    def set_up(self, **settings: Any) -> None:
        """Enter the Recording Service, test it, load its users and create the flags."""
        RecordingService.objects.filter(pk=self.service.pk).update(**settings)
        self.service.refresh_from_db()
        QmsUser.objects.all().delete()
        steps = api.test_connection(self.service)
        assert all(step.ok for step in steps), [step for step in steps if not step.ok]
        assert load(begin_refresh(self.service.pk, Trigger.COMMAND).pk).state == RefreshState.DONE
        assert create_flags(self.service.data_server, api.connect).is_good

    def one_call(self, seconds: float = 1.1) -> None:
        """Take a queue's call at 2001, talk, hang up."""
        self.log_on("9101", "2001", "Alice Archer")
        self.call("Queued", "C1", "5000", queueName="Sales", callingNumber="+44", interactionId="I-1")
        self.call("Delivered", "C1", "2001")
        self.passes(2)
        self.records("2001", self.time)
        self.call("Established", "C1", "2001")
        self.passes(0.2)
        self.passes(20)
        self.hears(self.event("ConnectionCleared", callId="C1", deviceId="2001"))
        self.passes(seconds)


@pytest.fixture
def stack(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> OtherStack:
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return OtherStack()


@pytest.fixture(params=[WcfService, JaxWsService])
def server(request: pytest.FixtureRequest) -> Iterator[ForeignService]:
    with request.param(Archive([ALICE])) as server:
        yield server


def drafted(wsdl: str, folder: Path) -> str:
    """Draft the dialect and complete it: a licence's words, which Java's WSDL does not list, and the fault codes."""
    out, place = StringIO(), folder / "dialect.toml"
    call_command("dialect", wsdl, stdout=out)
    text = out.getvalue().replace('#FULL = "Unlimited"', 'FULL = "Unlimited"')
    codes = '[faults]\nTagExists = "FlagAlreadyExists"\nLABEL_EXISTS = "FlagAlreadyExists"\n#'
    place.write_text(text.replace("[faults]", codes, 1))
    return str(place)


def entered(stack: OtherStack, server: ForeignService, folder: Path) -> None:
    wsdl = server.wsdl  # type: ignore[attr-defined]
    stack.records = server.archive.record
    address = wsdl.partition("?")[0]
    stack.set_up(url=address, wsdl=wsdl, dialect=drafted(wsdl, folder), login="none")


def test_a_foreign_service_has_its_first_flagged_call(
    stack: OtherStack, server: ForeignService, tmp_path: Path
) -> None:
    entered(stack, server, tmp_path)
    stack.one_call()

    assert stack.outcomes() == [("2001", "flagged")]
    guid = FlagWrite.objects.get().recording_guid
    held = server.archive.flags(guid)
    assert (held["AgentId"], held["AgentName"], held["QueueName"]) == ("9101", "Alice Archer", "Sales")
    assert {server.archive.writes(guid, name) for name in held} == {1}


def test_an_exception_of_the_service_costs_no_flag_and_no_second_write(
    stack: OtherStack, server: ForeignService, tmp_path: Path
) -> None:
    """Whether it came before or after the write was carried out: it is read back until that is clear."""
    entered(stack, server, tmp_path)
    server.misbehaviours.set(Misbehaviour(crashes_late=True), Operation.WRITE_FLAGS, once=True)
    stack.one_call()
    for _ in range(10):
        stack.passes(15)

    assert stack.outcomes() == [("2001", "flagged")]
    guid = FlagWrite.objects.get().recording_guid
    assert {server.archive.writes(guid, name) for name in server.archive.flags(guid)} == {1}


def test_a_service_that_writes_nothing_and_says_0_is_never_called_flagged(
    stack: OtherStack, server: ForeignService, tmp_path: Path
) -> None:
    entered(stack, server, tmp_path)
    server.misbehaviours.set(Misbehaviour(writes_nothing=True), Operation.WRITE_FLAGS)
    stack.one_call()
    assert FlagWrite.objects.get().state == "unclear"
    server.misbehaviours.clear()
    for _ in range(12):
        stack.passes(15)

    assert stack.outcomes() == [("2001", "flagged")]


def test_a_folder_of_recordings_has_its_first_flagged_call(
    stack: OtherStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = SimulatedFileRecorder(tmp_path, stack.time.tzinfo)  # type: ignore[arg-type]
    stack.records = recorder.connected
    made = classmethod(lambda cls, config: cls(config, now=lambda: stack.time))
    monkeypatch.setattr(FileAdapter, "from_config", made)
    stack.set_up(kind="files", url="", options={"folder": str(tmp_path), "extensions": "2001-2009"})
    stack.one_call()

    assert stack.outcomes() == [("2001", "flagged")]
    (sidecar,) = tmp_path.glob("2026/03/02/*.flags.json")
    text = sidecar.read_text()
    assert '"AgentName": "Alice Archer"' in text
    assert '"QueueName": "Sales"' in text
