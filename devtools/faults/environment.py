"""Where a run of faults lives: a folder, ports and an environment of its own. Read before Django's settings."""

import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from devtools.servers import free_port
from launcher.paths import sealed_environment

JOURNAL_DB, CACHE_DB, BROKER_DB = 0, 1, 2


@dataclass(frozen=True)
class FaultEnvironment:
    """The folder, and where everybody listens. ``database_port`` None: SQLite."""

    folder: Path
    redis_port: int
    qms_port: int
    pbx_port: int
    web_port: int
    database_port: int | None

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
        return f"http://127.0.0.1:{self.qms_port}"

    def redis_url(self, number: int) -> str:
        """Return the address of one of Redis's databases."""
        return f"redis://127.0.0.1:{self.redis_port}/{number}"


def take_place(*, on_sqlite: bool) -> FaultEnvironment:
    """Make the folder, choose ports, and give this process the environment in which the gateway's programs run."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-faults-"))
    folder.chmod(0o755)  # PostgreSQL runs as its own user and must be able to enter.
    redis, qms, pbx, web, database = (free_port() for _ in range(5))
    place = FaultEnvironment(folder, redis, qms, pbx, web, None if on_sqlite else database)
    place.logs.mkdir()
    environment = sealed_environment() | _settings(place)
    environment.pop("GATEWAY_TEST_POSTGRESQL", None)
    os.environ.clear()
    os.environ.update(environment)
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
        settings["DATABASE_URL"] = f"postgres://gateway@127.0.0.1:{place.database_port}/postgres"
    return settings
