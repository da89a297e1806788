"""Where a demo lives: its options, its folder, its environment. Read before Django; nothing of the real gateway."""

import argparse
import os
import secrets
import shutil
import socket
import sys
from dataclasses import dataclass

from gateway_site.config.bind import Bind
from launcher import locks
from launcher.paths import sealed_environment, var_dir
from launcher.up_options import port

#: Found before ``prepare`` makes the folder the demo's own ``GATEWAY_VAR``.
FOLDER = var_dir() / "demo"
LOCK = var_dir() / "demo.lock"
ENVIRONMENT = FOLDER / "env"
DEFAULT_PORT = 8000
#: What the demo's dashboard says of its standing troubles.
NOTE = (
    "This is the demo: PBX, QMS and calls are simulated. Five supervisors log on at extensions that have no QMS user, "
    "so that you see a trouble: their calls end as “user unmatched”, and the share of flagged calls stays below target."
)
#: After 3 minutes: whoever tries the demo does not wait for hours until its calls are compared with QMS.
RECONCILE_AFTER_HOURS = "0.05"


@dataclass(frozen=True)
class DemoOptions:
    """What the person asked for. ``seconds`` None: until Ctrl-C."""

    seconds: float | None
    port: int | None
    calls_per_second: float
    keep: bool


def options(words: list[str]) -> DemoOptions:
    """Parse the words after ``./gateway demo``; leaves with status 2 where they cannot be understood."""
    parser = argparse.ArgumentParser(
        prog="./gateway demo", description="See calls being flagged, on this machine.", allow_abbrev=False
    )
    parser.add_argument("--for", dest="seconds", type=_positive, metavar="SECONDS", help="stop by itself; else Ctrl-C")
    parser.add_argument(
        "--port", type=port, help=f"the admin's port (default {DEFAULT_PORT}, another if that is taken)"
    )
    parser.add_argument(
        "--calls-per-second", type=_positive, default=0.75, metavar="N", help="new calls (default 0.75)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the last demo's data")
    found = parser.parse_args(words)
    return DemoOptions(found.seconds, found.port, found.calls_per_second, found.keep)


def _positive(word: str) -> float:
    number = float(word)
    if not number > 0:
        raise argparse.ArgumentTypeError("must be greater than 0")
    return number


def prepare(words: list[str]) -> None:
    """Give this process the demo's own environment, in a fresh folder; leaves where another demo runs."""
    asked = options(words)
    port = _web_port(asked.port)
    _lock()
    if not asked.keep:
        shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "logs").mkdir(parents=True, exist_ok=True)
    for file in FOLDER.glob("*.port"):
        file.unlink()  # Of the last demo's simulators.
    settings = {
        "GATEWAY_VAR": str(FOLDER),
        "BIND": f"127.0.0.1:{port}",
        "QMS_PASSWORD": secrets.token_urlsafe(12),
        "SITE_NOTE": NOTE,
        "RECONCILE_AFTER_HOURS": RECONCILE_AFTER_HOURS,
    }
    ENVIRONMENT.touch(mode=0o600)
    ENVIRONMENT.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    environment = sealed_environment() | settings | {"GATEWAY_ENV_FILE": str(ENVIRONMENT)}
    os.environ.clear()
    os.environ.update(environment)


def is_running() -> bool:
    """Say whether a demo runs now."""
    return locks.is_held(LOCK)


def _lock() -> None:
    try:
        locks.hold(LOCK, f"process {os.getpid()}")
    except locks.Locked as error:
        print(f"gateway: a demo runs already in this checkout ({error.holder})", file=sys.stderr)
        sys.exit(1)


def _web_port(asked: int | None) -> int:
    if asked is None:
        return _free_port(DEFAULT_PORT)
    if problem := Bind("127.0.0.1", asked).problem():
        print(f"gateway: port {asked}: {problem}; give another with --port", file=sys.stderr)
        sys.exit(1)
    return asked


def _free_port(wanted: int) -> int:
    """Return the wanted port of this machine if it is free, else another."""
    if not Bind("127.0.0.1", wanted).problem():
        return wanted
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
