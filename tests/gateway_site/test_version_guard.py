"""A database says which version migrated it; a program that is too old for it refuses with a sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

from devtools.servers import free_port
from gateway_site.models import InstalledVersion
from gateway_site.ops.version_guard import installed_version, note_version, version_problem
from gateway_site.version import VERSION
from launcher.paths import ROOT, sealed_environment

pytestmark = pytest.mark.django_db


def test_migrate_writes_the_version_down() -> None:
    assert installed_version() == VERSION


@pytest.mark.parametrize(
    ("own", "installed", "may_run"),
    [
        ("1.2.0", "1.2.9", True),
        ("1.2.9", "1.3.0", True),
        ("1.2.0", "1.4.0", False),
        ("1.9.0", "2.0.0", False),
        ("2.0.0", "1.0.0", True),
        ("1.2.0", "", True),
    ],
)
def test_a_program_may_be_one_minor_version_older_and_no_more(own: str, installed: str, may_run: bool) -> None:
    InstalledVersion.objects.all().delete()
    if installed:
        note_version()
        InstalledVersion.objects.update(version=installed)

    problem = version_problem(own)

    assert (problem == "") is may_run
    assert may_run or f"This is version {own}, and version {installed} has migrated" in problem


def test_an_older_program_that_migrates_does_not_hide_the_newer_one() -> None:
    InstalledVersion.objects.update(version="99.0.0")

    note_version()

    assert installed_version() == "99.0.0"


@pytest.mark.slow
@pytest.mark.one_database
def test_up_refuses_a_much_newer_database(tmp_path: Path) -> None:
    environment = sealed_environment() | {"GATEWAY_VAR": str(tmp_path)}

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=100,
            check=False,
        )

    run("manage.py", "migrate", "--verbosity", "0")
    newer = "from gateway_site.models import InstalledVersion as v; v.objects.update(version='99.0.0')"
    run("-c", f"import django; django.setup(); {newer}")
    refused = run("-m", "launcher", "up", "--port", str(free_port()))

    assert refused.returncode == 1
    assert "version 99.0.0 has migrated the database" in refused.stderr
