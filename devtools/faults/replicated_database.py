"""Two PostgreSQL servers, one of which streams to the other; either may be the primary."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg

from devtools.servers import (
    as_postgres,
    initialise_postgresql,
    postgresql_accepts,
    postgresql_command,
    postgresql_programs,
    wait_until,
)
from launcher.paths import ROOT
from launcher.supervisor import Program, Supervisor

SERVERS = ("database", "second database")
#: WAL: the limited disk holds both clusters.
SETTINGS = ("max_wal_size=256MB", "wal_keep_size=256MB")
START_TIMEOUT = 60.0
#: From a primary's death to the promotion, in seconds: somebody (Patroni, an operator) has to find it dead.
DETECTION_SECONDS = 3.0
#: How much of the newest transactions the replica lacks that is promoted behind, in seconds.
BEHIND_SECONDS = 3.0


class ReplicatedDatabase:
    """The servers, by name; the first of ``names`` is the primary now."""

    def __init__(self, store: Path, ports: tuple[int, int], logs: Path) -> None:
        self.names = list(SERVERS)
        self._store, self._logs = store, logs
        self._ports = dict(zip(SERVERS, ports, strict=True))

    def start(self, supervisor: Supervisor) -> None:
        """Start the primary and its replica, and wait until both accept queries."""
        for name in SERVERS:
            self._folder(name).mkdir()
            self._folder(name).chmod(0o755)  # PostgreSQL runs as its own user and must be able to enter.
        initialise_postgresql(self._folder(self.names[0]))
        self._run(supervisor, self.names[0])
        self._add_replica(supervisor)

    def fail_over(self, supervisor: Supervisor) -> None:
        """Crash the primary; promote the replica when somebody can have noticed."""
        os.kill(supervisor.pid(self.names[0]), signal.SIGQUIT)
        supervisor.stop({self.names[0]})
        time.sleep(DETECTION_SECONDS)
        self.names.reverse()
        words = ["promote", "-w", "-D", str(self._folder(self.names[0]) / "postgresql")]
        subprocess.run([*as_postgres(), str(postgresql_programs() / "pg_ctl"), *words], check=True, capture_output=True)

    def fail_over_behind(self, supervisor: Supervisor) -> None:
        """The same, with a replica that lacks what was committed in the last seconds."""
        with contextlib.closing(self._connect(self.names[1])) as replica:
            replica.execute("ALTER SYSTEM SET primary_conninfo = ''")
            replica.execute("SELECT pg_reload_conf()")
        time.sleep(BEHIND_SECONDS)
        self.fail_over(supervisor)

    def rejoin(self, supervisor: Supervisor) -> None:
        """Make the server that is down the replica of the other, from a copy of it."""
        shutil.rmtree(self._folder(self.names[1]) / "postgresql", ignore_errors=True)
        self._add_replica(supervisor)

    def _add_replica(self, supervisor: Supervisor) -> None:
        primary, replica = self.names
        folder = self._folder(replica)
        if as_postgres():
            shutil.chown(folder, "postgres", "postgres")
        words = [
            "-h",
            "127.0.0.1",
            "-p",
            str(self._ports[primary]),
            "-U",
            "gateway",
            "-X",
            "stream",
            "-c",
            "fast",
            "-R",
        ]
        command = [
            *as_postgres(),
            str(postgresql_programs() / "pg_basebackup"),
            "-D",
            str(folder / "postgresql"),
            *words,
        ]
        subprocess.run(command, check=True, timeout=START_TIMEOUT, capture_output=True)
        # What an earlier fail-over left there would stop the stream.
        (folder / "postgresql" / "postgresql.auto.conf").write_text(
            f"primary_conninfo = 'host=127.0.0.1 port={self._ports[primary]} user=gateway'\n"
        )
        self._run(supervisor, replica)

    def _run(self, supervisor: Supervisor, name: str) -> None:
        port = self._ports[name]
        log = self._logs / f"{name.replace(' ', '-')}.log"
        command = postgresql_command(self._folder(name), port, *SETTINGS)
        supervisor.start(Program(name, command, dict(os.environ), ROOT, log, rank=0))
        wait_until(lambda: postgresql_accepts(port), name, START_TIMEOUT)

    def _folder(self, name: str) -> Path:
        return self._store / name.replace(" ", "-")

    def _connect(self, name: str) -> "psycopg.Connection[tuple[object, ...]]":
        address = f"postgresql://gateway@127.0.0.1:{self._ports[name]}/postgres"
        return psycopg.connect(address, connect_timeout=5, autocommit=True)
