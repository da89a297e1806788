"""Windows authentication, against a server that checks the answers to its challenges by hand."""

import base64
import hashlib
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from qms.adapters import ConnectionConfig
from qms.port import Flag, QmsLoginFailed, QmsUnavailable
from qms.soap.adapter import SoapAdapter
from qms.soap.contract import OWN_WSDL
from tests.qms import ntlm_server
from tests.qms.ntlm_server import DOMAIN, PASSWORD, USER, NtlmServer, serving
from tests.qms.scripted import ENVELOPE, NS, answering, http
from tests.qms.scripted import serving as scripted
from tests.qms.test_connections import certificate
from vault.fields import Secret

GUID = "3f2b8c1e-0000-4a11-9d21-00000000aa01"
NOTHING_LIVE = ENVELOPE.format(f"<FindLiveRecordingResponse {NS}/>")
WRITTEN = ENVELOPE.format(f"<WriteFlagsResponse {NS}><written>1</written></WriteFlagsResponse>")


def adapter(url: str, password: str = PASSWORD, **changes: str) -> SoapAdapter:
    settings = {"username": f"{DOMAIN}\\{USER}", "login": "ntlm", **changes}
    return SoapAdapter.from_config(
        ConnectionConfig(slug="s", url=url, password=Secret(password), timeout_seconds=3, **settings)  # type: ignore[arg-type]
    )


def test_a_connection_logs_in_once_and_then_carries_every_request() -> None:
    server = NtlmServer(NOTHING_LIVE)
    with serving(server) as url:
        service = adapter(url)
        assert [service.find_live_recording("2001") for _ in range(3)] == [None, None, None]
        service.close()
        assert service.find_live_recording("2001") is None

    assert server.challenges_sent == 2
    assert len(server.taken) == 4
    assert all(b"FindLiveRecording" in body for body in server.taken)


def test_a_server_that_asks_for_each_request_is_answered_and_a_write_goes_once() -> None:
    server = NtlmServer(WRITTEN, persists=False)
    with serving(server) as url:
        service = adapter(url)
        for _ in range(3):
            assert service.write_flags(GUID, [Flag("AgentId", "9101")]) == 1

    assert len(server.taken) == 3


@pytest.mark.parametrize(
    ("password", "username"), [("wrong", f"{DOMAIN}\\{USER}"), (PASSWORD, "OTHER\\gateway"), (PASSWORD, "gateway")]
)
def test_a_wrong_login_is_a_failed_login_and_writes_nothing(password: str, username: str) -> None:
    server = NtlmServer(WRITTEN)
    with serving(server) as url, pytest.raises(QmsLoginFailed, match="It asks for NTLM or Negotiate") as failure:
        adapter(url, password, username=username).write_flags(GUID, [Flag("AgentId", "9101")])

    assert server.taken == []
    assert password not in str(failure.value)


@pytest.mark.parametrize(("username", "password"), [("", ""), ("", PASSWORD)])
def test_a_login_that_is_none_is_named_before_anything_is_sent(username: str, password: str) -> None:
    server = NtlmServer(WRITTEN)
    with serving(server) as url, pytest.raises(QmsUnavailable, match="NTLM login cannot be used"):
        adapter(url, password, username=username).write_flags(GUID, [Flag("AgentId", "9101")])

    assert server.challenges_sent == 0


def test_over_tls_the_login_is_bound_to_the_servers_certificate(tmp_path: Path) -> None:
    file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    der = x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(Encoding.DER)

    for bindings, works in ((ntlm_server.bindings_of(der), True), (hashlib.md5(b"another").digest(), False)):
        with serving(NtlmServer(NOTHING_LIVE, bindings=bindings), context) as url:
            service = adapter(url, ca_file=str(file))
            if works:
                assert service.find_live_recording("2001") is None
            else:
                with pytest.raises(QmsLoginFailed):
                    service.find_live_recording("2001")


def test_a_wsdl_behind_the_same_login_is_read() -> None:
    with serving(NtlmServer(OWN_WSDL.read_text())) as url:
        assert adapter(url, wsdl=f"{url}?wsdl").line.contract.offers("WriteFlags")


@pytest.mark.parametrize(
    ("challenge", "kind", "says"),
    [
        ("NTLM bm9uc2Vuc2U=", QmsUnavailable, "challenge cannot be answered"),
        ("NTLM TlRMTVNTUAACAAAA", QmsUnavailable, "challenge cannot be answered"),
        ("NTLM !!!", QmsLoginFailed, "It asks for NTLM"),
        ("NTLM", QmsLoginFailed, "It asks for NTLM"),
        ("Negotiate", QmsLoginFailed, "It asks for Negotiate. The gateway does not speak that"),
        ('Digest realm="x"', QmsLoginFailed, "It asks for Digest. The gateway does not speak that"),
    ],
)
def test_what_a_server_asks_for_is_named(challenge: str, kind: type[Exception], says: str) -> None:
    reply = http("", "401 Unauthorized", f"WWW-Authenticate: {challenge}")
    with scripted(answering(reply, reply)) as url, pytest.raises(kind, match=says):
        adapter(url).write_flags(GUID, [Flag("AgentId", "9101")])


def test_a_server_that_closes_between_the_messages_took_nothing() -> None:
    second = "WWW-Authenticate: NTLM " + base64.b64encode(ntlm_server.challenge_message(b"8" * 8)).decode()
    script = answering(http("", "401 Unauthorized", second, "Connection: close"))
    with scripted(script) as url, pytest.raises(QmsUnavailable, match="closed the connection during the NTLM login"):
        adapter(url).write_flags(GUID, [Flag("AgentId", "9101")])


def test_a_service_that_wants_no_login_is_asked_without_one() -> None:
    with scripted(answering(http("<html/>", "500 x"), http(NOTHING_LIVE))) as url:
        assert adapter(url).find_live_recording("2001") is None


def test_the_library_is_not_loaded_by_other_logins() -> None:
    code = "import qms.soap.adapter, sys; sys.exit('spnego' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
