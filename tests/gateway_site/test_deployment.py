"""The ways to run the gateway (Procfile, Docker, systemd) agree with each other and with the code."""

from pathlib import Path

import pytest

from gateway_site.celery import app
from gateway_site.config.apply import apply
from gateway_site.config.declaration import read
from gateway_site.ops.worker_heartbeat import QUEUES
from launcher.paths import ROOT
from launcher.procfile import programs

UNITS = "\n".join(path.read_text() for path in (ROOT / "deploy" / "systemd").glob("*.service"))
COMPOSE = (ROOT / "docker-compose.yml").read_text()


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_has_a_worker_in_every_way_to_run(queue: str) -> None:
    assert f"-Q {queue} " in (ROOT / "Procfile").read_text()
    assert f"-Q {queue} " in UNITS
    assert f"-Q, {queue}," in COMPOSE


def test_every_program_of_the_procfile_is_a_container_and_a_unit() -> None:
    names = {one.name for one in programs({})}

    assert {"redis", "web", "beat", "listeners", *QUEUES} == names
    for name in names - {"redis"}:
        assert (ROOT / "deploy" / "systemd" / f"gateway-{name}.service").exists()
        assert f"\n  {name}:\n" in COMPOSE


def test_beat_sends_only_to_queues_that_are_served() -> None:
    asked = {entry["options"]["queue"] for entry in app.conf.beat_schedule.values()}

    assert asked == {"default"}


@pytest.mark.django_db
def test_the_example_can_be_applied_and_applied_again() -> None:
    example = read((ROOT / "gateway.example.toml").read_text())

    assert apply(example).changes
    assert apply(example).changes == []


def test_every_variable_of_the_example_environment_is_one_that_is_read() -> None:
    names = {line.removeprefix("#").partition("=")[0] for line in _lines(".env.example") if _is_setting(line)}
    sources = [ROOT / "gateway_site" / "config" / "names.py", ROOT / "Procfile"]
    read_by = "".join(path.read_text() for path in sources) + COMPOSE + (ROOT / "gateway.example.toml").read_text()

    assert {name for name in names if name not in read_by} == set()


def _lines(name: str) -> list[str]:
    return (ROOT / Path(name)).read_text().splitlines()


def _is_setting(line: str) -> bool:
    return "=" in line and line.removeprefix("#").partition("=")[0].isupper()
