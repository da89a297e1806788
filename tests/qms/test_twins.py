"""The contract, kept by the simulated QMS and by the adapter that reaches it: over two servers that share no code."""

from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

import pytest

from devtools.recorder_contract import PortContract, RecorderContract, UserSetter
from qms.adapters import ConnectionConfig
from qms.port import RecordingServicePort
from qms.soap.adapter import SoapAdapter, settings_of
from qms.soap.zeep_service import ZeepRecordingService
from simulators.qms.envelopes import Credentials
from simulators.qms.in_process import InProcessRecordingService
from simulators.qms.server import SimulatedServer, in_thread
from simulators.qms.site import SimulatedQms
from tests.qms.simulated import SimulatedSide
from tests.qms.zeep_server import ZeepServer, serving
from vault.fields import Secret


class Simulated(PortContract):
    """What holds for the simulated QMS, however it is reached."""

    window = timedelta(seconds=10)
    other_service = "10.0.0.9"

    @pytest.fixture
    def side(self) -> SimulatedSide:
        return SimulatedSide(SimulatedQms())

    @pytest.fixture
    def set_users(self, side: SimulatedSide) -> UserSetter:
        return side.set_users


class TestInProcess(Simulated):
    """The simulated QMS, called directly."""

    @pytest.fixture
    def service(self, side: SimulatedSide) -> RecordingServicePort:
        return InProcessRecordingService(side.qms, "recording-service", side)


class OverHttp(Simulated):
    """The simulated QMS behind real SOAP over HTTP."""

    login: ClassVar[str] = "username_token"

    @pytest.fixture
    def url(self, side: SimulatedSide) -> Iterator[str]:
        with in_thread(SimulatedServer(side.qms, Credentials("gateway", "s3cret"), clock=side)) as server:
            yield f"http://127.0.0.1:{server.port}/recording-service"

    @pytest.fixture
    def config(self, url: str) -> ConnectionConfig:
        return ConnectionConfig(slug="s", url=url, username="gateway", password=Secret("s3cret"), login=self.login)


class TestPlainZeep(OverHttp):
    """Every call by zeep: what the prepared calls are compared with."""

    @pytest.fixture
    def service(self, config: ConnectionConfig) -> Iterator[RecordingServicePort]:
        made = ZeepRecordingService(settings_of(config))
        yield made
        made.line.close()


class TestSoap(OverHttp, RecorderContract):
    """The adapter as the gateway uses it."""

    @pytest.fixture
    def service(self, config: ConnectionConfig) -> Iterator[SoapAdapter]:
        made = SoapAdapter.from_config(config)
        yield made
        made.close()

    @pytest.fixture
    def away(self) -> ConnectionConfig:
        return ConnectionConfig(slug="s", url="http://127.0.0.1:1/", login="none", timeout_seconds=1)


class TestSoapWithBasicLogin(TestSoap):
    """The adapter with HTTP Basic."""

    login = "basic"


class TestSoapAtAServerOfZeeps(TestSoap):
    """zeep reads what the adapter sends, strictly, and writes what it is answered."""

    @pytest.fixture
    def url(self, side: SimulatedSide) -> Iterator[str]:
        behind = InProcessRecordingService(side.qms, "recording-service", side)
        double = ZeepServer(behind, "gateway", "s3cret")
        with serving(double) as url:
            yield url
        assert double.unreadable == []
