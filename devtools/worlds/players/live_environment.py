"""Where a run at the running gateway lives: a folder, ports, and its settings. Read before Django's settings."""

import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from devtools.servers import free_port
from launcher.paths import sealed_environment


@dataclass(frozen=True)
class LiveEnvironment:
    """Hold the folder and the ports; `database_port` None: SQLite."""

    folder: Path
    redis_port: int
    qms_port: int
    web_port: int
    pbx_port: int
    database_port: int | None

    @property
    def web(self) -> str:
        """Return the gateway's address."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def qms(self) -> str:
        """Return the simulated QMS's address."""
        return f"http://127.0.0.1:{self.qms_port}"


def take_place(*, on_sqlite: bool) -> LiveEnvironment:
    """Make the folder, choose ports, and set this process's environment, before Django's settings are read."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-worlds-"))
    folder.chmod(0o755)  # PostgreSQL runs as its own user and must be able to enter.
    (folder / "logs").mkdir()
    redis, qms, web, pbx, database = (free_port() for _ in range(5))
    place = LiveEnvironment(folder, redis, qms, web, pbx, None if on_sqlite else database)
    environment = sealed_environment() | _settings(place)
    os.environ.clear()
    os.environ.update(environment)
    return place


def _settings(place: LiveEnvironment) -> dict[str, str]:
    names = {"JOURNAL_URL": 0, "REDIS_URL": 1, "BROKER_URL": 2}
    settings = {name: f"redis://127.0.0.1:{place.redis_port}/{number}" for name, number in names.items()}
    settings |= {"GATEWAY_VAR": str(place.folder / "var"), "BIND": f"127.0.0.1:{place.web_port}"}
    settings["QMS_PASSWORD"] = secrets.token_urlsafe(12)
    if place.database_port:
        settings["DATABASE_URL"] = f"postgres://gateway@127.0.0.1:{place.database_port}/postgres"
    return settings
