"""Where a demo lives: its options, its folder, its environment. Read before Django; nothing of the real gateway."""

import argparse
import fcntl
import os
import secrets
import shutil
import socket
import sys
from dataclasses import dataclass

from launcher.paths import sealed_environment, var_dir

#: Found before ``seal`` makes the folder the demo's own ``GATEWAY_VAR``.
FOLDER = var_dir() / "demo"
LOCK = var_dir() / "demo.lock"
ENVIRONMENT = FOLDER / "env"
DEFAULT_PORT = 8000
_held: list[int] = []


@dataclass(frozen=True)
class DemoOptions:
    """What the person asked for. ``seconds`` None: until Ctrl-C."""

    seconds: float | None
    port: int | None
    calls_per_second: float
    keep: bool


def options(words: list[str]) -> DemoOptions:
    """Read the words after ``./gateway demo``; leaves with status 2 where they cannot be understood."""
    parser = argparse.ArgumentParser(prog="./gateway demo", description="See calls being flagged, on this machine.")
    parser.add_argument("--for", dest="seconds", type=_positive, metavar="SECONDS", help="stop by itself; else Ctrl-C")
    parser.add_argument("--port", type=int, help=f"the admin's port (default {DEFAULT_PORT}, another if that is taken)")
    parser.add_argument(
        "--calls-per-second", type=_positive, default=0.75, metavar="N", help="new calls (default 0.75)"
    )
    parser.add_argument("--keep", action="store_true", help="go on with the last demo's data instead of starting anew")
    found = parser.parse_args(words)
    return DemoOptions(found.seconds, found.port, found.calls_per_second, found.keep)


def _positive(word: str) -> float:
    number = float(word)
    if not number > 0:
        raise argparse.ArgumentTypeError("must be greater than 0")
    return number


def seal(words: list[str]) -> None:
    """Give this process the demo's own environment, in a fresh folder; leaves where another demo runs."""
    asked = options(words)
    port = _web_port(asked.port)
    _lock()
    if not asked.keep:
        shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "logs").mkdir(parents=True, exist_ok=True)
    settings = {"GATEWAY_VAR": str(FOLDER), "BIND": f"127.0.0.1:{port}", "QMS_PASSWORD": secrets.token_urlsafe(12)}
    ENVIRONMENT.touch(mode=0o600)
    ENVIRONMENT.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    environment = sealed_environment() | settings | {"GATEWAY_ENV_FILE": str(ENVIRONMENT)}
    os.environ.clear()
    os.environ.update(environment)


def is_running() -> bool:
    """Say whether a demo runs now."""
    if not LOCK.exists():
        return False
    with LOCK.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _lock() -> None:
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(LOCK, os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("gateway: a demo runs already in this checkout", file=sys.stderr)
        sys.exit(1)
    _held.append(lock)  # Held until this process ends, however it ends.


def _web_port(asked: int | None) -> int:
    if asked is None:
        return free_port(DEFAULT_PORT)
    if not _is_free(asked):
        print(f"gateway: port {asked} is taken; give another with --port", file=sys.stderr)
        sys.exit(1)
    return asked


def free_port(wanted: int) -> int:
    """Return the wanted port of this machine if it is free, else another."""
    if _is_free(wanted):
        return wanted
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
