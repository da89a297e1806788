"""A worker whose Redis refuses it for a while opens no more and more connections."""

import subprocess
import sys
from pathlib import Path

import redis

from devtools.servers import free_port, start_redis, stop, wait_until
from launcher.paths import ROOT, sealed_environment

#: At six attempts a second, and two sockets at each.
ATTEMPTS = 20
REFUSED = "Cannot connect to redis"


def open_files(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def test_a_worker_closes_the_connections_that_a_full_redis_keeps_it_from_making(tmp_path: Path) -> None:
    port = free_port()
    server = start_redis(tmp_path, port, "--maxmemory-policy", "noeviction")
    log = tmp_path / "log"
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "gateway_site",
        "worker",
        "-Q",
        "idle",
        "-P",
        "threads",
        "-c",
        "1",
        "--without-gossip",
        "--without-mingle",
    ]
    environment = sealed_environment() | {"BROKER_URL": f"redis://127.0.0.1:{port}/2", "GATEWAY_VAR": str(tmp_path)}
    with log.open("wb") as said:
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said)
    try:
        wait_until(lambda: "ready" in log.read_text(), "the worker", 60)
        before = open_files(worker.pid)
        with redis.Redis(port=port) as broker:
            broker.config_set("maxmemory", "1")
            broker.client_kill_filter(_type="normal", skipme=True)
            wait_until(lambda: log.read_text().count(REFUSED) > ATTEMPTS, "the refusals", 60)
            after = open_files(worker.pid)
    finally:
        stop(worker)
        stop(server)

    assert after < before + ATTEMPTS / 2
