"""Flags are created once on each Data Server, and every answer is reported and kept."""

from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command

from flags.models import FlagOnServer, FlagSetting
from flags.provisioning.create import ServerFlagState, check_flags, create_flags
from qms.models import DataServer, RecordingService
from qms.port import FlagDefinition, QmsRejected, QmsUnclear
from simulators.qms.envelopes import Credentials
from simulators.qms.in_process import InProcessRecordingService
from simulators.qms.records import SimulatedService, Troubles
from simulators.qms.server import SimulatedServer, in_thread
from simulators.qms.site import SimulatedQms

pytestmark = pytest.mark.django_db


@pytest.fixture
def qms() -> SimulatedQms:
    return SimulatedQms(
        [SimulatedService(slug="north", data_server="main"), SimulatedService(slug="south", data_server="main")]
    )


@pytest.fixture
def main(qms: SimulatedQms) -> DataServer:
    server = DataServer.objects.create(slug="main")
    for slug in qms.services:
        RecordingService.objects.create(slug=slug, data_server=server, url="http://127.0.0.1:1/", timeout_seconds=0.5)
    return server


class Site:
    """Connect to the simulated QMS in this process."""

    def __init__(self, qms: SimulatedQms) -> None:
        self.qms = qms

    def __call__(self, service: RecordingService) -> InProcessRecordingService:
        return InProcessRecordingService(self.qms, service.slug, lambda: datetime.now(UTC))


def kept(server: DataServer) -> dict[str, str]:
    return dict(FlagOnServer.objects.filter(data_server=server).values_list("name", "state"))


def test_what_is_missing_is_created_with_its_length(qms: SimulatedQms, main: DataServer) -> None:
    FlagSetting.objects.filter(name="QueueName").update(max_length=64)

    creation = create_flags(main, Site(qms))

    assert creation.is_good
    assert {one.name: one.max_length for one in qms.flag_definitions("south")} == {
        "AgentId": 255,
        "AgentName": 255,
        "CallerName": 255,
        "CTICallRef": 255,
        "InteractionGuid": 255,
        "QueueName": 64,
    }
    assert set(kept(main).values()) == {"created"}


def test_creating_again_finds_what_exists(qms: SimulatedQms, main: DataServer) -> None:
    create_flags(main, Site(qms))

    assert {one.state for one in create_flags(main, Site(qms)).answers} == {ServerFlagState.EXISTS}
    assert set(kept(main).values()) == {"exists"}


def test_another_length_is_reported_and_left_as_it_is(qms: SimulatedQms, main: DataServer) -> None:
    qms.create_flag_definition("north", FlagDefinition("AgentId", 20))
    qms.create_flag_definition("north", FlagDefinition("AgentName", 999))
    qms.create_flag_definition("north", FlagDefinition("QueueName"))

    answers = {one.name: one for one in create_flags(main, Site(qms)).answers}

    assert answers["AgentId"].state is answers["AgentName"].state is ServerFlagState.DIFFERS
    assert "set the Flag's maximum length to 20" in answers["AgentId"].answer
    assert "cut sooner" in answers["AgentName"].answer
    assert answers["QueueName"].state is ServerFlagState.EXISTS


def test_a_service_that_is_down_leaves_it_to_the_next(qms: SimulatedQms, main: DataServer) -> None:
    qms.troubles["north"] = Troubles(down=True)

    assert create_flags(main, Site(qms)).is_good
    assert len(qms.flag_definitions("south")) == 6


def test_when_none_answers_the_reasons_are_reported_and_the_known_answers_stand(
    qms: SimulatedQms, main: DataServer
) -> None:
    create_flags(main, Site(qms))
    qms.troubles["north"] = qms.troubles["south"] = Troubles(down=True)

    creation = create_flags(main, Site(qms))

    assert not creation.is_good
    assert "north: The service is down." in creation.error
    assert "south: " in creation.error
    assert set(kept(main).values()) == {"created"}


def test_a_data_server_without_an_enabled_service_says_so(main: DataServer) -> None:
    RecordingService.objects.update(enabled=False)

    assert "no Recording Service that is enabled" in create_flags(main).error


class Refusing(InProcessRecordingService):
    """Answers the creation of each flag with its own trouble."""

    troubles: Iterator[Exception]

    def create_flag_definition(self, definition: FlagDefinition) -> FlagDefinition:
        raise next(self.troubles)


def test_each_flag_gets_its_own_answer(qms: SimulatedQms, main: DataServer) -> None:
    FlagSetting.objects.filter(order__gt=3).update(enabled=False)
    port = Refusing(qms, "north", lambda: datetime.now(UTC))
    port.troubles = iter(
        [QmsRejected("no", code="NotAuthorised"), QmsRejected("x", code="FlagAlreadyExists"), QmsUnclear("no answer.")]
    )

    creation = create_flags(main, lambda _: port)

    assert [one.state for one in creation.answers] == [
        ServerFlagState.REFUSED,
        ServerFlagState.EXISTS,
        ServerFlagState.MISSING,
    ]
    assert creation.answers[0].answer == "NotAuthorised: no"
    assert not creation.is_good


def test_a_check_creates_nothing(qms: SimulatedQms, main: DataServer) -> None:
    assert not check_flags(main, Site(qms)).is_good
    assert qms.flag_definitions("north") == []
    assert set(kept(main).values()) == {"missing"}


def test_the_command_creates_over_soap_and_says_every_answer(qms: SimulatedQms, main: DataServer) -> None:
    out = StringIO()
    with in_thread(SimulatedServer(qms, Credentials("gateway", "secret"))) as server:
        for service in main.services.all():
            service.url = f"http://127.0.0.1:{server.port}/{service.slug}"
            service.username, service.password = "gateway", "secret"
            service.save()
        call_command("create_flags", stdout=out)
        call_command("create_flags", "main", stdout=out)

    lines = out.getvalue().splitlines()
    assert lines[:2] == ["main: AgentId created", "main: AgentName created"]
    assert lines[6] == "main: AgentId exists"
    assert len(lines) == 12
    kept = LogEntry.objects.order_by("pk").first()
    assert kept is not None
    assert kept.user.get_username() == "command-line"
    assert kept.change_message.startswith("Created the Flags in QMS. created: AgentId, ")


def test_the_command_fails_when_a_data_server_is_not_reached(main: DataServer) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match="main"):
        call_command("create_flags", stdout=out)

    assert out.getvalue().startswith("main: not reached. north: ")


def test_the_command_knows_which_data_servers_there_are(main: DataServer) -> None:
    with pytest.raises(CommandError, match="Known: main"):
        call_command("create_flags", "other")
