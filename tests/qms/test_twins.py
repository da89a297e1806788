"""The contract, kept by each twin of the port."""

from collections.abc import Iterator

import pytest

from qms.port import RecordingServicePort
from qms.soap.service import ConnectionSettings, SoapRecordingService
from qms.soap.zeep_service import ZeepRecordingService
from simulators.qms.envelopes import Credentials
from simulators.qms.server import SimulatedServer, in_thread
from simulators.qms.site import SimulatedQms
from simulators.qms.twin import InProcessRecordingService
from tests.qms.contract import Clock, RecordingServiceContract
from vault.fields import Secret


class TestInProcess(RecordingServiceContract):
    """The simulated QMS, called directly."""

    @pytest.fixture
    def qms(self, clock: Clock) -> SimulatedQms:
        return SimulatedQms()

    @pytest.fixture
    def service(self, qms: SimulatedQms, clock: Clock) -> RecordingServicePort:
        return InProcessRecordingService(qms, "recording-service", clock)


class OverHttp(RecordingServiceContract):
    """The simulated QMS behind real SOAP over HTTP."""

    adapter: type[ZeepRecordingService]
    login = "username_token"

    @pytest.fixture
    def server(self, clock: Clock) -> Iterator[SimulatedServer]:
        with in_thread(SimulatedServer(SimulatedQms(), Credentials("gateway", "s3cret"), clock=clock)) as server:
            yield server

    @pytest.fixture
    def qms(self, server: SimulatedServer) -> SimulatedQms:
        return server.qms

    @pytest.fixture
    def service(self, server: SimulatedServer) -> Iterator[RecordingServicePort]:
        url = f"http://127.0.0.1:{server.port}/recording-service"
        service = self.adapter(
            ConnectionSettings(url=url, username="gateway", password=Secret("s3cret"), login=self.login)
        )
        yield service
        service.line.close()


class TestSoap(OverHttp):
    """The adapter as the gateway uses it."""

    adapter = SoapRecordingService


class TestSoapWithBasicLogin(OverHttp):
    """The adapter with HTTP Basic."""

    adapter = SoapRecordingService
    login = "basic"


class TestPlainZeep(OverHttp):
    """Every call by zeep: what the prepared calls are compared with."""

    adapter = ZeepRecordingService
