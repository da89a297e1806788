"""A service that asks for a client certificate, over real TLS of both versions."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from qms.adapters import ConnectionConfig
from qms.port import Flag, QmsError, QmsUnavailable
from qms.soap.adapter import SoapAdapter
from tests.qms.scripted import ENVELOPE, NS, answering, http, serving
from tests.qms.test_connections import certificate

GUID = "3f2b8c1e-0000-4a11-9d21-00000000aa01"
WRITTEN = http(ENVELOPE.format(f"<WriteFlagsResponse {NS}><written>1</written></WriteFlagsResponse>"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make the files of the server, of the gateway, and of a stranger; each file signs itself."""
    for name in ("server", "gateway", "stranger"):
        (tmp_path / name).mkdir()
        certificate(tmp_path / name).rename(tmp_path / f"{name}.pem")
    return tmp_path


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def url(folder: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.load_verify_locations(folder / "gateway.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = context.maximum_version = request.param
    answer = answering(WRITTEN, WRITTEN)
    with serving(lambda plain: answer(context.wrap_socket(plain, server_side=True))) as plain_url:
        yield plain_url.replace("http:", "https:")


def adapter(url: str, folder: Path, shown: str) -> SoapAdapter:
    options = (("client_certificate", str(folder / shown)),) if shown else ()
    ca_file = str(folder / "server.pem")
    return SoapAdapter.from_config(
        ConnectionConfig(slug="s", url=url, login="none", ca_file=ca_file, timeout_seconds=3, options=options)
    )


def _locked_key() -> str:
    encryption = serialization.BestAvailableEncryption(b"secret")
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


def write(service: SoapAdapter) -> int:
    return service.write_flags(GUID, [Flag("AgentId", "9101")])


def test_the_certificate_opens_the_service(url: str, folder: Path) -> None:
    service = adapter(url, folder, "gateway.pem")

    assert (write(service), write(service)) == (1, 1)
    assert [check.look() for check in service.checks()[:2]][1] == "The server's certificate is trusted."


@pytest.mark.parametrize("shown", ["", "stranger.pem"])
def test_without_the_right_one_nothing_is_written_and_another_try_may_help(url: str, folder: Path, shown: str) -> None:
    with pytest.raises(QmsError) as failure:
        write(adapter(url, folder, shown))

    assert failure.value.retryable


def test_a_service_that_asks_for_one_says_so(folder: Path) -> None:
    """TLS 1.2 alone: with 1.3 the refusal may be lost, because the server closes while the request is on its way."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.load_verify_locations(folder / "gateway.pem")
    context.verify_mode, context.maximum_version = ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_2
    answer = answering(WRITTEN)
    with serving(lambda plain: answer(context.wrap_socket(plain, server_side=True))) as plain_url:
        secure = plain_url.replace("http:", "https:")
        with pytest.raises(QmsUnavailable, match="does not accept the client certificate: none was shown"):
            write(adapter(secure, folder, ""))
        with pytest.raises(QmsUnavailable, match="its authority is not trusted there"):
            write(adapter(secure, folder, "stranger.pem"))


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        ("none.pem", "The client certificate cannot be used: No such file"),
        ("keyless.pem", "The client certificate cannot be used: the file is no PEM, lacks"),
        ("locked.pem", "The client certificate cannot be used: the key of the client certificate has a password"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(url: str, folder: Path, shown: str, says: str) -> None:
    pem = (folder / "gateway.pem").read_text()
    (folder / "keyless.pem").write_text(pem[pem.index("-----BEGIN CERTIFICATE") :])
    (folder / "locked.pem").write_text(_locked_key() + pem[pem.index("-----BEGIN CERTIFICATE") :])

    with pytest.raises(QmsUnavailable, match=says):
        write(adapter(url, folder, shown))


def test_a_ca_file_that_cannot_be_used_is_named(url: str, folder: Path) -> None:
    config = ConnectionConfig(slug="s", url=url, login="none", ca_file=str(folder / "none.pem"), timeout_seconds=3)

    with pytest.raises(QmsUnavailable, match="The CA file cannot be used: No such file"):
        write(SoapAdapter.from_config(config))
