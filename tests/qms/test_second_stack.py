"""The contract, kept over another WSDL, through a dialect, with an independent SOAP stack (Node's ``soap``)."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from qms.port import Flag, Licence, QmsLoginFailed, RecordingServicePort
from qms.soap.contract import SoapContract
from qms.soap.service import ConnectionSettings, SoapRecordingService
from simulators.qms.records import ANY, SimulatedUser
from tests.qms.contract import Clock, RecordingServiceContract
from vault.fields import Secret

STACK = Path(__file__).parent / "second_stack"
PLANS = {Licence.UNLIMITED: "FULL", Licence.ON_DEMAND: "MANUAL", Licence.NONE: "OFF"}
pytestmark = pytest.mark.slow


class Begun(msgspec.Struct):
    """A recording that the other side began."""

    guid: str


class SecondQms:
    """The other side, moved by hand through its door; it stands where the contract expects a ``SimulatedQms``."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/capture"
        self._door = f"http://127.0.0.1:{port}/door"

    def ask(self, method: str, **fields: Any) -> Any:
        """Use the door."""
        answer = requests.post(self._door, json={"method": method} | fields, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def set_users(self, users: Iterable[SimulatedUser]) -> None:
        """Give it users; it lists only those of this service, as QMS does."""
        self.ask("users", operators=[_operator(user) for user in users if user.recording_service in (ANY, "127.0.0.1")])

    def connected(self, extension: str, now: datetime) -> Begun:
        """Begin a recording."""
        return Begun(self.ask("connected", line=extension, at=now.isoformat())["guid"])

    def disconnected(self, extension: str, now: datetime) -> None:
        """End a recording."""
        self.ask("disconnected", line=extension, at=now.isoformat())


class ToldClock(Clock):
    """A clock that the other side follows."""

    def __init__(self, qms: SecondQms) -> None:
        super().__init__()
        self._qms = qms
        self.pass_seconds(0)

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass on both sides."""
        super().pass_seconds(seconds)
        self._qms.ask("clock", now=self.now.isoformat())


def _operator(user: SimulatedUser) -> dict[str, str]:
    told = {
        "id": user.user_id,
        "login": user.user_name,
        "given": user.first_name,
        "family": user.last_name,
        "line": user.extension,
        "badge": user.agent_id,
        "team": user.department_name,
        "node": "" if user.recording_service == ANY else user.recording_service,
        "enabled": "Y" if user.active else "N",
        "plan": PLANS[user.licence],
    }
    optional = ("badge", "team", "node")
    return {name: value for name, value in told.items() if value or name not in optional}


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecondQms]:
    """Install and start the second stack once for all tests of this module."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        reason = "Node and npm are not installed; the second SOAP stack needs them (Debian: apt-get install npm)."
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("second") / "stack"
    shutil.copytree(STACK, folder)
    subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"], cwd=folder, check=True, timeout=180
    )
    server = subprocess.Popen([node, "server.js"], cwd=folder, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield SecondQms(int(server.stdout.readline().split()[-1]))
    finally:
        server.terminate()
        server.wait(10)
        server.stdout.close()


def connection(second: SecondQms, password: str = "s3cret") -> ConnectionSettings:
    return ConnectionSettings(
        url=second.url,
        username="gateway",
        password=Secret(password),
        wsdl=str(STACK / "capture.wsdl"),
        dialect=str(STACK / "capture.toml"),
    )


class TestSecondStack(RecordingServiceContract):
    """A recording system of other names."""

    @pytest.fixture
    def clock(self, second: SecondQms) -> Clock:
        second.ask("reset")
        return ToldClock(second)

    @pytest.fixture
    def qms(self, second: SecondQms, clock: Clock) -> SecondQms:
        return second

    @pytest.fixture
    def service(self, second: SecondQms, clock: Clock) -> Iterator[RecordingServicePort]:
        service = SoapRecordingService(connection(second))
        yield service
        service.line.close()

    def test_a_wrong_password_is_refused(self, second: SecondQms) -> None:
        with pytest.raises(QmsLoginFailed):
            SoapRecordingService(connection(second, "wrong")).service_info()

    def test_the_envelopes_carry_their_names_and_what_they_want_besides(self, second: SecondQms) -> None:
        contract = SoapContract(connection(second))

        search = contract.envelope("FindLiveRecording", {"extension": "2001"})
        write = contract.envelope("WriteFlags", {"recordingGuid": "G", "flag": [{"name": "A", "value": "b"}]})

        assert b"<site>HQ</site><line>2001</line>" in search
        assert b"<labels><label><key>A</key><text>b</text></label></labels>" in write

    def test_markup_in_a_value_arrives_as_it_is(self, service: SoapRecordingService, guid: str) -> None:
        written = service.write_flags(guid, [Flag("AgentId", "a<&>b")])

        assert written == 1
        assert service.flags(guid) == [Flag("AgentId", "a<&>b")]
