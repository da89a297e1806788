"""From a row to an adapter: settings, passwords, threads, forks, TLS."""

import os
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from qms import api
from qms.connections import connection_of
from qms.models import DataServer, RecordingService
from qms.port import QmsUnavailable
from qms.soap.adapter import SoapAdapter
from qms.soap.http import HttpConnection
from simulators.qms.envelopes import Credentials
from simulators.qms.people import person
from simulators.qms.server import SimulatedServer, in_thread
from simulators.qms.site import SimulatedQms
from tests.qms.scripted import ENVELOPE, NS, answering, http, serving
from vault.fields import Secret


@pytest.fixture
def server() -> Iterator[SimulatedServer]:
    qms = SimulatedQms()
    qms.set_users([person(index) for index in range(30)])
    with in_thread(SimulatedServer(qms, Credentials("gateway", "s3cret"))) as server:
        yield server


def service_at(url: str, **changes: object) -> RecordingService:
    row = RecordingService(pk=1, slug="s", data_server=DataServer(slug="d"), url=url, username="gateway")
    row.password = Secret("s3cret")
    for name, value in changes.items():
        setattr(row, name, value)
    return row


@pytest.fixture
def service(server: SimulatedServer) -> RecordingService:
    return service_at(f"http://127.0.0.1:{server.port}/recording-service")


def test_the_password_comes_from_the_row_the_environment_or_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    row = service_at("http://127.0.0.1/")
    assert connection_of(row).password.reveal() == "s3cret"

    row.password_env = "QMS_LOGIN_OF_S"
    (tmp_path / "password").write_text("from a file\n")
    monkeypatch.setenv("QMS_LOGIN_OF_S_FILE", str(tmp_path / "password"))
    assert connection_of(row).password.reveal() == "from a file"

    monkeypatch.setenv("QMS_LOGIN_OF_S", "from the environment")
    assert connection_of(row).password.reveal() == "from the environment"


def test_a_password_that_cannot_be_had_is_said_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    row = service_at("http://127.0.0.1/", password_env="QMS_LOGIN_OF_NOBODY")

    with pytest.raises(QmsUnavailable, match="QMS_LOGIN_OF_NOBODY"):
        api.connect(row)

    monkeypatch.setenv("QMS_LOGIN_OF_NOBODY_FILE", "/no/such/file")
    with pytest.raises(QmsUnavailable, match="cannot be read"):
        api.connect(row)


def test_the_adapter_is_kept_until_the_settings_change(service: RecordingService) -> None:
    first = api.connect(service)
    assert api.connect(service) is first

    service.timeout_seconds = 1
    assert api.connect(service) is not first


def test_each_thread_has_its_own_connection(service: RecordingService, server: SimulatedServer) -> None:
    port = api.connect(service)
    assert isinstance(port, SoapAdapter)
    port.service_info()
    gate = threading.Barrier(4)
    answers: list[str] = []
    wires: list[HttpConnection] = []

    def ask() -> None:
        wires.append(port.line._open_connection())
        gate.wait(10)
        for index in range(30):
            extension = str(2001 + index)
            found = port.find_live_recording(extension)
            answers.append("" if found and found.extension == extension else extension)
        port.line.close()

    for index in range(30):
        server.qms.connected(str(2001 + index), datetime.now(UTC))
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert answers == [""] * 120
    assert len({id(wire) for wire in wires}) == 4


def test_a_forked_child_never_reads_its_parents_answers(service: RecordingService) -> None:
    """A connection shared by two processes gives one the answers of the other: a GUID on the wrong call."""
    port = api.connect(service)
    port.service_info()
    child = os.fork()
    if child == 0:
        fine = api.connect(service) is not port and len(list(port.users())) == 30 and port.service_info() is not None
        os._exit(0 if fine else 1)
    parents = [port.service_info().data_server for _ in range(20)]
    _, status = os.waitpid(child, 0)

    assert parents == ["data-server"] * 20
    assert os.waitstatus_to_exitcode(status) == 0


def test_the_steps_of_a_connection_that_works(service: RecordingService) -> None:
    steps = api.test_connection(service)

    assert [(step.name, step.ok, step.advice) for step in steps] == [
        (name, True, "") for name in ("Reach", "TLS", "WSDL", "Login", "Users", "Flag definitions")
    ]
    assert "30 users." in steps[4].found
    assert "travel readable" in steps[1].found


def test_the_step_that_fails_says_what_to_do_and_the_rest_is_not_tried(service: RecordingService) -> None:
    service.password = Secret("wrong")

    steps = api.test_connection(service)

    assert [step.name for step in steps if step.tried] == ["Reach", "TLS", "WSDL", "Login"]
    assert "password" in steps[3].advice
    assert not any(step.ok for step in steps[3:])
    assert "wrong" not in repr(steps)


def test_a_service_that_is_not_reached_fails_at_the_first_step() -> None:
    steps = api.test_connection(service_at("http://127.0.0.1:1/"))

    assert [step.tried for step in steps] == [True, False, False, False, False, False]
    assert "refused" in steps[0].found


def test_settings_that_cannot_be_used_are_a_step_of_their_own() -> None:
    steps = api.test_connection(service_at("http://127.0.0.1:1/", password_env="QMS_LOGIN_OF_NOBODY"))

    assert steps[0].name == "Settings"
    assert len(steps) == 7


def test_the_clock_of_the_service_is_seen_in_its_answers() -> None:
    answer = ENVELOPE.format(f"<FindLiveRecordingResponse {NS}/>")
    ahead = datetime.now(UTC) + timedelta(minutes=5)
    date = ahead.strftime("Date: %a, %d %b %Y %H:%M:%S GMT")

    with serving(answering(http(answer, "200 OK", date))) as url:
        port = api.connect(service_at(url))
        port.find_live_recording("2001")

    assert port.clock_offset_seconds == pytest.approx(300, abs=2)


def certificate(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 that signs itself, key and all in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulated")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def test_tls_is_trusted_by_the_ca_file_and_only_by_it(tmp_path: Path) -> None:
    file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    answer = answering(http(ENVELOPE.format(f"<FindLiveRecordingResponse {NS}/>")))

    with serving(lambda plain: answer(context.wrap_socket(plain, server_side=True))) as url:
        secure = url.replace("http:", "https:")
        other_name = secure.replace("127.0.0.1", "localhost")
        assert api.connect(service_at(secure, ca_file=str(file))).find_live_recording("2001") is None

        with pytest.raises(QmsUnavailable, match="not trusted"):
            api.connect(service_at(secure)).find_live_recording("2001")
        with pytest.raises(QmsUnavailable):
            api.connect(service_at(secure, ca_file=str(tmp_path / "none.pem"))).find_live_recording("2001")
        with pytest.raises(QmsUnavailable, match="not trusted"):
            api.connect(service_at(other_name, ca_file=str(file))).find_live_recording("2001")
