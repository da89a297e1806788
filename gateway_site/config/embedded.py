"""Where the embedded database and Redis live, and the addresses that lead there. Pure; the launcher needs it early."""

import hashlib
import os
import tempfile
from pathlib import Path
from urllib.parse import quote

#: A Unix socket's path may be about 107 bytes long on Linux and 103 elsewhere.
MAXIMUM_SOCKET_PATH = 100


def redis_socket(var_dir: Path) -> Path:
    """Return the path of the embedded Redis's socket; outside ``var_dir`` only where its path is too long."""
    inside = var_dir.resolve() / "redis.sock"
    if len(os.fsencode(inside)) <= MAXIMUM_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(os.fsencode(inside)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"gateway-{os.getuid()}-{digest}" / "redis.sock"


def redis_url(var_dir: Path) -> str:
    """Return the address of the embedded Redis."""
    return f"unix://{quote(str(redis_socket(var_dir)))}"
