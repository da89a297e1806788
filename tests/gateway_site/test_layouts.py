"""The Compose files by role run every program together, with the Procfile's words and no more rights than needed."""

from typing import Any

import pytest
import yaml
from honcho.environ import parse_procfile

from launcher.paths import ROOT

FILES = sorted((ROOT / "deploy" / "compose").glob("*.yml"))
PROCFILE = parse_procfile((ROOT / "Procfile").read_text()).processes
PROGRAMS = set(PROCFILE) - {"redis"}


def services() -> dict[str, dict[str, Any]]:
    return {name: one for file in FILES for name, one in yaml.safe_load(file.read_text())["services"].items()}


def test_the_roles_together_run_every_program() -> None:
    assert set(services()) == PROGRAMS | {"intake", "migrate", "metrics"}


def test_every_host_serves_what_its_programs_counted() -> None:
    for file in FILES:
        here = yaml.safe_load(file.read_text())["services"]
        assert "web" in here or here["metrics"]["command"][0] == "telemetry.server", file.name


def test_workers_are_started_with_the_words_of_the_procfile() -> None:
    for name, one in services().items():
        if one["command"][0] == "celery":
            options = [word for word in one["command"] if word.startswith("-")]
            assert options == [word for word in PROCFILE[name].split() if word.startswith("-") and word != "-m"]


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_container_may_do_little_and_write_to_its_folder_only(name: str) -> None:
    one = services()[name]

    assert one["read_only"]
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["volumes"] == ["gateway:/var/lib/gateway"]


def test_only_the_web_signs_sessions() -> None:
    signing = {name for name, one in services().items() if "SECRET_KEY" in one["environment"]}

    assert signing == {"web", "intake"}
