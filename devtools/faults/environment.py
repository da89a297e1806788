"""Where a run of faults lives: a folder, ports and an environment of its own. Read before Django's settings."""

import os
import secrets
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from devtools.faults.options import FaultOptions
from devtools.sentinels import MASTER
from devtools.servers import free_port
from launcher.paths import sealed_environment

JOURNAL_DB, CACHE_DB, BROKER_DB = 0, 1, 2
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class FaultEnvironment:
    """The folder, and where everybody listens. ``database_port`` None: SQLite.

    ``host``: the address of everything that is not the gateway; ``replica_port``: PostgreSQL's second server.
    """

    folder: Path
    redis_port: int
    qms_port: int
    pbx_port: int
    web_port: int
    database_port: int | None
    host: str = LOOPBACK
    replica_port: int | None = None
    sentinel_ports: tuple[int, ...] = ()

    @property
    def logs(self) -> Path:
        """Return where every program writes."""
        return self.folder / "logs"

    @property
    def store(self) -> Path:
        """Return where Redis and PostgreSQL keep what they know."""
        return self.folder / "store"

    @property
    def ledger(self) -> Path:
        """Return where the simulated PBX keeps the truth."""
        return self.folder / "truth.jsonl"

    @property
    def qms_address(self) -> str:
        """Return the simulated QMS's address, its side door included."""
        return f"http://{self.host}:{self.qms_port}"

    def redis_url(self, number: int) -> str:
        """Return the address of one of Redis's databases."""
        if self.sentinel_ports:
            hosts = ",".join(f"{self.host}:{port}" for port in self.sentinel_ports)
            return f"sentinel://{hosts}/{MASTER}/{number}"
        return f"redis://{self.host}:{self.redis_port}/{number}"

    @property
    def database_url(self) -> str:
        """Return PostgreSQL's address; with a replica that of both servers, of which one takes writes."""
        if self.replica_port is None:
            return f"postgres://gateway@{self.host}:{self.database_port}/postgres"
        hosts = f"{self.host}:{self.database_port},{self.host}:{self.replica_port}"
        return f"postgres://gateway@{hosts}/postgres?target_session_attrs=read-write"


def take_place(asked: FaultOptions, host: str = LOOPBACK) -> FaultEnvironment:
    """Make the folder, choose ports, and give this process the environment in which the gateway's programs run."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-faults-"))
    folder.chmod(0o755)  # PostgreSQL runs as its own user and must be able to enter.
    redis, qms, pbx, web, database = (free_port() for _ in range(5))
    place = FaultEnvironment(folder, redis, qms, pbx, web, None if asked.on_sqlite else database, host)
    if asked.has_replicas:
        place = replace(place, replica_port=free_port(), sentinel_ports=tuple(free_port() for _ in range(3)))
    place.logs.mkdir()
    environment = sealed_environment() | _settings(place)
    environment.pop("GATEWAY_TEST_POSTGRESQL", None)
    os.environ.clear()
    os.environ.update(environment | _shared_keys(asked))
    return place


def _settings(place: FaultEnvironment) -> dict[str, str]:
    settings = {
        "GATEWAY_VAR": str(place.folder / "var"),
        "BIND": f"127.0.0.1:{place.web_port}",
        "QMS_PASSWORD": secrets.token_urlsafe(12),
        "JOURNAL_URL": place.redis_url(JOURNAL_DB),
        "REDIS_URL": place.redis_url(CACHE_DB),
        "BROKER_URL": place.redis_url(BROKER_DB),
    }
    if place.database_port:
        settings["DATABASE_URL"] = place.database_url
    if place.sentinel_ports:
        settings["JOURNAL_WAIT_REPLICAS"] = "1"
    return settings


def _shared_keys(asked: FaultOptions) -> dict[str, str]:
    """Return the keys that two gateways have in common, each with a folder of its own."""
    if asked.hosts == 1 and not asked.upgrade_from:
        return {}
    return {"SECRET_KEY": secrets.token_urlsafe(48), "VAULT_KEYS": secrets.token_urlsafe(32)}
