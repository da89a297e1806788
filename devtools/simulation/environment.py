"""Where the simulation lives: a folder in memory, a Redis of its own. Read before Django's settings."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from devtools.servers import free_port, start_redis, stop
from launcher.paths import sealed_environment

#: A folder in memory, where there is one: a simulation survives no reboot.
MEMORY = Path("/dev/shm")  # noqa: S108  (a private folder is made in it)


def begin() -> None:
    """Start Redis and set this process's environment; both are gone when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-simulation-", dir=MEMORY if MEMORY.is_dir() else None))
    port = free_port()
    redis = start_redis(folder, port)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(stop, redis)
    environment = sealed_environment() | {"GATEWAY_VAR": str(folder / "var"), "LOG_LEVEL": "CRITICAL"}
    environment |= {"REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    os.environ.clear()
    os.environ.update(environment)
