"""The embedded store needs no set-up and stays within this user's reach."""

import signal
import socket
import subprocess
from pathlib import Path

from devtools.servers import stopped
from gateway_site.config import embedded
from launcher import redis as embedded_redis


def test_a_socket_lives_in_var_unless_its_path_is_too_long(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)

    assert embedded.redis_socket(Path("/srv/gateway/var")) == Path("/srv/gateway/var/redis.sock")
    assert len(str(embedded.redis_socket(deep))) <= embedded.MAXIMUM_SOCKET_PATH
    assert embedded.redis_socket(deep) != embedded.redis_socket(deep / "y")


def test_a_path_with_a_space_survives_in_the_address() -> None:
    assert embedded.redis_url(Path("/srv/my gateway/var")) == "unix:///srv/my%20gateway/var/redis.sock"


def test_what_the_embedded_redis_accepted_is_there_after_it_was_killed(tmp_path: Path) -> None:
    at = tmp_path / "redis.sock"

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(embedded_redis.command(tmp_path, at), stdout=subprocess.DEVNULL)

    with stopped(start(), signal.SIGKILL):
        embedded_redis.wait_until_it_answers(at)
        assert _ask(at, b"XADD journal 1-1 k v") == b"$3"
    with stopped(start()):
        embedded_redis.wait_until_it_answers(at)
        answer = _ask(at, b"XLEN journal")
        mode = at.stat().st_mode & 0o777

    assert answer == b":1"
    assert mode == 0o700


def _ask(at: Path, words: bytes) -> bytes:

    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(at))
        link.sendall(words + b"\r\n")
        return link.recv(256).splitlines()[0]
