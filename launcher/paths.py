"""The folders of a checkout, and the environment in which its programs run."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from gateway_site.config.names import NAMES

ROOT = Path(__file__).resolve().parent.parent


def var_dir() -> Path:
    """Return the folder of everything that the gateway keeps on this machine."""
    return Path(os.environ.get("GATEWAY_VAR", ROOT / "var")).resolve()


@contextlib.contextmanager
def migrating() -> Iterator[None]:
    """Let one process at a time on this machine bring the tables up to date; others wait for it."""
    var_dir().mkdir(parents=True, exist_ok=True)
    with (var_dir() / "migrate.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sealed_environment() -> dict[str, str]:
    """Return this process's environment without the settings of the real gateway, ``.env`` included.

    A demo or a test must not touch what they name.
    """
    names = {name for setting in NAMES for name in (setting, f"{setting}_FILE")}
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return kept | {"GATEWAY_ENV_FILE": os.devnull, "DJANGO_SETTINGS_MODULE": "gateway_site.settings"}
