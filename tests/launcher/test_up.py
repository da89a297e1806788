"""``./gateway up`` as a person runs it: refused where it cannot work, its address printed when the web answers."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devtools.servers import free_port, stopped
from gateway_site.config.bind import Bind
from launcher import log_files
from launcher.__main__ import WORDS, main
from launcher.paths import ROOT, sealed_environment
from launcher.web_answer import web_answers


@contextmanager
def up(folder: Path, *words: str, **environment: str) -> "Iterator[subprocess.Popen[str]]":
    """Start it; whatever becomes of the test, it ends and takes its programs along."""
    with (
        subprocess.Popen(
            [sys.executable, "-m", "launcher", "up", *words],
            cwd=ROOT,
            env=sealed_environment() | {"GATEWAY_VAR": str(folder)} | environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process,
        stopped(process, seconds=60),
    ):
        yield process


def lines_until_address(process: "subprocess.Popen[str]") -> list[str]:
    """Read what it prints up to its address, or all where it ends without."""
    assert process.stdout is not None
    lines: list[str] = []
    while not (lines and "/admin/" in lines[-1]) and (line := process.stdout.readline()):
        lines.append(line)
    return lines


@pytest.mark.slow
def test_the_address_is_printed_when_the_web_answers_and_a_second_start_is_refused(tmp_path: Path) -> None:
    port = free_port()
    with up(tmp_path, "--port", str(port)) as first:
        lines = lines_until_address(first)
        answers = web_answers(Bind("127.0.0.1", port))
        with up(tmp_path, "--port", str(free_port())) as second:
            refused, _ = second.communicate(timeout=180)
        first.send_signal(signal.SIGTERM)
        rest, _ = first.communicate(timeout=180)

    assert "".join(lines[-1:]).startswith(f"QMS Gateway: http://127.0.0.1:{port}/admin/"), lines
    assert answers
    assert second.returncode == 1
    assert f"a gateway runs already in {tmp_path} (process {first.pid}, http://127.0.0.1:{port}/admin/)" in refused
    assert first.returncode == 0
    assert len([*lines, *rest.splitlines()]) < 12, "the programs' own words belong into their logs"
    assert f"address=127.0.0.1:{port}" in (tmp_path / "logs" / "web.log").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bind", "sentence"),
    [
        ("127.0.0.1:{taken}", "another program listens there. Stop that program, or choose another"),
        ("192.0.2.1:8000", "this machine has no such address"),
    ],
)
def test_an_address_that_cannot_be_had_is_refused_before_anything_starts(
    tmp_path: Path, bind: str, sentence: str
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        up(tmp_path, BIND=bind.format(taken=taken.getsockname()[1])) as process,
    ):
        printed, _ = process.communicate(timeout=180)

    assert process.returncode == 1
    assert sentence in printed
    assert "Traceback" not in printed


@pytest.mark.slow
def test_a_database_that_is_away_is_one_sentence(tmp_path: Path) -> None:
    addresses = {
        "DATABASE_URL": f"postgres://u:hidden@127.0.0.1:{free_port()}/gateway",
        "REDIS_URL": os.environ["REDIS_URL"],
    }
    with up(tmp_path, "--port", str(free_port()), **addresses) as process:
        printed, _ = process.communicate(timeout=180)

    assert process.returncode == 1
    assert "gateway: DATABASE_URL: the database does not answer" in printed
    assert "Traceback" not in printed
    assert "hidden" not in printed


@pytest.mark.parametrize("name", sorted(set(WORDS) - {"manage", "test", "redis", "listeners"}))
def test_every_command_refuses_what_it_does_not_know_and_has_help(name: str) -> None:
    needed = ["folder"] if name in ("backup", "restore") else []
    unknown, asked = launcher(name, *needed, "--prot"), launcher(name, "--help")

    assert unknown.returncode == 2, unknown.stdout
    assert "--prot" in unknown.stdout
    assert asked.returncode == 0
    assert f"usage: ./gateway {name}" in asked.stdout


def launcher(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "launcher", *words],
        cwd=ROOT,
        env=sealed_environment(),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=180,
        check=False,
    )


@pytest.mark.parametrize("name", ["redis", "listeners"])
def test_a_line_of_the_procfile_takes_no_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--prot"])

    assert ended.value.code == 2
    assert "--prot" in capsys.readouterr().err


def test_logs_that_are_full_are_moved_on_and_the_oldest_forgotten(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("ab", buffering=0) as open_log:
        for round_number in range(5):
            open_log.write(f"{round_number}".encode() * 100)
            log_files.rotate_all(tmp_path, maximum_bytes=50)
        open_log.write(b"goes on")

    assert log.read_bytes() == b"goes on"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["web.log", "web.log.1", "web.log.2", "web.log.3"]
    assert (tmp_path / "web.log.1").read_bytes() == b"4" * 100


def test_a_web_that_is_not_there_does_not_answer() -> None:
    assert not web_answers(Bind("127.0.0.1", free_port()))
