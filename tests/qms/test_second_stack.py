"""The contract, kept over another WSDL, through a dialect, with an independent SOAP stack (Node's ``soap``)."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from devtools.recorder_contract import NOON, RecorderContract, UserSetter
from qms.adapters import ConnectionConfig
from qms.port import Flag, Licence, ListedUser, QmsLoginFailed
from qms.soap.adapter import SoapAdapter, settings_of
from qms.soap.contract import SoapContract
from simulators.qms.people import person
from simulators.qms.records import ANY
from vault.fields import Secret

STACK = Path(__file__).parent / "second_stack"
PLANS = {Licence.UNLIMITED: "FULL", Licence.ON_DEMAND: "MANUAL", Licence.NONE: "OFF"}
pytestmark = pytest.mark.slow


class SecondQms:
    """The other side, moved by hand through its door."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/capture"
        self._door = f"http://127.0.0.1:{port}/door"
        self.now = NOON

    def ask(self, method: str, **fields: Any) -> Any:
        """Use the door."""
        answer = requests.post(self._door, json={"method": method} | fields, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def begin_again(self) -> None:
        """Forget what the test before left, and have two users."""
        self.ask("reset")
        self.set_now(NOON)
        self.set_users([person(0).as_user(), person(1).as_user()])

    def set_users(self, users: Sequence[ListedUser]) -> None:
        """Give it users; it lists only those of this service, as QMS does."""
        self.ask("users", operators=[_operator(user) for user in users if user.recording_service in (ANY, "127.0.0.1")])

    def set_now(self, now: datetime) -> None:
        """Take a time as now."""
        self.now = now
        self.ask("clock", now=now.isoformat())

    def begins(self, extension: str) -> None:
        """Begin a recording."""
        self.ask("connected", line=extension, at=self.now.isoformat())

    def ends(self, extension: str) -> None:
        """End a recording."""
        self.ask("disconnected", line=extension, at=self.now.isoformat())


def _operator(user: ListedUser) -> dict[str, str]:
    reported = {
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
    return {name: value for name, value in reported.items() if value or name not in optional}


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


def connection(second: SecondQms, password: str = "s3cret") -> ConnectionConfig:
    return ConnectionConfig(
        slug="capture",
        url=second.url,
        username="gateway",
        password=Secret(password),
        login="username_token",
        wsdl=str(STACK / "capture.wsdl"),
        dialect=str(STACK / "capture.toml"),
    )


class TestSecondStack(RecorderContract):
    """A recording system of other names."""

    window = timedelta(seconds=10)
    other_service = "10.0.0.9"

    @pytest.fixture
    def side(self, second: SecondQms) -> SecondQms:
        second.begin_again()
        return second

    @pytest.fixture
    def set_users(self, side: SecondQms) -> UserSetter:
        return side.set_users

    @pytest.fixture
    def config(self, side: SecondQms) -> ConnectionConfig:
        return connection(side)

    @pytest.fixture
    def away(self, config: ConnectionConfig) -> ConnectionConfig:
        return msgspec.structs.replace(config, url="http://127.0.0.1:1/", timeout_seconds=1)

    @pytest.fixture
    def service(self, config: ConnectionConfig) -> Iterator[SoapAdapter]:
        service = SoapAdapter.from_config(config)
        yield service
        service.close()

    def test_a_wrong_password_is_refused(self, second: SecondQms) -> None:
        with pytest.raises(QmsLoginFailed):
            SoapAdapter.from_config(connection(second, "wrong")).service_info()

    def test_the_envelopes_carry_their_names_and_what_they_want_besides(self, second: SecondQms) -> None:
        contract = SoapContract(settings_of(connection(second)))

        search = contract.envelope("FindLiveRecording", {"extension": "2001"})
        write = contract.envelope("WriteFlags", {"recordingGuid": "G", "flag": [{"name": "A", "value": "b"}]})

        assert b"<site>HQ</site><line>2001</line>" in search
        assert b"<labels><label><key>A</key><text>b</text></label></labels>" in write

    def test_markup_in_a_value_arrives_as_it_is(self, service: SoapAdapter, guid: str) -> None:
        written = service.write_flags(guid, [Flag("AgentId", "a<&>b")])

        assert written == 1
        assert service.flags(guid) == [Flag("AgentId", "a<&>b")]
