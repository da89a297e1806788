"""The contract, kept by each twin of the port."""

from collections.abc import Iterator

import pytest

from qms.port import RecordingServicePort
from qms.simulated.envelopes import Credentials
from qms.simulated.server import SimulatedServer, in_thread
from qms.simulated.site import SimulatedQms
from qms.simulated.twin import InProcessRecordingService
from qms.soap import Connection, SoapRecordingService
from qms.soap_plain import ZeepRecordingService
from qms.tests.contract import Clock, RecordingServiceContract
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
        service = self.adapter(Connection(url=url, username="gateway", password=Secret("s3cret"), login=self.login))
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
