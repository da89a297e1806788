"""The database's address on a real PostgreSQL with TLS, and behind a real PgBouncer that hands out transactions."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devtools.servers import (
    free_port,
    initialise_postgresql,
    is_listening,
    postgresql_accepts,
    postgresql_command,
    postgresql_programs,
    stopped,
    wait_until,
)
from gateway_site.config.database import SESSION_LIMITS, database
from launcher.paths import ROOT

pytestmark = pytest.mark.slow


def has_postgresql() -> bool:
    try:
        return bool(postgresql_programs())
    except FileNotFoundError:
        return False


def pgbouncer() -> str | None:
    return shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


@dataclass(frozen=True)
class Server:
    """A PostgreSQL with TLS. ``certificate``: what clients have to trust."""

    folder: Path
    port: int
    certificate: Path

    def url(self, port: int | None = None, options: str = "") -> str:
        return f"postgres://gateway@localhost:{port or self.port}/postgres{options}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if not has_postgresql():
        pytest.skip("PostgreSQL is not installed")
    # The settings allow no other user to read what this process writes; the servers' own users must.
    umask = os.umask(0o022)
    try:
        with tempfile.TemporaryDirectory(prefix="gateway-postgresql-") as folder:
            yield from _serving(Path(folder), free_port())
    finally:
        os.umask(umask)


def _serving(folder: Path, port: int) -> Iterator[Server]:
    folder.chmod(0o755)  # PostgreSQL and PgBouncer run as a user of their own, which pytest's own folders keep out.
    initialise_postgresql(folder)
    _make_certificate(folder)
    command = [*postgresql_command(folder, port), "-c", "ssl=on"]
    command += ["-c", f"ssl_cert_file={folder}/server.crt", "-c", f"ssl_key_file={folder}/server.key"]
    with stopped(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), signal.SIGINT):
        wait_until(lambda: postgresql_accepts(port), "PostgreSQL")
        yield Server(folder, port, folder / "server.crt")


def _make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "server.key").write_bytes(private)
    (folder / "server.key").chmod(0o600)
    if os.geteuid() == 0:
        shutil.chown(folder / "server.key", "postgres", "postgres")


def connect(url: str, folder: Path, pooler: str = "") -> "psycopg.Connection[Any]":
    found = database(url, folder, pooler)
    return psycopg.connect(
        host=found["HOST"], port=found["PORT"], user=found["USER"], dbname=found["NAME"], **found["OPTIONS"]
    )


def asked(link: "psycopg.Connection[Any]", query: str) -> Any:
    row = link.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_a_connection_is_encrypted_and_checked_where_the_address_says_so(server: Server) -> None:
    options = f"?sslmode=verify-full&sslrootcert={server.certificate}"

    with connect(server.url(options=options), server.folder) as link:
        is_encrypted = asked(link, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        limits = {name: asked(link, f"SHOW {name}") for name in SESSION_LIMITS}

    assert is_encrypted
    assert limits == SESSION_LIMITS


def test_a_certificate_that_is_not_trusted_is_refused(server: Server, tmp_path: Path) -> None:
    _make_certificate(tmp_path)

    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        connect(server.url(options=f"?sslmode=verify-full&sslrootcert={tmp_path}/server.crt"), server.folder)


def test_of_several_hosts_the_one_that_takes_writes_is_found(server: Server) -> None:
    url = f"postgres://gateway@127.0.0.1:{free_port()},localhost:{server.port}/postgres?target_session_attrs=read-write"

    with connect(url, server.folder) as link:
        assert asked(link, "SELECT 1") == 1


@pytest.fixture
def pooled(server: Server) -> Iterator[int]:
    """Run PgBouncer in transaction mode with two connections, and give its port."""
    program = pgbouncer()
    if program is None:
        pytest.skip("PgBouncer is not installed")
    port, folder = free_port(), server.folder
    (folder / "users.txt").write_text('"gateway" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\npostgres = host=127.0.0.1 port={server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users.txt\n"
        "pool_mode = transaction\ndefault_pool_size = 2\n"
    )
    user = ["-u", "postgres"] if os.geteuid() == 0 else []
    command = [program, "-q", *user, str(folder / "pgbouncer.ini")]
    with stopped(subprocess.Popen(command, stderr=subprocess.DEVNULL)):
        wait_until(lambda: is_listening(port), "PgBouncer")
        yield port


def test_behind_a_pooler_the_gateway_works_and_its_limits_are_the_roles(
    server: Server, pooled: int, tmp_path: Path
) -> None:
    _manage(server.url(), "", tmp_path, "set_session_limits")

    migrated = _manage(server.url(pooled), "transaction", tmp_path, "migrate", "--verbosity", "0")
    checked = _manage(server.url(pooled), "transaction", tmp_path, "check", "--database", "default")

    assert migrated.returncode == 0, migrated.stderr
    assert "W002" not in checked.stderr
    with connect(server.url(pooled), server.folder, "transaction") as link:
        assert asked(link, "SHOW lock_timeout") == SESSION_LIMITS["lock_timeout"]


def test_behind_a_pooler_a_role_without_limits_is_warned_of(server: Server, pooled: int, tmp_path: Path) -> None:
    with connect(server.url(), server.folder) as link:
        link.execute("ALTER ROLE gateway IN DATABASE postgres RESET ALL")

    checked = _manage(server.url(pooled), "transaction", tmp_path, "check", "--database", "default")

    assert "gateway_site.W002" in checked.stderr
    assert "lock_timeout is 0, not 5s" in checked.stderr


def _manage(url: str, pooler: str, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"DATABASE_URL": url, "DATABASE_POOLER": pooler, "GATEWAY_VAR": str(folder / "var")}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
